"""A search for doubted labels in its own processes: it finds them, fails in words, and ends."""

from pathlib import Path

import numpy as np
import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.process.doubt_search import DoubtSearch
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
def test_all_its_processes_end_once_it_is_stopped() -> None:
    search = DoubtSearch(RunConfig(samples=None, epochs=1_000_000, early_stopping=1_000_000), 4)
    assert search.process.pid
    wait_until(lambda: children_of(search.process.pid))
    children = children_of(search.process.pid)
    search.stop()
    assert search.is_over
    wait_until(lambda: not search.process.is_alive())
    wait_until(lambda: not any(Path("/proc", str(child)).exists() for child in children))
