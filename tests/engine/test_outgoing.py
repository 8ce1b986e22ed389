"""Files in places of the user's choice: whole or not at all, and over nothing."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import MnistopError
from engine.outgoing import free_path, write_out
from tests.engine.small_runs import ROOT


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


def test_what_does_not_fit_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    code = """if True:
        import resource, sys
        from pathlib import Path
        from engine.errors import MnistopError
        from engine.outgoing import write_out
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
    assert free_path(path) == path
    path.touch()
    (tmp_path / "run-2.html").symlink_to("nowhere")
    assert free_path(path) == tmp_path / "run-3.html"
