"""A zoomed pane is drawn larger, not only framed differently."""

from itertools import pairwise

from tests.helpers.dashboard import Opened


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
