"""Data sets of several tables: training and test tables in a folder or a zip archive."""

from pathlib import Path

import pytest

from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError
from tests.helpers.csv_tables import LABELS, check, text, zipped
from tests.helpers.data_files import unseen_of


@pytest.mark.parametrize("is_zip", [False, True])
@pytest.mark.parametrize("names", ["train test", "mnist_train mnist_test", "Training Testing"])
def test_train_and_test_tables_are_an_official_split(
    tmp_path: Path, names: str, is_zip: bool
) -> None:
    train, test = (f"{name}.csv" for name in names.split())
    files = {test: text(slice(30, 40)), train: text(slice(0, 30))}
    if is_zip:
        source = zipped(tmp_path / "archive.zip", files)
    else:
        source = tmp_path
        for name, content in files.items():
            (tmp_path / name).write_text(content)
    dataset = load(str(source))
    assert dataset.labels.tolist() == LABELS[:30].tolist()
    assert unseen_of(dataset)[1].tolist() == LABELS[30:].tolist()


def test_kaggles_test_table_without_labels_is_left_out(tmp_path: Path) -> None:
    files = {
        "sample_submission.csv": "ImageId,Label\n1,0\n",
        "test.csv": text(slice(0, 5), labelled=False),
        "train.csv": text(slice(0, 40)),
        "__MACOSX/._train.csv": "\0\1",
        "train/train.csv": text(slice(0, 40)),
    }
    dataset = load(str(zipped(tmp_path / "digit-recognizer.zip", files)))
    check(dataset)
    assert dataset.notes == (
        "test.csv has no labels, and is left out.",
        "Not used: sample_submission.csv, train/train.csv.",
    )


def test_kaggles_test_table_alone_has_no_labels(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text(text(slice(0, 40), labelled=False))
    with pytest.raises(DataError, match=r"test\.csv has no column of labels: name it label"):
        load(str(tmp_path / "test.csv"))


def test_several_data_sets_ask_for_one(tmp_path: Path) -> None:
    for name in ("a_train.csv", "b_train.csv"):
        (tmp_path / name).write_text(text(slice(0, 40)))
    with pytest.raises(DataError, match=r"2 files of images, of 2 data sets: .*a_train.*LABELS\."):
        load(str(tmp_path))
    (tmp_path / "a_test.csv").write_text(text(slice(0, 40)))
    with pytest.raises(DataError, match=r"3 files .* into a folder of their own to have its test"):
        load(str(tmp_path))


def test_a_zip_with_a_password_is_told(tmp_path: Path) -> None:
    source = zipped(tmp_path / "a.zip", {"train.csv": text(slice(0, 40))})
    content = bytearray(source.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    source.write_bytes(content)
    with pytest.raises(DataError, match=r"train\.csv in .* has a password"):
        load(str(source))
