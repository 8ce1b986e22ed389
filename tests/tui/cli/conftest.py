import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mnistop.engine.runs.run_folder import Run
from mnistop.tui.cli.entry import exit_code_of
from tests.helpers.command_line import SHORT, Answer, Finished, Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "runs")
    yield place
    _end_all(place)


def _end_all(place: Place) -> None:
    for folder in place.folder.glob("2*"):
        if process := Run(folder).process_id():
            os.kill(process, 9)


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path."""
    folder = Path("/tmp", f"mnistop-hosts-{os.getpid()}")
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """One finished run and what `mnistop train` printed, for the tests that only read."""
    place = Place(tmp_path_factory.mktemp("finished") / "runs")
    done = place.run("train", *SHORT)
    assert done.returncode == 0, done.stderr
    (folder,) = place.folder.iterdir()
    return Finished(place, done, folder.name)


@pytest.fixture(scope="session")
def without_weights(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The finished run without its weights, so that nobody loads PyTorch to ask them."""
    place = Place(tmp_path_factory.mktemp("without weights") / "runs")
    folder = place.folder / finished.name
    shutil.copytree(finished.place.folder / finished.name, folder)
    log = folder / "events.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(line for line in lines if "CheckpointSaved" not in line))
    return place


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Answer]:
    """Calls a command in this process, whose fork server has loaded PyTorch once for all."""
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path / "runs"))

    def call(*words: str, runs: Path | None = None) -> Answer:
        if runs:
            monkeypatch.setenv("MNISTOP_RUNS", str(runs))
        code = exit_code_of(list(words))
        caught = capsys.readouterr()
        return Answer(code, caught.out, caught.err)

    return call


@pytest.fixture
def attack(call: Callable[..., Answer], finished: Finished) -> Callable[..., Answer]:
    """`mnistop attack` of the finished run."""

    def attack(*words: str) -> Answer:
        return call("attack", finished.name, *words, runs=finished.place.folder)

    return attack


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty folder for made-up runs."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Create a disk of a few kilobytes or files, as root only can."""
    made: list[Path] = []

    def make(options: str) -> Path:
        disk = tmp_path / f"disk{len(made)}"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        try:
            subprocess.run(mount, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("only root can make a small disk here")
        made.append(disk)
        return disk

    yield make
    for disk in made:
        subprocess.run(["umount", "-l", str(disk)], check=True)
