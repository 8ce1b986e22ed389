"""Sweeps as a person sees them: set up, followed, stopped, resumed, compared."""

from pathlib import Path

import numpy as np
import pytest

from mnistop.engine import worker
from mnistop.engine.analysis.robustness import EPSILONS, Robustness
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.sweep.grid import plan
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.compare.screen import CompareScreen
from mnistop.tui.features.runs.screen import RunsScreen
from mnistop.tui.features.sweep.form_screen import SweepFormScreen
from mnistop.tui.features.sweep.screen import SweepScreen
from tests.helpers import made_up_sweeps as made_up
from tests.helpers.dashboard import Dashboard, Opened, Workers
from tests.helpers.pseudo_terminal import terminal
from tests.helpers.selection import one_in
from tests.helpers.sweep_screen import open_sweep, rates

SIZES = one_in(3, [(120, 40), (80, 24)])


def row(shown: Dashboard, value: str) -> str:
    """The row of the table that begins with a value, behind the letter of its curve."""
    [found] = rows(shown, value, "%", "waiting")
    return found


def rows(shown: Dashboard, value: str, *words: str) -> list[str]:
    """The rows that begin with a value and have one of some words."""
    begin = [line for line in shown.lines[3:] if line[2:].split()[:1] == [value]]
    return [line for line in begin if any(word in line for word in words)]


# Looking at one


async def test_before_any_sweep_it_says_what_one_is(opened: Opened) -> None:
    async with opened() as shown:
        await shown.press("6", "C")
        await shown.until_shown("There are no sweeps yet", "press S to set one up")
        await shown.press("c", "s", "R", "d", "o", "y", "a", "m", "n", "p", "enter", "w")
        assert isinstance(shown.app.screen, SweepScreen)
        await shown.press("S")
        assert isinstance(shown.app.screen, SweepFormScreen)
        await shown.press("escape")
        await shown.press("escape")
        assert isinstance(shown.app.screen, RunsScreen)


@pytest.mark.parametrize("size", SIZES)
async def test_its_rows_stand_side_by_side_with_the_best(
    opened: Opened, workers: Workers, size: tuple[int, int]
) -> None:
    made_up.finished(rates(workers, 0.5, 0.9, 0.7))
    async with opened(size) as shown:
        await open_sweep(shown, "finished, 3 of 3 runs done")
        assert "90.0% (85.1–93.4)" in row(shown, "0.1")
        assert "Best: learning rate 0.1, 90.0% (85.1–93.4) at its best epoch." in shown.sentences
        assert "No other lies within its 95% interval." in shown.sentences
        assert all(len(line) <= size[0] for line in shown.lines)
        if size == (120, 40):
            assert "●" in row(shown, "0.1")
            middles = [row(shown, value).index("●") for value in ("0.01", "1", "0.1")]
            assert middles == sorted(middles)
            await shown.until_shown("3 runs: loss and accuracy in validation")
            assert [row(shown, value)[0] for value in ("0.01", "0.1", "1")] == list("abc")


async def test_members_come_in_while_it_goes_on(opened: Opened, workers: Workers) -> None:
    sweep = rates(workers, 0.5)
    with made_up.going_on(sweep):
        async with opened() as shown:
            await open_sweep(shown, "running, 1 of 3 runs done")
            assert "finished" in row(shown, "0.01")
            assert "waiting" in row(shown, "1")
            assert "Best so far: learning rate 0.01," in shown.sentences
            made_up.member(sweep, 2, 0.9, ended=False)
            await shown.until(lambda: any("%" in one for one in rows(shown, "0.1", "interrupted")))
            await shown.press("s")
            await shown.until(lambda: workers.told == ["stop"])
            await shown.press("d", "R")
            assert workers.told == ["stop"]


@pytest.mark.slow
async def test_over_seeds_there_is_a_mean_and_a_spread(opened: Opened, workers: Workers) -> None:
    made_up.finished(rates(workers, 0.5, 0.88, 0.7, 0.9, text="0.1,1", seeds=2))
    async with opened() as shown:
        await open_sweep(shown, "4 of 4 runs done")
        assert "77.5% ± 0.0" in row(shown, "0.1")  # at their best epochs
        assert "89.0% ± 1.4" in row(shown, "1")
        assert "2/2" in row(shown, "1")
        assert "± is the standard deviation over the seeds." in shown.text
        assert "Best: learning rate 1, 89.0% ± 1.4 at its best epoch." in shown.sentences


async def test_its_curves_are_laid_over_each_other_and_esc_leads_back_step_by_step(
    opened: Opened, workers: Workers
) -> None:
    made_up.finished(rates(workers, 0.5, 0.9, 0.7))
    async with opened() as shown:
        await open_sweep(shown, "3 of 3 runs done")
        await shown.press("c")
        await shown.until(lambda: isinstance(shown.app.screen, CompareScreen))
        await shown.until_shown("Newest epoch of each", "0.01")
        await shown.press("escape")
        assert isinstance(shown.app.screen, SweepScreen)
        await shown.press("escape")
        assert isinstance(shown.app.screen, RunsScreen)
        await shown.press("escape")
        assert shown.app.screen is shown.screen


@pytest.mark.slow
async def test_of_many_rows_eight_around_the_cursor_are_compared(
    opened: Opened, workers: Workers
) -> None:
    accuracies = [0.4 + 0.04 * number for number in range(12)]
    made_up.finished(rates(workers, *accuracies, text="0.1..1:12"))
    async with opened() as shown:
        screen = await open_sweep(shown, "12 of 12 runs done")
        assert not screen._charts.display
        await shown.press("o")
        assert "best accuracy first" in shown.text
        assert row(shown, "1") == shown.lines[3]
        await shown.press("c")
        await shown.until(lambda: isinstance(shown.app.screen, CompareScreen))
        await shown.until_shown("8 of 12 runs: loss and accuracy")


async def test_enter_opens_a_run_on_the_dashboard(opened: Opened, workers: Workers) -> None:
    sweep = rates(workers, 0.5, 0.9, 0.7)
    made_up.finished(sweep)
    async with opened() as shown:
        await open_sweep(shown, "3 of 3 runs done")
        await shown.press("down", "enter")
        assert shown.app.screen is shown.screen
        assert shown.state.run == sweep.member(2)


@pytest.mark.slow
async def test_n_and_p_go_through_the_sweeps(opened: Opened, workers: Workers) -> None:
    older = rates(workers, 0.5)
    renamed = older.path.with_name("20200101-120000-calm-lark")
    (older.path.with_name(f"{older.name}.01")).rename(renamed.with_name(f"{renamed.name}.01"))
    older.path.rename(renamed)
    newer = rates(workers, 0.5, 0.9)
    async with opened() as shown:
        await open_sweep(shown, newer.words)
        assert "2 of 3 runs done" in shown.text
        await shown.press("p")
        await shown.until_shown("Sweep calm-lark", "1 of 3 runs done")
        await shown.press("p", "n")
        await shown.until_shown("2 of 3 runs done")


async def test_accuracy_under_attack_is_measured_where_that_is_the_question(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(question: object, run: Run) -> Robustness:
        found = np.full(200, 0.05 if run.name.endswith("01") else 0.15, np.float32)
        right = np.ones((200, len(EPSILONS)), np.bool_)
        return Robustness(200, 5, found, found, found, right, np.zeros(200, np.uint8), found)

    monkeypatch.setattr(worker, "ask_at_low_priority", answer)
    configs = plan(RunConfig(), {"adversarial_epsilon": "0,0.1"})
    sweep = made_up.create(workers.folder, configs, "adversarial")
    for number in (1, 2):
        made_up.member(sweep, number, 0.9)
    made_up.finished(sweep)
    async with opened() as shown:
        await open_sweep(shown, "2 of 2 runs done")
        await shown.until_shown("at ε 0.1", "Hardest to fool: adversarial epsilon 0.1, 100.0%")
        await shown.until(lambda: "100.0%" in row(shown, "0.1"))
        assert "0.0% (" in row(shown, "0")
        assert "×" in row(shown, "0")
        await shown.press("o", "o")
        assert "hardest to fool first" in shown.text


@pytest.mark.slow
async def test_w_writes_the_table(opened: Opened, workers: Workers, tmp_path: Path) -> None:
    sweep = rates(workers, 0.5, 0.9, 0.7)
    made_up.finished(sweep)
    async with opened() as shown:
        await open_sweep(shown, "3 of 3 runs done")
        await shown.press("w")
        written = (tmp_path / f"mnistop-{sweep.name}.txt").read_text()
        assert "90.0% (85.1–93.4)" in written
        assert "Best: learning rate 0.1" in written


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_in_ascii_without_colour_nothing_else_is_drawn(
    opened: Opened, workers: Workers, size: tuple[int, int]
) -> None:
    made_up.finished(rates(workers, 0.5, 0.88, 0.7, 0.9, text="0.1,1", seeds=2))
    async with opened(size, Terminal(colors=0, unicode=False)) as shown:
        await shown.press("6", "S")
        assert shown.text.isascii()
        await shown.press("escape", "C")
        await shown.until_shown("4 of 4 runs done", "+- 1.4")
        assert shown.text.isascii()


@pytest.mark.slow
async def test_its_members_are_found_by_its_name(opened: Opened, workers: Workers) -> None:
    sweep = rates(workers, 0.5, 0.9)
    made_up.member(rates(workers), 1, 0.3)
    async with opened() as shown:
        await shown.press("6", "slash", *f"sweep:{sweep.words}", "enter")
        await shown.until_shown("Runs: 2 of 3")
        assert "C shows this run's sweep side by side" in shown.text


@pytest.mark.process
@pytest.mark.pty
@pytest.mark.slow
def test_from_the_first_key_to_the_table_in_a_real_terminal(tmp_path: Path) -> None:
    flags = ("--epochs", "8", "--samples", "300", "--hidden", "16")
    with terminal(tmp_path, *flags, COLORTERM="truecolor") as shown:
        shown.wait_for("Press r")
        shown.send("6")
        shown.wait_for("There are no runs yet")
        shown.send("S")
        shown.wait_for("0.01, 0.1, 1")
        shown.send("r")
        shown.wait_for("of 3 runs done")
        shown.wait_for("finished, 3 of 3 runs done")
        shown.wait_for("Best: learning rate")
        shown.wait_for("3 runs: loss and accuracy")
        shown.send("escape")
        shown.wait_for("Runs: 3")
        shown.send("q")
        assert shown.wait_for_end() == 0


async def test_a_ninth_curve_is_left_out_by_name(opened: Opened, workers: Workers) -> None:
    sweep = rates(workers, *[0.8] * 9, text="0.001,0.002,0.005,0.01,0.02,0.05,0.1,0.2,0.5")
    async with opened() as shown:
        await open_sweep(shown)
        await shown.until_shown("9 of 9 runs done")
        await shown.press("c")
        await shown.until(lambda: isinstance(shown.app.screen, CompareScreen))
        await shown.until_shown(f"8 of 9 runs (without {sweep.words}.09): loss and accuracy")
        assert (
            f"8 curves around the cursor, as many as can be drawn; left out: {sweep.words}.09."
            in shown.notices
        )
