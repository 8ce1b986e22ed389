"""The digit strip: which image, how strong the attack, and what it says when that fails."""

import asyncio

import pytest

from mnistop.engine.errors import RunError
from mnistop.tui.features.train.images import EPSILONS
from tests.helpers import made_up
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.selection import one_in


async def test_it_shows_a_rightly_predicted_image_and_its_adversarial_version(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        await shown.show(12)
        first = made_up.right_after(12)[0]
        await shown.until_shown(f"Validation image {first}, FGSM ε 0.125")
        text = shown.text_of("digit")
        assert f"original: {first} 91% ✓" in text
        assert f"adversarial: {(first + 3) % 10} 91% ✗" in text
        assert "perturbation ±0.125" in text
        assert workers.asked == [(first, 0.125, None)]


async def test_n_and_p_go_round_the_rightly_predicted_images_only(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        await shown.show(12)
        right = made_up.right_after(12)
        for key, order in (("n", right[1:12]), ("p", [*right[10::-1], *right[:-3:-1]])):
            for row in order:
                await shown.press(key)
                await shown.until(lambda row=row: workers.asked[-1][0] == row)


@pytest.mark.parametrize("pane", one_in(5, ["form", "charts", "log", "matrix", "digit"]))
async def test_n_and_p_work_from_every_pane(opened: Opened, pane: str) -> None:
    right = made_up.right_after(12)
    async with opened() as shown:
        await shown.show(12)
        while shown.focused != pane:
            await shown.press("tab")
        await shown.until_shown(f"Validation image {right[0]},")
        for key, place in (("n", 1), ("n", 2), ("p", 1), ("p", 0), ("p", -1), ("n", 0)):
            await shown.press(key)
            await shown.until_shown(f"Validation image {right[place]},")


@pytest.mark.parametrize("chosen", [False, True])
async def test_an_image_that_comes_to_be_wrong_gives_way_unless_it_was_chosen(
    opened: Opened, workers: Workers, chosen: bool
) -> None:
    async with opened() as shown:
        run = await shown.show(12)
        first, second = made_up.right_after(12)[:2]
        if chosen:
            await shown.press("n", "p")
        rows = made_up.predictions(13)
        rows[13, first] = (rows[13, first] + 1) % 10
        rows.tofile(run.path / "predictions.u8")
        await shown.say(made_up.epoch(12), made_up.saved(13))
        await shown.until(lambda: workers.asked[-1][0] == (first if chosen else second))


async def test_with_no_image_predicted_rightly_n_says_so(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(12)
        await shown.press("tab", "home", "n")
        await shown.until_shown("No validation image")


async def test_plus_minus_and_0_change_the_strength(opened: Opened, workers: Workers) -> None:
    async with opened() as shown:
        await shown.show(12)
        await shown.press("shift+tab")
        assert shown.focused == "digit"
        for key, epsilon in (("plus", 0.15), ("equals_sign", 0.2), ("minus", 0.15), ("0", 0.125)):
            await shown.press(key)
            await shown.until_shown(f"FGSM ε {epsilon:g},", f"perturbation ±{epsilon:g}")
        await shown.burst(*["minus"] * 20)
        await shown.until_shown("FGSM ε 0,")
        await shown.burst(*["plus"] * 20)
        await shown.until_shown(f"FGSM ε {EPSILONS[-1]:g},")


async def test_while_a_question_is_under_way_only_the_newest_one_waits(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        await shown.show(12)
        await shown.until_shown("FGSM")
        await shown.press("shift+tab")
        workers.answers.clear()
        workers.asked.clear()
        await shown.press("plus", "plus", "plus", "plus", "minus")
        assert [epsilon for _, epsilon, _ in workers.asked] == [0.15]
        workers.answers.set()
        await shown.until_shown("FGSM ε 0.25,")
        assert [epsilon for _, epsilon, _ in workers.asked] == [0.15, 0.25]


async def test_a_key_held_down_shows_answers_all_the_while(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        await shown.show(12)
        await shown.until_shown("FGSM")
        await shown.press("shift+tab")
        seen = set()
        for _ in range(5):
            workers.answers.clear()
            await shown.press("minus", "minus")
            workers.answers.set()
            await asyncio.sleep(0)
            await shown.settle()
            seen.add(shown.lines_of("digit")[0])
        assert len(seen) >= 3


async def test_new_weights_are_asked_about_and_old_ones_not_again(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        await shown.show(12)
        await shown.until(lambda: len(workers.asked) == 1)
        await shown.say(made_up.epoch(12))
        await shown.say(made_up.epoch(13))
        assert len(workers.asked) == 1
        await shown.say(made_up.saved(14))
        await shown.until(lambda: len(workers.asked) == 2)


async def test_nothing_is_asked_while_the_strip_is_hidden(opened: Opened, workers: Workers) -> None:
    async with opened((80, 24)) as shown:
        await shown.show(12)
        await shown.say(made_up.epoch(12), made_up.saved(13))
        assert workers.asked == []
        await shown.press("shift+tab", "shift+tab")
        assert shown.focused == "digit"
        await shown.until_shown("FGSM")
        assert len(workers.asked) == 1


async def test_what_goes_wrong_is_said_in_the_strip(opened: Opened, workers: Workers) -> None:
    async with opened() as shown:
        workers.refuses = RunError("The images are gone: the folder /data was moved.")
        await shown.show(12)
        await shown.until(lambda: "The images are gone" in shown.text_of("digit"))
        workers.refuses = ZeroDivisionError("division by zero")
        await shown.press("n")
        await shown.until(lambda: "fault of the program" in shown.text_of("digit"))
        assert "ZeroDivisionError: division by zero" in " ".join(shown.text_of("digit").split())
        workers.refuses = None
        await shown.press("n")
        await shown.until_shown("FGSM ε 0.125")


async def test_the_answer_of_another_run_is_not_shown(opened: Opened, workers: Workers) -> None:
    async with opened() as shown:
        workers.answers.clear()
        await shown.show(12)
        await shown.until(lambda: workers.asked)
        await shown.show(3, names=("cat", "dog"))
        assert "in a moment" in shown.text_of("digit")
        workers.answers.set()
        await shown.until_shown("original: cat")
        assert "original: 0" not in shown.text


async def test_v_changes_how_images_are_drawn(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(12)
        await shown.until_shown("FGSM")
        blocks = shown.text_of("digit")
        await shown.press("v")
        ascii_art = shown.text_of("digit")
        assert "@" in ascii_art
        assert "▀" in blocks
        assert "▀" not in ascii_art
        await shown.press("v")
        assert shown.text_of("digit") == blocks


async def test_a_large_strip_shows_the_probabilities_of_all_classes(opened: Opened) -> None:
    async with opened((200, 60)) as shown:
        await shown.show(12)
        await shown.until_shown("prediction for the original", "prediction for the adversarial")
        assert shown.text_of("digit").count("91.0%") == 2
    async with opened((120, 40)) as shown:
        await shown.show(12)
        await shown.press("shift+tab", "z")
        await shown.until_shown("prediction for the original", "prediction for the adversarial")
        assert shown.text_of("digit").count("1.0%") >= 20


@pytest.mark.parametrize("size", one_in(3, [(60, 16), (80, 24), (100, 34), (120, 40), (200, 60)]))
async def test_the_images_are_whole_at_every_size(opened: Opened, size: tuple[int, int]) -> None:
    async with opened(size) as shown:
        await shown.show(12)
        await shown.go_to("digit")
        await shown.until_shown("FGSM")
        await shown.settle()
        assert "adversarial: 3 91%" in shown.text_of("digit")
        assert "original: 0 91%" in shown.text_of("digit") or size[0] == 60


async def test_of_a_finished_run_it_says_that_the_model_is_asked(
    opened: Opened, workers: Workers
) -> None:
    workers.answers.clear()
    async with opened() as shown:
        told = [*made_up.story(12), made_up.finished(12)]
        run = made_up.write_run(workers.folder, told)
        shown.screen.session.watch(run)
        await shown.say(run=run)
        assert "once training runs" in shown.text_of("digit")
        await shown.say(*told, run=run)
        assert "to fool the model: in a moment" in shown.text_of("digit")
        workers.answers.set()
        await shown.until_shown("Validation image")
