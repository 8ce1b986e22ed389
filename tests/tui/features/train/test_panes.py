"""The log and the confusion matrix, and their texts while there is nothing to show."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine import events
from mnistop.engine.evaluate import confusion_matrix
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import plain
from mnistop.tui.features.train.charts import Charts
from mnistop.tui.features.train.epochs import EpochLog
from mnistop.tui.features.train.images import Confusion, Digit
from mnistop.tui.session import state as states
from mnistop.tui.session.state import State
from tests.helpers import made_up

RUN = Run(Path("/runs") / made_up.NAME)
PLAIN = Terminal(unicode=False)


def after(*told: events.Event) -> State:
    return states.reduce(State(run=RUN, epochs_planned=100, alive=True), told)


# The log


def log_of(state: State, width: int = 36, height: int = 11, terminal: Terminal = PLAIN) -> EpochLog:
    log = EpochLog(terminal)
    log.show(state)
    return log


def rows(state: State, width: int = 36, height: int = 11) -> list[str]:
    """The lines below the header, without the spaces at their ends."""
    return [strip.text.rstrip() for strip in log_of(state).lines(width, height)[1:]]


def numbers(state: State, height: int = 11) -> list[str]:
    """The numbers at the start of the rows."""
    return [row.split()[0] for row in rows(state, height=height)]


def test_the_untrained_model_is_the_first_row() -> None:
    assert rows(after(made_up.started())) == ["untrained       2.303         10.0%"]


def test_the_newest_epochs_are_in_sight() -> None:
    assert numbers(after(*made_up.story(50))) == [str(number) for number in range(40, 50)]


def test_the_columns_stand_under_their_names() -> None:
    state = after(*made_up.story(100))
    for width, apart in ((36, " +"), (80, "  +")):  # names of two words have one space
        header, _, *below = [strip.text.rstrip(" *") for strip in log_of(state).lines(width, 102)]
        assert len(below) == 100
        for row in below:
            assert ends(row, apart) == ends(header, apart)


def ends(row: str, apart: str) -> list[int]:
    """The columns' right edges in a row."""
    return [gap.start() for gap in re.finditer(f"{apart}|$", row) if gap.start()]


def test_wide_rows_tell_the_learning_rate_and_the_time() -> None:
    [row] = rows(after(*made_up.story(1)), width=80)[-1:]
    assert row.split() == ["0", "2.000", "1.500", "40.0%", "40.0%", "0.1", "10", "ms*"]


@given(st.integers(1, 120), st.integers(2, 30), st.integers(-1, 119))
def test_every_epoch_can_be_reached(epochs: int, height: int, cursor: int) -> None:
    state = after(*made_up.story(epochs))
    state = state.moved(-1_000_000).moved(1 + min(cursor, epochs - 1))
    shown = numbers(state, height)
    assert len(shown) == min(height - 1, epochs + 1)
    assert str(min(cursor, epochs - 1)) in shown or (cursor == -1 and shown[0] == "untrained")


def test_the_best_epoch_is_marked_without_colour_too() -> None:
    marked = [row for row in rows(after(*made_up.story(30)), height=40) if row.endswith("*")]
    assert [row.split()[0] for row in marked] == ["20"]
    assert "★" in plain(log_of(after(*made_up.story(3)), terminal=Terminal()).lines(36, 11))


def test_the_row_of_the_cursor_is_reversed() -> None:
    state = after(*made_up.story(30)).moved(-5)
    reversed_rows = [
        strip.text.split()[0]
        for strip in log_of(state).lines(36, 11)
        if any(segment.style and segment.style.reverse for segment in strip)
    ]
    assert reversed_rows == ["24"]


def test_the_title_says_where_one_is_and_how_to_get_back() -> None:
    state = after(*made_up.story(3))
    assert log_of(state).title() == "Epoch log"
    assert log_of(state.moved(-1)).title() == "Log, epoch 1 (Esc: newest)"
    assert log_of(state.moved(-9)).title() == "Log, untrained (Esc: newest)"


# The confusion matrix


def matrix_of(epochs: int, names: tuple[str, ...] = made_up.DIGITS) -> Confusion:
    pane = Confusion(PLAIN)
    predicted = made_up.predictions(max(epochs, 0), len(names))[-1]
    pane.content = confusion_matrix(made_up.labels(len(names)), predicted, len(names))
    pane.state = after(*made_up.story(epochs, names=names))
    return pane


def test_the_title_counts_what_is_wrong() -> None:
    wrong = made_up.VALIDATION - len(made_up.right_after(12))
    assert matrix_of(12).title() == f"Confusion matrix, epoch 11: {wrong} of 200 wrong"
    assert matrix_of(0).title() == "Confusion matrix, untrained: 200 of 200 wrong"


def test_every_row_adds_up_to_the_images_of_its_class() -> None:
    pane = matrix_of(12)
    assert np.array_equal(pane.content.sum(1), np.full(10, 20))
    below = plain(pane.lines(49, 11)).splitlines()[1:]
    for row in below:
        _, *counts, _recall = row.replace(".", "0").split()
        assert sum(map(int, counts)) == 20


# Nothing to show


@pytest.mark.parametrize(
    ("state", "hint"),
    [
        (State(), "press r to train"),
        (after(), "once training runs"),
        (after(made_up.started()), "after epoch 0"),
        (after(made_up.started(), made_up.failed("No.")), "the run has none"),
    ],
)
@pytest.mark.parametrize("width", [28, 34, 49, 86])
def test_an_empty_pane_says_what_fills_it(state: State, hint: str, width: int) -> None:
    charts, matrix, digit = Charts(PLAIN), Confusion(PLAIN), Digit(PLAIN)
    charts.state = state
    matrix.show_epoch(None, state)
    digit.wait(state.hint)
    panes = [(charts, max(width, 60)), (matrix, width), (digit, width)]
    if state.history.started is None:
        panes.append((log_of(state), width))
    for pane, cells in panes:
        shown = " ".join(plain(pane.lines(cells, 12)).split())
        times = 2 if pane is charts else 1
        assert shown.count(hint) == times, pane
