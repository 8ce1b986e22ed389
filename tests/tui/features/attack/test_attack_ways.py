"""The attack screen: other weights, other runs, and images that other screens send."""

from __future__ import annotations

import pytest

from mnistop.engine.errors import RunError
from tests.helpers import made_up
from tests.helpers.attack_screen import SMALL, WIDE, asked, open_attack, until_told
from tests.helpers.dashboard import Opened
from tests.helpers.made_up_attacks import Answers


@pytest.mark.slow
async def test_brackets_keys_attack_the_weights_of_another_epoch(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await shown.press("left_square_bracket")
        kept = "weights of epoch 7, last kept before epoch 10"
        await until_told(
            shown, f"Image 0 (1/178), FGSM L∞ ε 0.125, {kept}", f"Accuracy against ε (L∞), {kept}"
        )
        await shown.resize(*SMALL)
        await until_told(shown, f"Image 0, FGSM L∞ ε 0.125, {kept}")
        await shown.resize(*WIDE)
        assert asked(answers)[2] == 11
        assert answers.questions("bracket")[-1][2] == 11
        await shown.press("right_square_bracket")
        await until_told(shown, "FGSM L∞ ε 0.125, epoch 11")
        assert asked(answers)[2] is None


async def test_while_training_goes_on_new_weights_are_attacked_as_they_come(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "epoch 11", "Accuracy against ε (L∞), epoch 11")
        attacks = len(answers.questions("attack_image"))
        await shown.say(made_up.epoch(12))
        assert len(answers.questions("attack_image")) == attacks
        answers.newest = 13
        answers.close("bracket")
        await shown.say(made_up.saved(13))
        await until_told(shown, "FGSM L∞ ε 0.125, epoch 12", "as of epoch 11")
        answers.open["bracket"].set()
        await shown.until(lambda: "as of" not in shown.text)


async def test_another_run_is_attacked_from_its_first_image_on(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await shown.press("n", "n", "t", "plus")
        await until_told(shown, "Image 2")
        answers.classes = 2
        answers.close("attack_image")
        await shown.show(12, names=("cat", "dog"))
        assert "original: 2" not in shown.text
        answers.open["attack_image"].set()
        await until_told(
            shown, "original: cat", "Image 0 (1/178 correctly classified), FGSM L∞ ε 0.13,"
        )


async def test_a_takes_the_digit_of_the_dashboard_and_escape_returns(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await shown.show(12)
        await shown.press("n", "n")
        await until_told(shown, "Validation image 2")
        await shown.press("shift+tab", "a")
        await until_told(shown, "Image 2 (3/178 correctly classified)")
        await shown.press("escape")
        await until_told(shown, "Epoch log")


@pytest.mark.slow
async def test_a_drawing_is_attacked_and_escape_returns_to_the_pad(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await shown.show(12)
        await shown.press("e", "space", "down", "down", "down", "down", "space", "a")
        await until_told(
            shown,
            "Your drawing, FGSM",
            "3 counts as correct, since the model predicts it",
            "safe below ε 0.1000",
        )
        await shown.press("m")
        await until_told(shown, "FGSM L∞ ε 0.2,", "✗ 3 is taken for 6")
        await shown.press("escape")
        await until_told(shown, "Pen up at")
        await shown.press("3", "n")
        await until_told(shown, "Image 0 (1/178")


async def test_what_goes_wrong_is_said_where_it_was_wanted(
    opened: Opened, answers: Answers
) -> None:
    answers.refuses["bracket"] = RunError("The weights are damaged.")
    answers.refuses["robustness"] = RunError("The images are gone.")
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "original: 0", "The weights are damaged.", "The images are gone.")
        answers.refuses["attack_image"] = ZeroDivisionError("division by zero")
        await shown.press("plus")
        await until_told(shown, "fault of the program, ZeroDivisionError: division by zero")
        answers.refuses.clear()
        await shown.press("plus")
        await until_told(shown, "original: 0", "ε 0.135")
