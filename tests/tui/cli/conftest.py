import os
import shutil
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
