"""The mouse: a click goes to what is clicked, a double click opens it."""

from pathlib import Path

import pytest
from textual.widget import Widget

from mnistop.engine.analysis.robustness import EPSILONS
from mnistop.tui.features.data.flattening import Flattening
from mnistop.tui.features.data.panes import SampleGrid
from mnistop.tui.features.mistakes.images import Gallery
from mnistop.tui.features.runs.screen import RunsScreen
from mnistop.tui.features.train.epochs import EpochLog
from mnistop.tui.features.weights.network import Network
from mnistop.tui.session.compared import ComparedCharts
from tests.helpers import made_up
from tests.helpers.attack_screen import open_attack, panes, until_told
from tests.helpers.dashboard import Dashboard, Opened, Workers
from tests.helpers.made_up_attacks import Answers as Attacks
from tests.helpers.mistakes_screen import show as show_mistakes
from tests.helpers.rates_screen import curve, find, finder
from tests.helpers.weights_screen import Answers, open_weights
from tests.helpers.weights_screen import answers as weights
from tests.tui.features.compare.test_compare import compare, some
from tests.tui.features.data.test_data_screen import answering
from tests.tui.features.train.test_epoch_cursor import looks_at

__all__ = ["answering", "finder", "weights"]


async def click(shown: Dashboard, pane: Widget, x: int, y: int, times: int = 1) -> None:
    await shown.pilot.click(pane, offset=(x, y), times=times)
    await shown.settle()


@pytest.mark.slow
async def test_a_click_on_a_row_of_the_log_goes_to_its_epoch(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(40)
        log = shown.lines_of("log")
        y = next(y for y, line in enumerate(log) if line.split()[:1] == ["35"])
        await click(shown, shown.pane("log"), 5, y)
        await looks_at(shown, 35)
        await click(shown, shown.pane("log"), 5, 1)
        assert shown.state.cursor == 35


@pytest.mark.slow
async def test_a_double_click_on_the_log_opens_nothing(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    opens: list[object] = []
    monkeypatch.setattr(EpochLog, "action_open", opens.append)
    async with opened() as shown:
        await shown.show(40)
        y = next(y for y, text in enumerate(shown.lines_of("log")) if text.split()[:1] == ["35"])
        await click(shown, shown.pane("log"), 5, y, times=2)
        await looks_at(shown, 35)
        assert not opens


@pytest.mark.parametrize("side", ["loss", "accuracy"])
async def test_a_click_on_a_chart_goes_to_the_epoch_at_its_column(
    opened: Opened, side: str
) -> None:
    async with opened() as shown:
        await shown.show(40)
        lines = shown.lines_of("charts")
        marks = next(line for line in lines if line.split()[:1] == ["0"] and " 20 " in line)
        halves = len(marks) // 2
        start = 0 if side == "loss" else halves
        column = marks.index(" 20 ", start) + 1
        await click(shown, shown.pane("charts"), column, 5)
        assert shown.state.cursor in (19, 20, 21)
        await looks_at(shown, shown.state.cursor)
        cursor = [line.find("│", column - 2) for line in shown.lines_of("charts")[4:8]]
        assert column in cursor


async def test_a_double_click_on_a_cell_of_the_matrix_shows_its_images(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(12)
        head, first = shown.lines_of("matrix")[1:3]
        await click(shown, shown.pane("matrix"), len(first) - len(first.lstrip()) + 5, 2, 2)
        await shown.until(lambda: "true:0 pred:" in shown.text)
        assert head


@pytest.mark.slow
async def test_a_double_click_opens_a_row_of_a_list(opened: Opened, workers: Workers) -> None:
    some(workers)
    async with opened() as shown:
        await shown.press("6")
        await shown.until_shown("keen-lark")
        y = next(y for y, line in enumerate(shown.lines) if "keen-lark" in line)
        await shown.pilot.click(offset=(20, y), times=2)
        await shown.until(lambda: not isinstance(shown.app.screen, RunsScreen))
        await shown.until(lambda: "keen-lark" in shown.state.run.name)  # type: ignore[union-attr]


@pytest.mark.slow
async def test_a_click_chooses_an_image_of_the_gallery(opened: Opened, tmp_path: Path) -> None:
    async with opened() as shown:
        await show_mistakes(shown, tmp_path)
        await shown.press("g")
        gallery = shown.app.screen.query_one(Gallery)
        browsing = gallery._model
        tiles = gallery.tiles
        await click(shown, gallery, tiles.width + 3, tiles.height + 3)
        assert browsing.position == tiles.columns + 1
        await click(shown, gallery, 2, 3, times=2)
        await shown.until_shown(f"Image {browsing.rows[0]}, epoch")
        assert not gallery.display


async def test_clicks_on_the_screens_of_weights_and_data(opened: Opened, weights: Answers) -> None:
    async with opened((200, 60)) as shown:
        await open_weights(shown, weights)
        network = shown.app.screen.query_one(Network)
        await shown.until(lambda: network.content)
        await click(shown, network, 4, 3)
        assert network.chosen == 1


@pytest.mark.slow
async def test_a_click_on_an_image_or_on_its_chart_reads_out_a_pixel(
    opened: Opened, answering: object
) -> None:
    async with opened() as shown:
        await shown.press("5")
        await shown.until_shown("Images 0–15 of 1,000")
        grid = shown.app.screen.query_one(SampleGrid)
        await click(shown, grid, grid.tiles.width + 3, 5, times=2)
        pane = shown.app.screen.query_one(Flattening)
        await shown.until_shown("Image 1, 0, training")
        wide, high = pane._pictured
        await click(shown, pane, wide // 2, 2 + high // 4)
        assert pane.pixel == (high // 4 * 28 // high, wide // 2 * 28 // wide)
        await click(shown, pane, pane.size.width - 5, pane.size.height - 5)
        assert pane.pixel[0] > 24


@pytest.mark.slow
async def test_a_click_on_compared_curves_reads_out_an_epoch(
    opened: Opened, workers: Workers
) -> None:
    some(workers)
    async with opened() as shown:
        screen = await compare(shown, 3)
        await shown.until_shown(f"{100 * made_up.epoch(29).val_acc:.1f}% (")
        charts = screen.query_one(ComparedCharts)
        await click(shown, charts, charts.size.width // 4, 6)
        assert 10 < screen._comparison.cursor < 20  # type: ignore[operator]
        await click(shown, charts, charts.size.width - 1, 6)
        assert screen._comparison.cursor == 29


async def test_a_click_on_the_curve_of_the_range_test_takes_the_cursor_there(
    opened: Opened, finder: object
) -> None:
    async with opened() as shown:
        await find(shown)
        pane = curve(shown)
        before = pane.rate
        await click(shown, pane, pane.size.width // 3, 6)
        assert pane.rate < before / 10
        await click(shown, pane, pane.size.width - 1, 6)
        assert pane.rate == max(pane._stops)


@pytest.mark.slow
async def test_a_click_on_accuracy_against_epsilon_takes_that_epsilon(
    opened: Opened, answers: Attacks
) -> None:
    async with opened() as shown:
        await open_attack(shown, answers)
        await until_told(shown, "any attack")
        chart = panes(shown).chart
        await click(shown, chart, chart.size.width - 1, 4)
        assert chart.epsilon == pytest.approx(EPSILONS[-1], abs=0.02)
