"""The attack screen: all images, their accuracy against ε, and another run beside it."""

from __future__ import annotations

import pytest

from mnistop.engine.analysis.robustness import EPSILONS
from mnistop.engine.config import RunConfig
from mnistop.engine.formatting import percent
from mnistop.tui.features.attack.accuracy import AccuracyChart
from mnistop.tui.features.attack.screen import AttackScreen
from tests.helpers import made_up
from tests.helpers.attack_screen import (
    FRAGILE,
    RIGHT,
    SMALL,
    WIDE,
    open_attack,
    to_method,
    until_told,
)
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.made_up_attacks import Answers, certified, smallest
from tests.tui.draw.reading import texts


@pytest.mark.slow
async def test_n_and_p_go_through_the_right_ones_then_the_most_fragile_then_all(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        for key, row in (("n", 1), ("n", 2), ("right", 3), ("p", 2), ("left", 1), ("p", 0)):
            await shown.press(key)
            await until_told(
                shown, f"Image {row} ({RIGHT.index(row) + 1}/178 correctly classified)"
            )
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
        rows = [line.split() for line in shown.lines[4:-3] if line.strip()]
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
        await shown.press("plus", "n", *to_method("pgd"), "t", "m")
        assert len(answers.questions("robustness")) == 2


@pytest.mark.slow
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
        await until_told(shown, 'None of the 1 runs matches "hidden:128"')
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


async def test_the_chart_reads_out_the_share_of_images_that_the_list_tells(
    opened: Opened, answers: Answers
) -> None:
    """Also at an ε that lies between two points of the curves."""
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "any attack")
        await shown.until(lambda: "so far" not in shown.text)
        chart = shown.app.screen.query_one(AccuracyChart)
        known = chart.runs[0].robustness
        assert known is not None
        for epsilon in (0.08, 0.0801, 0.1234, 0.3):
            chart.show(chart.runs, epsilon)
            [legend] = [row for row in texts(chart.lines(100, 12)) if "any attack" in row]
            assert f"any attack {percent(float((known.found > epsilon).mean()))}" in legend
            assert f"proven {percent(float((known.certified > epsilon).mean()))}" in legend
            if epsilon == 0.08:
                assert f"FGSM {percent(known.fgsm[EPSILONS.index(0.08)])}" in legend
            if epsilon == 0.0801:
                assert "FGSM –" in legend
