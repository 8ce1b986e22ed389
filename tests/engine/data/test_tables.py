"""LIBSVM and ARFF tables, as the libraries write them that people use."""

import bz2
import gzip
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import dump_svmlight_file

from mnistop.engine.data.readers import opening
from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images, some_labels, unseen_of

IMAGES, LABELS = some_images(6), some_labels(6)
SCALED = IMAGES / np.float32(255)

# --- LIBSVM --------------------------------------------------------------------------------------


def svmlight(images: Any, labels: Any, from_zero: bool = False, comment: str = "") -> bytes:
    content = io.BytesIO()
    rows = images.reshape(len(images), -1).astype(float)
    dump_svmlight_file(rows, labels, content, zero_based=from_zero, comment=comment or None)
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "pack"),
    [("mnist", bytes), ("mnist.scale.bz2", bz2.compress), ("mnist.gz", gzip.compress)],
)
def test_libsvm_is_read_plain_and_packed(tmp_path: Path, name: str, pack: Any) -> None:
    (tmp_path / name).write_bytes(pack(svmlight(IMAGES, LABELS)))
    dataset = load(str(tmp_path / name))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.labels.tolist() == LABELS.tolist()


def test_columns_are_counted_from_1_unless_there_is_a_column_0(tmp_path: Path) -> None:
    (tmp_path / "some").write_bytes(svmlight(IMAGES, LABELS, from_zero=True))
    dataset = load(str(tmp_path / "some"))
    assert np.array_equal(dataset.images, SCALED)
    assert "counted from 0, as there is a column 0" in dataset.notes[0]
    images = IMAGES.copy()
    images[:, -1, -1] = images[:, 0, 0] = 0  # the last column, 15, is one less than a square
    (tmp_path / "some").write_bytes(svmlight(images, LABELS))
    dataset = load(str(tmp_path / "some"))
    assert np.array_equal(dataset.images, images / np.float32(255))
    assert "counted from 1, as is usual" in dataset.notes[0]


def test_columns_of_black_pixels_count_where_they_are_written(tmp_path: Path) -> None:
    images = np.pad(IMAGES, [(0, 0), (1, 0), (1, 0)])
    images[:, 3:] = 0
    lines = [
        f"{label} {' '.join(f'{at}:{pixel}' for at, pixel in enumerate(image.ravel()))}\n"
        for label, image in zip(LABELS, images, strict=True)
    ]
    (tmp_path / "some").write_text("".join(lines))
    assert np.array_equal(load(str(tmp_path / "some")).images, images / np.float32(255))


def test_parts_of_libsvm_have_the_same_columns(tmp_path: Path) -> None:
    train, test = IMAGES.copy(), IMAGES.copy()
    train[:, 0, 0] = 0
    test[:, 0, 0] = 1
    test[:, 2:] = 0
    for from_zero, comment in [(True, ""), (False, "")]:
        (tmp_path / "mnist").write_bytes(svmlight(train, LABELS, from_zero, comment))
        (tmp_path / "mnist.t").write_bytes(svmlight(test, LABELS, from_zero, comment))
        dataset = load(str(tmp_path))
        assert np.array_equal(dataset.images, train / np.float32(255))
        assert np.array_equal(unseen_of(dataset)[0], test / np.float32(255))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
@pytest.mark.parametrize(
    ("name", "start", "line"),
    [
        ("a.csv", b"label,1x1,1x2,2x1,2x2\n", b"0,0,0,0,0\n1,0,0,0,0\n"),
        ("a.svm", b"", b"1 1:1\n2 2:2\n"),
        (
            "a.arff",
            b"@relation a\n@attribute label {0,1}\n%s@data\n"
            % b"".join(b"@attribute p%d numeric\n" % at for at in range(4)),
            b"0,0,0,0,0\n",
        ),
    ],
)
def test_a_packed_table_may_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, start: bytes, line: bytes, pack: Any
) -> None:
    monkeypatch.setattr(opening, "_HARMLESS", 1 << 15)
    path = tmp_path / f"{name}.gz"
    path.write_bytes(pack(start + line * 20_000))
    with pytest.raises(DataError, match=r"unpacks from .* as images never do"):
        load(str(path))


def test_a_table_that_grows_beyond_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ",".join(["3"] + [str(at % 251) for at in range(100)])
    rows = [row] * 5000 + [row.replace(",7,", ",7.5,")] * 5000  # bytes, then of 4 times the size
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    monkeypatch.setattr(os, "sysconf", lambda name: 1 if "PHYS" in name else 1_500_000)
    with pytest.raises(DataError, match="not enough memory"):
        load(str(tmp_path / "a.csv.gz"))


def test_missing_last_columns_are_black(tmp_path: Path) -> None:
    images = IMAGES.copy()
    images[:, 3, 1:] = 0
    images[0, 0, 0] = 1
    (tmp_path / "some").write_bytes(svmlight(images, LABELS))
    dataset = load(str(tmp_path / "some"))
    assert np.array_equal(dataset.images, images / np.float32(255))
    assert "3 pixels after the last one, 13, are taken as 0" in dataset.notes[0]


def test_scikit_learns_comment_says_the_first_column(tmp_path: Path) -> None:
    images = IMAGES.copy()
    images[:, 0, 0] = images[:, -1, -1] = 0
    (tmp_path / "some").write_bytes(svmlight(images, LABELS, from_zero=True, comment="digits"))
    dataset = load(str(tmp_path / "some"))
    assert np.array_equal(dataset.images, images / np.float32(255))


def test_digits_without_their_last_rows_are_those_of_mnist(tmp_path: Path) -> None:
    images = some_images(6, 28, 28)
    images[:, 24:] = 0
    images[0, 0, 0] = images[0, 23, 5] = 9
    (tmp_path / "some").write_bytes(svmlight(images, some_labels(6)))
    dataset = load(str(tmp_path / "some"))
    assert np.array_equal(dataset.images, images / np.float32(255))


def test_fractions_stay_fractions(tmp_path: Path) -> None:
    (tmp_path / "usps").write_bytes(svmlight(IMAGES / 255 * 2 - 1, LABELS + 1))
    dataset = load(str(tmp_path / "usps"), pixel_range=(-1, 1))
    assert np.allclose(dataset.images, SCALED, atol=1e-6)
    assert dataset.class_names == ("1", "2", "3")


@pytest.mark.parametrize("line", [b"1 2:3 4\n", b"1 3:2 2:1\n", b"1,2 3:4\n", b"1 2:x\n"])
def test_a_damaged_line_says_what_a_line_has(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "some").write_bytes(svmlight(IMAGES, LABELS) + line)
    with pytest.raises(DataError, match="a line that is not a label and column:value pairs"):
        load(str(tmp_path / "some"))


# --- ARFF ----------------------------------------------------------------------------------------


def arff(header: str, images: Any = IMAGES, labels: Any = LABELS) -> bytes:
    """A table as OpenML writes it, with a line of the header for the labels."""
    pixels = [f"@ATTRIBUTE pixel{at} INTEGER" for at in range(1, 17)]
    rows = [
        ",".join([*map(str, row), str(label)])
        for row, label in zip(images.reshape(6, -1), labels, strict=True)
    ]
    lines = ["% MNIST", "@RELATION 'mnist 784'", "", *pixels, header, "", "@DATA", "% rows", *rows]
    return ("\n".join(lines) + "\n").encode()


NUMBERS = "@ATTRIBUTE class {0,1,2}"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
def test_arff_is_read_plain_and_packed(tmp_path: Path, pack: Any) -> None:
    (tmp_path / "mnist_784.arff").write_bytes(pack(arff(NUMBERS)))
    dataset = load(str(tmp_path / "mnist_784.arff"))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.labels.tolist() == LABELS.tolist()


def test_nominal_classes_keep_their_order(tmp_path: Path) -> None:
    labels = np.array(["'ankle boot'", "bag", "coat"])[LABELS]
    header = "@attribute 'the kind' {coat, 'ankle boot', bag}"
    (tmp_path / "fashion.arff").write_bytes(arff(header, labels=labels))
    dataset = load(str(tmp_path / "fashion.arff"))
    assert dataset.class_names == ("coat", "ankle boot", "bag")
    assert dataset.labels.tolist() == [1, 2, 0] * 2


def test_a_question_mark_is_a_missing_label(tmp_path: Path) -> None:
    labels = np.array(["coat", "bag", "?"])[LABELS]
    content = arff("@attribute kind {coat, bag}", labels=labels)
    (tmp_path / "a.arff").write_bytes(content)
    dataset = load(str(tmp_path / "a.arff"))
    assert dataset.labels.tolist() == [0, 1] * 2
    assert dataset.notes[0].startswith("2 images without a label left out")


def test_a_numeric_class_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.arff").write_bytes(arff("@attribute target numeric"))
    assert load(str(tmp_path / "a.arff")).labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (arff(NUMBERS).split(b"@DATA")[0], "cut off: it has no line @data"),
        (arff(NUMBERS) + b"{0 5, 16 1}\n", "sparse ARFF table.*save it as a dense one"),
        (arff(NUMBERS).replace(b"rows", b"\xe4"), "not a text in UTF-8"),
        (arff(NUMBERS) + b"1,2,3\n", "Line 30 of .*a.arff has 3 columns"),
        (arff(NUMBERS).replace(b"rows\n0,", b"rows\n?,"), r"'\?', which is no pixel"),
    ],
)
def test_unfit_arff_is_told(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.arff").write_bytes(content)
    with pytest.raises(DataError, match=says):
        load(str(tmp_path / "a.arff"))
