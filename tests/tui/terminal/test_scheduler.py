"""Drawing without a key stays within the line's speed, and keys come between."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from textual.app import App
from textual.screen import Screen

from mnistop.tui.terminal.scheduler import Budget, Scheduler

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
    line.budget.clear_debt()
    assert line.budget.allows


async def test_never_two_pieces_are_drawn_in_one_turn_of_the_event_loop() -> None:
    """This holds for pieces that a person waits for, too: the next key may have come meanwhile."""
    turn, drawn_in = 0, []
    app: App[None] = App()
    async with app.run_test():
        screen: Screen[None] = app.screen
        scheduler = Scheduler(screen)
        for _ in range(5):
            scheduler.add(lambda: drawn_in.append(turn), 0.5)
        scheduler.changed(urgent=True)
        while len(drawn_in) < 5:
            await asyncio.sleep(0)
            turn += 1
    assert sorted(set(drawn_in)) == drawn_in
