"""Numbers in words: the same wherever they stand, and no proof looks unsound."""

import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine.formatting import loss, percent, with_sign
from mnistop.engine.runs.predictions import EpochPredictions
from mnistop.tui.text.attack_outcome import at_least, at_most

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.314, "+0.31"), (-0.02, "-0.02"), (-0.004, "0.00"), (-0.0, "0.00"), (0.001, "0.00")],
)
def test_a_number_with_a_sign_has_none_where_it_is_written_as_zero(value: float, text: str) -> None:
    assert with_sign(value) == text


def test_a_loss_of_zero_has_no_sign() -> None:
    assert loss(-0.0) == loss(-0.0001) == "0.000"
    sure = np.array([[0.0, -90.0]], dtype=np.float32)
    told = EpochPredictions(1, np.array([0]), np.array([0]), sure)
    assert str(float(told.loss[0])) == "0.0"


def test_signed_numbers_are_formatted_in_one_place() -> None:
    sources = [path for room in ("engine", "tui") for path in (ROOT / room).rglob("*.py")]
    signed = re.compile(r"(?<!\$)\{[^{}\n]+:\+[^d}]")
    own = {path.name for path in sources if signed.search(path.read_text("utf-8"))}
    assert own == {"formatting.py"}


@pytest.mark.slow
@given(st.integers(1, 70_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_shares_of_one_count_read_the_same_however_they_were_computed(share: tuple[int, int]):
    right, images = share
    values = (
        right / images,
        1 - (images - right) / images,
        float(np.float32(right) / np.float32(images)),
        float((np.arange(images) < right).mean()),
        float((np.arange(images) < right).mean(dtype=np.float32)),
    )
    assert {percent(value) for value in values} == {percent(right / images)}
    assert abs(Fraction(percent(right / images)[:-1]) - Fraction(100 * right, images)) <= 0.0501


def test_half_a_digit_reads_the_same() -> None:
    assert percent(1 - 69 / 80) == percent(11 / 80) == percent(0.1375) == "13.8%"
    assert percent(0.1375 - 1e-15) == percent(0.1375 + 1e-15)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_never_reads_smaller(one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert float(percent(low)[:-1]) <= float(percent(high)[:-1])


@given(st.floats(0, 1, width=32), st.integers(1, 6))
def test_the_ends_of_a_bracket_are_rounded_outwards(epsilon: float, digits: int) -> None:
    exact = Decimal(str(np.float32(epsilon)))
    assert Decimal(at_least(epsilon, digits)) <= exact <= Decimal(at_most(epsilon, digits))
    assert (
        Decimal(at_most(epsilon, digits)) - Decimal(at_least(epsilon, digits))
        <= Decimal(10) ** -digits
    )
    assert at_least(0.1) == at_most(0.1) == at_most(float(np.float32(0.1))) == "0.1000"
