"""A run folder sent as one piece of bytes: whole there, and harmless whoever has sent it."""

import io
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnistop.engine.errors import RunError
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.entry import About, read_about, write_about
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.sweep.cluster_member import finish_placing, pack, put_in_place, unpack
from tests.helpers.small_runs import digits_config

FILES = {
    "events.jsonl": b'{"event": "RunPaused"}\n',
    "labels.u8": bytes(range(10)),
    "weights.f32": b"weights",
    "snapshots/4.pt": b"those of format 1",
    "checkpoint.pt": b"more weights",
}


@pytest.fixture
def member(tmp_path: Path) -> Iterator[Run]:
    """A member of a sweep with some files, which nobody trains."""
    folder = tmp_path / "runs"
    (folder / "20990101-000000-calm-otter").mkdir(parents=True)
    run, held = run_folder.create(digits_config(), folder, "20990101-000000-calm-otter.01")
    held.close()
    (run.path / "snapshots").mkdir()
    for name, content in FILES.items():
        (run.path / name).write_bytes(content)
    return run


def content_of(run: Run) -> dict[str, bytes]:
    return {
        path.relative_to(run.path).as_posix(): path.read_bytes()
        for path in run.path.rglob("*")
        if path.is_file() and path.name != "lock"
    }


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_an_archive_holds_all_of_a_run_and_is_private_again(member: Run, tmp_path: Path) -> None:
    (member.path / "room").write_bytes(b"kept free")
    (member.path / "events.jsonl.new").write_bytes(b"half")
    (member.path / "best.pt").symlink_to("/etc/passwd")
    copy = unpack(pack(member), tmp_path / "copy")
    assert content_of(copy) == {
        "config.json": (member.path / "config.json").read_bytes(),
        **FILES,
    }
    assert copy.config() == member.config()
    assert not copy.is_running()
    for path in [copy.path, *copy.path.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    copy.take_lock().close()


@pytest.mark.parametrize(
    "name",
    ["../escaped", "/tmp/escaped", "snapshots/../../escaped", "lock", "a.py", "config.json/"],
)
def test_what_is_no_file_of_a_run_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="which is no file of a run"):
        unpack(zipped(**{"events.jsonl": b"", name: b"x"}), tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", range(0, 100, 7))
def test_a_damaged_archive_is_refused_and_leaves_nothing(
    cut: int, member: Run, tmp_path: Path
) -> None:
    whole = pack(member)
    for archive in (whole[: len(whole) * cut // 100], whole[: len(whole) // 2] + b"no zip"):
        with pytest.raises(RunError, match="is damaged"):
            unpack(archive, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()


def test_a_member_that_comes_back_is_put_in_place(member: Run) -> None:
    archive = pack(member)
    other = Run(member.path.with_name("20990101-000000-calm-otter.02"))
    put_in_place(archive, other)
    assert content_of(other) == content_of(member)
    assert list((member.path.parent / member.sweep).iterdir()) == []


def test_what_comes_back_replaces_what_was_trained_but_not_the_users_words(member: Run) -> None:
    (member.path / "events.jsonl").write_bytes(b"more has happened\n")
    archive = pack(member)
    (member.path / "events.jsonl").write_bytes(FILES["events.jsonl"])
    write_about(member, About("mine", "to be kept"))
    put_in_place(archive, member)
    assert content_of(member)["events.jsonl"] == b"more has happened\n"
    assert read_about(member) == About("mine", "to be kept")
    assert list((member.path.parent / member.sweep).iterdir()) == []


def test_nothing_is_put_in_the_place_of_a_run_in_training(member: Run) -> None:
    archive, before = pack(member), content_of(member)
    (member.path / "labels.u8").write_bytes(b"newer")
    with member.take_lock(), pytest.raises(RunError, match="is already being trained"):
        put_in_place(archive, member)
    assert content_of(member) == before | {"labels.u8": b"newer"}


def test_a_process_killed_while_it_puts_a_member_in_place_loses_nothing(member: Run) -> None:
    beside = member.path.parent / member.sweep
    before = content_of(member)
    unpack(pack(member), beside / f"incoming-{member.name}")
    os.rename(member.path, beside / f"outgoing-{member.name}")
    finish_placing(member)
    assert content_of(member) == before
    assert list(beside.iterdir()) == []
    finish_placing(member)
    assert content_of(member) == before
