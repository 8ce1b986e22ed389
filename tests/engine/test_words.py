"""Numbers in words, the same wherever they stand."""

import re
from pathlib import Path

import numpy as np
import pytest

import engine.words
from engine.judgement import Judgement
from engine.words import loss, with_sign

ROOT = Path(engine.words.__file__).parent.parent


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.314, "+0.31"), (-0.02, "-0.02"), (-0.004, "0.00"), (-0.0, "0.00"), (0.001, "0.00")],
)
def test_a_number_with_a_sign_has_none_where_it_is_written_as_zero(value: float, text: str) -> None:
    assert with_sign(value) == text


def test_a_loss_of_zero_has_no_sign() -> None:
    assert loss(-0.0) == loss(-0.0001) == "0.000"
    sure = np.array([[0.0, -90.0]], dtype=np.float32)
    told = Judgement(1, np.array([0]), np.array([0]), sure)
    assert str(float(told.loss[0])) == "0.0"


def test_signed_numbers_are_formatted_in_one_place() -> None:
    sources = [path for room in ("engine", "tui") for path in (ROOT / room).rglob("*.py")]
    own = {path.name for path in sources if re.search(r"\{[^{}\n]+:\+", path.read_text("utf-8"))}
    assert own == {"words.py"}
