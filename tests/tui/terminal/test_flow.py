"""No more is under way to the terminal than it answers in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.tui.terminal.flow import REQUEST, FlowControl


class Line:
    """A line that passes on so many bytes a second, with a clock."""

    def __init__(self, rate: float, delay: float = 0.0) -> None:
        self.now = 0.0
        self.rate = rate
        self.delay = delay
        self.flow = FlowControl(lambda: self.now)
        self.free_at = 0.0
        self.answers: list[float] = []
        self.copies = 1
        """How often the terminal gives each answer."""
        self.write(len(self.flow.begin()), True)

    def write(self, size: int, is_followed: bool) -> None:
        self.free_at = max(self.now, self.free_at) + size / self.rate
        if is_followed:
            self.answers.append(self.free_at + 2 * self.delay)

    def send_all_allowed(self, windows: int = 1) -> int:
        size = int(self.flow.allowance(windows))
        if size:
            request = self.flow.sent(size)
            self.write(size + len(request), bool(request))
        return size

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.answers and self.answers[0] <= end:
            self.now = max(self.now, self.answers.pop(0))
            for _ in range(self.copies):  # they come in one packet
                self.flow.answered()
            self.send_all_allowed()
        self.now = end

    @property
    def backlog(self) -> float:
        """Seconds until the line has passed on what was written."""
        return max(0.0, self.free_at - self.now)


rates = st.sampled_from([100.0, 300.0, 1000.0, 10_000.0, 1e6])
delays = st.sampled_from([0.0, 0.02, 0.25])


@given(rates, delays)
def test_a_line_of_any_rate_is_used_and_never_far_behind(rate: float, delay: float) -> None:
    line = Line(rate, delay)
    line.run(2 * delay + 1)
    line.send_all_allowed()
    line.run(30 + 20_000 / rate)  # the first window is a guess
    for _ in range(50):
        line.run(0.1)
        assert line.backlog < 2.5
    used = line.free_at
    line.run(20)
    if delay == 0:
        assert line.free_at - used > 8


@given(rates, delays)
def test_what_a_key_opens_may_go_out_before_the_line_has_answered(
    rate: float, delay: float
) -> None:
    line = Line(rate, delay)
    line.run(2 * delay + 1)
    line.send_all_allowed()
    assert not line.flow.allowance()
    assert line.flow.allowance(windows=2)


def test_a_first_frame_that_takes_a_slow_line_long_is_no_lost_answer() -> None:
    line = Line(300)
    line.now = 0.45  # so late that the terminal seems to answer nothing
    left = 7000
    while left:
        size = int(min(left, line.flow.piece))
        line.write(size + len(line.flow.sent(size)), True)
        left -= size
    for _ in range(80):
        line.run(0.5)
        assert line.flow.overdue() == ""
    assert line.backlog < 2


def test_while_the_line_stalls_nothing_is_sent_and_afterwards_it_goes_on() -> None:
    line = Line(10_000)
    line.run(1)
    line.send_all_allowed()
    line.run(30)
    before = line.flow.window
    assert before > 5_000
    line.answers, held = [], line.answers
    line.now += 90
    assert line.flow.allowance() == 0
    assert line.flow.overdue() == REQUEST
    assert line.flow.overdue() == ""
    line.answers = [line.now for _ in held]
    line.free_at = line.now
    line.run(60)
    assert line.flow.window > 5_000


def test_a_terminal_that_never_answers_is_not_waited_for() -> None:
    now = 0.0
    flow = FlowControl(lambda: now)
    flow.begin()
    flow.sent(int(flow.allowance()))
    assert flow.allowance() == 0
    now = 0.5
    assert flow.allowance() > 1e9
    flow.sent(100_000)
    flow.answered()  # late
    assert flow.allowance() < 1e9


def test_an_answer_that_was_lost_holds_nothing_up_for_long() -> None:
    line = Line(1000)
    line.run(1)
    line.send_all_allowed()
    line.answers.clear()
    line.run(5)
    assert line.flow.allowance() == 0
    line.run(6)
    assert line.flow.overdue() == REQUEST
    line.write(len(REQUEST), True)
    line.run(1)
    line.run(20)
    assert line.backlog < 2


def test_a_terminal_that_answers_twice_is_not_taken_for_a_fast_one() -> None:
    line = Line(1000)
    for _ in range(5):
        line.flow.answered()
    line.copies = 2
    line.send_all_allowed()
    line.run(60)  # the first window is a guess
    for _ in range(500):
        line.run(0.1)
        assert line.backlog < 4


@pytest.mark.slow
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=50))
def test_requests_add_at_most_two_percent_to_a_fast_line(sizes: list[int]) -> None:
    line = Line(1e9)
    line.run(1)
    line.flow._window = 65_536.0
    requests = 0
    for size in sizes:
        requests += len(line.flow.sent(size))
        line.now += 0.01
        line.flow.answered()
    assert requests <= max(len(REQUEST), 0.02 * sum(sizes))


@given(st.floats(0.001, 2), st.floats(0.0001, 2))
def test_an_answer_may_come_sooner_than_any_before(first: float, second: float) -> None:
    now = 0.0
    flow = FlowControl(lambda: now)
    flow.begin()
    now += first
    flow.answered()
    flow.sent(int(flow.allowance()))
    assert not flow.allowance()
    now += second
    flow.answered()
    assert flow.allowance()
