"""A recorded run on the dashboard: its own settings, its metrics, and what is asked of its loop."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import mnistop
from mnistop.engine import worker
from mnistop.engine.process import control
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.run_folder import Run, list_runs
from tests.helpers.dashboard import Dashboard, Opened, Workers

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)
LABELS = np.arange(60) % 10


def record(epochs: int, *, evaluated: bool = True, **config: object) -> Run:
    """Record a loop in this process, without a model."""
    run = mnistop.init(
        config={"lr": 0.03, "hidden": [32], "width": 7, **config},
        validation=(IMAGES, LABELS) if evaluated else None,
    )
    for epoch in range(epochs):
        for _ in range(5):
            run.log(
                {"train/loss": 1 / (epoch + 1), "grad/norm": epoch, "grad/max": 2.0, "reward": -1.5}
            )
        if evaluated:
            scores = np.eye(10, dtype=np.float32)[(LABELS + (np.arange(60) > 10 * epoch)) % 10] * 4
            run.log_predictions(scores)
    run.finish()
    (found,) = list_runs()
    return found


@pytest.fixture
def runs(workers: Workers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


async def follow(shown: Dashboard, run: Run) -> None:
    """Let the app hear what the run has said; no process follows it here."""
    await shown.say(*read_events(run), run=run)


async def test_it_shows_what_recorded_it_and_by_which_settings(runs: Path, opened: Opened) -> None:
    run = record(4)
    async with opened(run=run) as shown:
        await follow(shown, run)
        await shown.until_shown("epoch 3")
        form = shown.text_of("form")
        for words in ("recorded by", "lr 0.03", "hidden 32", "width 7"):
            assert words in " ".join(form.split())
        assert "locked" in form
        await shown.press("right")
        assert "recorded this run." in " ".join(shown.text_of("form").split())


async def test_r_offers_a_run_of_this_program_with_what_it_knows(
    runs: Path, opened: Opened, workers: Workers
) -> None:
    run = record(2)
    async with opened(run=run) as shown:
        await follow(shown, run)
        await shown.until_shown("epoch 1")
        await shown.press("r")
        assert not workers.launched
        assert any("can train its run again" in notice for notice in shown.notices)
        assert "learning rate 0.03" in " ".join(shown.text_of("form").split())
        await shown.press("r")
        await shown.until(lambda: workers.launched)
        (config,) = workers.launched
        assert (config.lr, config.hidden) == (0.03, (32,))


async def test_the_log_has_columns_of_its_own_and_no_empty_ones(runs: Path, opened: Opened) -> None:
    run = record(3)
    async with opened(run=run, size=(160, 50)) as shown:
        await follow(shown, run)
        await shown.until_shown("epoch 2")
        head, first, *_ = shown.lines_of("log")[1:]
        for name in ("val loss", "val acc", "grad/norm", "reward"):
            assert name in head, head
        for name in ("train acc", " lr"):
            assert name not in head
        assert first.split()[0] == "0"  # the untrained model was not evaluated
        await shown.go_to("log")
        await shown.press("home")
        await shown.until(lambda: "epoch 0" in shown.text_of("matrix"))


async def test_metrics_stand_on_pages_by_group(runs: Path, opened: Opened) -> None:
    run = record(3)
    async with opened(run=run) as shown:
        await follow(shown, run)
        await shown.until_shown("epoch 2")
        await shown.go_to("charts")
        await shown.until(lambda: "gG Metrics" in shown.text)
        seen = []
        for _ in range(3):
            before = shown.lines_of("charts")[0]
            await shown.press("g")
            await shown.until(lambda before=before: shown.lines_of("charts")[0] != before)
            seen.append(shown.lines_of("charts")[0].split("━")[1].strip())
        assert [title.split(",")[0] for title in seen] == [
            "▸ Metrics train",
            "▸ Metrics grad",
            "▸ Metrics",
        ]
        await shown.press("G", "x")
        await shown.until(lambda: "epoch" in shown.lines_of("charts")[1])
        assert "norm 2" in shown.text_of("charts")
        await shown.press("g", "g")
        await shown.until(lambda: "Loss and accuracy" in shown.text_of("charts"))


async def test_a_run_without_epochs_shows_its_metrics_at_once(runs: Path, opened: Opened) -> None:
    run = record(2, evaluated=False)
    async with opened(run=run) as shown:
        await follow(shown, run)
        await shown.until(lambda: "Metrics train" in shown.text_of("charts"))
        assert "step 9" in shown.text_of("charts")


async def test_a_run_of_this_program_has_no_metrics(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(5)
        await shown.go_to("charts")
        assert "Metrics" not in shown.lines[-1]
        await shown.press("g")
        assert "Loss and accuracy" in shown.text_of("charts")


async def test_a_loop_that_never_asks_is_named(
    runs: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(worker, "stop", control.stop)
    run = mnistop.init(config={})
    run.log({"loss": 1.0})
    (found,) = list_runs()

    async def stops(shown: Dashboard) -> None:
        await shown.until(lambda: shown.state.phase == "running")
        await shown.press("s")
        await shown.until(lambda: any("run.should_stop" in each for each in shown.notices))
        assert any("kill -INT" in each for each in shown.notices)

    try:
        async with opened(run=found) as shown:
            await follow(shown, found)
            await stops(shown)
    finally:
        run.finish()


async def test_the_list_of_runs_describes_one_by_its_own_settings(
    runs: Path, opened: Opened
) -> None:
    run = record(2, **{"model": {"layers": 12}})
    async with opened(run=run) as shown:
        await follow(shown, run)
        await shown.press("6")
        await shown.until_shown("Settings: learning rate 0.03")
        assert "model.layers 12" in shown.sentences
        assert "fault of the program" not in shown.text


async def test_metrics_alone_say_on_each_screen_what_would_fill_it(
    runs: Path, opened: Opened
) -> None:
    run = record(2, evaluated=False)
    async with opened(run=run) as shown:
        await follow(shown, run)
        await shown.until_shown("metrics only,")
        assert "0 epochs" not in shown.text
        await shown.press("2")
        await shown.until_shown("run.evaluate(model) record them")
        assert "older mnistop" not in shown.sentences
        await shown.press("3")
        await shown.until_shown("This run has metrics only")


async def test_what_was_not_logged_has_no_place_in_the_legend(runs: Path, opened: Opened) -> None:
    run = record(3)
    async with opened(run=run) as shown:
        await follow(shown, run)
        await shown.until_shown("epoch 2")
        losses, accuracies = shown.lines_of("charts")[1].split("val")[:2]
        assert "train" in losses
        assert "train" not in accuracies
        assert "nan" not in shown.text_of("charts")


@pytest.mark.parametrize("epochs", [1, 20])
async def test_the_coach_speaks_of_no_loss_that_was_not_logged(
    runs: Path, opened: Opened, epochs: int
) -> None:
    recorded = mnistop.init(validation=(IMAGES, LABELS))
    for _ in recorded.epochs(epochs):
        recorded.log_predictions(np.eye(10, dtype=np.float32)[np.zeros(60, int)], train_acc=0.5)
    recorded.finish()
    (run,) = list_runs()
    async with opened(run=run) as shown:
        await follow(shown, run)
        await shown.until_shown(f"Coach, epoch {epochs - 1}")
        assert "nan" not in shown.text.split("Coach")[1]


async def test_a_plan_of_any_length_and_settings_of_any_name_are_shown(
    runs: Path, opened: Opened
) -> None:
    run = mnistop.init(config={"preset": "large", "recorded": 1}, validation=(IMAGES, LABELS))
    for _ in run.epochs(2_000_000):
        run.log_predictions(np.eye(10, dtype=np.float32)[LABELS])
        break
    run.finish()
    (found,) = list_runs()
    async with opened(run=found) as shown:
        await follow(shown, found)
        await shown.until(lambda: "preset large" in " ".join(shown.text_of("form").split()))
        assert shown.state.epochs_planned == 2_000_000


async def test_columns_stay_when_the_newest_epoch_was_not_evaluated(
    runs: Path, opened: Opened
) -> None:
    run = mnistop.init(config={}, validation=(IMAGES, LABELS))
    for epoch in run.epochs(4):
        run.log({"loss": 1.0})
        if epoch % 2 == 0:
            run.log_predictions(np.eye(10, dtype=np.float32)[LABELS])
    run.finish()
    (found,) = list_runs()
    async with opened(run=found, size=(160, 50)) as shown:
        await follow(shown, found)
        await shown.until(lambda: "val acc" in shown.lines_of("log")[1])
