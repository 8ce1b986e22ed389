"""What is drawn without a key stays within what the line takes."""

from hypothesis import given
from hypothesis import strategies as st

from tui.rhythm import Budget

RATE = 1000.0


class Line:
    """A clock, and the bytes that have been sent."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent = 0
        self.budget = Budget(RATE, lambda: self.sent, lambda: self.now)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=30))
def test_drawings_of_any_size_keep_to_the_rate(sizes: list[int]) -> None:
    line = Line()
    for size in sizes:
        while not line.budget.allows:
            line.now += 0.04
        line.sent += size
    assert line.sent - sizes[-1] <= RATE * (line.now + 1) + 1e-6


def test_what_a_person_waits_for_is_no_debt() -> None:
    line = Line()
    line.sent = 5000
    assert not line.budget.allows
    line.budget.forgive()
    assert line.budget.allows
