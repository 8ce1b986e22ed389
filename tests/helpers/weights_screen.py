"""The weights screen with made-up answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from mnistop.engine import worker
from mnistop.engine.analysis.network import (
    FirstLayer,
    FirstWalk,
    Step,
    Walk,
    first_layer,
    first_walk,
    walk,
)
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.cells import Strip
from mnistop.tui.features.weights.neurons import WeightGallery
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Workers

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
        if question is first_walk:
            return await self._answer("first way", self._first_walk, *details[:1])
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

    def _first_walk(self, row: int) -> FirstWalk:
        names = tuple(str(number) for number in range(self.classes))
        return FirstWalk(self._walk(row, 0), names, 200)

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


def images_of(gallery: WeightGallery) -> list[list[Strip]]:
    """The images of the page, each line by line."""
    tiles = gallery.tiles
    lines = gallery.lines(gallery.size.width, gallery.size.height)
    return [
        [strip.crop(x, x + tiles.width) for strip in lines[y + 1 : y + tiles.height]]
        for y in range(0, tiles.rows * tiles.height, tiles.height)
        for x in range(0, tiles.columns * (tiles.width + 1), tiles.width + 1)
    ]
