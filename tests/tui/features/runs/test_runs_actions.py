"""Actions on runs in the list: delete, resume, name, open, write reports."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input

from mnistop.engine import events
from mnistop.engine.runs.entry import About, read_about
from mnistop.tui.features.compare.screen import CompareScreen
from mnistop.tui.features.runs.screen import RunsScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.runs_screen import add, names, open_runs, some
from tests.helpers.selection import one_in


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


@pytest.mark.slow
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
    one_in(
        5,
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
        3,
    ),
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


@pytest.mark.slow
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


@pytest.mark.slow
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


async def test_runs_deleted_under_its_hands_are_told(opened: Opened, workers: Workers) -> None:
    *_, birch = some(workers)
    async with opened() as shown:
        await open_runs(shown)
        await shown.press("space", "space")
        (birch.path / "config.json").write_text("{")
        await shown.press("c")
        assert isinstance(shown.app.screen, RunsScreen)
        assert "has a damaged config.json" in " ".join(shown.notices)


@pytest.mark.slow
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


@pytest.mark.parametrize("width", one_in(2, [60, 80]))
async def test_how_far_to_train_on_can_be_read_on_a_narrow_terminal(
    opened: Opened, workers: Workers, width: int
) -> None:
    add(workers, 0, "calm-otter", end=made_up.finished)
    async with opened((width, 24)) as shown:
        await open_runs(shown, "calm-otter")
        await shown.press("R")
        assert re.search(r"Epochs in total \(5 now\):\s+10 .*Enter train   Esc leave", shown.text)
