"""Runs from before labels were counted from 0: no data are called changed that are the same."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load, load_data
from mnistop.engine.errors import RunError
from mnistop.engine.process.resuming import load_for
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.training.examples import Examples, make_examples
from tests.helpers.made_up import started
from tests.helpers.run_folders import make_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with the labels 1 to 10, whose classes were 0 to 10 then."""
    digits = load("digits", 100)
    source = tmp_path / "from-one.npz"
    np.savez(source, images=digits.images, labels=digits.labels + 1)
    run = make_run(tmp_path, config=RunConfig(source=str(source), samples=100))
    data = msgspec.structs.replace(load_data(run.config()).fingerprint, classes=11, labels="1")
    start = msgspec.structs.replace(started(run.name), data=data)
    run.events_path.write_bytes(msgspec.json.encode(start) + b"\n")
    return run


def of_format(run: Run, version: int) -> None:
    path = run.path / Run.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": version}))


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (4, r"an older mnistop began it, .* not what that one read \(11 classes then, 10 now\)"),
        (5, r"since the data in .* have changed \(11 classes then, 10 now\)"),
    ],
)
def test_an_old_run_is_refused_for_what_may_be_the_reason(
    run: Run, version: int, words: str
) -> None:
    of_format(run, version)
    config = run.config()

    def examples() -> Examples:
        return make_examples(load_data(config), config)

    with pytest.raises(RunError, match=rf"^Run {run.name} cannot go on.* {words}"):
        load_for(run, config, examples)


def test_a_run_whose_data_are_gone_says_where_they_belong(run: Run) -> None:
    config = run.config()
    Path(config.source).unlink()
    with pytest.raises(RunError, match=rf"without its data: .* {config.source}\. Put it back"):
        load_for(run, config, lambda: make_examples(load_data(config), config))
