"""The screens' summaries of several runs, against scikit-learn and a plain sort."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from mnistop.engine.runs.run_folder import Run
from tests.helpers import made_up
from tests.helpers.dashboard import Opened
from tests.helpers.mistakes_screen import listed, show
from tests.helpers.selection import one_in

EPOCHS = 5
LARGE = (150, 70)


def said_by(seed: int, never: tuple[int, ...]) -> NDArray[np.uint8]:
    """Predictions that are mostly right, or other classes for those that are never predicted."""
    rng = np.random.default_rng(seed)
    labels = np.tile(made_up.labels(), (EPOCHS + 1, 1))
    said = np.where(rng.random(labels.shape) < 0.8, labels, rng.integers(0, 10, labels.shape))
    others = [digit for digit in range(10) if digit not in never]
    return np.where(np.isin(said, never), rng.choice(others, said.shape), said).astype(np.uint8)


RUNS = pytest.mark.parametrize(
    ("seed", "never"),
    one_in(4, [(2, (0, 8, 9)), (0, ()), (1, (3,)), (3, (0, 1, 2, 4, 5, 6, 7, 8, 9))], 2),
)


@pytest.mark.slow
@RUNS
async def test_the_matrix_is_that_of_scikit_learn(
    opened: Opened, tmp_path: Path, seed: int, never: tuple[int, ...]
) -> None:
    said = said_by(seed, never)
    async with opened(size=LARGE) as shown:
        await show(shown, tmp_path, EPOCHS, said, screen=False)
        await shown.press("tab", "tab", "tab", "z")
        await shown.settle()
        rows = [line.split() for line in shown.lines]
        rows = [row for row in rows if len(row) == 12 and row[0].isdecimal()]
    expected = metrics.confusion_matrix(made_up.labels(), said[-1], labels=range(10))
    assert [[int(cell.replace("·", "0")) for cell in row[1:11]] for row in rows] == (
        expected.tolist()
    )
    recalls = metrics.recall_score(made_up.labels(), said[-1], labels=range(10), average=None)
    assert [row[11] for row in rows] == [f"{recall:.0%}" for recall in recalls]


@pytest.mark.slow
@RUNS
async def test_the_report_and_the_confused_pairs_are_those_of_scikit_learn(
    opened: Opened, tmp_path: Path, seed: int, never: tuple[int, ...]
) -> None:
    labels, said = made_up.labels(), said_by(seed, never)
    async with opened(size=LARGE) as shown:
        await show(shown, tmp_path, EPOCHS, said)
        await shown.press("c")
        await shown.settle()
        rows = [line.split()[:5] for line in shown.lines if re.match(r" +\d +[–\d]", line)]
        pairs = [
            (int(count), int(true), int(predicted))
            for true, predicted, count in re.findall(r"(\d) → (\d) +(\d+) ", shown.text)
        ]
    report = metrics.classification_report(
        labels, said[-1], labels=range(10), output_dict=True, zero_division=math.nan
    )
    expected = [report[str(digit)] for digit in range(10)]
    assert rows == [
        [
            str(digit),
            *(share(one[name]) for name in ("precision", "recall", "f1-score")),
            f"{one['support']:.0f}",
        ]
        for digit, one in enumerate(expected)
    ]
    matrix = metrics.confusion_matrix(labels, said[-1], labels=range(10))
    wrong = [(int(matrix[cell]), *cell) for cell in np.ndindex(10, 10) if cell[0] != cell[1]]
    confused = sorted((pair for pair in wrong if pair[0]), key=lambda pair: -pair[0])
    assert len(pairs) == min(len(confused), LARGE[1] - 6)
    assert pairs == confused[: len(pairs)]


def share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1%}"


@pytest.mark.slow
@RUNS
async def test_the_lists_are_a_plain_sort_in_every_order(
    opened: Opened, tmp_path: Path, seed: int, never: tuple[int, ...]
) -> None:
    said = said_by(seed, never)
    async with opened(size=LARGE) as shown:
        run = await show(shown, tmp_path, EPOCHS, said)
        for order in plain_orders(run, said):
            found = listed(shown)
            assert found == order[: len(found)]
            assert len(found) == min(len(order), LARGE[1] - 6)
            await shown.press("o", "home")
            await shown.settle()


def plain_orders(run: Run, said: NDArray[np.uint8]) -> list[list[int]]:
    """The mistakes by confidence, loss, margin, number, first and last right, in that order."""
    labels = made_up.labels().tolist()
    logs = run.log_probabilities_after(EPOCHS, 10)
    assert logs is not None
    probabilities = np.exp(logs.astype(np.float32))

    def margin(row: int) -> float:
        of_true = probabilities[row, labels[row]]
        return float(of_true - np.delete(probabilities[row], labels[row]).max())

    def right(row: int) -> list[int]:
        return [epoch for epoch in range(EPOCHS) if said[epoch + 1, row] == labels[row]]

    wrong = [row for row in range(made_up.VALIDATION) if said[-1, row] != labels[row]]
    keys: list[Callable[[int], float]] = [
        lambda row: -float(probabilities[row, said[-1, row]]),
        lambda row: float(logs[row, labels[row]]),
        margin,
        lambda row: row,
        lambda row: -min(right(row), default=EPOCHS),
        lambda row: max(right(row), default=-1),
    ]
    return [sorted(wrong, key=key) for key in keys]
