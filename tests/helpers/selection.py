"""The fast selection of tests: `-m "not slow"`."""

from collections.abc import Iterable
from typing import Any

import pytest


def one_in(number: int, cases: Iterable[Any], arguments: int = 1) -> list[Any]:
    """Parameters of which the first of every few is in the fast selection.

    Args:
        number: how many are represented by one.
        cases: a value each, or a tuple of the values of several arguments.
        arguments: how many arguments a case has.
    """
    return [
        pytest.param(
            *(case if arguments > 1 else (case,)),
            marks=pytest.mark.slow if place % number else (),
        )
        for place, case in enumerate(cases)
    ]
