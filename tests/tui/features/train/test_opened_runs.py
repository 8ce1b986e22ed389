"""Runs that the dashboard opens and follows: what their folders say."""

from pathlib import Path

import pytest

from mnistop.engine.config import RunConfig
from tests.helpers import made_up
from tests.helpers.dashboard import Workers, dashboard
from tests.helpers.selection import one_in


async def test_an_old_run_opens_with_its_history(workers: Workers, tmp_path: Path) -> None:
    told = [*made_up.story(30), made_up.finished(30)]
    run = made_up.write_run(tmp_path / "old", told, RunConfig(epochs=30, lr=0.05))
    async with dashboard(tmp_path, run=run) as shown:
        await shown.until_shown("quiet-otter: 30 epochs", "Confusion matrix, epoch 29")
        assert "0.05" in shown.text_of("form")
        assert "r Train" in shown.lines[-1]
        await shown.press("tab", "left")
        assert "epoch 28" in shown.text_of("charts")


async def test_a_run_of_another_process_is_followed(workers: Workers, tmp_path: Path) -> None:
    run = made_up.write_run(tmp_path / "live", made_up.story(3))
    with made_up.training(run):
        async with dashboard(tmp_path, run=run) as shown:
            await shown.until_shown("epoch 3 of 100")
            made_up.say(run, [made_up.epoch(3), made_up.epoch(4)])
            await shown.until_shown("epoch 5 of 100")
            made_up.say(run, [made_up.finished(5)])
            await shown.until_shown("quiet-otter: 5 epochs")


async def test_a_run_whose_process_is_gone_is_told_as_such(
    workers: Workers, tmp_path: Path
) -> None:
    run = made_up.write_run(tmp_path / "dead", made_up.story(3))
    async with dashboard(tmp_path, run=run) as shown:
        await shown.until_shown("the training process died after 3 epochs")


async def test_a_damaged_run_says_so_and_the_form_still_works(
    workers: Workers, tmp_path: Path
) -> None:
    run = made_up.write_run(tmp_path / "damaged", made_up.story(3))
    (run.path / "config.json").write_text("{")
    async with dashboard(tmp_path, run=run) as shown:
        await shown.until_shown("has a damaged config.json")
        await shown.press("r")
        await shown.until(lambda: workers.launched)


@pytest.mark.parametrize("file", ["labels.u8", "predictions.u8"])
@pytest.mark.parametrize("content", one_in(3, [b"", b"\xff" * 200, b"\x01" * 70]))
async def test_a_run_without_its_predictions_still_shows_its_curves(
    workers: Workers, tmp_path: Path, file: str, content: bytes
) -> None:
    run = made_up.write_run(tmp_path / "part", [*made_up.story(3), made_up.finished(3)])
    (run.path / file).write_bytes(content)
    async with dashboard(tmp_path, run=run) as shown:
        await shown.until_shown("quiet-otter: 3 epochs")
        assert "epoch 2" in shown.text_of("charts")
        await shown.press("tab", "left", "n", "escape", "tab", "tab", "up")
        assert "epoch 2" in shown.text_of("charts")


async def test_in_a_small_terminal_an_opened_run_shows_its_charts_first(
    workers: Workers, tmp_path: Path
) -> None:
    run = made_up.write_run(tmp_path / "old", [*made_up.story(3), made_up.finished(3)])
    async with dashboard(tmp_path, (80, 24), run=run) as shown:
        await shown.until_shown("quiet-otter: 3 epochs")
        assert shown.visible == ["charts"]
        assert shown.focused == "charts"
        assert "0.667" in shown.text_of("charts")
