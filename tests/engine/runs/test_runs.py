"""Run folders: made, read although damaged, and deleted."""

import errno
import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnistop.engine import files
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.predictions import snapshot_epochs
from mnistop.engine.runs.run_folder import Run
from tests.helpers.limits import files_at_most
from tests.helpers.run_folders import make_run


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
    manifest = {"format": 6, "config": {"learning_rate_of_tomorrow": 3}}
    (run.path / "config.json").write_text(json.dumps(manifest))
    with pytest.raises(RunError, match=r"newer mnistop \(format 6, this one reads up to 5\)"):
        run.config()


@pytest.mark.parametrize(
    ("source", "expected"), [("bundled", "given"), ("openml", "random"), ("/data", "random")]
)
def test_runs_from_before_there_was_a_split_keep_theirs(
    runs_folder: Path, source: str, expected: str
) -> None:
    run = make_run(runs_folder)
    manifest = {"format": 3, "config": {"source": source, "lr": 0.3}}
    (run.path / "config.json").write_text(json.dumps(manifest))
    assert run.config().split == expected


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
