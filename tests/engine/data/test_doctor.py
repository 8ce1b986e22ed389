"""Odd images and classes are found, each with its images; the usual ones are left alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnistop.engine.data import doctor
from mnistop.engine.data.dataset import Dataset, Unseen
from mnistop.engine.data.doctor import Finding, examine, first_alike, in_batches
from mnistop.engine.data.pixels import Pixels
from mnistop.engine.data.sources import load, split
from tests.helpers.odd_data import dataset_of, write_odd

SHAPES = [(9, 8), (9, 8, 3)]


def drawn(count: int, shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Different images with light strokes on black, of two classes."""
    random = np.random.default_rng(count)
    images = np.zeros((count, *shape), np.float32)
    images[:, 2:-2, 2:-2] = random.integers(100, 256, images[:, 2:-2, 2:-2].shape) / np.float32(255)
    return images, np.arange(count) % 2


def found(dataset: Dataset, val: list[int]) -> dict[str, Finding]:
    return {finding.kind: finding for finding in examine(dataset, np.array(val, np.int64))}


@pytest.mark.parametrize("source", ["bundled", "digits"])
def test_nothing_is_odd_about_the_sources_in_the_package(source: str) -> None:
    dataset = load(source)
    assert examine(dataset, split(dataset, 0.2, 42)[1]) == []


@pytest.mark.parametrize("shape", SHAPES)
def test_copies_are_told_apart_by_label_and_side(shape: tuple[int, ...]) -> None:
    images, labels = drawn(60, shape)
    for copy, original in ((20, 0), (21, 1), (50, 2), (22, 0)):
        images[copy], labels[copy] = images[original], labels[original]
    labels[21] = 1 - labels[1]
    tests = np.rint(255 * images[[5, 3, 6]]).astype(np.uint8)
    tests[[0, 2]] = 255 - tests[[0, 2]]
    unseen = Unseen([tests], [labels[[5, 3, 6]]], Pixels("uint8", 0, 255, 0, 255))
    kinds = found(dataset_of(images, labels, unseen), [50, 51, 52])
    assert {
        kind: one.images.tolist() for kind, one in kinds.items() if "background" not in kind
    } == {
        "same image, other label": [1, 21],
        "test images seen": [3, 61],
        "validation images seen": [2, 50],
        "copies": [0, 20, 22],
    }
    assert kinds["copies"].sentence.startswith(
        "2 images are copied from another one on the same side"
    )
    assert kinds["copies"].remarks == ("", "= 0", "= 0")
    assert kinds["test images seen"].remarks == ("", "= 3")
    assert kinds["same image, other label"].severity == "error"


@pytest.mark.parametrize("shape", SHAPES)
def test_blank_and_unusual_images_are_found(shape: tuple[int, ...]) -> None:
    images, labels = drawn(100, shape)
    images[4], images[7] = 0, 0.5
    images[5] /= 12
    images[6] = 1 - images[6]
    images[8] = 0
    images[8, 4, 4] = 1
    images[9] = np.where(np.arange(images[9].size).reshape(images[9].shape) % 2, 1, 0)
    images[9, 0] = images[9, :, 0] = images[9, -1] = images[9, :, -1] = 0
    kinds = found(dataset_of(images, labels), [])
    assert {kind: one.images.tolist() for kind, one in kinds.items()} == {
        "blank": [4, 7],
        "little contrast": [5],
        "other background": [6],
        "little ink": [8],
        "much ink": [9],
    }


def test_images_that_are_all_faint_are_left_to_the_notes() -> None:
    images, labels = drawn(60, (9, 8))
    assert examine(dataset_of(images / 20, labels), np.arange(10)) == []


def test_rare_classes_are_named_from_the_rarest() -> None:
    images, labels = drawn(100, (9, 8))
    labels[:] = 0
    labels[[7, 8, 9]], labels[[3, 90]] = 1, 2
    names = "0", "1, one", "2", "3"
    dataset = replace(dataset_of(images, labels, classes=4), class_names=names)
    (rare,) = examine(dataset, np.arange(10))
    assert rare.images.tolist() == [3, 90, 7, 8, 9]
    assert rare.sentence.startswith(
        "2 classes are rare: 2 (2 images), '1, one' (3 images); the largest, 0, has 95. "
    )


def test_a_file_with_planted_faults(tmp_path: Path) -> None:
    dataset = load(write_odd(tmp_path / "odd.npz"))
    findings = examine(dataset, split(dataset, 0.2, 42)[1])
    images = {one.kind: [dataset.name_of(image) for image in one.images] for one in findings}
    assert images["same image, other label"] == ["11", "31"]
    assert images["test images seen"] == ["12", "test 3"]
    assert images["blank"] == ["40"]
    assert ["10", "30"] in (images.get("copies"), images.get("validation images seen"))
    order = [doctor.SEVERITIES.index(one.severity) for one in findings]
    assert order == sorted(order)


def test_images_taken_beyond_the_first_samples_keep_their_numbers(tmp_path: Path) -> None:
    dataset = load("digits", 300)
    assert dataset.name_of(299) == "299"
    assert dataset.name_of(300) == "test 300"
    images, labels = dataset.take(np.array([1000, 3]))
    whole = load("digits")
    assert np.array_equal(images, whole.images[[1000, 3]])
    assert labels.tolist() == whole.labels[[1000, 3]].tolist()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(1, 7))
def test_the_first_alike_is_that_of_a_comparison_pixel_by_pixel(
    kinds: list[int], size: int
) -> None:
    images = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32)[kinds]
    parts = [images[start : start + size] for start in range(0, len(images), size)]
    assert first_alike(parts).tolist() == [kinds.index(kind) for kind in kinds]


def test_minus_zero_is_zero() -> None:
    images = np.array([0.0, -0.0], np.float32).reshape(2, 1, 1)
    assert first_alike([images]).tolist() == [0, 0]


def test_images_are_read_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = load("digits", 1000)
    monkeypatch.setattr(doctor, "_BYTES", 100 * dataset.images[0].nbytes)
    assert {len(batch) for batch in in_batches(dataset)} == {100, 97}
    assert sum(map(len, in_batches(dataset))) == 1797


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_whatever_the_images_are_findings_name_some_of_them(data: st.DataObject) -> None:
    count, *shape = (data.draw(st.integers(1, 8)) for _ in range(3))
    colour = data.draw(st.sampled_from([(), (3,)]))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    images = random.integers(0, 2, (count, *shape, *colour)).astype(np.float32)
    labels = random.integers(0, 3, count)
    tests = Unseen([images[::2].astype(np.uint8)], [labels[::2]], Pixels("uint8", 0, 1, 0, 1))
    dataset = dataset_of(images, labels, tests, classes=3)
    val = np.flatnonzero(random.integers(0, 2, count))
    for finding in examine(dataset, val):
        assert len(finding.images)
        assert set(finding.images.tolist()) <= set(range(count + len(tests)))
        assert len(finding.remarks) in (0, len(finding.images))
        assert finding.sentence[0].isdigit()
        taken, of = dataset.take(finding.images)
        assert len(taken) == len(of) == len(finding.images)


def test_images_that_are_not_contiguous_are_compared() -> None:
    images = np.asfortranarray(np.random.default_rng(0).random((4, 3, 3), np.float32))
    images[3] = images[1]
    assert doctor.first_alike([images]).tolist() == [0, 1, 2, 1]
