"""The metrics of a recorded run in pages of charts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine.recording.metrics import (
    MetricsWriter,
    epoch_record,
    key,
    name_records,
    pack_value,
)
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.features.train.metrics import MOST, Extremes, RunMetrics


@pytest.mark.slow
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_no_spike_is_lost_however_the_values_come(parts: list[int], seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=sum(parts))
    extremes, end = Extremes(), 0
    for part in parts:
        end += part
        rows = extremes.follow(values[:end])
        assert (np.diff(rows) > 0).all()
        assert len(rows) <= 4 * MOST + 3
        if end:
            shown = values[rows]
            assert (shown.min(), shown.max()) == (values[:end].min(), values[:end].max())
            assert rows[-1] == end - 1


def test_values_that_are_no_numbers_count_for_nothing() -> None:
    values = np.full(50_000, np.nan)
    values[[7, 40_000]] = 5, -5
    assert {7, 40_000} <= set(Extremes().follow(values).tolist())


@pytest.fixture
def run(tmp_path: Path) -> Run:
    writer = MetricsWriter(tmp_path)
    names = ["train/loss", "train/acc", "train/lr", "reward"]
    for number, name in enumerate(names, start=1):
        writer.append(name_records(number, name))
    for step in range(40):
        if step % 10 == 0:
            writer.append(epoch_record(step // 10))
        for number in range(1, 5):
            writer.append(pack_value(key(number) | step, float(number * step), 100.0 + 60 * step))
    writer.close()
    return Run(tmp_path)


def test_groups_stand_on_pages_of_their_own(run: Run) -> None:
    metrics = RunMetrics(run)
    pages = [metrics.page(number, "step") for number in range(3)]
    assert [(page.group, [curve.name for curve in page.curves]) for page in pages] == [
        ("train", ["train/loss", "train/acc"]),
        ("train", ["train/lr"]),
        ("", ["reward"]),
    ]
    assert metrics.page(3, "step").number == 0


def test_x_is_the_step_the_epoch_or_the_time(run: Run) -> None:
    metrics = RunMetrics(run)
    assert metrics.page(0, "step").curves[0].xs.tolist() == list(range(40))
    epochs = metrics.page(0, "epoch").curves[0].xs
    np.testing.assert_allclose(epochs, np.arange(40) / 10)
    page = metrics.page(0, "time")
    assert page.x_label == "minutes"
    np.testing.assert_allclose(page.curves[0].xs, np.arange(40))


def test_a_run_without_metrics_has_no_page(tmp_path: Path) -> None:
    assert RunMetrics(Run(tmp_path)).page(0, "step").pages == 0
