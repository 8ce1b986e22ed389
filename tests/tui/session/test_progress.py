"""The progress line, from the first second to the end."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine import events
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import plain
from mnistop.tui.session import state as states
from mnistop.tui.session.progress import Progress
from mnistop.tui.session.state import State
from tests.helpers import made_up

RUN = Run(Path("/runs") / made_up.NAME)


def said(
    *told: events.Event,
    width: int = 120,
    status: str = "",
    epochs: int = 100,
    terminal: Terminal | None = None,
) -> str:
    state = states.reduce(State(RUN, epochs, alive=True), told)
    return said_of(state, width, status, terminal)


def said_of(
    state: State, width: int = 120, status: str = "", terminal: Terminal | None = None
) -> str:
    progress = Progress(terminal or Terminal())
    progress._state, progress._status = state, status
    lines = progress._draw(width)
    assert all(strip.cell_length == width for strip in lines)
    return plain(lines)


def test_before_any_run_it_says_what_the_program_says() -> None:
    assert said_of(State(), status="Press r to train").strip() == "Press r to train"


def test_a_run_that_starts_says_what_is_waited_for() -> None:
    assert "quiet-otter: starting" in said()
    fetching = events.Preparing(run=made_up.NAME, time=0.0, message="fetching 3 of 15 MB")
    assert "quiet-otter: fetching 3 of 15 MB" in said(fetching)


def test_before_the_first_epoch_it_tells_the_speed() -> None:
    text = said(made_up.started(), made_up.progress(0, 5))
    assert "epoch 0 of 100" in text
    assert "0%" in text
    assert "12k images/s" in text
    assert "val" not in text


def test_training_shows_epoch_percent_speed_time_left_and_accuracy_with_its_interval() -> None:
    text = said(*made_up.story(50))
    assert "epoch 50 of 100" in text
    assert "50%" in text
    assert "80k images/s" in text
    assert "0.5 s left" in text
    assert "val 83.2% (77.4–87.7)" in text
    assert "━" in text


def test_steps_within_an_epoch_count_for_the_percentage() -> None:
    assert "5%" in said(*made_up.story(1), made_up.progress(1, 24), epochs=40)


def test_a_pause_is_said_with_the_key_that_ends_it() -> None:
    paused = events.RunPaused(run=made_up.NAME, time=0.0)
    text = said(*made_up.story(5), paused)
    assert text.startswith("‖")
    assert "paused: Space goes on" in text
    assert "left" not in text
    unpaused = events.RunUnpaused(run=made_up.NAME, time=0.0)
    assert "paused" not in said(*made_up.story(5), paused, unpaused)


def test_a_finished_run_tells_its_time_and_its_best_epoch() -> None:
    text = said(*made_up.story(30), made_up.finished(30))
    assert text.startswith("✓ quiet-otter: 30 epochs in 0.3 s")
    assert "best val 87.6% (82.3–91.5) at epoch 20" in text
    assert "early" not in text
    early = made_up.finished(30, reason="early stopping")
    assert "early stopping" in said(*made_up.story(30), early)


def test_a_tested_run_tells_first_what_unseen_images_say() -> None:
    text = said(*made_up.story(30), made_up.unseen_results(), made_up.finished(30), width=200)
    assert "in 0.3 s  test accuracy 87.8% (86.7–88.8) on 3,502 unseen images; best val" in text
    without = said(*made_up.story(30), made_up.unseen_results(best_acc=None), made_up.finished(30))
    assert "test" not in without
    assert "best val 87.6%" in without


@pytest.mark.parametrize("reason", ["all epochs", "early stopping"])
@pytest.mark.parametrize("tests", [[], [made_up.unseen_results()]])
def test_at_80_columns_a_finished_run_takes_one_line(
    tests: list[events.Event], reason: str
) -> None:
    text = said(*made_up.story(30), *tests, made_up.finished(30, reason=reason), width=80)
    assert "\n" not in text
    assert "val 87.6%" in text
    assert text.rstrip().endswith("at 20") or text.rstrip().endswith("at epoch 20")
    assert ("test 87.8%" in text) == bool(tests)
    assert ("early" in text) == (reason == "early stopping")


def test_a_long_test_says_how_far_it_is() -> None:
    testing = events.Preparing(run=made_up.NAME, time=0.0, message="testing: 4,096 of 69,000")
    assert said(*made_up.story(30), testing).strip() == "▶ quiet-otter: testing: 4,096 of 69,000"


def test_one_of_something_is_not_in_the_plural() -> None:
    assert "1 epoch in" in said(*made_up.story(1), made_up.finished(1))
    assert "at epoch 3; same accuracy within the interval: 1 epoch" in said(
        *made_up.story(4), made_up.finished(4)
    )


def test_thousands_are_told_apart_in_all_of_its_numbers() -> None:
    epochs = [made_up.epoch(number, val_acc=0.9) for number in range(1500)]
    text = said(made_up.started(), *epochs, made_up.finished(1500), width=160)
    assert "1,500 epochs in" in text
    assert "same accuracy within the interval: 1,499 epochs" in " ".join(text.split())


def test_a_stopped_run_says_that_it_was_saved() -> None:
    assert "stopped and saved after 12 epochs" in said(*made_up.story(12), made_up.stopped(12))


def test_a_failed_run_says_why_on_as_many_lines_as_it_takes() -> None:
    message = "The loss became infinite in epoch 3 at step 12: a learning rate below 3 may help. "
    text = said(*made_up.story(3), made_up.failed(message * 2), width=60)
    assert " ".join(text.split()) == "✗ " + (message * 2).strip()


def test_a_run_whose_process_died_says_what_is_safe_and_what_to_do() -> None:
    text = " ".join(said(*made_up.story(7), made_up.interrupted()).split())
    assert "the training process died after 7 epochs" in text
    assert "mnistop resume quiet-otter goes on from the last checkpoint" in text
    text = " ".join(said(made_up.interrupted()).split())
    assert "died after 0 epochs" in text
    assert "mnistop resume quiet-otter trains it again" in text


def test_a_notice_goes_before_the_run() -> None:
    assert said(*made_up.story(3), status="The disk is full.").strip() == "The disk is full."


@given(st.integers(20, 200), st.integers(0, 30), st.booleans(), st.booleans())
def test_it_fits_every_width_and_terminal(
    width: int, epochs: int, unicode: bool, paused: bool
) -> None:
    told = made_up.story(epochs)
    if paused:
        told = [*told, events.RunPaused(run=made_up.NAME, time=0.0)]
    text = said(*told, width=width, terminal=Terminal(unicode=unicode))
    assert "\n" not in text
    assert f"epoch {epochs} of 100"[:width] in text
    assert unicode or text.isascii()


def test_with_less_room_the_accuracy_stays_and_the_speed_goes() -> None:
    text = said(*made_up.story(50), width=60)
    assert "val 83.2% (77.4–87.7)" in text
    assert "images/s" not in text


@pytest.mark.parametrize("end", ["finished", "stopped", "failed", "interrupted"])
def test_without_unicode_the_signs_are_words(end: str) -> None:
    last = {
        "finished": made_up.finished(3),
        "stopped": made_up.stopped(3),
        "failed": made_up.failed("It went wrong."),
        "interrupted": made_up.interrupted(),
    }[end]
    text = said(*made_up.story(3), last, terminal=Terminal(unicode=False))
    assert text.isascii()
    assert {"finished": "done"}.get(end, end).casefold() in text.casefold()


def test_where_a_line_has_no_room_for_it_the_number_of_equal_epochs_is_left_out() -> None:
    told = (*made_up.story(4), made_up.finished(4))
    assert said(*told, width=60).rstrip().endswith("  best val 77.5% at 3")
    for width in (80, 120):
        text = said(*told, width=width)
        assert "\n" not in text
        assert "at epoch" in text
        assert ("same accuracy within the interval: 1 epoch" in text) == (width == 120)
