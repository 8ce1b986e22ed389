"""A zoomed pane is drawn larger, not only framed differently."""

from itertools import pairwise

from tests.helpers.dashboard import Opened, Workers


async def test_the_confusion_matrix_grows_with_its_pane(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(3)
        await shown.go_to("matrix")
        small = [line for line in shown.lines_of("matrix")[1:] if line.strip()]
        assert len(small) == 11
        await shown.press("z")
        large = [line.rstrip() for line in shown.lines_of("matrix")[1:] if line.strip()]
        assert max(map(len, large)) > 100
        rows = [number for number, line in enumerate(shown.lines_of("matrix")) if "%" in line]
        assert {b - a for a, b in pairwise(rows)} == {3}
        x, y, *_ = shown.pane("matrix").region
        column = shown.lines_of("matrix")[rows[7]].index("%") - 6
        await shown.pilot.click(offset=(x + column, y + rows[7]))
        assert shown.pane("matrix").cell == (7, 9)
        await shown.press("z")
        assert len([line for line in shown.lines_of("matrix")[1:] if line.strip()]) == 11


async def test_on_a_projector_matrix_and_bars_fill_the_screen(
    opened: Opened, workers: Workers
) -> None:
    async with opened((200, 60)) as shown:
        await shown.show(3)
        await shown.go_to("matrix")
        await shown.press("z")
        rows = [number for number, line in enumerate(shown.lines_of("matrix")) if "%" in line]
        assert {b - a for a, b in pairwise(rows)} == {5}
        assert max(len(line.rstrip()) for line in shown.lines_of("matrix")[1:]) > 160
        await shown.press("z")
        await shown.go_to("digit")
        await shown.until_shown("adversarial")
        small = [line for line in shown.lines_of("digit") if "█" in line]
        await shown.press("z")
        await shown.settle()
        large = [line for line in shown.lines_of("digit") if "█" in line]
        assert len(large) >= 2 * len(small)
        assert max(line.count("█") for line in large) > max(line.count("█") for line in small)
