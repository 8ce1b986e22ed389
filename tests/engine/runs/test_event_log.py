"""The events of a run: read whole and in order, whatever stands in the file."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnistop.engine import events
from mnistop.engine.recording.recorder import Recorder
from mnistop.engine.runs.event_log import EventTail, read_events
from tests.helpers.limits import files_at_most
from tests.helpers.run_folders import make_run, messages, say


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(max_size=20), min_size=1, max_size=6),
    st.integers(0, 1_000_000),
)
def test_events_cut_anywhere_are_a_beginning_of_them(
    tmp_path: Path, said: list[str], millionths: int
) -> None:
    run = make_run(tmp_path)
    say(run, *said)
    file = run.path / "events.jsonl"
    content = file.read_bytes()
    kept = len(content) * millionths // 1_000_000
    file.write_bytes(content[:kept])

    whole = content[:kept].count(b"\n")
    tail = EventTail(run)
    assert messages(tail.read()) == said[:whole]
    assert tail.read() == []

    say(run, "again")
    found = messages(read_events(run))
    assert found in ([*said[:whole], "again"], [*said[: whole + 1], "again"])
    assert messages(tail.read()) == found[whole:]


def test_a_line_is_told_once_it_is_whole(runs_folder: Path) -> None:
    run = make_run(runs_folder)
    tail = EventTail(run)
    assert tail.read() == []
    say(run, "one")
    line = (run.path / "events.jsonl").read_bytes()
    with open(run.path / "events.jsonl", "ab") as file:
        file.write(line[:20])
        file.flush()
        assert messages(tail.read()) == ["one"]
        assert tail.read() == []
        file.write(line[20:])
        file.flush()
        assert messages(tail.read()) == ["one"]


def test_garbage_and_foreign_lines_are_skipped(runs_folder: Path) -> None:
    run = make_run(runs_folder)
    say(run, "one")
    with open(run.path / "events.jsonl", "ab") as file:
        file.write(b'\x00\xff\n\n[1, 2]\n{"event": "FromTheFuture", "run": "r", "time": 2}\n')
    say(run, "two")
    assert messages(read_events(run)) == ["one", "two"]


@pytest.mark.parametrize("garbage", [b"x" * 700_000 + b"\n", b"foreign\n" * 90_000])
def test_much_garbage_does_not_hide_what_comes_after(runs_folder: Path, garbage: bytes) -> None:
    run = make_run(runs_folder)
    say(run, "one")
    with open(run.path / "events.jsonl", "ab") as file:
        file.write(garbage)
    say(run, "two")
    assert messages(read_events(run)) == ["one", "two"]


def test_many_events_are_read_in_order(runs_folder: Path) -> None:
    run = make_run(runs_folder)
    said = [f"message {number}" for number in range(9000)]
    say(run, *said)
    assert (run.path / "events.jsonl").stat().st_size > EventTail.CHUNK
    assert messages(read_events(run)) == said


def test_an_event_that_the_disk_takes_in_part_only_does_not_spoil_the_next(tmp_path: Path) -> None:
    """With room for 1,000 bytes, the second event is torn; a short third one has room again."""
    run = make_run(tmp_path)
    recorder = Recorder(run)
    with files_at_most(1000):
        recorder.record(events.Preparing, message="one")
        with pytest.raises(OSError, match="File too large") as caught:
            recorder.record(events.Preparing, message="x" * 2000)
        recorder.record(events.RunFailed, message=caught.value.strerror)
    first, second = read_events(run)
    assert messages([first]) == ["one"]
    assert isinstance(second, events.RunFailed)
    assert second.message == "File too large"
