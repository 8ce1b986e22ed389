"""The list of runs: what it shows of each, filters, orders, sizes."""

from pathlib import Path

import pytest

from mnistop.engine.runs.index import Index
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.compare.screen import CompareScreen
from mnistop.tui.features.runs.screen import RunsScreen
from mnistop.tui.session.compared import ComparedCharts
from mnistop.tui.toolkit.dialogs import AskScreen, AskTextScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.pseudo_terminal import terminal
from tests.helpers.runs_screen import SIZES, add, names, open_runs, some
from tests.helpers.selection import one_in


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


@pytest.mark.parametrize("size", one_in(3, SIZES))
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


@pytest.mark.parametrize("size", one_in(3, SIZES))
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
        assert "epochs     test acc at best      val acc at best  best epoch" in head
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_all_keys_of_these_screens_have_names_of_their_own() -> None:
    kinds = (RunsScreen, CompareScreen, ComparedCharts, AskScreen, AskTextScreen)
    bindings = [each for kind in kinds for each in kind.__dict__["BINDINGS"]]
    ids = [each.id for each in bindings]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    assert all(len(each.tooltip) >= 8 or each.id.startswith("ask.") for each in bindings)


@pytest.mark.parametrize("size", one_in(3, SIZES))
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
