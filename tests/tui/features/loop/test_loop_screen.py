"""The loop line by line as a person runs it: code, numbers, one image, one weight, losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mnistop.engine import worker
from mnistop.engine.analysis.line_by_line import LINES, LoopState, run_lines
from mnistop.engine.errors import DataError
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.loop.screen import LoopScreen
from tests.helpers.dashboard import Dashboard, Opened, Workers
from tests.helpers.selection import one_in

SMALL = {"source": "digits", "samples": "200", "hidden": "16", "device": "cpu"}
"""Settings of a loop that takes milliseconds."""


class Loop:
    """Answers in this process."""

    refuses: Exception | None = None

    async def ask(self, question: Callable[..., Any], *args: Any) -> Any:
        if self.refuses:
            raise self.refuses
        assert question is run_lines
        return question(*args)


@pytest.fixture
def loop(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> Loop:
    fake = Loop()
    monkeypatch.setattr(worker, "ask", fake.ask)
    return fake


def state(shown: Dashboard) -> LoopState | None:
    screen = shown.app.screen
    assert isinstance(screen, LoopScreen)
    return screen._model.state


async def at(shown: Dashboard, lines: int) -> LoopState:
    """Waits until so many lines have been run."""

    def there() -> bool:
        now = state(shown)
        return now is not None and now.lines_run == lines

    await shown.until(there)
    await shown.settle()
    found = state(shown)
    assert found
    return found


@pytest.mark.parametrize("size", one_in(4, [(120, 40), (80, 24), (60, 16), (200, 60)]))
async def test_enter_runs_line_by_line_and_each_shows_its_numbers(
    opened: Opened, loop: Loop, size: tuple[int, int]
) -> None:
    async with opened(size, **SMALL) as shown:
        await shown.press("8")
        await at(shown, 0)
        assert "Enter runs the first line" in shown.sentences
        expected = {
            "forward": ["(32, 64)", "(32, 16)", "(32, 10)", "Logits of image 1 of 32"],
            "loss": ["Image 1 alone", "class 1/10: ln 10 ="],
            "zero_grad": ["this is the first batch"],
            "backward": ["linear_2.weight", "norm 0."],
            "update": ["w = w - lr * g", " - 0.1 * "],
        }
        for number, name in enumerate(LINES, start=1):
            await shown.press("enter")
            await at(shown, number)
            assert f"What it did: {name}" in shown.sentences or size == (60, 16)
            for words in expected[name]:
                assert words in shown.text, shown.text


async def test_the_numbers_of_an_update_are_put_into_its_formula(
    opened: Opened, loop: Loop
) -> None:
    async with opened(**SMALL) as shown:
        await shown.press("8", "s")
        now = await at(shown, 5)
        assert now.update
        formula = f"= {now.update.lines[0].numbers} = {now.weight.value:.6g}"
        assert formula in shown.text
        assert f"{now.update.before:.6g}, after {now.weight.value:.6g}" in shown.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "code"),
    one_in(
        5,
        [
            (
                {"optimizer": "adam"},
                ["optimizer.step()", "m_hat = m / (1 - 0.9 ** t)", "sqrt(v_hat)"],
            ),
            ({"optimizer": "sgd"}, ["v = 0.9 * v + g", "w = w - lr * v"]),
            (
                {"weight_decay": "0.01"},
                ["weight -= learning_rate * (weight.grad + weight_decay * "],
            ),
            ({"shift": "2"}, ["x = shift(x)", "moved by up to 2 pixels"]),
            ({"adversarial_epsilon": "0.1"}, ["x = torch.cat([x, fgsm(x, y)])", "(64, 64)"]),
            ({"dropout": "0.3"}, ["Dropout sets a random 30%"]),
            ({"clip_norm": "0.01"}, ["clip_grad_norm_(", "more than 0.01: each is"]),
            ({"hidden": "none"}, ["(32, 64)", "to class "]),
            (
                {"class_weights": "balanced", "sampler": "balanced"},
                ["weight=class_weights", "weighted by their classes", "drawn with replacement"],
            ),
            ({"schedule": "cosine"}, ["weight -= lr * weight.grad", "lr = 0.1 (cosine)"]),
        ],
        2,
    ),
)
async def test_the_code_and_its_numbers_are_those_of_the_settings(
    opened: Opened, loop: Loop, values: dict[str, str], code: list[str]
) -> None:
    async with opened((160, 50), **(SMALL | values)) as shown:
        await shown.press("8", "s")
        await at(shown, 5)
        for words in code:
            assert words in shown.sentences, shown.text


@pytest.mark.slow
async def test_steps_lines_back_and_starting_over(opened: Opened, loop: Loop) -> None:
    async with opened(**SMALL) as shown:
        await shown.press("8", "enter", "enter", "s")
        first = await at(shown, 5)
        await shown.press("t")
        eleven = await at(shown, 55)
        assert len(eleven.losses) == 11
        assert f"Losses: {first.losses[0]:.3f} to {eleven.losses[-1]:.3f}" in shown.text
        assert "Validation: loss" not in shown.text
        await shown.press("u")
        assert "What it did: backward" in (await at(shown, 54) and shown.text)
        await shown.press("0")
        await at(shown, 0)
        assert "Enter runs the first line" in shown.sentences


@pytest.mark.slow
async def test_another_image_and_another_weight(opened: Opened, loop: Loop) -> None:
    async with opened(**SMALL) as shown:
        await shown.press("8", "s")
        before = await at(shown, 5)
        await shown.press("n", "n")
        await shown.until_shown("Image 3 of 32")
        await shown.press("p", "p", "p")
        await shown.until_shown("Image 32 of 32")
        _, row, column = before.weight.index
        await shown.press("down", "right")
        await shown.until_shown(f"w linear_1.weight[{(row + 1) % 16}, {(column + 1) % 64}]")
        await shown.press("g")
        await shown.until_shown(f"w linear_1.weight[{row}, {column}]")
        await shown.press("x")
        await shown.until_shown("w linear_1.bias[0]")


@pytest.mark.slow
async def test_the_end_of_training_is_said(opened: Opened, loop: Loop) -> None:
    async with opened(**(SMALL | {"epochs": "1", "batch_size": "100"})) as shown:
        await shown.press("8", "t")
        await at(shown, 10)
        await shown.until_shown("Epoch 0 is over. Validation: loss", "training is over. 0 starts")
        await shown.press("enter")
        assert any("training is over" in notice for notice in shown.notices)


@pytest.mark.slow
async def test_a_loop_that_diverges_ends_as_its_training_would(opened: Opened, loop: Loop) -> None:
    values = SMALL | {"lr": "1000", "weight_decay": "100", "hidden": "none", "samples": "320"}
    for size in ((120, 40), (80, 24)):
        async with opened(size, **values) as shown:
            await shown.press("8", "s", "s", "s", "t")
            await shown.until_shown("no longer a number: it diverged in epoch 0")
            await shown.press("n", "x", "g", "u", "z")
            await shown.settle()


@pytest.mark.slow
async def test_other_settings_in_the_form_start_anew(opened: Opened, loop: Loop) -> None:
    async with opened(**SMALL) as shown:
        await shown.press("8", "s")
        await at(shown, 5)
        await shown.press("1")
        shown.screen.set_rate("0.5")
        await shown.press("8")
        now = await at(shown, 0)
        assert now.config.lr == 0.5


async def test_what_went_wrong_is_said_and_tried_again(opened: Opened, loop: Loop) -> None:
    loop.refuses = DataError("There are no images.")
    async with opened(**SMALL) as shown:
        await shown.press("8")
        await shown.until_shown("There are no images.")
        loop.refuses = None
        await shown.press("1", "8")
        await at(shown, 0)


@pytest.mark.slow
async def test_without_colours_and_unicode_all_is_ascii(opened: Opened, loop: Loop) -> None:
    terminal = Terminal(colors=0, unicode=False)
    for values in ({}, {"optimizer": "adam", "weight_decay": "0.1"}):
        async with opened((120, 40), terminal, **(SMALL | values)) as shown:
            await shown.press("8", "s")
            await at(shown, 5)
            assert shown.text.isascii()
            assert ">1      logits = model(x)" in shown.text
