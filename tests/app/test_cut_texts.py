"""No text is cut where it ends: it scrolls, has a shorter form, or shows that it goes on."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from mnistop.engine.config import NAMES
from mnistop.tui.toolkit.pane import DrawnWidget
from tests.helpers.attack_screen import open_attack
from tests.helpers.dashboard import Dashboard, Opened, Workers
from tests.helpers.made_up_attacks import Answers as Attacks
from tests.helpers.mistakes_screen import show as show_mistakes
from tests.helpers.rates_screen import find, finder
from tests.helpers.selection import one_in
from tests.helpers.sweep_screen import open_sweep, rates
from tests.helpers.weights_screen import Answers, open_weights
from tests.helpers.weights_screen import answers as weights
from tests.tui.features.compare.test_compare import compare, some
from tests.tui.features.data.test_data_screen import answering

__all__ = ["answering", "finder", "weights"]

Cuts = dict[DrawnWidget, list[str]]

SIZES = one_in(3, [(80, 24), (120, 40)])


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> Cuts:
    """Lines of wrapped texts that a pane has made last, and that are not among those it shows."""
    found: Cuts = {}
    wrapped: list[str] = []
    draw, wrap = DrawnWidget._or_fault, textwrap.wrap

    def noted(text: str, width: int = 70, **options: Any) -> list[str]:
        lines = wrap(text, width, **options)
        wrapped.extend(lines)
        return lines

    def watched(pane: DrawnWidget, drawing: Any) -> Any:
        wrapped.clear()
        drawn = draw(pane, drawing)
        found.pop(pane, None)
        if pane.display and pane.size.area and pane.is_attached:
            shown = "\n".join(strip.text for strip in drawn[: pane.size.height])
            more = "PgDn" in shown or "PgUp" in shown
            lost = [] if more else [line for line in wrapped if line.strip() not in shown]
            if lost:
                found[pane] = lost
        return drawn

    monkeypatch.setattr(textwrap, "wrap", noted)
    monkeypatch.setattr(DrawnWidget, "_or_fault", watched)
    return found


async def walk(shown: Dashboard, cuts: Cuts, *keys: str) -> None:
    """Presses keys, of which none may cut a text."""
    for key in ("", *keys):
        await (shown.press(key) if key else shown.settle())
        lost = {pane: lines for pane, lines in cuts.items() if pane.screen is shown.app.screen}
        assert not lost, (key, lost, shown.text)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_dashboard(opened: Opened, cuts: Cuts, size: tuple[int, int]) -> None:
    async with opened(size) as shown:
        await walk(shown, cuts, *["down"] * (len(NAMES) + 1), *["tab"] * 5)
        await shown.show(12)
        await walk(shown, cuts, *["tab"] * 5)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_mistakes(opened: Opened, cuts: Cuts, size: tuple[int, int], tmp_path: Path) -> None:
    async with opened(size) as shown:
        await shown.press("2")
        await walk(shown, cuts, "escape")
        await show_mistakes(shown, tmp_path)
        await walk(shown, cuts, "n", "g", "g", "x", "x", "c", "tab", "c", "z")


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_attack(opened: Opened, answers: Attacks, cuts: Cuts, size: tuple[int, int]) -> None:
    async with opened(size) as shown:
        await shown.press("3")
        await walk(shown, cuts, "escape")
        await open_attack(shown, answers)
        await walk(shown, cuts, "tab", "tab", "tab", "tab", "x", "x", "m", "t", "x", "x", "x")


@pytest.mark.parametrize("size", SIZES)
async def test_weights(opened: Opened, weights: Answers, cuts: Cuts, size: tuple[int, int]) -> None:
    async with opened(size) as shown:
        await shown.press("4")
        await walk(shown, cuts, "tab", "tab", "escape")
        await open_weights(shown, weights)
        await walk(shown, cuts, "o", "o", "enter", "tab", *["down"] * 3, "tab", "escape", "v", "v")


@pytest.mark.parametrize("size", SIZES)
async def test_data_and_pad(
    opened: Opened, answering: object, cuts: Cuts, size: tuple[int, int]
) -> None:
    async with opened(size) as shown:
        await shown.press("5")
        await shown.until_shown("of 1,000")
        await walk(shown, cuts, "tab", "tab", "tab", "z", "z")
        await shown.press("e")
        await walk(shown, cuts, "space", "down", "down")


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_rates(opened: Opened, finder: object, cuts: Cuts, size: tuple[int, int]) -> None:
    async with opened(size) as shown:
        await find(shown)
        await walk(shown, cuts, "n", "n")


@pytest.mark.parametrize("size", SIZES)
async def test_runs(opened: Opened, workers: Workers, cuts: Cuts, size: tuple[int, int]) -> None:
    async with opened(size) as shown:
        await shown.press("6")
        await walk(shown, cuts)
        some(workers)
        await shown.until_shown("Runs: 3")  # which are read while they are being written
        await compare(shown, 2)
        await walk(shown, cuts, "left", "x", "down", "x")


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_sweep(opened: Opened, workers: Workers, cuts: Cuts, size: tuple[int, int]) -> None:
    async with opened(size) as shown:
        await shown.press("6", "C")
        await walk(shown, cuts)
        await shown.press("6", "S")
        await walk(shown, cuts, *["down"] * (len(NAMES) + 1))
        await shown.press("escape")
        rates(workers, 0.8, 0.9, 0.3)
        await open_sweep(shown)
        await walk(shown, cuts, "down", "o", "y", "tab")
