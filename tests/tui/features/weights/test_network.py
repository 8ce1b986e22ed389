"""The way of an image through the network, drawn from made-up answers."""

from __future__ import annotations

import pytest

from mnistop.engine.errors import DataError, RunError
from tests.helpers.dashboard import Opened
from tests.helpers.selection import one_in
from tests.helpers.weights_screen import LARGE, SMALL, WIDE, Answers, open_weights


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


@pytest.mark.slow
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
    one_in(
        5,
        [
            ((60, 16), 10, (64, 32, 16), (8, 8)),
            (LARGE, 10, (64, 32, 16), (8, 8)),
            (SMALL, 100, (20,), (8, 30)),
            ((100, 34), 100, (20,), (8, 30)),
            (SMALL, 2, (), (1, 3)),
        ],
        4,
    ),
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


@pytest.mark.parametrize("size", one_in(4, [WIDE, SMALL, LARGE]))
async def test_before_any_run_the_network_is_that_of_the_form(
    opened: Opened, answers: Answers, size: tuple[int, int]
) -> None:
    async with opened(size) as shown:
        await shown.press("4", "tab")
        await shown.until_shown("Network, untrained: image 0, a 0", "linear_1", "(32, 128)")
        await shown.press("p")
        await shown.until_shown("Network, untrained: image 199")
        await shown.press("n")
        await shown.until_shown("Network, untrained: image 0")
        await shown.press("1")
        answers.hidden = (64,)
        shown.screen._form.set_values({"hidden": "64"})
        await shown.press("4")
        await shown.until_shown("(32, 64)")


async def test_a_network_of_data_that_are_missing_is_asked_for_again(
    opened: Opened, answers: Answers
) -> None:
    answers.refuses = DataError("There are no images.")
    async with opened(WIDE) as shown:
        await shown.press("4")
        await shown.until_shown("There are no images.")
        answers.refuses = None
        await shown.press("1", "4")
        await shown.until_shown("Network, untrained: image 0")
