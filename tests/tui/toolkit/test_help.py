"""Keys and where they are explained: help, key bar, keymap file, command palette."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.command import Hit
from textual.dom import DOMNode
from textual.widgets import Input

from mnistop.engine.config import HYPERPARAMETERS, RunConfig
from mnistop.tui.app import MnistopApp
from mnistop.tui.features.rates.panes import RateCurve
from mnistop.tui.features.rates.screen import RatesScreen
from mnistop.tui.features.train.screen import TrainScreen
from mnistop.tui.keys import Commands
from mnistop.tui.navigator import QuitScreen
from mnistop.tui.toolkit.bindings import declared
from mnistop.tui.toolkit.dialogs import HelpScreen
from mnistop.tui.toolkit.inputs import ValueInput
from tests.helpers import made_up
from tests.helpers.dashboard import PANES, Opened, Workers
from tests.helpers.selection import one_in

KINDS: list[type[DOMNode]] = [
    MnistopApp,
    TrainScreen,
    *PANES.values(),
    ValueInput,
    HelpScreen,
    QuitScreen,
    RateCurve,
    RatesScreen,
]


def in_source(kind: type[DOMNode]) -> list[Binding]:
    """All bindings that the classes of this program declare, Textual's own excepted."""
    return [
        binding
        for base in kind.__mro__
        if base.__module__.startswith("mnistop.tui.")
        for binding in base.__dict__.get("BINDINGS", [])
        if binding not in Input.BINDINGS
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_binding_has_an_id_a_description_and_an_explanation(kind: type[DOMNode]) -> None:
    bindings = in_source(kind)
    assert bindings
    for binding in bindings:
        assert isinstance(binding, Binding)
        assert binding.id, binding
        assert binding.description, binding
        assert len(binding.tooltip) >= 8, binding
        assert binding.tooltip[0].isupper(), binding
        assert binding.tooltip[-1] != ".", binding


def test_no_two_bindings_share_an_id() -> None:
    ids = [binding.id for binding in declared(*KINDS)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("kind", KINDS)
def test_no_key_belongs_to_screen_tmux_or_the_terminal(kind: type[DOMNode]) -> None:
    for binding in in_source(kind):
        for key in binding.key.split(","):
            assert not key.startswith(("alt+", "meta+"))
            assert key not in ("ctrl+a", "ctrl+b", "ctrl+s", "ctrl+backslash")


@pytest.mark.parametrize("key", one_in(2, ["question_mark", "f1"]))
async def test_help_lists_every_binding_of_every_pane(opened: Opened, key: str) -> None:
    async with opened((120, 900)) as shown:
        await shown.press(key)
        lines = shown.lines
    text = "\n".join(lines)
    for binding in declared(*KINDS):
        assert binding.tooltip in text
        assert f" {binding.id} " in text
    assert "by the names on the right" in " ".join(text.split())
    titles = {line.strip() for line in lines}
    assert {"Hyperparameters", "Charts", "Log", "Confusion", "Digit"} <= titles


@pytest.mark.slow
@pytest.mark.parametrize("key", one_in(4, ["escape", "question_mark", "f1", "q"]))
async def test_help_closes_and_the_pane_has_the_keys_again(opened: Opened, key: str) -> None:
    async with opened() as shown:
        await shown.press("tab", "question_mark")
        assert isinstance(shown.app.screen, HelpScreen)
        await shown.press(key)
        assert isinstance(shown.app.screen, TrainScreen)
        assert shown.focused == "charts"
        assert not shown.app.is_exiting


@pytest.mark.slow
async def test_help_begins_with_the_focused_pane(opened: Opened) -> None:
    async with opened((120, 260)) as shown:
        await shown.press("tab", "tab", "question_mark")
        titles = [line.strip() for line in shown.lines]
        assert titles.index("Log") < titles.index("Confusion") < titles.index("Charts")


@pytest.mark.slow
@pytest.mark.parametrize("size", one_in(3, [(60, 16), (80, 24), (200, 60)]))
async def test_help_scrolls_to_its_end_by_key(opened: Opened, size: tuple[int, int]) -> None:
    async with opened(size) as shown:
        await shown.press("question_mark")
        assert "mnistop trains a classifier" in shown.sentences
        await shown.press("down", "j", "pagedown", "end")
        assert "Esc closes this" in shown.text
        await shown.press(*["home"])
        assert "mnistop trains a classifier" in shown.sentences


@pytest.fixture
def config(workers: Workers, tmp_path: Path) -> Path:
    path = tmp_path / "xdg_config_home" / "mnistop" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.slow
async def test_a_key_of_the_keymap_file_works_and_is_shown(
    opened: Opened, workers: Workers, config: Path
) -> None:
    config.write_text('[keys]\ntrain = "t,f5"\ncharts.log = "u"\n')
    async with opened((120, 200)) as shown:
        assert "t Train" in shown.lines[-1]
        await shown.press("r")
        assert workers.launched == []
        await shown.press("tab")
        assert "u Log scale" in shown.lines[-1]
        await shown.press("u")
        await shown.press("question_mark")
        row = next(line for line in shown.lines if "Train with the settings in the form" in line)
        assert row.split()[:2] == ["t", "f5"]
        await shown.press("escape", "f5")
        await shown.until(lambda: workers.launched)


async def test_a_keymap_file_that_is_wrong_gets_a_sentence_and_the_usual_keys_work(
    opened: Opened, workers: Workers, config: Path
) -> None:
    config.write_text('[keys]\ntrian = "t"\n')
    async with opened() as shown:
        await shown.until_shown("did you mean train?")
        await shown.press("r")
        await shown.until(lambda: workers.launched)


@pytest.mark.slow
async def test_an_old_id_moves_every_list_and_its_new_name_is_told(
    opened: Opened, workers: Workers, config: Path
) -> None:
    made_up.write_run(workers.folder, [*made_up.story(3), made_up.finished(3)])
    config.write_text('[keys]\nmistakes.down = "g"\n')
    async with opened((120, 600)) as shown:
        await shown.until(lambda: "mistakes.down is now list.down" in " ".join(shown.notices))
        await shown.press("6")
        await shown.until_shown("quiet-otter")
        assert shown.app.screen.focused is not None
        down = shown.app.screen.active_bindings["g"].binding
        assert (down.id, down.action) == ("list.down", "move(1)")
        await shown.press("question_mark")
        row = next(line for line in shown.lines if " list.down " in f"{line} ")
        assert row.split()[0] == "g"


async def test_while_a_text_is_typed_the_key_bar_shows_no_characters(opened: Opened) -> None:
    async with opened() as shown:
        assert "q Quit  ? Help" in shown.lines[-1]
        await shown.press("7", "enter")
        assert "^q Quit  f1 Help" in shown.lines[-1]


async def test_the_key_bar_shows_what_is_possible_now(opened: Opened) -> None:
    async with opened() as shown:
        assert "r Train" in shown.lines[-1]
        assert "Pause" not in shown.lines[-1]
        await shown.show(3)
        assert "r Train" not in shown.lines[-1]
        assert "space Pause" in shown.lines[-1]
        await shown.press("tab")
        assert "y Log scale" in shown.lines[-1]
        await shown.press("tab")
        assert "y Log scale" not in shown.lines[-1]
        assert "b Best" in shown.lines[-1]


async def test_a_click_on_a_key_does_what_it_says(opened: Opened) -> None:
    async with opened() as shown:
        await shown.pilot.click(offset=(shown.lines[-1].index("tab Pane") + 5, 39))
        await shown.settle()
        assert shown.focused == "charts"


@pytest.mark.slow
async def test_the_command_palette_runs_what_is_typed(opened: Opened, workers: Workers) -> None:
    async with opened() as shown:
        await shown.press("ctrl+p", *"train with")
        await shown.until_shown("Train with the settings in the form")
        await shown.press("enter", "enter")
        await shown.until(lambda: workers.launched)


async def test_the_command_palette_reaches_the_focused_pane(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(30)
        await shown.press("tab", "ctrl+p", *"logarithmic")
        await shown.until_shown("Losses on a logarithmic scale")
        await shown.press("enter", "enter")
        await shown.until(lambda: "log scale" in shown.lines_of("charts")[0])
        assert shown.focused == "charts"


async def test_the_command_palette_offers_each_command_once(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(3)
        found = Commands(shown.screen).discover()
        commands = [hit.help async for hit in found if not isinstance(hit, Hit)]
        assert len(commands) == len(set(commands))
        assert "Stop training and save" in commands
        assert "Train with the settings in the form" not in commands


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "found"),
    one_in(
        3,
        [
            ("learning", "Rates (f)"),
            ("rates", "Rates (f)"),
            ("what the model", "Mistakes (2)"),
            ("page fgsm", None),
            ("f1 help", None),
            ("all keys", "Help (?)"),
        ],
        2,
    ),
)
async def test_the_command_palette_finds_words_of_names_and_of_descriptions_and_shows_keys(
    opened: Opened, typed: str, found: str | None
) -> None:
    async with opened() as shown:
        await shown.press("ctrl+p", *typed)
        await shown.until_shown(found or "No matches found")


@pytest.mark.slow
async def test_the_command_palette_finds_a_report_on_the_screen_of_runs(
    opened: Opened, workers: Workers
) -> None:
    made_up.write_run(workers.folder, [*made_up.story(3), made_up.finished(3)])
    async with opened() as shown:
        await shown.press("6")
        await shown.until_shown("quiet-otter")
        await shown.press("ctrl+p", *"report")
        await shown.until_shown("Write (w)", "Write a report of this run")


STILTED = (
    "shall|so many|elsewise|elsewhere|in the mean|rightly|wrongly|judge|judged|anew|at hand|"
    "says to|is told|whoever|less the|by heart|of late|hears|goes without saying"
)


async def test_the_help_and_the_form_speak_plain_english(opened: Opened) -> None:
    async with opened() as shown:
        texts = [
            text
            for section in shown.app._sections()
            for text in (
                section.title,
                section.explanation,
                *(binding.tooltip for binding in section.bindings),
            )
        ]
    texts += [HYPERPARAMETERS[each.name].explanation for each in fields(RunConfig)]
    for text in texts:
        assert not re.search(rf"\b({STILTED})\b", text), text
