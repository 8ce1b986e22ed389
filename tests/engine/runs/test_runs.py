"""Run folders: made, found, read although damaged, and deleted."""

import errno
import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mnistop.engine import events, files
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.events import Event
from mnistop.engine.recording.recorder import Recorder
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.entry import About, write_about
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.lookup import find_run
from mnistop.engine.runs.predictions import snapshot_epochs
from mnistop.engine.runs.run_folder import Run
from tests.helpers import made_up
from tests.helpers.limits import files_at_most


def make_run(folder: Path, name: str | None = None, config: RunConfig | None = None) -> Run:
    """A run that nobody trains."""
    run, lock = run_folder.create(config or RunConfig(), folder)
    lock.close()
    return Run(run.path.rename(folder / name)) if name else run


def say(run: Run, *messages: str) -> None:
    recorder = Recorder(run)
    for message in messages:
        recorder.say(events.Preparing, message=message)


def messages(said: list[Event]) -> list[str]:
    return [event.message for event in said if isinstance(event, events.Preparing)]


# Making.


def test_a_run_folder_is_private_and_holds_the_configuration(runs_folder: Path) -> None:
    config = RunConfig(lr=0.3, hidden=())
    run = make_run(runs_folder, config=config)
    assert run.path.parent == runs_folder
    assert run.path.stat().st_mode & 0o777 == 0o700
    assert runs_folder.stat().st_mode & 0o777 == 0o700
    assert run.config() == config
    date, clock, *words = run.name.split("-")
    assert (len(date), len(clock), len(words)) == (8, 6, 2)


def test_runs_are_kept_in_the_state_folder_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MNISTOP_RUNS", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert run_folder.runs_folder() == tmp_path / "mnistop" / "runs"
    monkeypatch.setenv("MNISTOP_RUNS", "here")
    assert run_folder.runs_folder() == Path.cwd() / "here"


def test_where_no_folder_can_be_made_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="Set MNISTOP_RUNS to a folder that can be written"):
        run_folder.create(RunConfig(), tmp_path / "file")


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_file_locks_is_called_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int
) -> None:
    """Lustre and NFS may be mounted like this on a cluster."""

    def flock(file: object, kind: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(RunError, match=r"no file locks .* Set MNISTOP_RUNS to a folder"):
        run_folder.create(RunConfig(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_run_folder_that_cannot_be_filled_is_taken_away_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mnistop.engine.runs.folder.write_atomically", full)
    with pytest.raises(RunError, match="No space left on device"):
        run_folder.create(RunConfig(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    run_folder.write_atomically(file, b"old")
    with files_at_most(1000), pytest.raises(OSError, match="File too large"):
        run_folder.write_atomically(file, bytes(5000))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert file.read_bytes() == b"old"


# Finding.


def test_a_run_is_found_by_name_prefix_words_and_last(runs_folder: Path) -> None:
    old = make_run(runs_folder, "20250101-000000-calm-otter")
    new = make_run(runs_folder, "20260101-000000-keen-wren")
    assert run_folder.list_runs() == [new, old]
    for reference in ("20260101-000000-keen-wren", "2026", "keen-wren", "last"):
        assert find_run(reference) == new
    assert find_run("calm-otter") == old


def test_what_fits_several_runs_is_answered_with_their_names(runs_folder: Path) -> None:
    for name in ("20250101-000000-calm-otter", "20260101-000000-calm-otter"):
        make_run(runs_folder, name)
    for reference in ("20", "calm-otter"):
        with pytest.raises(RunError, match=r"fits 2 runs \(20260101.*, 20250101.*give more"):
            find_run(reference)


def test_a_whole_name_is_meant_even_if_it_begins_another(runs_folder: Path) -> None:
    short = make_run(runs_folder, "20250101-000000-calm-otter")
    make_run(runs_folder, "20250101-000000-calm-otter-copy")
    assert find_run(short.name) == short


def test_a_run_is_found_by_the_name_that_the_user_gave_it(runs_folder: Path) -> None:
    calm, keen, wren = (
        make_run(runs_folder, f"2025010{day}-000000-{words}")
        for day, words in enumerate(("calm-otter", "keen-elk", "keen-wren"), start=1)
    )
    write_about(calm, About("keen-wren"))
    write_about(keen, About("My best one"))
    assert find_run("my  best one") == keen
    assert find_run("keen-wren") == calm  # what the user says counts more than the words
    assert find_run(wren.name) == wren
    write_about(wren, About("My best one"))
    with pytest.raises(
        RunError, match=r"My best one fits 2 runs \(.*keen-wren, .*keen-elk\): give"
    ):
        find_run("My best one")


def test_a_run_that_is_not_there_is_told_in_a_sentence(runs_folder: Path) -> None:
    with pytest.raises(RunError, match="There are no runs yet"):
        find_run("last")
    make_run(runs_folder)
    with pytest.raises(RunError, match="There is no run sunny-elk: mnistop runs lists them"):
        find_run("sunny-elk")
    with pytest.raises(RunError, match="There is no run ''"):
        find_run("")


def test_of_two_runs_of_the_same_second_the_later_is_the_last(runs_folder: Path) -> None:
    first = make_run(runs_folder, "20250101-000000-sunny-wren")
    second = make_run(runs_folder, "20250101-000000-amber-birch")
    os.utime(first.path / "config.json", (1e9, 1e9))
    assert run_folder.list_runs() == [second, first]
    os.utime(second.path / "config.json", (1e9 - 1, 1e9 - 1))
    assert run_folder.list_runs() == [first, second]


def begun(run: Run, at: float) -> Run:
    """Create a run whose log holds the time of its start."""
    waited = events.Preparing(run=run.name, time=at - 1, message="looking for what has Started")
    start = msgspec.structs.replace(made_up.started(run.name), time=at)
    made_up.say(run, [waited, start])
    return run


def test_the_last_run_is_the_one_started_last_whatever_its_name_says(runs_folder: Path) -> None:
    """The clock may have been ahead, or another time zone may have given the name."""
    ahead = begun(make_run(runs_folder, "20990101-000000-calm-otter"), 1_700_000_000)
    newest = begun(make_run(runs_folder, "20260101-000000-keen-wren"), 1_700_000_300)
    oldest = begun(make_run(runs_folder, "20260102-000000-mild-elk"), 1_600_000_000)
    assert run_folder.list_runs() == [newest, ahead, oldest]
    assert find_run("last") == newest
    assert [one.run for one in list_all().runs] == [newest, ahead, oldest]


def test_a_run_that_claims_to_start_in_the_future_is_newer_than_no_other(
    runs_folder: Path,
) -> None:
    """Its clock was ahead, and is right again."""
    tomorrow = begun(make_run(runs_folder, "20990101-000000-calm-otter"), time.time() + 86_400)
    now = begun(make_run(runs_folder, "20260101-000000-keen-wren"), time.time())
    year_ago = begun(make_run(runs_folder, "20250101-000000-mild-elk"), time.time() - 3e7)
    assert run_folder.list_runs() == [now, year_ago, tomorrow]
    assert find_run("last") == now


def test_runs_that_start_at_the_same_time_are_ordered_by_their_names(runs_folder: Path) -> None:
    names = [f"20260101-000000-calm-otter.0{number}" for number in (2, 3, 1)]
    for name in names:
        begun(make_run(runs_folder, name), 1_700_000_000)
    assert [run.name for run in run_folder.list_runs()] == sorted(names, reverse=True)


def test_other_files_and_folders_are_no_runs(runs_folder: Path) -> None:
    run = make_run(runs_folder)
    (runs_folder / "notes.txt").touch()
    (runs_folder / "20990101-000000-empty-folder").mkdir()
    assert run_folder.list_runs() == [run]


def test_without_a_runs_folder_there_are_no_runs(runs_folder: Path) -> None:
    assert run_folder.list_runs() == []


# What is damaged.


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"\xff\xfe",
        b'{"format": 1}',
        b'{"format": "one", "config": {}}',
        b'{"format": 1, "config": {"lr": -1}}',
        b'{"format": 1, "config": {"unheard": 1}}',
    ],
)
def test_a_damaged_configuration_is_told_in_a_sentence_and_others_are_listed(
    runs_folder: Path, content: bytes
) -> None:
    damaged, other = make_run(runs_folder), make_run(runs_folder)
    (damaged.path / "config.json").write_bytes(content)
    with pytest.raises(RunError, match=f"Run {damaged.name} has a damaged config.json"):
        damaged.config()
    assert other in run_folder.list_runs()


def test_a_missing_configuration_is_told_in_a_sentence(runs_folder: Path) -> None:
    run = make_run(runs_folder)
    (run.path / "config.json").unlink()
    with pytest.raises(RunError, match="No such file"):
        run.config()


def test_a_run_of_a_newer_program_asks_for_an_update(runs_folder: Path) -> None:
    run = make_run(runs_folder)
    manifest = {"format": 5, "config": {"learning_rate_of_tomorrow": 3}}
    (run.path / "config.json").write_text(json.dumps(manifest))
    with pytest.raises(RunError, match=r"newer mnistop \(format 5, this one reads up to 4\)"):
        run.config()


def test_a_run_with_nothing_but_its_folder_can_be_read(tmp_path: Path) -> None:
    run = Run(tmp_path / "gone")
    assert read_events(run) == []
    assert run.labels().shape == (0,)
    assert len(run.predictions()) == 0
    assert run.predictions_after(0) is None
    assert snapshot_epochs(run, [64, 10]) == []
    assert not run.is_running()
    assert run.process_id() is None


def test_predictions_are_read_by_row_and_a_torn_row_is_left_out(runs_folder: Path) -> None:
    run = make_run(runs_folder)
    (run.path / "labels.u8").write_bytes(bytes([1, 2, 3]))
    (run.path / "predictions.u8").write_bytes(bytes([1, 2, 2, 1, 2, 3, 9, 9]))
    assert run.predictions().tolist() == [[1, 2, 2], [1, 2, 3]]
    assert np.array_equal(run.predictions_after(1), [1, 2, 3])
    assert run.predictions_after(2) is None


# Deleting, and the lock.


def test_a_deleted_run_is_gone(runs_folder: Path) -> None:
    run, other = make_run(runs_folder), make_run(runs_folder)
    run.delete()
    assert not run.path.exists()
    assert run_folder.list_runs() == [other]
    with pytest.raises(RunError, match="cannot be deleted: No such file"):
        run.delete()


def test_a_run_in_training_is_not_deleted_and_not_trained_twice(runs_folder: Path) -> None:
    run, lock = run_folder.create(RunConfig(), runs_folder)
    assert run.is_running()
    assert run.process_id() == os.getpid()
    with pytest.raises(RunError, match="stop it first"):
        run.delete()
    with pytest.raises(RunError, match="is already being trained"):
        run.take_lock()
    lock.close()
    assert not run.is_running()
    assert run.process_id() is None
    with run.take_lock():
        assert run.process_id() == os.getpid()


@pytest.mark.process
def test_looking_whether_a_run_is_running_does_not_keep_it_from_being_resumed(
    runs_folder: Path,
) -> None:
    run = make_run(runs_folder)
    looking = (
        "import sys\nfrom mnistop.engine.runs.run_folder import Run\nfrom pathlib import Path\n"
        + ("run = Run(Path(sys.argv[1]))\nprint()\nwhile True: run.is_running()")
    )
    with subprocess.Popen([sys.executable, "-c", looking, run.path], stdout=-1) as watcher:
        watcher.stdout.readline()
        for _ in range(20):
            run.take_lock().close()
        watcher.kill()


def test_a_run_without_its_lock_file_cannot_be_resumed(runs_folder: Path) -> None:
    run = make_run(runs_folder)
    (run.path / "lock").unlink()
    with pytest.raises(RunError, match="cannot be resumed: No such file"):
        run.take_lock()


def test_new_runs_have_words_of_their_own_as_long_as_there_are_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_FIRST_WORDS", "calm keen")
    monkeypatch.setattr(files, "_SECOND_WORDS", "lark wren")
    (tmp_path / "20200101-120000-calm-lark").mkdir()
    (tmp_path / "20200101-120000-calm-wren.03").mkdir()
    (tmp_path / ".index.json").touch()
    words = [files.new_folder(tmp_path).name.split("-", 2)[-1] for _ in range(2)]
    assert sorted(words) == ["keen-lark", "keen-wren"]
    assert files.new_folder(tmp_path).name.endswith(("-lark", "-wren"))


def test_the_two_words_of_a_run_have_room_in_every_table() -> None:
    for words in (files._FIRST_WORDS, files._SECOND_WORDS):
        assert len(set(words.split())) == len(words.split())
        assert max(map(len, words.split())) <= 6


def test_what_nfs_keeps_of_open_files_does_not_hinder_deleting(
    monkeypatch: pytest.MonkeyPatch, runs_folder: Path
) -> None:
    """On NFS a removed file that is still open gets another name, and cannot be removed again."""
    run = make_run(runs_folder)
    unlink = os.unlink

    def on_nfs(path: str, *, dir_fd: int | None = None) -> None:
        if Path(path).name == "config.json":
            os.rename(path, run.path / ".nfs00000000000123", src_dir_fd=dir_fd)
        else:
            unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", on_nfs)
    run.delete()
    assert [path.name for path in run.path.iterdir()] == [".nfs00000000000123"]
    assert not run.is_there()
    assert not run_folder.list_runs()


def test_a_folder_that_cannot_be_deleted_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = make_run(tmp_path)

    def busy(path: str, *, dir_fd: int | None = None) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "unlink", busy)
    with pytest.raises(RunError, match="cannot be deleted: Device or resource busy"):
        run.delete()
