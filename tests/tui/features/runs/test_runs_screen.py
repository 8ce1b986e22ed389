"""The runs screen as a person sees it: list, filter, marks, names, and what becomes of runs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.entry import About, read_about
from mnistop.engine.runs.index import Index
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.compare.screen import CompareScreen
from mnistop.tui.features.runs.screen import RunsScreen
from mnistop.tui.session.compared import ComparedCharts
from mnistop.tui.toolkit.dialogs import AskScreen, AskTextScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Opened, Workers
from tests.helpers.pseudo_terminal import terminal

SIZES = [(120, 40), (80, 24)]


def add(
    workers: Workers,
    number: int,
    words: str,
    epochs: int = 5,
    end: Callable[[int, str], events.Event] | None = made_up.finished,
    **values: object,
) -> Run:
    name = f"20260101-1200{number:02}-{words}"
    said = [*made_up.story(epochs, name), *([end(epochs, name)] if end else [])]
    return made_up.write_run(workers.folder, said, RunConfig(**values), name)  # type: ignore[arg-type]


def some(workers: Workers) -> list[Run]:
    """Newest last."""
    return [
        add(workers, 0, "calm-otter", 30, lr=0.5),
        add(workers, 1, "keen-lark", 5, made_up.stopped, hidden=()),
        add(workers, 2, "brave-birch", 10, seed=3),
    ]


async def open_runs(shown: Dashboard, *wanted: str) -> RunsScreen:
    await shown.press("6")
    await shown.until_shown(*(wanted or ("brave-birch",)))
    assert isinstance(shown.app.screen, RunsScreen)
    return shown.app.screen


def names(shown: Dashboard) -> list[str]:
    """The runs in sight, from above."""
    known = ("calm-otter", "keen-lark", "brave-birch", "high rate")
    return [name for line in shown.lines[3:-8] for name in known if name in line]


async def test_before_any_run_it_says_what_will_fill_it(opened: Opened) -> None:
    async with opened() as shown:
        await shown.press("6")
        await shown.until_shown(
            "There are no runs yet", "press 1 for the dashboard, then r to train"
        )
        await shown.press("d", "space", "c", "o", "enter", "t", "R", "s", "w")
        assert isinstance(shown.app.screen, RunsScreen)
        await shown.press("escape")
        assert shown.app.screen is shown.screen


@pytest.mark.parametrize("size", SIZES)
async def test_the_longest_state_stands_apart_from_the_name(
    opened: Opened, workers: Workers, size: tuple[int, int]
) -> None:
    add(workers, 0, "calm-otter", end=None)
    async with opened(size=size) as shown:
        await open_runs(shown, "interrupted calm-otter")


async def test_the_offer_to_watch_a_run_comes_and_goes_with_it_on_every_screen(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnistop.tui.session.progress._LOOK_SECONDS", 0.02)
    monkeypatch.setattr("mnistop.tui.session.progress.runs_in_training", lambda: going)
    run = add(workers, 0, "calm-otter", end=None)
    going = [run]
    async with opened() as shown:
        await shown.press("6", "C")
        await shown.until_shown("o Watch")
        going.clear()
        await shown.until(lambda: "o Watch" not in shown.lines[-1])


@pytest.mark.parametrize("size", SIZES)
async def test_it_shows_what_each_run_is_and_came_to(
    opened: Opened, workers: Workers, size: tuple[int, int]
) -> None:
    some(workers)
    async with opened(size) as shown:
        await open_runs(shown)
        assert names(shown) == ["brave-birch", "keen-lark", "calm-otter"]
        [otter] = [line for line in shown.lines if "calm-otter" in line]
        assert "✓ finished" in otter
        assert otter.index("30/100") < otter.index("87.6% (82.3–91.5)")
        assert "lr 0.5" in otter
        assert "■ stopped" in next(line for line in shown.lines if "keen-lark" in line)
        assert "20260101-120002-brave-birch" in shown.text
        assert "10 epochs of 100 in 0.1 s. Best epoch 9: val 85.0% (79.4–89.3)" in shown.text
        assert "loss 0.200 in training, 0.600 in validation" in shown.sentences
        await shown.press("end")
        await shown.until_shown("Settings: learning rate 0.5.")
        assert all(len(line) <= size[0] for line in shown.lines)


async def test_the_size_gives_way_first_and_the_settings_are_not_cut(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for number, words in enumerate(("calm-otter", "keen-lark")):
        run = add(workers, number, words)
        made_up.say(run, [made_up.unseen_results(run.name)])
    async with opened((80, 24)) as shown:
        await open_runs(shown, "keen-lark")
        [head] = [line for line in shown.lines if "differs by" in line]
        assert "epochs" in head
        assert "size" not in head
        assert sum(line.rstrip().endswith("  as the notebook") for line in shown.lines) == 2
        assert "y Copy" in shown.lines[-1]


async def test_a_damaged_log_is_named_with_its_run(opened: Opened, workers: Workers) -> None:
    otter, *_ = some(workers)
    with otter.events_path.open("ab") as log:
        log.truncate(otter.events_path.stat().st_size + (70 << 20))
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("end", "space", "up", "end")
        await shown.until(lambda: "is damaged: it has holes of" in shown.sentences)


async def test_accuracy_on_unseen_images_stands_first_where_there_is_a_test(
    opened: Opened, workers: Workers
) -> None:
    otter, *_ = some(workers)
    made_up.say(otter, [made_up.unseen_results(otter.name)])
    async with opened() as shown:
        await open_runs(shown)
        [head] = [line for line in shown.lines if "differs by" in line]
        assert "epochs    test acc at best     val acc at best  best epoch" in head
        [row] = [line for line in shown.lines if "calm-otter" in line]
        assert row.index("87.8% (86.7–88.8)") < row.index("87.6% (82.3–91.5)")
        await shown.press("end")
        await shown.until_shown("Best epoch 20: test 87.8% (86.7–88.8) on 3,502 unseen images")
        await shown.press("o")
        await shown.until_shown("best test accuracy first")
        assert names(shown)[0] == "calm-otter"


async def test_where_room_is_short_validation_stands_in_for_a_test_and_says_so(
    opened: Opened, workers: Workers
) -> None:
    otter, *_ = some(workers)
    made_up.say(otter, [made_up.unseen_results(otter.name)])
    async with opened((80, 24)) as shown:
        await open_runs(shown)
        [head] = [line for line in shown.lines if "differs by" in line]
        assert "test acc at best" in head
        assert "val acc at best" not in head
        assert "  87.8% (86.7–88.8)" in next(one for one in shown.lines if "calm-otter" in one)
        assert "val 85.0% (79.4–89.3)" in next(one for one in shown.lines if "brave-birch" in one)


async def test_a_live_run_comes_first_and_is_followed(opened: Opened, workers: Workers) -> None:
    some(workers)
    live = add(workers, 0, "gentle-finch", 2, None)
    with made_up.training(live):
        async with opened() as shown:
            await open_runs(shown)
            await shown.until_shown("▶ running gentle-finch 2/100")
            assert "gentle-finch" in shown.lines[4]
            made_up.say(live, [made_up.epoch(2, live.name)])
            await shown.until_shown("▶ running gentle-finch 3/100")
            await shown.press("s")
            await shown.until(lambda: workers.told == ["stop"])


async def test_the_cursor_stays_on_its_run_when_another_comes(
    opened: Opened, workers: Workers
) -> None:
    some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("down")
        assert "20260101-120001-keen-lark" in shown.text
        add(workers, 3, "sunny-wren")
        await shown.until_shown("sunny-wren")
        assert "20260101-120001-keen-lark" in shown.text


async def test_a_filter_is_typed_and_nonsense_is_told(opened: Opened, workers: Workers) -> None:
    some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("slash", *"lr>0.1")
        await shown.press("enter")
        assert names(shown) == ["calm-otter"]
        assert "Runs: 1 of 3" in shown.text
        await shown.press("slash", *" lx>3")
        assert '"lx>3" is not known' in shown.sentences
        await shown.press("enter")
        assert names(shown) == ["calm-otter"]
        await shown.press("escape")
        assert names(shown) == ["calm-otter"]
        await shown.press("slash", *" seed:7", "enter")
        await shown.until_shown('None of the 3 runs matches "lr>0.1 seed:7"')


async def test_o_takes_the_next_order(opened: Opened, workers: Workers) -> None:
    some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("o")
        assert "best val accuracy first" in shown.text
        assert names(shown) == ["calm-otter", "brave-birch", "keen-lark"]
        await shown.press("o", "o", "o")
        assert "by name" in shown.text
        assert names(shown) == ["brave-birch", "calm-otter", "keen-lark"]


async def test_the_column_that_an_order_goes_by_is_seen_where_room_is_short(
    opened: Opened, workers: Workers
) -> None:
    some(workers)
    async with opened((80, 24)) as shown:
        await open_runs(shown)
        for order, column in (
            ("best val accuracy", "val acc at best"),
            ("lowest loss", "val loss at best"),
            ("longest", "time"),
        ):
            await shown.press("o")
            await shown.until_shown(f"Runs: 3, {order} first")
            [head] = [line for line in shown.lines if "differs by" in line]
            assert column in head


async def test_a_name_and_a_note_are_given_and_kept(opened: Opened, workers: Workers) -> None:
    *_, birch = some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("t", *"high rate", "enter")
        await shown.until_shown("20260101-120002-brave-birch, named high rate")
        assert names(shown)[0] == "high rate"
        await shown.press("m", *"it swings", "enter")
        await shown.until_shown("Note: it swings")
        assert read_about(birch) == About("high rate", "it swings")
        await shown.press("t")
        await shown.until_shown("Enter keep Esc leave")
        assert shown.app.screen.query_one(Input).value == "high rate"
        await shown.press(*"!", "escape")
        assert read_about(birch) == About("high rate", "it swings")


async def test_a_run_is_deleted_only_after_a_yes(opened: Opened, workers: Workers) -> None:
    *_, birch = some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("d")
        assert "Delete brave-birch (finished, 10 epochs)?" in shown.text
        assert "keen-lark" in shown.text
        await shown.press("escape")
        assert birch.path.exists()
        await shown.press("d", "y")
        await shown.until(lambda: not birch.path.exists())
        await shown.until(lambda: names(shown) == ["keen-lark", "calm-otter"])


async def test_marked_runs_are_deleted_together(opened: Opened, workers: Workers) -> None:
    otter, lark, birch = some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("space", "space", "D")
        assert "Delete 2 marked runs: brave-birch, keen-lark?" in shown.text
        await shown.press("y")
        await shown.until(lambda: names(shown) == ["calm-otter"])
        assert otter.path.exists()
        assert not lark.path.exists()
        assert not birch.path.exists()


async def test_only_what_stopped_is_resumed(opened: Opened, workers: Workers) -> None:
    some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("R", "escape")
        assert workers.told == []
        await shown.press("down", "R")
        await shown.until(lambda: workers.told == ["resume"])


@pytest.mark.parametrize(
    ("end", "reply", "told"),
    [
        (made_up.finished, "Epochs in total (5 now):", []),
        (made_up.stopped, "Resuming calm-otter", ["resume"]),
        (None, "Resuming calm-otter", ["resume"]),
        (
            lambda epochs, name: made_up.failed("The disk is full.", name),
            "Resuming calm-otter",
            ["resume"],
        ),
        (
            lambda epochs, name: made_up.failed("Too high.", name, diverged=True),
            "calm-otter diverged, and would again. Too high.",
            [],
        ),
    ],
)
async def test_shift_r_answers_at_once_whatever_the_run_is(
    opened: Opened,
    workers: Workers,
    end: Callable[[int, str], events.Event] | None,
    reply: str,
    told: list[str],
) -> None:
    add(workers, 0, "calm-otter", end=end)
    async with opened() as shown:
        await open_runs(shown, "calm-otter")
        await shown.press("R")
        assert [words for words in (*shown.notices, shown.text) if reply in words]
        await shown.until(lambda: workers.told == told)


async def test_shift_r_on_a_live_run_says_that_it_is_in_training(
    opened: Opened, workers: Workers
) -> None:
    with made_up.training(add(workers, 0, "calm-otter", end=None)):
        async with opened() as shown:
            await open_runs(shown, "running calm-otter")
            await shown.press("R")
            assert "calm-otter is in training already" in " ".join(shown.notices)
            assert workers.told == []


async def test_enter_opens_a_run_on_the_dashboard(opened: Opened, workers: Workers) -> None:
    some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("down", "enter")
        assert shown.app.screen is shown.screen
        assert shown.state.run
        assert shown.state.run.name == "20260101-120001-keen-lark"


async def test_marks_have_letters_and_are_eight_at_most(opened: Opened, workers: Workers) -> None:
    for number in range(10):
        add(workers, number, "calm-otter")
    async with opened() as shown:
        await open_runs(shown, "calm-otter")
        await shown.press(*["space"] * 9)
        assert [line.split()[0] for line in shown.lines[4:14]][:8] == list("abcdefgh")
        assert "8 runs are marked already" in " ".join(shown.notices)
        await shown.press("u")
        assert " a ✓" not in shown.text


async def test_a_fault_while_looking_is_said(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    some(workers)

    def fail(index: Index, seconds: float) -> bool:
        raise ArithmeticError("no such thing")

    async with opened() as shown:
        shown.may_fail = True
        monkeypatch.setattr(Index, "look", fail)
        await shown.press("6")
        await shown.until(lambda: "ArithmeticError: no such thing" in " ".join(shown.notices))


async def test_runs_deleted_under_its_hands_are_told(opened: Opened, workers: Workers) -> None:
    *_, birch = some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("space", "space")
        (birch.path / "config.json").write_text("{")
        await shown.press("c")
        assert isinstance(shown.app.screen, RunsScreen)
        assert "has a damaged config.json" in " ".join(shown.notices)


def test_all_keys_of_these_screens_have_names_of_their_own() -> None:
    kinds = (RunsScreen, CompareScreen, ComparedCharts, AskScreen, AskTextScreen)
    bindings = [each for kind in kinds for each in kind.__dict__["BINDINGS"]]
    ids = [each.id for each in bindings]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    assert all(len(each.tooltip) >= 8 or each.id.startswith("ask.") for each in bindings)


async def test_w_writes_a_report_of_the_chosen_run_or_of_the_marked_ones(
    opened: Opened, workers: Workers, tmp_path: Path
) -> None:
    some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("down", "w")
        path = tmp_path / "mnistop-20260101-120001-keen-lark.html"
        await shown.until(lambda: f"Report written to {path}" in shown.notices)
        assert "<title>keen-lark</title>" in path.read_text("utf-8")
        await shown.press("w")
        again = tmp_path / "mnistop-20260101-120001-keen-lark-2.html"
        await shown.until(lambda: f"Report written to {again}" in shown.notices)
        await shown.press("home", "space", "space", "w")
        path = tmp_path / "mnistop-2-runs.html"
        await shown.until(lambda: f"Report written to {path}" in shown.notices)
        assert "2 runs compared" in path.read_text("utf-8")
        await shown.press("c", "w")
        assert isinstance(shown.app.screen, CompareScreen)
        again = tmp_path / "mnistop-2-runs-2.html"
        await shown.until(lambda: f"Report written to {again}" in shown.notices)


async def test_a_report_that_cannot_be_written_is_told(
    opened: Opened, workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, birch = some(workers)
    async with opened() as shown:
        await open_runs(shown)
        (birch.path / "config.json").write_text("{")
        await shown.press("w")
        await shown.until(lambda: "has a damaged config.json" in " ".join(shown.notices))
        assert not list(tmp_path.glob("*.html"))


async def test_shift_w_writes_what_is_listed(
    opened: Opened, workers: Workers, tmp_path: Path
) -> None:
    some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("slash", *"lr>0.1", "enter", "W")
        written = (tmp_path / "mnistop-runs.txt").read_text().splitlines()
        assert written[0].split()[:3] == ["run", "state", "epochs"]
        assert [line.split()[0] for line in written[1:]] == ["20260101-120000-calm-otter"]
        assert "87.6% (82.3–91.5)" in written[1]


@pytest.mark.parametrize("size", SIZES)
async def test_in_ascii_without_colour_nothing_else_is_drawn(
    opened: Opened, workers: Workers, size: tuple[int, int]
) -> None:
    some(workers)
    async with opened(size, Terminal(colors=0, unicode=False)) as shown:
        await open_runs(shown)
        await shown.press("space")
        assert " a + finished" in shown.text
        assert "# stopped" in shown.text
        assert shown.text.isascii()


@pytest.mark.process
@pytest.mark.pty
@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "environ"),
    [
        ((120, 40), {"COLORTERM": "truecolor"}),
        ((80, 24), {}),
        ((80, 24), {"NO_COLOR": "1", "LC_ALL": "C", "PYTHONUTF8": ""}),
    ],
)
def test_a_walk_in_a_real_terminal(
    tmp_path: Path, size: tuple[int, int], environ: dict[str, str]
) -> None:
    some(Workers(tmp_path / "mnistop_runs"))
    with terminal(tmp_path, size=size, **environ) as shown:
        shown.wait_for("Press r")
        shown.send("6")
        shown.wait_for("Runs: 3")
        shown.wait_for("keen-lark")
        shown.send("space")
        shown.wait_for("1 run is marked")
        shown.send("space")
        shown.wait_for("2 runs are marked")
        shown.send("c")
        shown.wait_for("2 runs: loss and accuracy")
        shown.wait_for("hidden")
        shown.send("left")
        shown.wait_for("Epoch 8")
        shown.send("escape")
        shown.wait_for("Newest epoch of each")
        shown.send("escape")
        shown.wait_for("Runs: 3")
        shown.send("/")
        shown.wait_for("Apply")
        shown.type("state:stopped\r")
        shown.wait_for("Runs: 1 of 3")
        shown.send("d")
        shown.wait_for("Delete keen-lark (stopped, 5 epochs)?")
        shown.send("y")
        shown.wait_for("None of the 2 runs")
        shown.send("escape")
        shown.wait_for("Press r")
        shown.send("q")
        assert shown.wait_for_end() == 0
        if "NO_COLOR" in environ:
            assert shown.written.isascii()


@pytest.mark.parametrize("width", [60, 80])
async def test_how_far_to_train_on_can_be_read_on_a_narrow_terminal(
    opened: Opened, workers: Workers, width: int
) -> None:
    add(workers, 0, "calm-otter", end=made_up.finished)
    async with opened((width, 24)) as shown:
        await open_runs(shown, "calm-otter")
        await shown.press("R")
        assert re.search(r"Epochs in total \(5 now\):\s+10 .*Enter train   Esc leave", shown.text)
