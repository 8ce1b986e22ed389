"""Files in places of the user's choice: whole or not at all, and over nothing."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mnistop.engine.errors import MnistopError
from mnistop.engine.safe_write import (
    check_file,
    check_folder,
    numbered,
    write_folder,
    write_out,
    write_under_free_name,
)
from tests.helpers.small_runs import ROOT


def test_a_file_is_written_as_the_user_makes_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_out(tmp_path / "a", b"content")
    finally:
        os.umask(before)
    assert (tmp_path / "a").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for name in ("a", "link"):
        with pytest.raises(MnistopError, match=r"a is there already: .* --force"):
            write_out(tmp_path / name, b"new")
    assert (tmp_path / "a").read_bytes() == b"mine"
    write_out(tmp_path / "link", b"new", replace=True)
    assert (tmp_path / "a").read_bytes() == b"new"
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("none/a", "There is no folder .*none: make it, or choose another"),
        ("", "is a folder: give the name of a file in it"),
        ("x" * 300, "cannot be written: File name too long"),
        ("/dev/full", "/dev/full cannot be written: No space left on device"),
    ],
)
def test_what_cannot_be_written_is_told_in_one_sentence(
    tmp_path: Path, name: str, told: str
) -> None:
    with pytest.raises(MnistopError, match=told) as caught:
        write_out(tmp_path / name, b"new")
    assert str(caught.value).count("\n") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_out(Path("/dev/null"), b"new", replace=True)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.process
def test_what_does_not_fit_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    code = """if True:
        import resource, sys
        from pathlib import Path
        from mnistop.engine.errors import MnistopError
        from mnistop.engine.safe_write import write_out
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_out(Path("a"), bytes(5000), replace=True)
        except MnistopError as error:
            print(error)
        """
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{tmp_path / 'a'} cannot be written: File too large.\n"
    assert (tmp_path / "a").read_bytes() == b"mine"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_free_name_is_found(tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    assert write_under_free_name(numbered(path), b"1") == path
    (tmp_path / "run-2.html").symlink_to("nowhere")
    assert write_under_free_name(numbered(path), b"3") == tmp_path / "run-3.html"
    assert path.read_bytes() == b"1"
    assert not (tmp_path / "nowhere").exists()


def without_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a file system without hard links, such as FAT."""

    def link(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appears_during_the_work_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        without_hard_links(monkeypatch)
    opened = os.open

    def open_and_be_late(path: Path, *how: int) -> int:
        descriptor = opened(path, *how)
        (tmp_path / "a").write_bytes(b"mine")
        return descriptor

    check_file(tmp_path / "a")
    with monkeypatch.context() as patched:
        patched.setattr("mnistop.engine.safe_write.os.open", open_and_be_late)
        with pytest.raises(MnistopError, match=r"a is there already: .* --force"):
            write_out(tmp_path / "a", b"new")
        assert write_under_free_name(numbered(tmp_path / "a"), b"new") == tmp_path / "a-2"
    assert (tmp_path / "a").read_bytes() == b"mine"
    assert (tmp_path / "a-2").read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("check", [check_file, check_folder])
def test_what_hinders_is_known_before_the_work(
    tmp_path: Path, check: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    there = "is there already" if check is check_file else "is a file: give the name of a folder"
    full = "is a folder: give" if check is check_file else "is not empty: .* --force"
    for name, sentence in {
        "dangling": "is a link to .*nowhere, which is not there",
        "none/a": "There is no folder .*none",
        "file/a": "There is no folder .*file",
        "file": there,
        "full": full,
        "x" * 300: "File name too long",
    }.items():
        with pytest.raises(MnistopError, match=sentence) as caught:
            check(tmp_path / name)
        assert "\n" not in str(caught.value)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(MnistopError, match="cannot be written: you have no permission"):
        check(tmp_path / "new")
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "images"
    write_folder(folder, {"a": b"1", "b": b"2"})
    with pytest.raises(MnistopError, match="is not empty"):
        write_folder(folder, {"a": b"3"})
    write_folder(folder, {"b": b"3", "c": b"4"}, replace=True)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        "a": b"1",
        "b": b"3",
        "c": b"4",
    }
    with pytest.raises(MnistopError, match="File name too long"):
        write_folder(tmp_path / "other", {"a": b"1", "x" * 300: b"2"})
    assert list(tmp_path.iterdir()) == [folder]
