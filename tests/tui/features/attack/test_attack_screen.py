"""The attack screen: one image under attack, and the bracket of its smallest ε."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnistop.engine.analysis.methods import METHODS
from tests.helpers import made_up
from tests.helpers.attack_screen import WIDE, open_attack, to_method, until_told
from tests.helpers.dashboard import Opened
from tests.helpers.made_up_attacks import NEVER, Answers, certified, smallest
from tests.helpers.selection import one_in

# Before anything can be attacked


@pytest.mark.slow
async def test_before_a_run_it_says_what_will_be_there_and_which_keys_start_that(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await shown.press("3")
        await until_told(
            shown,
            "How little it takes to fool the model: Esc, then r to train.",
            "The smallest ε that fools the model, and what is proven.",
            "Accuracy on the validation set against ε.",
            "The validation images, and what fools each.",
        )
        await shown.press(*"+-0mxXtTnpovwz", "left_square_bracket")
        assert answers.asked == []


async def test_before_the_first_weights_it_says_when_there_will_be_something(
    opened: Opened, answers: Answers, tmp_path: Path
) -> None:
    async with opened(WIDE) as shown:
        run = made_up.write_run(tmp_path / "young", [made_up.started()])
        shown.screen.session.watch(run)
        await shown.say(made_up.started(), run=run)
        await shown.press("3")
        await until_told(shown, "How little it takes to fool the model: after epoch 0.")
        assert answers.asked == []


async def test_a_run_stopped_before_its_first_epoch_is_attacked_untrained(
    opened: Opened, answers: Answers
) -> None:
    answers.newest = 0
    async with opened(WIDE) as shown:
        await shown.show(0, made_up.stopped(0))
        await shown.press("3", "o", "o")
        await until_told(shown, "Image 0 (1/200 all), FGSM L∞ ε 0.125, untrained")
        await until_told(shown, "Accuracy against ε (L∞), untrained")


async def test_where_nothing_is_right_it_says_so_and_how_to_go_on(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await shown.show(0, made_up.stopped(0))
        await shown.press("3")
        await until_told(
            shown,
            "The model classifies no validation image correctly at this epoch, so there is "
            "nothing to fool. o goes through all images.",
        )


async def test_until_the_first_answer_it_says_what_is_waited_for(
    opened: Opened, answers: Answers
) -> None:
    answers.close("attack_image")
    answers.close("bracket")
    answers.close("robustness")
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(
            shown,
            "Asking the model. The first answer takes some seconds: PyTorch is being loaded.",
            "Attacking the validation images.",
        )
        answers.open["attack_image"].set()
        await until_told(shown, "original: 0 91% ✓", "Searching for the smallest ε.")


@pytest.mark.slow
async def test_an_answer_that_takes_its_time_is_announced(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "Image 0 (1/178")
        answers.close("attack_image")
        await shown.press("n")
        await until_told(shown, "asking the model, Image 0 (1/178")
        answers.open["attack_image"].set()
        await until_told(shown, "Image 1 (2/178")
        assert "asking" not in shown.text


# One image


@pytest.mark.slow
async def test_the_pictures_the_words_and_the_bracket(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(
            shown,
            "Image 0 (1/178 correctly classified), FGSM L∞ ε 0.125, epoch 11",
            "original: 0 91% ✓",
            "perturbation ±0.125",
            "adversarial: 0 91% ✓",
            "✓ still 0",
            "L∞ 0.1250 L2",
            f"safe below ε {certified(0):.4f}: proven",
            f"fooled from ε {smallest(0, 'deepfool'):.4f}: found by DeepFool",
            f"FGSM succeeds from ε {smallest(0):.4f} (59/255), exact",
            "FGSM, L∞: One step of ε along the sign of the loss's gradient.",
            "prediction for the original",
            "prediction for the adversarial",
        )
        bar = next(line for line in shown.lines if "░" in line)
        assert [glyph for glyph in "█░▓" if glyph in bar[87:]] == ["█", "░", "▓"]


@pytest.mark.slow
async def test_epsilon_follows_a_held_key_and_the_picture_follows_epsilon(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        for key, epsilon in (("plus", 0.13), ("equals_sign", 0.135), ("minus", 0.13), ("0", 0.125)):
            await shown.press(key)
            await until_told(shown, f"FGSM L∞ ε {epsilon:g},", f"perturbation ±{epsilon:g}")
        await shown.burst(*["plus"] * 21)
        await until_told(shown, "FGSM L∞ ε 0.23,", "✗ 0 is taken for 3", "adversarial: 3 91% ✗")
        await shown.burst(*["plus"] * 160)
        await until_told(shown, "FGSM L∞ ε 1,")
        await shown.burst(*["minus"] * 205)
        await until_told(shown, "FGSM L∞ ε 0,", "perturbation ±0 ", "L∞ 0.0000 L2 0.00 L0 0")
        assert "gradient is exactly 0" not in shown.text


async def test_only_the_newest_of_many_questions_waits(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "Image 0")
        answers.close("attack_image")
        before = len(answers.questions("attack_image"))
        await shown.press("plus", "plus", "plus", "plus")
        answers.open["attack_image"].set()
        await until_told(shown, "ε 0.145,")
        assert [one[2] for one in answers.questions("attack_image")[before:]] == [
            pytest.approx(0.13),
            pytest.approx(0.145),
        ]


async def test_m_goes_to_the_smallest_epsilon_of_the_method(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        before = "fgsm"
        for name in METHODS:
            if METHODS[name].seeks:
                continue
            await shown.press(*to_method(name, before), "m")
            before = name
            title = f"{METHODS[name].title} {METHODS[name].norm_name}"
            await until_told(shown, f"{title} ε {smallest(0, name):.4g}", "✗ 0 is taken for 3")


@pytest.mark.slow
async def test_m_before_the_bracket_is_known_goes_there_once_it_is(
    opened: Opened, answers: Answers
) -> None:
    answers.close("bracket")
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await shown.press("m")
        await until_told(shown, "Searching for the smallest ε; then ε goes there.")
        answers.open["bracket"].set()
        await until_told(shown, "FGSM L∞ ε 0.23,")
        answers.close("bracket")
        await shown.press("n", "m", "n")
        answers.open["bracket"].set()
        await until_told(
            shown, "Image 2", "FGSM L∞ ε 0.23,", f"FGSM succeeds from ε {smallest(2):.4f}"
        )
        assert f"FGSM L∞ ε {smallest(2):.4g}," not in shown.text


@pytest.mark.slow
async def test_an_image_that_cannot_be_fooled(opened: Opened, answers: Answers) -> None:
    assert NEVER == 5
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        while answers.questions("attack_image")[-1][1] != 5:
            await shown.press("n")
        await until_told(
            shown, "no attack succeeds up to ε 1", "FGSM does not succeed at any ε up to 1"
        )
        bar = next(line for line in shown.lines if "░" in line)
        assert "▓" not in bar
        await shown.press("m")
        await shown.until(lambda: "No ε up to 1 of FGSM fools it on this image." in shown.notices)
        await shown.press(*to_method("deepfool"))
        await until_told(
            shown, "DeepFool L∞, epoch", "the search found no adversarial image", "✓ still 5"
        )


async def test_a_gradient_of_exactly_zero_has_its_words(opened: Opened, answers: Answers) -> None:
    answers.flat = True
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "✓ still 0", "no change: the gradient is exactly 0 here")


@pytest.mark.slow
async def test_an_image_that_is_wrong_as_it_is_has_its_words(
    opened: Opened, answers: Answers
) -> None:
    answers.wrong = True
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(
            shown,
            "original: 1 91% ✗",
            "It is misclassified without any perturbation: there is nothing to fool.",
        )
        assert "safe below" not in shown.text
        await shown.press("m")
        said = "The model misclassifies this image without an attack: no ε is needed."
        await shown.until(lambda: said in shown.notices)
        assert "FGSM L∞ ε 0.125," in shown.text
        await shown.press("t", "t")
        await until_told(shown, "towards 2", "misclassified without an attack: no ε is safe")


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    one_in(
        3,
        [
            ("exact", False, "on a fine grid"),
            ("optimal", True, "fooled from ε 0.1840: the exact minimum"),
            ("returns", True, "but fails at some larger ε"),
        ],
        3,
    ),
)
async def test_what_kind_of_search_it_was_is_told(
    opened: Opened, answers: Answers, attribute: str, value: bool, words: str
) -> None:
    setattr(answers, attribute, value)
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, words)


@pytest.mark.slow
async def test_t_goes_through_the_targets_and_the_bracket_is_that_of_the_target(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "fooled from ε")
        answers.close("bracket")
        await shown.press("t")
        await until_told(shown, "towards 1, epoch", "target 1 not reached", "Searching for")
        assert "fooled from ε" not in shown.text
        answers.open["bracket"].set()
        await until_told(shown, "target reached from ε")
        await shown.press("m")
        await until_told(shown, "✗ 0 is taken for 1", "target 1 reached")
        for target in range(2, 10):
            await shown.press("t")
            await until_told(shown, f"towards {target}, epoch")
        await shown.press("t")
        await shown.until(lambda: "towards" not in shown.text)
        await shown.press("T")
        await until_told(shown, "towards 9, epoch")


@pytest.mark.slow
async def test_an_image_of_the_targets_own_class_has_its_words(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await shown.press("t", "n")
        await until_told(shown, "Image 1 ", "the target 1 is its own class: nothing to do")
        assert "target reached from" not in shown.text
        assert "gradient is exactly 0" not in shown.text


@pytest.mark.slow
async def test_x_goes_through_the_methods_each_with_its_epsilon(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await shown.press("plus")
        for method in [*list(METHODS.values())[1:], METHODS["fgsm"]]:
            await shown.press("x")
            strength = "" if method.seeks else " ε 0.13," if method.norm == "linf" else " ε 1.5,"
            await until_told(shown, f"{method.title} {method.norm_name}{strength or ','}")
            await until_told(shown, method.explanation)
            offered = "Smallest" in shown.lines[-1]
            assert offered != method.seeks
        await shown.press("X")
        await until_told(shown, "DeepFool L2, epoch 11")
        await shown.press("plus", "m", "0")
        await until_told(shown, "DeepFool L2, epoch 11")
