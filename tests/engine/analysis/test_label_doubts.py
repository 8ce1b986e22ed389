"""Confident learning: by hand on few images, and with planted wrong labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistop.engine.analysis.label_doubts import (
    Floats,
    Numbers,
    as_finding,
    assign_folds,
    find_doubts,
)
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load
from mnistop.engine.training.folds import classify_fold, split_fold
from tests.helpers.odd_data import dataset_of, with_wrong_labels

PROBABILITIES = np.array(
    [
        [0.9, 0.1, 0.0],  # labelled 0: the mean of the first column of these three is 0.6
        [0.8, 0.1, 0.1],
        [0.1, 0.8, 0.1],  # reaches 0.7, the threshold of 1
        [0.2, 0.7, 0.1],  # labelled 1: the mean is 0.7
        [0.2, 0.7, 0.1],
        [0.7, 0.2, 0.1],  # labelled 2: the mean is 0.2; 0.7 reaches 0.6
        [0.5, 0.2, 0.3],  # 0.5 does not, 0.3 does
    ],
    np.float32,
)
LABELS = np.array([0, 0, 0, 1, 1, 2, 2])


def test_the_confident_joint_by_hand() -> None:
    found = find_doubts(PROBABILITIES, LABELS)
    assert found.joint.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 1]]
    assert found.images.tolist() == [2, 5]  # margins of 0.1 - 0.8 and 0.1 - 0.7
    assert found.given.tolist() == [0, 2]
    assert found.believed.tolist() == [1, 0]
    assert found.confidence.tolist() == pytest.approx([0.8, 0.7])
    assert found.self_confidence.tolist() == pytest.approx([0.1, 0.1])
    assert found.accuracy == pytest.approx(4 / 7)
    finding = as_finding(found, 5, ("zero", "one", "two"))
    assert finding.remarks == ("one? 80%", "zero? 70%")
    assert finding.sentence.startswith("2 of 7 labels are doubted by 5 models, each trained")


def test_a_class_without_images_is_never_believed() -> None:
    found = find_doubts(np.array([[0.4, 0.0, 0.6], [0.0, 0.4, 0.6]], np.float32), np.array([0, 1]))
    assert found.images.tolist() == []
    assert found.joint.sum() == 2


def test_an_image_is_not_doubted_whose_label_is_the_most_probable() -> None:
    """A class that models hardly know would be believed of many: its threshold is 0.06 here."""
    probabilities = np.array([[0.99, 0.01], [0.9, 0.1], [0.94, 0.06]], np.float32)
    found = find_doubts(probabilities, np.array([0, 0, 1]))
    assert found.joint.tolist() == [[1, 1], [0, 1]]
    assert found.images.tolist() == []


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 6), st.integers(0, 9))
def test_folds_take_the_same_share_of_each_class(folds: int, seed: int) -> None:
    dataset = load("digits", 200)
    fold = assign_folds(dataset, folds, seed)
    counts = [np.bincount(dataset.labels[fold == number]) for number in range(folds)]
    assert np.ptp(counts, axis=0).max() <= 1
    assert np.array_equal(fold, assign_folds(dataset, folds, seed))


def test_images_that_are_the_same_are_in_one_fold() -> None:
    images = load("digits", 20).images.repeat(5, 0)
    fold = assign_folds(dataset_of(images, np.arange(100) % 3), 4, 0).reshape(20, 5)
    assert (fold == fold[:, :1]).all()


def test_a_fold_is_set_aside_without_a_copy_of_the_others() -> None:
    dataset = load("digits", 50)
    images, labels, fold = dataset.images.copy(), dataset.labels.copy(), np.arange(50) % 3 == 1
    others, held_out = split_fold(dataset, fold, torch.device("cpu"))
    assert np.shares_memory(others.pixels.numpy(), dataset.images)
    assert np.array_equal(held_out.pixels.numpy(), images[fold].reshape(-1, 64))
    assert np.array_equal(held_out.labels.numpy(), labels[fold])

    def rows(pixels: Floats, labels: Numbers) -> list[tuple[bytes, int]]:
        return sorted((row.tobytes(), label) for row, label in zip(pixels, labels, strict=True))

    left = rows(others.pixels.numpy(), others.labels.numpy())
    assert left == rows(images[~fold].reshape(-1, 64), labels[~fold])


@pytest.mark.slow
def test_planted_wrong_labels_are_found() -> None:
    dataset, wrong = with_wrong_labels(1000, 50)
    fold = assign_folds(dataset, 3, 42)
    probabilities = np.empty((1000, 10), np.float32)
    for number in range(3):
        copied = replace(dataset, images=dataset.images.copy(), labels=dataset.labels.copy())
        probabilities[fold == number] = classify_fold(copied, RunConfig(), fold == number)
    found = find_doubts(probabilities, dataset.labels)
    right = np.isin(found.images, wrong)
    assert right.sum() >= 0.6 * len(wrong)
    assert right.mean() >= 0.85
    true = load("digits", 1000).labels
    assert (found.believed == true[found.images])[right].mean() > 0.9
