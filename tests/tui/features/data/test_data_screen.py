"""The data screen as a person sees it: images, flattening, labels, facts, before any run."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnistop
from mnistop.engine import worker
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.run_folder import list_runs
from mnistop.engine.worker import launch
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.data.panes import SampleGrid
from tests.helpers import made_up
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.selection import one_in
from tests.helpers.small_data import DataFile
from tests.helpers.small_runs import digits_config
from tests.helpers.waiting import wait_until


@pytest.fixture
def answering(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Questions are answered in this process, while the event is set."""
    go_on = asyncio.Event()
    go_on.set()

    async def ask(question: Callable[..., Any], *args: Any) -> Any:
        await go_on.wait()
        return question(*args)

    monkeypatch.setattr(worker, "ask", ask)
    return go_on


def oblong(folder: Path, classes: int = 3, height: int = 20, width: int = 12) -> str:
    """A source of images that are no squares; returns its path."""
    images = np.random.default_rng(0).integers(0, 256, (4 * classes, height, width), np.uint8)
    np.savez(folder / "oblong.npz", images=images, labels=np.arange(4 * classes) % classes)
    return str(folder / "oblong.npz")


@pytest.mark.slow
async def test_before_any_run_it_shows_what_the_form_holds(
    opened: Opened, answering: asyncio.Event
) -> None:
    async with opened() as shown:
        await shown.press("5")
        await shown.until_shown(
            "Images 0–15 of 1,000",
            "as rows (1000, 784): 800 to train on, 200 to validate with",
            "Pixels are uint8 from 0 (black) to 255 (white)",
            "MNIST by LeCun, Cortes and Burges",
            "Labels of 10 classes",
            "training: 800 images",
            "validation: 200 images",
            "Image 0, 5, training: (28, 28) → (784,)",
        )
        captions = [line[:60].split() for line in shown.lines[6:38:8]]
        assert captions == [
            ["5", "0", "4", "1"],
            ["9", "2", "1", "3"],
            ["1", "4", "3", "val", "5"],
            ["3", "6", "1", "7"],
        ]


async def test_the_pages_beside_the_one_in_sight_need_not_be_waited_for(
    opened: Opened, answering: asyncio.Event
) -> None:
    async with opened() as shown:
        await shown.press("5")
        await shown.until_shown("Images 0–15 of 1,000")
        await shown.press("n")
        await shown.until_shown("Images 16–31", "Image 16, ")
        answering.clear()
        await shown.press("n")
        await shown.until_shown("Images 32–47", "Image 32, ")
        await shown.press("p", "p")
        await shown.until_shown("Images 0–15", "Image 0, ")
        answering.set()


async def test_the_waiting_is_told_from_the_first_moment(
    opened: Opened, answering: asyncio.Event
) -> None:
    answering.clear()
    async with opened() as shown:
        await shown.press("5")
        await shown.until_shown("Loading bundled")
        answering.set()
        await shown.until_shown("Images 0–15")
        assert "Loading" not in shown.sentences


@pytest.mark.slow
async def test_arrows_and_n_and_p_go_through_the_images(
    opened: Opened, answering: asyncio.Event
) -> None:
    async with opened() as shown:
        await shown.press("5")
        await shown.until_shown("Images 0–15")
        for key, chosen in (
            ("right", "Image 1, 0,"),
            ("down", "Image 5, 2,"),
            ("up", "Image 1, 0,"),
            ("n", "Image 16, 2,"),
            ("left", "Image 15, 7,"),
            ("pagedown", "Image 16, 2,"),
            ("p", "Image 0, 5,"),
            ("left", "Image 0, 5,"),
            ("end", "Image 999, 6,"),
            ("n", "Image 999, 6,"),
            ("home", "Image 0, 5,"),
        ):
            await shown.press(key)
            await shown.until_shown(chosen)


async def test_the_last_page_is_shorter(opened: Opened, answering: asyncio.Event) -> None:
    async with opened() as shown:
        await shown.press("5")
        await shown.until_shown("Images 0–15")
        await shown.press("end")
        await shown.until_shown("Images 992–999 of 1,000")


async def test_flattening_tells_where_a_pixel_goes(
    opened: Opened, answering: asyncio.Event
) -> None:
    async with opened() as shown:
        await shown.press("5")
        await shown.until_shown("Images 0–15")
        await shown.press("enter", "up", "right")
        await shown.until_shown("row 13, column 15: position 13 × 28 + 15 = 379")
        await shown.press("n")
        await shown.until_shown("Image 1, 0, training")
        await shown.press("escape", "right")
        await shown.until_shown("Image 2, 4, training")
        await shown.press("escape")
        assert shown.app.screen is shown.screen


async def test_at_80_by_24_there_is_one_pane_at_a_time(
    opened: Opened, answering: asyncio.Event
) -> None:
    async with opened((80, 24)) as shown:
        await shown.press("5")
        await shown.until_shown("Images Flattening Findings Labels", "Images 0–15 of 1,000")
        await shown.press("tab")
        await shown.until_shown("(28, 28) → (784,)")
        await shown.press("tab")
        await shown.until_shown("Findings", "Nothing odd was found in 4,502 images.")
        await shown.press("tab")
        await shown.until_shown("Labels of 10 classes", "Data: bundled", "CC BY-SA 3.0")
        await shown.press("tab")
        await shown.until_shown("Images 0–15 of 1,000")


async def test_other_settings_in_the_form_are_other_data(
    opened: Opened, answering: asyncio.Event
) -> None:
    async with opened() as shown:
        await shown.press("5")
        await shown.until_shown("Images 0–15 of 1,000")
        await shown.press("1", "down", "right", "5")
        await shown.until_shown("Data: digits", "(1000, 64)", "uint8 from 0 (black) to 16 (white)")


async def test_a_source_that_is_not_there_is_said_in_words_and_tried_again(
    opened: Opened, answering: asyncio.Event, tmp_path: Path
) -> None:
    path = tmp_path / "later" / "oblong.npz"
    async with opened(source=str(path), samples="all") as shown:
        await shown.press("5")
        await shown.until(lambda: "later" in shown.text and "Loading" not in shown.text)
        path.parent.mkdir()
        oblong(path.parent)
        await shown.press("1", "5")
        await shown.until_shown("(20, 12) → (240,)")


@pytest.mark.parametrize("size", one_in(2, [(120, 40), (80, 24)]))
async def test_why_there_are_no_images_stands_once_in_whichever_pane_is_shown(
    opened: Opened, answering: asyncio.Event, size: tuple[int, int]
) -> None:
    async with opened(size, source="/nowhere/x.npz") as shown:
        await shown.press("5")
        for pane in ("Images", "Flattening", "Findings", "Labels"):
            await shown.until_shown(pane, "There is no file or folder /nowhere/x.npz")
            assert shown.text.count("/nowhere/x.npz") == 1
            await shown.press("tab")


async def test_a_key_of_the_dashboard_says_so_on_another_screen(
    opened: Opened, answering: asyncio.Event
) -> None:
    async with opened() as shown:
        await shown.press("5")
        await shown.until_shown("Images 0–15 of 1,000")
        await shown.press("r")
        await shown.until_shown("Train (r) is a key of the dashboard: press 1 first.")


async def test_facts_that_do_not_fit_end_with_a_mark(
    opened: Opened, answering: asyncio.Event, tmp_path: Path
) -> None:
    folder = tmp_path / "a long name of a folder" / ("of images that lies deep down " * 5)
    folder.mkdir(parents=True)
    images = np.random.default_rng(0).random((40, 9, 9))
    np.savez(folder / "x.npz", images=images, labels=np.arange(40) // 10)
    async with opened((80, 24), source=str(folder / "x.npz"), samples="20") as shown:
        await shown.press("5")
        await shown.until_shown("Images 0–", "sorted by class")
        await shown.until(lambda: "Images 0–" in shown.text)
        facts = shown.text[: shown.text.index("Images 0–")]
        assert facts.splitlines()[-2].rstrip().endswith("…")


async def test_a_wrong_value_in_the_form_is_said(opened: Opened, answering: asyncio.Event) -> None:
    async with opened(lr="-1") as shown:
        await shown.press("5")
        await shown.until_shown("A value in the form is wrong")


@pytest.mark.slow
@pytest.mark.parametrize("size", one_in(3, [(120, 40), (80, 24), (60, 16), (200, 70)]))
@pytest.mark.parametrize("classes", one_in(2, [3, 100]))
async def test_oblong_images_and_many_classes_fit_every_terminal(
    opened: Opened,
    answering: asyncio.Event,
    tmp_path: Path,
    size: tuple[int, int],
    classes: int,
) -> None:
    source = oblong(tmp_path, classes)
    async with opened(size, source=source, samples="all") as shown:
        await shown.press("5")
        await shown.until_shown(f"of {4 * classes}")
        for _ in range(3):
            await shown.press("tab", "down")
        await shown.settle()
        assert all(len(line) == size[0] for line in shown.lines)


async def test_in_ascii_without_colour_nothing_else_leaves_the_program(
    opened: Opened, answering: asyncio.Event
) -> None:
    async with opened((80, 24), Terminal(colors=0, unicode=False)) as shown:
        await shown.press("5")
        await shown.until_shown("Images 0-11 of 1,000")
        for _ in range(3):
            assert shown.text.isascii()
            await shown.press("tab")
            await shown.settle()


async def test_labels_with_gaps_are_told(
    opened: Opened, answering: asyncio.Event, tmp_path: Path
) -> None:
    file = tmp_path / "gaps.npz"
    np.savez(file, images=np.eye(20).repeat(2, 0).reshape(40, 4, 5), labels=[0, 2] * 20)
    async with opened(source=str(file), samples="all") as shown:
        await shown.press("5")
        await shown.until_shown("1 of the 3 classes has no image here (1): there is a class")


@pytest.mark.parametrize("size", one_in(3, [(120, 40), (80, 24)]))
async def test_classes_that_are_left_out_and_clipped_pixels_are_told(
    opened: Opened, answering: asyncio.Event, tmp_path: Path, size: tuple[int, int]
) -> None:
    file = tmp_path / "by class.npz"
    images = np.random.default_rng(0).random((40, 9, 9))
    images[0, 0, 0] = 1.0001
    np.savez(file, images=images, labels=np.arange(40) // 20 * 2 + np.arange(40) % 2)
    async with opened(size, source=str(file), samples="20") as shown:
        await shown.press("5")
        await shown.until_shown(
            "Images 0–",
            "2 of the 4 classes have no training image (2, 3)",
            "those beyond 0 (black) and 1 (white) are clipped",
        )


@pytest.mark.slow
async def test_a_range_in_the_form_makes_other_data_of_a_file(
    opened: Opened, answering: asyncio.Event, tmp_path: Path
) -> None:
    file = tmp_path / "dim.npz"
    images = np.random.default_rng(0).integers(0, 17, (40, 9, 9))
    np.savez(file, images=images, labels=np.arange(40) % 4)
    async with opened(source=str(file), samples="all") as shown:
        await shown.press("5")
        await shown.until_shown("int64 from 0 to 16", "state the pixel range")
    async with opened(source=str(file), samples="all", pixel_range="0 16") as shown:
        await shown.press("5")
        await shown.until_shown("Pixels are int64 from 0 (black) to 16 (white)")


async def test_z_shows_every_pixel_of_fewer_images(
    opened: Opened, answering: asyncio.Event
) -> None:
    async with opened() as shown:
        await shown.press("5")
        await shown.until_shown("Images 0–15 of 1,000")
        grid = shown.app.screen.query_one(SampleGrid)
        assert max(grid.tiles.pixels) < 28
        await shown.press("z")
        await shown.until_shown("Images 0–7 of 1,000")
        assert grid.tiles.pixels == (28, 28)
        await shown.press("n")
        await shown.until_shown("Images 8–15 of 1,000")
        await shown.press("z")
        await shown.until_shown("Images 0–15 of 1,000")
        assert max(grid.tiles.pixels) < 28


async def test_a_wrong_value_is_said_also_where_a_run_with_other_data_is_shown(
    opened: Opened, answering: asyncio.Event
) -> None:
    async with opened() as shown:
        await shown.press("r")
        await shown.until(lambda: shown.state.run)
        await shown.say(*made_up.story(3), made_up.finished(3))
        shown.screen._form.set_values({"samples": "many"})
        await shown.press("5")
        await shown.until_shown("A value in the form is wrong")


@pytest.mark.process
async def test_the_data_screen_shows_the_file_as_it_is_and_says_what_the_run_had(
    opened: Opened, answering: asyncio.Event, tmp_path: Path
) -> None:
    data = DataFile(tmp_path / "d.npz")
    run = launch(digits_config(source=data.source, samples=DataFile.USED, epochs=1))
    wait_until(lambda: not run.is_running())
    async with opened(source=data.source, samples=str(DataFile.USED)) as shown:
        shown.screen.session.watch(run)
        await shown.say(*read_events(run), run=run)
        await shown.press("5")
        await shown.until_shown(f"{DataFile.USED} images of")
        assert "other data" not in shown.text
        data.write("permuted")
        await shown.press("1", "5")
        await shown.until_shown(f"Run {run.words} was trained on other data: other images")
        data.write()
        await shown.press("1", "5")
        await shown.until(lambda: "other data" not in shown.text)


@pytest.mark.slow
async def test_a_recorded_run_has_its_own_images_and_the_form_s_are_not_taken_for_them(
    opened: Opened, answering: asyncio.Event, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path / "runs"))
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8), np.uint8)
    recorded = mnistop.init(validation=(images, np.arange(20) % 10))
    recorded.log_predictions(np.eye(10)[np.arange(20) % 10], train_acc=1)
    recorded.finish()
    (run,) = list_runs()
    async with opened(run=run) as shown:
        await shown.say(*read_events(run), run=run)
        await shown.press("5")
        await shown.until_shown("20 images of 8", "validation images that")
        await shown.until_shown("Only the form's images are checked")
        assert "0 to train on" not in shown.sentences
        await shown.press("o")
        await shown.until_shown(f"These are the form's images, not those of run {run.words}")
        assert "was trained on other data" not in shown.sentences
        await shown.press("o")
        await shown.until_shown("20 images of 8")
