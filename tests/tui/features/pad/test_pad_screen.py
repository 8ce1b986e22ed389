"""A digit of one's own as a person draws it: pen, eraser, undo, centring, saving, the verdict."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from mnistop.engine import worker
from mnistop.engine.analysis.network import Classified
from mnistop.engine.drawing import Image, centred
from mnistop.engine.errors import RunError
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.pad.panes import Canvas
from mnistop.tui.features.pad.screen import PadScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Opened, Workers
from tests.helpers.selection import one_in


class Model:
    """A model that classifies a drawing by the number of rows with ink, by tens."""

    def __init__(self) -> None:
        self.asked: list[tuple[Image, int | None]] = []
        self.refuses: Exception | None = None

    def classify(self, run: Run, image: Image, epochs: int | None) -> Classified:
        self.asked.append((image, epochs))
        if self.refuses:
            raise self.refuses
        probabilities = np.full(10, 0.01, np.float32)
        probabilities[min(9, int(image.any(axis=1).sum()))] = 0.91
        return Classified(probabilities, 20 if epochs is None else epochs)


@pytest.fixture
def model(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> Model:
    fake = Model()

    async def ask(question: Callable[..., Any], *args: Any) -> Any:
        if question.__name__ == "classify":
            return fake.classify(*args)
        raise RunError("not here")

    monkeypatch.setattr(worker, "ask", ask)
    return fake


def canvas(shown: Dashboard) -> Canvas:
    assert isinstance(shown.app.screen, PadScreen)
    return shown.app.screen.query_one(Canvas)


async def test_without_a_run_it_draws_and_says_which_key_trains(
    opened: Opened, model: Model
) -> None:
    async with opened() as shown:
        await shown.press("e", "space", "down", "down")
        await shown.until_shown("press 1 for the dashboard and r to", "Pen down at (16, 14)")
        assert canvas(shown).pad.image[13:17, 14].tolist() == [0.5, 1, 1, 1]
        assert not model.asked


async def test_every_stroke_is_classified_as_mnist_would_place_it(
    opened: Opened, model: Model
) -> None:
    async with opened() as shown:
        await shown.show(20)
        await shown.press("e")
        await shown.until_shown("Draw a digit: Space puts the pen down")
        await shown.press("space")
        await shown.until_shown("9 91%, epoch 19", "pred")
        assert np.array_equal(model.asked[-1][0], centred(canvas(shown).pad.image))
        await shown.press("c")
        await shown.until_shown("What the model sees: as drawn", "3 91%, epoch 19")
        await shown.press("down", "down")
        await shown.until_shown("5 91%")
        await shown.press("u", "u")
        await shown.until_shown("3 91%")
        await shown.press("u")
        await shown.until_shown("Draw a digit")


async def test_the_model_of_another_epoch_is_asked(opened: Opened, model: Model) -> None:
    async with opened() as shown:
        await shown.show(20)
        await shown.press("e", "space")
        await shown.until_shown(", epoch 19")
        await shown.press("left_square_bracket")
        await shown.until_shown(", epoch 18")


async def test_a_lifted_pen_moves_without_drawing(opened: Opened, model: Model) -> None:
    async with opened() as shown:
        await shown.press("e", "left", "k")
        assert canvas(shown).pen == (13, 13)
        assert canvas(shown).pad.is_empty
        await shown.press("space", "space", "l")
        assert canvas(shown).pad.undone().is_empty
        assert "Pen up at (13, 14)" in shown.text


async def test_thickness_eraser_and_clear(opened: Opened, model: Model) -> None:
    async with opened() as shown:
        await shown.press("e", "plus", "plus", "plus")
        await shown.until_shown("3 wide")
        await shown.press(*["minus"] * 9)
        await shown.until_shown("1 wide")
        await shown.press("space", "down", "e")
        await shown.until_shown("Eraser up at (15, 14)")
        await shown.press("space")
        assert canvas(shown).pad.image[15, 14] == 0
        assert canvas(shown).pad.image[14, 14] > 0
        await shown.press("x")
        assert canvas(shown).pad.is_empty
        await shown.press("u")
        assert not canvas(shown).pad.is_empty


async def test_the_pen_stays_on_the_pad(opened: Opened, model: Model) -> None:
    async with opened() as shown:
        await shown.press("e")
        for corner, keys in (((0, 0), ("left", "up")), ((27, 27), ("right", "down"))):
            canvas(shown).pen = corner
            await shown.press(*keys)
            assert canvas(shown).pen == corner


@pytest.mark.parametrize(("size", "start"), [((120, 40), (21, 7)), ((80, 24), (11, 5))])
async def test_the_mouse_draws_too(
    opened: Opened, model: Model, size: tuple[int, int], start: tuple[int, int]
) -> None:
    async with opened(size) as shown:
        await shown.press("e")
        await shown.settle()
        x, y = start
        await shown.pilot.mouse_down(offset=(x, y))
        await shown.pilot.hover(offset=(x, y + 3))
        await shown.pilot.mouse_up(offset=(x, y + 3))
        rows = np.flatnonzero(canvas(shown).pad.image.max(axis=1) == 1)
        assert rows.tolist() == list(range(4, 8 if size[0] == 120 else 11))
        assert canvas(shown).pad.image[:, 10].max() == 1


async def test_w_saves_an_image_under_a_name_that_is_free(
    opened: Opened, model: Model, tmp_path: Path
) -> None:
    async with opened() as shown:
        await shown.press("e", "w", "space", "w", "w")
        paths = [tmp_path / f"mnistop-digit-{number}.png" for number in (1, 2)]
        assert shown.notices == [
            "Nothing is drawn yet.",
            *(f"Saved as {path}" for path in paths),
        ]
        assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


async def test_what_goes_wrong_is_said_in_words(opened: Opened, model: Model) -> None:
    model.refuses = RunError("Run otter has no checkpoint.pt yet.")
    async with opened() as shown:
        await shown.show(3)
        await shown.press("e", "space")
        await shown.until_shown("Run otter has no checkpoint.pt yet.")


async def test_a_drawing_stays_while_other_screens_are_looked_at(
    opened: Opened, model: Model
) -> None:
    async with opened() as shown:
        await shown.press("e", "space", "escape")
        assert shown.app.screen is shown.screen
        await shown.press("e")
        assert not canvas(shown).pad.is_empty


@pytest.mark.slow
@pytest.mark.parametrize("size", one_in(3, [(60, 16), (80, 24), (120, 40), (240, 67)]))
@pytest.mark.parametrize("terminal", one_in(2, [Terminal(), Terminal(colors=0, unicode=False)]))
async def test_it_fits_every_terminal(
    opened: Opened, model: Model, size: tuple[int, int], terminal: Terminal
) -> None:
    async with opened(size, terminal) as shown:
        await shown.show(20)
        await shown.press("e", "space")
        await shown.until_shown("9 91%")
        assert all(len(line) == size[0] for line in shown.lines)
        assert terminal.unicode or shown.text.isascii()


async def test_large_images_are_drawn_on_a_pad_that_fits(opened: Opened, model: Model) -> None:
    async with opened((80, 24)) as shown:
        run = await shown.show(20)
        size = msgspec.structs.replace(made_up.started(run.name), image_shape=[200, 100, 3])
        await shown.say(size, made_up.epoch(0, run.name), made_up.saved(1, run.name), run=run)
        await shown.press("e", "space")
        await shown.until(lambda: model.asked)
        assert canvas(shown).pad.image.shape == (32, 16)
        assert canvas(shown).pen == (16, 8)
        image, _ = model.asked[-1]
        assert image.shape == (200, 100, 3)
        assert 0.9 < image.max() <= 1
        assert image.any(axis=(1, 2)).sum() > 200 / 32
