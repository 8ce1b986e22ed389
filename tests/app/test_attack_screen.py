"""The attack screen: one image under attack, its bracket, all images, another run beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from engine import worker
from engine.config import RunConfig
from engine.errors import RunError
from engine.methods import METHODS
from engine.runs import Run
from tests.app import made_up
from tests.app.dashboard import Dashboard, Workers
from tests.app.made_up_attacks import NEVER, Answers, certified, smallest
from tui.panes.attack_panes import AttackPanes
from tui.render.terminal import Terminal
from tui.screens.attack import AttackScreen

Opened = Callable[..., AbstractAsyncContextManager[Dashboard]]
WIDE, SMALL, LARGE = (120, 40), (80, 24), (200, 60)
RIGHT = made_up.right_after(12)
FRAGILE = sorted(RIGHT, key=lambda row: (min(smallest(row), 1.0), row))


@pytest.fixture
def answers(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> Answers:
    fake = Answers()
    monkeypatch.setattr(worker, "ask", fake.ask)
    monkeypatch.setattr(worker, "ask_at_leisure", fake.ask)
    return fake


async def open_attack(shown: Dashboard, answers: Answers, epochs: int = 12) -> Run:
    names = [str(number) for number in range(answers.classes)]
    run = await shown.show(epochs, names=names)
    await shown.press("3")
    await shown.until(lambda: isinstance(shown.app.screen, AttackScreen))
    await shown.settle()
    return run


def panes(shown: Dashboard) -> AttackPanes:
    return shown.app.screen.query_one(AttackPanes)


async def until_told(shown: Dashboard, *texts: str) -> None:
    """Waits until a pane in sight, or the screen, shows each text, whatever the line breaks."""

    def told() -> list[str]:
        if not isinstance(shown.app.screen, AttackScreen):
            return [shown.sentences]
        seen = [place.pane for place in panes(shown).places if place.pane.display]
        return [shown.sentences, *(" ".join(pane.text().split()) for pane in seen)]

    for text in texts:
        try:
            await shown.until(lambda text=text: any(text in one for one in told()), seconds=5)
        except AssertionError as error:
            raise AssertionError(f"{text!r}: {error}") from None


def asked(answers: Answers) -> tuple[object, ...]:
    """Subject, ε, weights, method and target of the newest attack."""
    return answers.questions("attack_image")[-1][1:]


# Before anything can be attacked


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
            "The model predicts no validation image rightly here: there is nothing to fool. "
            "o goes through all images.",
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


async def test_the_pictures_the_words_and_the_bracket(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(
            shown,
            "Image 0 (1/178 predicted rightly), FGSM L∞ ε 0.125, epoch 11",
            "original: 0 91% ✓",
            "perturbation ±0.125",
            "adversarial: 0 91% ✓",
            "✓ still 0",
            "L∞ 0.1250 L2",
            f"safe below ε {certified(0):.4f}: proven",
            f"fooled from ε {smallest(0, 'deepfool'):.4f}: shown by DeepFool",
            f"FGSM does it from ε {smallest(0):.4f} (59/255), exact walk",
            "FGSM, L∞: One step of ε along the sign of the loss's gradient.",
            "says to the original",
            "says to the adversarial",
        )
        bar = next(line for line in shown.lines if "░" in line)
        assert [glyph for glyph in "█░▓" if glyph in bar[87:]] == ["█", "░", "▓"]


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
        for methods, name in ((0, "fgsm"), (1, "pgd"), (2, "gradient"), (1, "pgd-l2")):
            await shown.press(*["x"] * methods, "m")
            title = f"{METHODS[name].title} {METHODS[name].norm_name}"
            await until_told(shown, f"{title} ε {smallest(0, name):.4g}", "✗ 0 is taken for 3")


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
            shown, "Image 2", "FGSM L∞ ε 0.23,", f"FGSM does it from ε {smallest(2):.4f}"
        )
        assert f"FGSM L∞ ε {smallest(2):.4g}," not in shown.text


async def test_an_image_that_cannot_be_fooled(opened: Opened, answers: Answers) -> None:
    assert NEVER == 5
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        while answers.questions("attack_image")[-1][1] != 5:
            await shown.press("n")
        await until_told(
            shown, "no attack does it up to ε 1", "FGSM does not do it at any ε up to 1"
        )
        bar = next(line for line in shown.lines if "░" in line)
        assert "▓" not in bar
        await shown.press("m")
        await shown.until(lambda: "No ε up to 1 of FGSM fools it on this image." in shown.notices)
        await shown.press("x", "x")
        await until_told(shown, "DeepFool L∞, epoch", "the walk found no way there", "✓ still 5")


async def test_a_gradient_of_exactly_zero_has_its_words(opened: Opened, answers: Answers) -> None:
    answers.flat = True
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "✓ still 0", "nothing changed: the gradient is exactly 0 here")


async def test_an_image_that_is_wrong_as_it_is_has_its_words(
    opened: Opened, answers: Answers
) -> None:
    answers.wrong = True
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(
            shown,
            "original: 1 91% ✗",
            "It is predicted wrongly as it is: nothing is needed to fool the model.",
        )
        assert "safe below" not in shown.text
        await shown.press("m")
        said = "The model takes this image wrongly as it is: no ε is needed."
        await shown.until(lambda: said in shown.notices)
        assert "FGSM L∞ ε 0.125," in shown.text
        await shown.press("t", "t")
        await until_told(shown, "towards 2", "predicted wrongly as it is: nothing is safe")


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [
        ("exact", False, "by a fine grid"),
        ("optimal", True, "fooled from ε 0.1840: the true minimum"),
        ("returns", True, "and at some larger ε no longer"),
    ],
)
async def test_what_kind_of_search_it_was_is_told(
    opened: Opened, answers: Answers, attribute: str, value: bool, words: str
) -> None:
    setattr(answers, attribute, value)
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, words)


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


async def test_an_image_of_the_targets_own_class_has_its_words(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await shown.press("t", "n")
        await until_told(shown, "Image 1 ", "the target 1 is its own class: nothing to reach")
        assert "target reached from" not in shown.text
        assert "gradient is exactly 0" not in shown.text


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


# All images


async def test_n_and_p_go_through_the_right_ones_then_the_most_fragile_then_all(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        for key, row in (("n", 1), ("n", 2), ("right", 3), ("p", 2), ("left", 1), ("p", 0)):
            await shown.press(key)
            await until_told(shown, f"Image {row} ({RIGHT.index(row) + 1}/178 predicted rightly)")
        await shown.until(lambda: "so far" not in shown.text)
        await shown.press("o", "p")
        place = FRAGILE.index(0)
        await until_told(shown, f"Image {FRAGILE[place - 1]} ({place}/178 most fragile first)")
        await shown.press("o", "o", "p")
        await until_told(shown, f"Image {RIGHT[RIGHT.index(FRAGILE[place - 1]) - 1]} (")
        await shown.press("o", "o", "n")
        await until_told(shown, "/200 all)")


async def test_the_list_tells_of_each_image_and_chooses_it(
    opened: Opened, answers: Answers
) -> None:
    async with opened(SMALL) as shown:
        await open_attack(shown, answers)
        await shown.press("o", "shift+tab")
        await until_told(shown, "178 images, most fragile first")
        await shown.until(lambda: "–" not in shown.lines[-5])
        await shown.press("home")
        await shown.settle()
        first = FRAGILE[0]
        rows = [line.split() for line in shown.lines[3:-3] if line.strip()]
        assert [int(row[0]) for row in rows] == FRAGILE[: len(rows)]
        least = f"{0.8 * smallest(first):.3f}"
        assert rows[0] == [str(first), str(first % 10), f"{certified(first):.3f}", least]
        await shown.press("down", "enter")
        await until_told(shown, f"Image {FRAGILE[1]} (2/178 most fragile first)")


async def test_the_curves_grow_while_images_are_attacked_and_epsilon_is_marked(
    opened: Opened, answers: Answers
) -> None:
    answers.part = 50
    async with opened(WIDE) as shown:
        answers.close("robustness")
        await open_attack(shown, answers)
        await until_told(shown, "Attacking the validation images.")
        gate = answers.open["robustness"]
        gate.set()
        await until_told(shown, "Accuracy against ε (L∞), epoch 11", "any attack", "proven")
        assert len(answers.questions("robustness")) == 4
        await shown.until(lambda: "so far" not in shown.text)
        right = len(RIGHT) / 200
        await shown.burst(*["minus"] * 25)
        await until_told(shown, f"FGSM {right:.1%}")
        await shown.burst("0")
        withstood = sum(min(smallest(row), 1.0) > 0.125 for row in RIGHT) / 200
        await until_told(shown, f"FGSM {withstood:.1%}")


async def test_no_more_images_are_attacked_once_all_are_known(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await shown.until(lambda: len(answers.questions("robustness")) == 2)
        await shown.press("plus", "n", "x", "t", "m")
        assert len(answers.questions("robustness")) == 2


async def test_another_run_beside_this_one_with_what_sets_them_apart(
    opened: Opened, answers: Answers, workers: Workers
) -> None:
    config = RunConfig(adversarial_epsilon=0.1, hidden=(64,))
    story = [*made_up.story(12), made_up.finished(12)]
    name = "20251231-235959-brave-lynx"
    made_up.write_run(workers.folder, story, config, name)
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await shown.press("c")
        await until_told(shown, "Compare accuracy against ε with", "brave-lynx", "hidden 64")
        await shown.press("slash", *"hidden:128", "enter")
        await until_told(shown, 'None of the 1 runs passes "hidden:128"')
        await shown.press("slash", "ctrl+u", *"lr:0.1", "enter")
        await until_told(shown, "brave-lynx", "hidden 64")
        await shown.press("enter")
        await until_told(
            shown,
            "quiet-otter: hidden layers 128,",
            "brave-lynx: hidden layers 64,",
        )
        await shown.until(lambda: "so far" not in shown.text)
        await shown.press("tab", "tab", "z")
        await shown.until(lambda: shown.text.count("any attack") == 2)
        await until_told(shown, "hidden layers 128, adversarial epsilon 0 ")
        await until_told(shown, "hidden layers 64, adversarial epsilon 0.1")
        assert "How little it takes ─" not in shown.text
        await shown.press("escape")
        await until_told(shown, "How little it takes ─")
        await shown.press("c")
        await shown.until(lambda: "brave-lynx" not in shown.text)
        await shown.press("c", "escape")
        await shown.settle()
        assert "brave-lynx" not in shown.text
        assert isinstance(shown.app.screen, AttackScreen)


async def test_with_no_other_run_the_choice_says_how_to_get_one(
    opened: Opened, answers: Answers
) -> None:
    async with opened(SMALL) as shown:
        await open_attack(shown, answers)
        await shown.press("c")
        await until_told(shown, "There is no other run yet")
        await shown.press("enter", "escape")
        await until_told(shown, "Image 0")


# Weights, runs and other screens


async def test_brackets_keys_attack_the_weights_of_another_epoch(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await shown.press("left_square_bracket")
        await until_told(shown, "epoch 7", "Accuracy against ε (L∞), epoch 7")
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
            shown, "original: cat", "Image 0 (1/178 predicted rightly), FGSM L∞ ε 0.13,"
        )


async def test_a_takes_the_digit_of_the_dashboard_and_escape_returns(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await shown.show(12)
        await shown.press("n", "n")
        await until_told(shown, "Validation image 2")
        await shown.press("shift+tab", "a")
        await until_told(shown, "Image 2 (3/178 predicted rightly)")
        await shown.press("escape")
        await until_told(shown, "Epoch log")


async def test_a_drawing_is_attacked_and_escape_returns_to_the_pad(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await shown.show(12)
        await shown.press("e", "space", "down", "down", "down", "down", "space", "a")
        await until_told(
            shown,
            "Your drawing, FGSM",
            "3 counts as right, since the model says so",
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


# Terminals


@pytest.mark.parametrize("size", [(60, 16), SMALL, (100, 34), (117, 60), WIDE, LARGE])
@pytest.mark.parametrize(("classes", "shape"), [(10, (28, 28)), (100, (8, 8)), (2, (1, 3))])
async def test_every_size_shows_the_outcome_with_the_bracket(
    opened: Opened,
    answers: Answers,
    size: tuple[int, int],
    classes: int,
    shape: tuple[int, int],
) -> None:
    answers.classes, answers.shape = classes, shape
    async with opened(size) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "✓ still 0", "adversarial: 0 91%")
        await until_told(shown, f"safe below ε {certified(0):.4f}: proven", "fooled from ε 0.1840")
        await shown.press("m")
        await until_told(shown, "✗ 0 is taken for")
        for _ in range(4):
            await shown.press("tab")
            await shown.settle()
            assert all(len(line) == size[0] for line in shown.lines)


async def test_at_80_columns_the_keys_of_the_screen_are_named(
    opened: Opened, answers: Answers
) -> None:
    async with opened(SMALL) as shown:
        await open_attack(shown, answers)
        keys = shown.lines[-1]
        for named in ("+-0 ε", "m Smallest", "x Method", "t Target", "n/p Image", "o Order"):
            assert named in keys
        assert "q Quit" in keys


async def test_without_colour_and_unicode_all_is_ascii(opened: Opened, answers: Answers) -> None:
    for size in (WIDE, SMALL):
        async with opened(size, Terminal(colors=0, unicode=False)) as shown:
            await open_attack(shown, answers)
            await until_told(shown, "FGSM Linf eps 0.125", "right: still 0")
            await until_told(shown, "safe below eps", "=")
            await shown.press("m")
            await until_told(shown, "WRONG: 0 is taken for 3", "adversarial: 3 91% WRONG")
            for _ in range(4):
                await shown.press("tab")
                await shown.settle()
                assert shown.text.isascii()


async def test_w_writes_each_pane_to_a_file_of_its_own(
    opened: Opened, answers: Answers, tmp_path: Path
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "fooled from ε", "any attack")
        for _ in range(4):
            await shown.press("w", "tab")
        written = sorted(path.name for path in tmp_path.glob("mnistop-*.txt"))
        assert [name.removeprefix(f"mnistop-{made_up.NAME}-") for name in written] == [
            "accuracy.txt",
            "attack.txt",
            "how-little-it-takes.txt",
            "images.txt",
        ]
        assert "fooled from ε" in (tmp_path / written[2]).read_text()


async def test_v_changes_how_the_pictures_are_drawn(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "fooled from ε")
        assert "*****" not in shown.text
        await shown.press("v")
        await shown.until(lambda: "*****" in shown.text)


async def test_help_explains_every_pane_with_the_focused_one_first(
    opened: Opened, answers: Answers
) -> None:
    async with opened((120, 300)) as shown:
        await open_attack(shown, answers)
        await shown.press("tab", "tab", "question_mark")
        await until_told(shown, "Go to the smallest ε that fools the model on this image")
        titles = [line.strip() for line in shown.lines]
        assert titles.index("Accuracy") < titles.index("Images")
        assert titles.index("Accuracy") < titles.index("How little it takes")


async def test_a_resized_terminal_keeps_the_image_and_the_pane(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await shown.press("n", "tab")
        await until_told(shown, "Image 1")
        for size in (SMALL, WIDE, (60, 16), LARGE):
            await shown.resize(*size)
            await asyncio.sleep(0)
            await shown.settle()
            assert panes(shown).active.name == "How little it takes"
            await until_told(shown, "safe below ε")
