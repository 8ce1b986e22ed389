"""Every screen shows one and the same moment of a run, by one name."""

import asyncio
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from mnistop.engine import events, worker
from mnistop.engine.runs.run_folder import Run
from tests.helpers.dashboard import Dashboard, Opened, dashboard
from tests.helpers.finished_run import finished_run
from tests.helpers.small_runs import ENDLESS, digits_config, history_of, kill_all, to_the_end, until

pytestmark = [pytest.mark.process, pytest.mark.slow]


MOMENT = r"(untrained|epoch \d+)"
DASHBOARD = [
    rf"val \S+  {MOMENT}  ",
    rf"Confusion matrix, {MOMENT}:",
    rf"FGSM ε 0\.125, {MOMENT} ",
    rf"Coach, {MOMENT} ",
]
"""Where charts, matrix, digit and coach name the moment that they show."""
SCREENS = {
    "2": [rf"Mistakes.*?, {MOMENT},", rf"Image \d+, {MOMENT}"],
    "3": [rf"Image \d+ \(.*?, {MOMENT} ", rf"Accuracy against ε.*?, {MOMENT} "],
    "4": [rf"Weights of linear_1.*?, {MOMENT} ", rf"Network, {MOMENT}: "],
}
"""The same of the other screens, by their keys; each names it in two places."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with finished_run(tmp_path_factory.mktemp("moments"), epochs=14) as run:
        yield run


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Opens the app with all its processes; those still training are killed afterwards."""
    for variable in ("MNISTOP_RUNS", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    yield partial(dashboard, tmp_path, (140, 46))
    kill_all()
    worker.close()


def named(shown: Dashboard, pattern: str) -> set[str]:
    """The moments that a place on the screen names; empty while it names none."""
    return {name for line in shown.lines for name in re.findall(pattern, line)}


async def all_screens_show(shown: Dashboard, moment: str, newest: bool) -> None:
    """Waits until every pane of every screen names the moment, and no other."""
    await shown.press("1")
    for pattern in DASHBOARD:
        await shown.until(lambda pattern=pattern: named(shown, pattern) == {moment})
    assert ("newest" in shown.lines_of("log")[0]) != newest
    if not newest:
        assert f"Log, {moment} (" in shown.lines_of("log")[0]
    for key, patterns in SCREENS.items():
        await shown.press(key)
        for pattern in patterns:
            await shown.until(lambda pattern=pattern: named(shown, pattern) == {moment})
    await shown.press("1")


async def go_to_epoch(shown: Dashboard, epoch: int) -> None:
    await shown.go_to("charts")
    await shown.press("home")
    await shown.burst(*["right"] * (epoch + 1))


async def test_wherever_the_cursor_is_all_screens_name_the_same_moment(
    real: Opened, finished: Run
) -> None:
    best = history_of(finished).best
    assert best
    async with real(run=finished) as shown:
        await shown.until(lambda: shown.state.phase == "finished")
        await all_screens_show(shown, "epoch 13", newest=True)
        for epoch in sorted({-1, 0, 5, best.epoch, 13}):
            await go_to_epoch(shown, epoch)
            name = f"epoch {epoch}" if epoch >= 0 else "untrained"
            await all_screens_show(shown, name, newest=False)
        await shown.press("escape")
        await all_screens_show(shown, "epoch 13", newest=True)


async def test_where_no_weights_are_kept_the_headers_say_which_are_shown(
    real: Opened, finished: Run
) -> None:
    best = history_of(finished).best
    epoch = 9 if best and best.epoch != 9 else 10
    kept = f"weights of epoch 7, last kept before epoch {epoch}"
    async with real(run=finished) as shown:
        await shown.until(lambda: shown.state.phase == "finished")
        await go_to_epoch(shown, epoch)
        await shown.until(lambda: kept in shown.text_of("digit"))
        for key, places in (("3", 2), ("4", 2)):
            await shown.press(key)
            await shown.until(lambda places=places: shown.text.count(kept) == places)


async def test_the_untrained_model_and_the_first_epoch_have_marks_of_their_own(
    real: Opened, finished: Run
) -> None:
    async with real(run=finished) as shown:
        await shown.until(lambda: shown.state.phase == "finished")
        await shown.go_to("charts")
        live = shown.lines_of("charts")
        await shown.press("home")
        untrained = shown.lines_of("charts")
        assert sum("┃" in line for line in untrained) >= 5
        assert not any("┃" in line for line in live)
        started = shown.state.history.started
        assert started
        assert f"val {started.val_loss:.3f}  untrained" in " ".join(untrained)
        await shown.press("right")
        assert not any("┃" in line for line in shown.lines_of("charts"))


async def test_a_paused_run_shows_its_newest_epoch_on_all_screens(
    real: Opened, tmp_path: Path
) -> None:
    run = await asyncio.to_thread(worker.launch, digits_config(epochs=ENDLESS))
    async with real(run=run) as shown:
        await shown.until(lambda: len(shown.state.history.epochs) > 5)
        await shown.press("space")
        await shown.until(lambda: shown.state.phase == "paused")
        await all_screens_show(shown, f"epoch {len(history_of(run).epochs) - 1}", newest=True)


async def test_a_run_resumed_from_the_list_goes_on_on_all_screens(real: Opened) -> None:
    run = await asyncio.to_thread(worker.launch, digits_config(epochs=ENDLESS))
    await until(run, lambda history: len(history.epochs) > 5)
    worker.stop(run)
    history, _ = await to_the_end(run)
    async with real(run=run) as shown:
        await shown.until(lambda: shown.state.phase == "stopped")
        await all_screens_show(shown, f"epoch {len(history.epochs) - 1}", newest=True)
        await shown.press("6")
        await shown.until_shown("■ stopped")
        await shown.press("R")
        assert f"Resuming {run.words}" in shown.notices
        await shown.press("1")
        await shown.until(lambda: len(shown.state.history.epochs) > len(history.epochs) + 5)
        await shown.press("s")
        await shown.until(lambda: shown.state.phase == "stopped")
        ended = history_of(run).ended
        assert isinstance(ended, events.RunStopped)
        await all_screens_show(shown, f"epoch {ended.epochs - 1}", newest=True)


async def test_a_finished_run_that_is_trained_on_shows_its_new_length_everywhere(
    real: Opened,
) -> None:
    run = await asyncio.to_thread(worker.launch, digits_config(epochs=4))
    await to_the_end(run)
    async with real(run=run) as shown:
        await shown.until(lambda: shown.state.phase == "finished")
        await shown.press("R")
        assert re.search(r"Epochs in total \(4 now\):\s+8 .*Enter train   Esc leave", shown.text)
        await shown.press("backspace", "6", "enter")
        await shown.until(lambda: len(shown.state.history.epochs) == 6)
        await shown.until(lambda: shown.state.phase == "finished")
        assert shown.screen.session.config.epochs == shown.state.epochs_planned == 6
        assert shown.screen.config
        assert shown.screen.config.epochs == 6
        await shown.press("6")
        await shown.until_shown("finished")
        await shown.press("R", "backspace", "backspace", "3", "enter")
        await shown.until(lambda: "has 6 epochs already" in " ".join(shown.notices))
        await shown.press("R")
        await shown.press(*["backspace"] * 4, "1", "0", "enter")
        await shown.until(lambda: len(history_of(run).epochs) == 10)
        await shown.press("1")
        await shown.until(lambda: shown.state.epochs_planned == 10)
        await shown.until(lambda: len(shown.state.history.epochs) == 10)
