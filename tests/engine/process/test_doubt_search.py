"""A search for doubted labels in its own processes: it finds them, fails in words, and ends."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load
from mnistop.engine.process.doubt_search import DoubtSearch, share_out
from tests.helpers.odd_data import with_wrong_labels
from tests.helpers.processes import children_of, linux
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.fast]


def ended(search: DoubtSearch) -> DoubtSearch:
    """A search once it is over."""

    def is_over() -> bool:
        search.read()
        return search.is_over

    wait_until(is_over)
    return search


def test_it_finds_planted_labels_and_says_how_far_it_is(tmp_path: Path) -> None:
    dataset, wrong = with_wrong_labels(500, 20)
    np.savez(tmp_path / "wrong.npz", images=dataset.images, labels=dataset.labels)
    config = RunConfig(source=str(tmp_path / "wrong.npz"), samples=None, epochs=20)
    search = ended(DoubtSearch(config, 3))
    assert search.error == ""
    assert search.progress.startswith("training 3 models, each on other images: ")
    assert search.doubts is not None
    assert search.doubts.total == 500
    assert np.isin(search.doubts.images[:8], wrong).all()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (RunConfig(source="/nowhere/at/all.npz"), "/nowhere/at/all.npz"),
        (RunConfig(source="digits", samples=200, lr=1000.0, weight_decay=100), "diverged"),
    ],
)
def test_it_fails_in_words(config: RunConfig, words: str) -> None:
    search = ended(DoubtSearch(config, 2))
    assert words in search.error
    assert search.doubts is None


@linux
def test_a_killed_process_is_one_sentence_and_ends_the_others() -> None:
    search = DoubtSearch(RunConfig(samples=None, epochs=1_000_000, early_stopping=1_000_000), 4)
    assert search.process.pid
    wait_until(lambda: children_of(search.process.pid))
    children = children_of(search.process.pid)
    os.kill(min(children), signal.SIGKILL)
    assert ended(search).error.startswith("A process of the search was killed: ")
    wait_until(lambda: not search.process.is_alive())
    wait_until(lambda: not any(Path("/proc", str(child)).exists() for child in children))


@pytest.mark.parametrize(
    ("settings", "folds", "cores", "gigabytes", "on_cpu", "at_once", "threads"),
    [
        ({}, 5, 2, 16, True, 2, 1),
        ({}, 5, 16, 16, True, 5, 1),
        ({}, 5, 16, 0.5, True, 2, 1),  # each takes 0.2 GB beside the images
        ({}, 5, 16, 0.1, True, 1, 1),
        ({"hidden": (8192, 8192), "batch_size": 512}, 5, 16, 16, True, 5, 3),
        ({}, 5, 16, 16, False, 1, 1),
    ],
)
def test_cores_memory_and_device_decide_how_many_models_are_trained_at_once(
    settings: dict[str, object],
    folds: int,
    cores: int,
    gigabytes: float,
    on_cpu: bool,
    at_once: int,
    threads: int,
) -> None:
    config = RunConfig.from_values({"source": "bundled", **settings})
    memory = int(gigabytes * 1e9)
    shared = share_out(config, load("bundled", 1000), folds, cores, memory, on_cpu)
    assert shared == (at_once, threads)


@linux
def test_all_its_processes_end_once_it_is_stopped() -> None:
    search = DoubtSearch(RunConfig(samples=None, epochs=1_000_000, early_stopping=1_000_000), 4)
    assert search.process.pid
    wait_until(lambda: children_of(search.process.pid))
    children = children_of(search.process.pid)
    search.stop()
    assert search.is_over
    wait_until(lambda: not search.process.is_alive())
    wait_until(lambda: not any(Path("/proc", str(child)).exists() for child in children))
