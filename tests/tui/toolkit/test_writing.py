"""Charts set by keys, and panes written to files."""

import errno
import os
from pathlib import Path

import pytest

from tests.helpers.dashboard import Opened, Workers
from tests.helpers.selection import one_in


async def test_the_charts_can_be_logarithmic_smoothed_and_cut(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(200)
        await shown.press("tab")
        plain = shown.text_of("charts")
        await shown.press("y", "plus", "plus", "t")
        assert "log scale, smoothed 0.6, last 50 epochs" in shown.lines_of("charts")[0]
        assert shown.text_of("charts") != plain
        await shown.press("minus")
        assert "smoothed 0.3" in shown.lines_of("charts")[0]
        await shown.press("0", "y", "t")
        assert shown.text_of("charts") == plain


@pytest.mark.parametrize("name", one_in(4, ["charts", "log", "matrix", "digit"]))
async def test_w_writes_the_focused_pane_to_a_file(
    opened: Opened, workers: Workers, tmp_path: Path, name: str
) -> None:
    async with opened() as shown:
        await shown.show(12)
        await shown.go_to(name)
        await shown.until_shown("FGSM")
        await shown.settle()
        seen = [line.rstrip() for line in shown.lines_of(name)]
        await shown.press("w")
        [path] = tmp_path.glob("mnistop-*.txt")
        assert shown.notices == [f"Written to {path}"]
        written = [line.rstrip() for line in path.read_text().splitlines()]
        assert written == seen[: len(written)]
        assert not any(seen[len(written) :])


async def test_w_says_where_it_works_and_what_went_wrong(
    opened: Opened, workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with opened() as shown:
        await shown.press("w")
        assert "Go to a pane with Tab" in shown.notices[-1]
        monkeypatch.setattr(os, "link", refuse)
        await shown.press("tab", "w")
        assert "mnistop-no-run-charts.txt cannot be written: No space left" in shown.notices[-1]
        assert list(tmp_path.glob("*mnistop-*")) == []


async def test_w_says_that_its_folder_is_gone(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with opened() as shown:
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        await shown.press("tab", "w")
        assert "The folder that mnistop was started in is gone" in shown.notices[-1]


async def test_w_overwrites_nothing(opened: Opened, workers: Workers, tmp_path: Path) -> None:
    mine = tmp_path / "mnistop-no-run-charts.txt"
    mine.write_text("mine")
    (tmp_path / "mnistop-no-run-charts-2.txt").symlink_to("nowhere")
    async with opened() as shown:
        await shown.press("tab", "w")
        path = tmp_path / "mnistop-no-run-charts-3.txt"
        assert shown.notices == [f"Written to {path}"]
    assert mine.read_text() == "mine"
    assert path.is_file()
