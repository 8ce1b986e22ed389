"""Two runs side by side: settings that differ, images that one alone gets right."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from mnistop.engine.analysis.comparison import Duel, differing_settings, duel, mcnemar
from mnistop.engine.config import RunConfig
from mnistop.engine.evaluate import confusion_matrix
from tests.helpers import made_up
from tests.helpers import recorded_predictions as judged

said = st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=60)


def test_only_differing_settings_are_told() -> None:
    configs = [RunConfig(), RunConfig(lr=0.5, hidden=()), RunConfig(lr=0.5)]
    assert differing_settings(configs) == {
        "hidden": ["128", "none", "128"],
        "lr": ["0.1", "0.5", "0.5"],
    }
    assert differing_settings([RunConfig(), RunConfig()]) == {}


@given(said)
def test_a_duel_counts_what_the_matrices_differ_by(rows: list[tuple[int, int, int]]) -> None:
    labels, first, second = (np.array(column, np.uint8) for column in zip(*rows, strict=True))
    both = Duel(labels, first, second)
    difference = both.difference(4)
    assert difference.sum() == 0
    assert (difference.sum(1) == 0).all()
    assert (difference + confusion_matrix(labels, second, 4)).min() >= 0
    assert difference.trace() == len(both.only_first) - len(both.only_second)
    assert not set(both.only_first) & set(both.only_second)
    swapped = Duel(labels, second, first)
    assert (swapped.difference(4) == -difference).all()
    assert swapped.p_value == both.p_value


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemars_test_is_the_exact_binomial_one(one: int, other: int) -> None:
    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(expected)


def test_runs_are_compared_on_the_same_images_only(tmp_path: Path) -> None:
    told = [*made_up.story(5), made_up.finished(5)]
    one, other = (judged.write_run(tmp_path / side, told) for side in ("one", "other"))
    both = duel(one, other, (5, 2), 10)
    assert both
    assert both.only_first.tolist() == [
        row for row in made_up.right_after(5) if row not in made_up.right_after(2)
    ]
    assert len(both.only_second) == 0
    assert duel(one, other, (5, 6), 10) is None
    assert duel(one, other, (5, 5), 9) is None
    images = bytearray((other.path / "images.u8").read_bytes())
    images[0] ^= 1
    (other.path / "images.u8").write_bytes(images)
    assert duel(one, other, (5, 2), 10) is None


def test_runs_without_anything_recorded_are_no_duel(tmp_path: Path) -> None:
    one, other = (made_up.write_run(tmp_path / side) for side in ("one", "other"))
    for run in (one, other):
        (run.path / "labels.u8").unlink()
    assert duel(one, other, (0, 0), 10) is None
