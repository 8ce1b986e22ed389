"""The weights screen: images of weights, one of them large, and the way through the network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from mnistop.engine import worker
from mnistop.engine.analysis.network import FirstLayer, Step, Walk, first_layer, walk
from mnistop.engine.errors import RunError
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip
from mnistop.tui.features.weights.model import Neurons
from mnistop.tui.features.weights.neurons import WeightGallery
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Opened, Workers

WIDE, SMALL, LARGE = (120, 40), (80, 24), (200, 60)


@dataclass
class Answers:
    """Stands in for the pool process: neuron `i` speaks for class `i % classes`."""

    classes: int = 10
    hidden: tuple[int, ...] = (128,)
    shape: tuple[int, int] = (28, 28)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    """Questions by name, and what they took beside the run."""
    refuses: Exception | None = None
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, question: Any, run: Run, *details: Any) -> Any:
        if question is first_layer:
            return await self._answer("weights", self._layer, *details)
        if question is walk:
            return await self._answer("way", self._walk, *details)
        return made_up.answer(*details[:2], 0, self.classes)

    async def _answer(self, name: str, make: Callable[..., Any], *details: Any) -> Any:
        self.asked.append((name, *details))
        await self.open.wait()
        if self.refuses:
            raise self.refuses
        return make(*details)

    def _layer(self, epochs: int | None) -> FirstLayer:
        height, width = self.shape
        sizes = (height * width, *self.hidden, self.classes)
        neurons = np.arange(sizes[1])
        weights = np.zeros((sizes[1], height, width), np.float32)
        weights[:, : height // 2], weights[:, height // 2 :] = 0.1, -0.1
        to_classes = np.full((sizes[1], self.classes), -0.25, np.float32)
        to_classes[neurons, neurons % self.classes] = 0.5
        return FirstLayer(
            epochs=77 if epochs is None else epochs // 4 * 4,
            sizes=sizes,
            weights=weights,
            biases=neurons.astype(np.float32) / 100,
            norms=1 + (neurons * 7 % len(neurons)).astype(np.float32),
            to_classes=to_classes if self.hidden else np.eye(self.classes, dtype=np.float32),
        )

    def _walk(self, row: int, epochs: int | None) -> Walk:
        height, width = self.shape
        probabilities = np.full(self.classes, 0.01, np.float32)
        probabilities[row % self.classes] = 0.91
        steps = [Step("input", (32, height * width), np.ones(height * width, np.float32), 0)]
        for number, size in enumerate((*self.hidden, self.classes), 1):
            values = np.linspace(-1, 2, size, dtype=np.float32)
            inputs = steps[-1].shape[1]
            steps.append(Step(f"linear_{number}", (32, size), values, (inputs + 1) * size))
            if number <= len(self.hidden):
                steps.append(Step("relu", (32, size), np.maximum(values, 0), 0))
        steps.append(Step("softmax", (32, self.classes), probabilities, 0))
        return Walk(row, row % self.classes, epochs or 77, self.shape, tuple(steps))


@pytest.fixture
def answers(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> Answers:
    fake = Answers()
    fake.open.set()
    monkeypatch.setattr(worker, "ask", fake.ask)
    return fake


async def open_weights(shown: Dashboard, answers: Answers, epochs: int = 12) -> None:
    names = [str(number) for number in range(answers.classes)]
    await shown.show(epochs, names=names)
    await shown.press("4")
    await shown.until_shown("Weights of linear_1")
    await shown.settle()


async def test_before_a_run_it_says_what_will_be_there_and_which_keys_start_that(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await shown.press("4")
        await shown.until_shown("The weights of the first layer, an image a neuron: Esc, then r")
        assert answers.asked == []


@pytest.mark.parametrize(("size", "pixels"), [(SMALL, 10), (WIDE, 16), (LARGE, 28)])
async def test_a_page_has_16_images_reduced_where_they_would_not_fit_otherwise(
    opened: Opened, answers: Answers, size: tuple[int, int], pixels: int
) -> None:
    async with opened(size) as shown:
        await open_weights(shown, answers)
        assert "page 1 of 8, weights of epoch 76" in shown.text
        assert all(f" {neuron} → {neuron % 10} " in shown.text for neuron in range(1, 16))
        assert "-0.1" in shown.text
        assert "+0.1" in shown.text
        assert shown.app.screen.query_one(WeightGallery).tiles.pixels == (pixels, pixels)


async def test_a_short_key_bar_shows_of_the_panes_keys_those_that_still_fit(
    opened: Opened, answers: Answers
) -> None:
    async with opened(SMALL) as shown:
        await open_weights(shown, answers)
        await shown.until_shown("⏎ Large n/p Page tab Pane [ ] Epoch o Order q Quit")


async def test_a_terminal_too_small_for_16_shows_as_many_as_can_be_made_out(
    opened: Opened, answers: Answers
) -> None:
    async with opened((60, 16)) as shown:
        await open_weights(shown, answers)
        tiles = shown.app.screen.query_one(WeightGallery).tiles
        assert f"page 1 of {-(-128 // tiles.count)}" in shown.text
        assert 1 < tiles.count < 16
        assert min(tiles.pixels) >= 10


def test_reduced_weights_are_means_on_a_scale_of_their_own() -> None:
    fine = np.tile(np.array([[1, -0.5], [-0.5, 1]], np.float32), (3, 14, 14))
    layer = FirstLayer(5, (784, 3), fine, np.zeros(3), np.ones(3), np.eye(3, dtype=np.float32))
    neurons = Neurons(layer, ("a", "b", "c"))
    reduced = neurons.reduced((14, 14))
    assert np.allclose(reduced.layer.weights[:, 1:-1, 1:-1], 0.25, atol=0.02)
    assert neurons.scale == 1.0
    assert 0.25 < reduced.scale <= 0.5
    assert neurons.reduced((28, 28)) is neurons


async def test_long_numbers_leave_room_for_what_the_order_goes_by(
    opened: Opened, answers: Answers
) -> None:
    async with opened(SMALL) as shown:
        await open_weights(shown, answers)
        await shown.press("o", "o", "end")
        await shown.until_shown("▸119→9 +0.50")


async def test_n_and_p_turn_the_pages_and_arrows_go_on_to_the_next_one(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        for key, page, neuron in (
            ("n", 2, 16),
            ("n", 3, 32),
            ("p", 2, 16),
            ("left", 1, 15),
            ("right", 2, 16),
            ("up", 1, 10),
            ("down", 2, 16),
            ("end", 8, 127),
            ("n", 8, 127),
            ("home", 1, 0),
            ("p", 1, 0),
        ):
            await shown.press(key)
            await shown.until_shown(f"page {page} of 8", f"neuron {neuron}: norm")
            assert f"▸{neuron} → {neuron % 10}" in shown.text


async def test_o_sorts_by_norm_then_by_class(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.press("o")
        await shown.until_shown("by norm", "73 → 3 128.00", "norm 128.00, bias", "18 → 8 127.00")
        await shown.press("o")
        await shown.until_shown("by class", "▸0 → 0 +0.50", "10 → 0 +0.50", "20 → 0 +0.50")
        await shown.press("o")
        await shown.until_shown("1 → 1", "2 → 2")
        assert "by class" not in shown.text


async def test_enter_shows_one_large_with_its_weights_to_the_classes_and_escape_returns(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.press("right", "right", "right", "enter")
        await shown.until_shown("Neuron 3, 4 of 128", "Bias +0.030", "Its weights to the classes")
        bars = [line for line in shown.lines if line.rstrip().endswith("-0.25")]
        assert len(bars) == 9
        assert all("█│" in line for line in bars)
        assert any("│█" in line and "+0.50" in line for line in shown.lines)
        await shown.press("n")
        await shown.until_shown("Neuron 4, 5 of 128")
        await shown.press("escape")
        await shown.until_shown("page 1 of 8", "▸4 → 4")
        await shown.press("escape")
        await shown.until_shown("Epoch log")


async def test_a_single_layer_model_names_each_image_by_its_class(
    opened: Opened, answers: Answers
) -> None:
    answers.hidden = ()
    async with opened(LARGE) as shown:
        await open_weights(shown, answers)
        captions = next(line.split() for line in shown.lines if line.startswith("▸0 "))
        assert captions[:4] == ["▸0", "1", "2", "3"]
        await shown.press("right", "enter")
        await shown.until_shown("Class 1, 2 of 10", "everything the model knows about 1")


async def test_the_network_shows_every_step_with_its_shape_and_why(
    opened: Opened, answers: Answers
) -> None:
    async with opened(SMALL) as shown:
        await open_weights(shown, answers)
        await shown.press("tab")
        await shown.until_shown(": image 0", "(32, 784)", "(32, 128)", "(32, 10)")
        await shown.until_shown("100,480 = 784×128 + 128", "1,290 = 128×10 + 10", "101,770")
        await shown.until_shown("one logit for each of the 10 classes", "784 = 28×28")
        await shown.press("down", "down")
        await shown.until_shown("softmax of image 0: 0: 91.0%", "91.0% right")
        await shown.press("n")
        await shown.until_shown(": image 1", "softmax of image 1: 1: 91.0%")
        await shown.press("p", "p")
        await shown.until_shown(": image 199")
        await shown.press("tab")
        await shown.until_shown("Weights of linear_1")


async def test_n_counts_also_while_the_first_image_is_read(
    opened: Opened, answers: Answers
) -> None:
    answers.open.clear()
    async with opened(SMALL) as shown:
        await shown.show(12)
        await shown.press("4")
        await shown.until_shown("Reading the weights")
        await shown.press("tab", "n")
        answers.open.set()
        await shown.until_shown(": image 1")


async def test_a_wide_terminal_shows_the_way_below_the_images(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.until_shown(
            "(32, 784) → linear_1 (32, 128) → ReLU (32, 128) → linear_2 (32, 10) → softmax (32, 10)"
        )
        await shown.press("tab", "z")
        await shown.until_shown("100,480 = 784×128 + 128")
        assert "Weights of linear_1" not in shown.text
        await shown.press("z")
        await shown.until_shown("Weights of linear_1")


@pytest.mark.parametrize(
    ("size", "classes", "hidden", "shape"),
    [
        ((60, 16), 10, (64, 32, 16), (8, 8)),
        (LARGE, 10, (64, 32, 16), (8, 8)),
        (SMALL, 100, (20,), (8, 30)),
        ((100, 34), 100, (20,), (8, 30)),
        (SMALL, 2, (), (1, 3)),
    ],
)
async def test_other_networks_and_images_fit_every_terminal(
    opened: Opened,
    answers: Answers,
    size: tuple[int, int],
    classes: int,
    hidden: tuple[int, ...],
    shape: tuple[int, int],
) -> None:
    answers.classes, answers.hidden, answers.shape = classes, hidden, shape
    async with opened(size) as shown:
        await open_weights(shown, answers)
        await shown.press("n", "enter", "n", "tab")
        await shown.until_shown("linear_1", ": image 0")
        await shown.press("down", "down", "up", "tab", "escape")
        await shown.until_shown("Weights of linear_1")
        assert all(len(line) == size[0] for line in shown.lines)


async def test_new_weights_are_asked_for_when_they_are_saved_and_not_before(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.until(lambda: len(answers.asked) == 2)
        await shown.say(made_up.epoch(12))
        assert answers.asked == [("weights", None), ("way", 0, None)]
        await shown.say(made_up.saved(13))
        await shown.until(lambda: len(answers.asked) == 4)
        assert answers.asked[2:] == [("weights", None), ("way", 0, None)]


async def test_brackets_go_to_the_nearest_kept_weights_of_an_epoch(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.press("left_square_bracket")
        await shown.until_shown("weights of epoch 7, last kept before epoch 10")
        await shown.press("right_square_bracket")
        await shown.until_shown("weights of epoch 76")


async def test_what_goes_wrong_is_said_in_the_pane(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        answers.refuses = RunError("The weights are damaged.")
        await shown.press("left_square_bracket")
        await shown.until(lambda: shown.text.count("The weights are damaged.") == 2)
        answers.refuses = ZeroDivisionError("division by zero")
        await shown.press("left_square_bracket")
        await shown.until_shown("fault of the program, ZeroDivisionError: division by zero")
        answers.refuses = None
        await shown.press("left_square_bracket")
        await shown.until_shown("Weights of linear_1", "(32, 784)")


async def test_the_answer_about_another_run_is_not_shown(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        answers.open.clear()
        await shown.press("left_square_bracket")
        await shown.until(lambda: answers.asked[-1][1] == 11 or answers.asked[-1][-1] == 11)
        answers.classes = 2
        await shown.show(3, names=("cat", "dog"))
        await shown.until_shown("Reading the weights")
        answers.open.set()
        await shown.until_shown("0 → cat", "1 → dog")


async def test_without_colour_and_unicode_all_is_ascii(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE, Terminal(colors=0, unicode=False)) as shown:
        await open_weights(shown, answers)
        await shown.until_shown(">0 -> 0", "-0.1", "+0.1", "(32, 784) -> linear_1 (32, 128)")
        await shown.press("enter")
        await shown.until_shown("Neuron 0, 1 of 128")
        assert any("|####" in line for line in shown.lines)
        assert any("----|" in line for line in shown.lines)
        await shown.press("tab", "z")
        await shown.until_shown("784x128 + 128")
        assert shown.text.isascii()


async def test_it_can_be_left_and_opened_again_as_it_was(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.press("n", "escape")
        await shown.until_shown("Epoch log")
        await shown.press("4")
        await shown.until_shown("page 2 of 8")
        await shown.press("question_mark")
        await shown.press("escape", "right")
        await shown.until_shown("▸17 → 7")


async def test_v_changes_how_the_weights_are_drawn(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.press("v")
        await shown.until_shown("page 1 of 16")
        assert shown.app.screen.query_one(WeightGallery).tiles.pixels == (28, 28)
        assert "'''''" not in shown.text
        await shown.press("v")
        await shown.until(lambda: "####" in shown.text and "====" in shown.text)
        await shown.press("v")
        await shown.until_shown("page 1 of 8", "▀▀▀▀▀")


async def test_over_a_slow_line_the_most_changed_images_give_way_first(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        gallery = shown.app.screen.query_one(WeightGallery)
        older = gallery.neurons
        assert older
        before = images_of(gallery)
        weights = older.layer.weights.copy()
        weights[1, 5] += 0.05
        weights[6] *= -1
        for newest in (1, 2):
            newer = replace(older, layer=replace(older.layer, weights=weights.copy()))
            gallery.show(newer, 0, "", "", at_once=1)
            changed = [now != then for now, then in zip(images_of(gallery), before, strict=True)]
            assert np.flatnonzero(changed).tolist() == [[6], [1, 6]][newest - 1]
        gallery.show(replace(older), 0, "", "")
        gallery.show(replace(older, layer=replace(older.layer)), 0, "", "")
        assert images_of(gallery) == before


def images_of(gallery: WeightGallery) -> list[list[Strip]]:
    """The images of the page, each line by line."""
    tiles = gallery.tiles
    lines = gallery.lines(gallery.size.width, gallery.size.height)
    return [
        [strip.crop(x, x + tiles.width) for strip in lines[y + 1 : y + tiles.height]]
        for y in range(0, tiles.rows * tiles.height, tiles.height)
        for x in range(0, tiles.columns * (tiles.width + 1), tiles.width + 1)
    ]
