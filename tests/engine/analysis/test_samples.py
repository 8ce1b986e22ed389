"""A look at the data before training: images with labels and side, counts, facts."""

from pathlib import Path

import numpy as np
import pytest

from mnistop.engine.analysis.samples import load_samples
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load, split
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images, some_labels, write_idx_pair


def digits(split_seed: int) -> RunConfig:
    return RunConfig(source="digits", samples=300, val_fraction=0.3, split_seed=split_seed)


def test_the_first_page_is_that_of_the_notebook() -> None:
    page = load_samples(RunConfig(), 0, 16)
    assert page.labels.tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 3, 5, 3, 6, 1, 7]
    assert page.images.shape == (16, 28, 28)
    assert np.array_equal(page.images, load("bundled", 1000).images[:16])
    assert (sum(page.counts.training), sum(page.counts.validation)) == (800, 200)
    assert page.description.pixels.high == 255


def test_the_sides_are_those_of_the_split() -> None:
    dataset = load("digits", 300)
    train, val = split(dataset, 0.3, 7)
    page = load_samples(digits(7), 0, 300)
    assert np.flatnonzero(page.sides).tolist() == sorted(val.tolist())
    for rows, counts in ((train, page.counts.training), (val, page.counts.validation)):
        assert counts == tuple(np.bincount(dataset.labels[rows], minlength=10))


def test_the_last_page_is_shorter_and_beyond_it_there_is_nothing() -> None:
    assert load_samples(digits(7), 290, 16).labels.shape == (10,)
    assert load_samples(digits(7), 400, 16).images.shape == (0, 8, 8)


def test_another_split_of_the_same_images_is_another_answer() -> None:
    one, other = (load_samples(digits(seed), 0, 300).sides for seed in (1, 2))
    assert one.sum() == other.sum()
    assert (one != other).any()


def test_oblong_images_with_few_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=some_images(9, 4, 6), labels=some_labels(9))
    page = load_samples(
        RunConfig(source=str(tmp_path / "a.npz"), samples=None, val_fraction=0.3), 3, 4
    )
    assert page.description.image_shape == (4, 6)
    assert page.images.shape == (4, 4, 6)
    assert page.labels.tolist() == [0, 1, 2, 0]


def test_what_is_being_waited_for_is_told_in_a_file(tmp_path: Path) -> None:
    images = write_idx_pair(tmp_path)
    load_samples(RunConfig(source=str(images), samples=None), 0, 4, tmp_path / "progress")
    assert str(images) in (tmp_path / "progress").read_text()


@pytest.mark.parametrize(
    ("source", "samples", "share", "words"),
    [
        ("digts", None, 0.2, "digits"),
        ("digits", 5000, 0.2, "1,797"),
        ("digits", 10, 0.99, "leaves none"),
    ],
)
def test_what_cannot_be_shown_is_said_in_words(
    source: str, samples: int | None, share: float, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        load_samples(RunConfig(source=source, samples=samples, val_fraction=share), 0, 16)
