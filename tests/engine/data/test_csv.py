"""Tables of images as text: as Kaggle has them, as pandas and csv write them, and damaged ones."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnistop.engine.data.readers.table import Table
from mnistop.engine.data.sources import load
from mnistop.engine.data.stored import silent
from mnistop.engine.errors import DataError
from tests.helpers.csv_tables import COUNT, IMAGES, LABELS, PIXELS, ROWS, check, table, text


def without_header(path: Path) -> None:
    table().to_csv(path, index=False, header=False)


def one_hot() -> pd.DataFrame:
    ones = pd.DataFrame(np.eye(3, dtype=int)[LABELS], columns=["label_0", "label_1", "label_2"])
    return pd.concat([ones, table()[PIXELS]], axis=1)


def in_a_cell(form: Callable[[list[int]], Any]) -> pd.DataFrame:
    return pd.DataFrame({"emotion": LABELS, "pixels": [form(row) for row in ROWS.tolist()]})


WRITERS: dict[str, Callable[[Path], None]] = {
    "as Kaggle has it": lambda path: table().to_csv(path, index=False),
    "with an index": lambda path: table().to_csv(path),
    "without a header": without_header,
    "labels last": lambda path: table()[[*PIXELS, "label"]].to_csv(path, index=False),
    "labels last, without a header": lambda path: (
        table()[[*PIXELS, "label"]].to_csv(path, index=False, header=False)
    ),
    "semicolons": lambda path: table().to_csv(path, index=False, sep=";"),
    "tabs": lambda path: table().to_csv(path, index=False, sep="\t"),
    "quotes": lambda path: table().to_csv(path, index=False, quoting=csv.QUOTE_ALL),
    "quoted by csv": lambda path: csv.writer(path.open("w"), quoting=csv.QUOTE_ALL).writerows(
        [["class", *PIXELS], *np.c_[LABELS, ROWS].tolist()]
    ),
    "Windows": lambda path: table().to_csv(
        path, index=False, lineterminator="\r\n", encoding="utf-8-sig"
    ),
    "old Mac": lambda path: table().to_csv(path, index=False, lineterminator="\r"),
    "Class": lambda path: table().rename(columns={"label": "Class"}).to_csv(path, index=False),
    "another name": lambda path: table().rename(columns={"label": "kind"}).to_csv(path),
    "fractions": lambda path: table(rows=ROWS.astype(float)).to_csv(path, index=False),
    "numbered columns": lambda path: pd.DataFrame(np.c_[LABELS, ROWS]).to_csv(path, index=False),
    "numbered columns and rows": lambda path: pd.DataFrame(np.c_[LABELS, ROWS]).to_csv(path),
    "rows and columns": lambda path: table().set_axis(
        ["label", *(f"{row}x{column}" for row in range(1, 5) for column in range(1, 5))], axis=1
    ).to_csv(path, index=False),
    "numpy": lambda path: np.savetxt(path, np.c_[LABELS, ROWS], "%d", delimiter=","),
    "numpy, as it is": lambda path: np.savetxt(path, np.c_[LABELS, ROWS], delimiter=","),
    "an id": lambda path: table().assign(id=range(COUNT)).to_csv(path, index=False),
    "two indices": lambda path: table().reset_index(names="Unnamed: 0.1").to_csv(path),
    "Excel's separator": lambda path: path.write_text(
        "sep=;\n" + table().to_csv(index=False, sep=";")
    ),
    "Excel's Unicode": lambda path: table().to_csv(path, index=False, sep="\t", encoding="utf-16"),
    "decimal commas": lambda path: table(rows=ROWS / 255).to_csv(
        path, index=False, sep=";", decimal=","
    ),
    "blank rows of Excel": lambda path: path.write_text(
        table().to_csv(index=False) + ("," * 16 + "\n") * 3
    ),
    "pipes": lambda path: table().to_csv(path, index=False, sep="|"),
    "a delimiter at the end": lambda path: path.write_text(
        table().to_csv(index=False).replace("\n", ",\n")
    ),
    "a delimiter at the end, without a header": lambda path: path.write_text(
        table().to_csv(index=False, header=False).replace("\n", ",\n")
    ),
    "R": lambda path: path.write_text(table().to_csv().removeprefix(",")),
    "a header in the middle": lambda path: path.write_text(text(slice(9)) + text(slice(9, 40))),
    "comments": lambda path: path.write_text(
        "# mine\n# 2020\n" + text(slice(9)) + "# more\n" + text(slice(9, 40)).partition("\n")[2]
    ),
    "a comment is the header": lambda path: np.savetxt(
        path, np.c_[ROWS, LABELS], "%d", ",", header=",".join([*PIXELS, "label"])
    ),
    "p_0_0": lambda path: table().set_axis(
        ["label", *(f"p_{row}_{column}" for row in range(4) for column in range(4))], axis=1
    ).to_csv(path, index=False),
    "0_0": lambda path: table().set_axis(
        ["label", *(f"{row}_{column}" for row in range(4) for column in range(4))], axis=1
    ).to_csv(path, index=False),
    "one-hot": lambda path: one_hot().to_csv(path, index=False),
    "one-hot of booleans": lambda path: one_hot().astype({"label_0": bool, "label_1": bool})
    .astype({"label_2": bool}).to_csv(path, index=False),
    "one-hot first, without a header": lambda path: (
        one_hot().to_csv(path, index=False, header=False)
    ),
    "one-hot last, as semeion.data": lambda path: np.savetxt(
        path, one_hot()[[*PIXELS, "label_0", "label_1", "label_2"]], "%.4f"
    ),
    "pixels in a cell": lambda path: in_a_cell(lambda row: " ".join(map(str, row))).to_csv(
        path, index=False
    ),
    "pixels between commas": lambda path: in_a_cell(lambda row: ", ".join(map(str, row))).to_csv(
        path, index=False
    ),
    "pixels in a list": lambda path: in_a_cell(str).to_csv(path, index=False),
    "pixels in an array": lambda path: in_a_cell(np.array).to_csv(path, index=False),
    "pixels in a cell, without a header": lambda path: in_a_cell(
        lambda row: " ".join(map(str, row))
    ).to_csv(path, index=False, header=False),
    "blank lines": lambda path: path.write_text(
        "\n" + table().to_csv(index=False).replace("\n", "\n\n")
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", WRITERS)
def test_all_usual_forms_give_the_same_images(tmp_path: Path, form: str) -> None:
    path = tmp_path / "train.csv"
    WRITERS[form](path)
    check(load(str(path)))


@pytest.mark.parametrize("name", ["train.csv", "train.csv.gz", "data", "packed", "train.tsv"])
def test_tables_are_known_by_their_content_and_may_be_gzipped(tmp_path: Path, name: str) -> None:
    table().to_csv(tmp_path / name, index=False, compression="gzip" if "p" in name else "infer")
    check(load(str(tmp_path / name)))


def test_names_of_pixels_give_height_and_width(tmp_path: Path) -> None:
    names = [f"{row}x{column}" for row in range(1, 3) for column in range(1, 9)]
    table().set_axis(["label", *names], axis=1).to_csv(tmp_path / "train.csv", index=False)
    check(load(str(tmp_path / "train.csv")), (2, 8))


def test_texts_are_labels_wherever_they_are(tmp_path: Path) -> None:
    words = np.array(["bag, small", "boot", "top"])[LABELS]
    for header, columns in ((True, ["label", *PIXELS]), (False, [*PIXELS, "label"])):
        table(words)[columns].to_csv(tmp_path / "a.csv", index=False, header=header)
        dataset = load(str(tmp_path / "a.csv"))
        check(dataset)
        assert dataset.class_names == ("bag, small", "boot", "top")


def test_what_was_guessed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    without_header(path)
    assert load(str(path)).notes == (
        "train.csv has no header: its first column is taken for the labels.",
    )
    table().rename(columns={"label": "kind"}).to_csv(path)
    assert load(str(path)).notes == (
        "Column kind of train.csv has the labels.",
        "Columns of train.csv left out: one without a name.",
    )


def test_pixels_beyond_a_byte_are_read_from_where_they_begin(tmp_path: Path) -> None:
    rows = np.tile(ROWS, (60, 1)).astype(int)
    rows[-1, 5] = 4095
    data = pd.DataFrame(rows, columns=PIXELS).assign(label=np.arange(len(rows)) % 3)
    data.to_csv(tmp_path / "deep.csv", index=False)
    dataset = load(str(tmp_path / "deep.csv"), pixel_range=(0, 4095))
    assert np.allclose(dataset.images.reshape(len(rows), -1) * 4095, rows, atol=0.01)


@given(
    st.lists(st.lists(st.integers(0, 255), min_size=4, max_size=4), min_size=2, max_size=9),
    st.booleans(),
)
def test_all_pixels_arrive(rows: list[list[int]], floats: bool) -> None:
    pixels: NDArray[Any] = np.array(rows, float if floats else int)
    labels = (np.arange(len(rows)) + 1) % 2
    written = pd.DataFrame(pixels).assign(label=labels).to_csv(index=False)
    read = Table(io.StringIO(written), "a.csv", "a.csv").read(lambda: 1.0, silent)
    assert np.array_equal(read.images, pixels)
    assert read.labels.tolist() == labels.tolist()


def test_a_header_that_pandas_made_of_an_image_is_that_image_again(tmp_path: Path) -> None:
    """As the tables of A to Z on Kaggle: read without header=None, and written again."""
    without_header(tmp_path / "a.csv")
    pd.read_csv(tmp_path / "a.csv").to_csv(tmp_path / "b.csv", index=False)
    dataset = load(str(tmp_path / "b.csv"))
    check(dataset)
    assert dataset.notes[0].startswith("The first line of b.csv was numbered by pandas")


@pytest.mark.parametrize("words", [False, True])
def test_a_table_sorted_by_class_is_mixed(tmp_path: Path, words: bool) -> None:
    order = np.argsort(LABELS, kind="stable")
    labels = np.array(["bag", "boot", "top"])[LABELS] if words else LABELS
    table(labels[order], ROWS[order]).to_csv(tmp_path / "a.csv", index=False)
    dataset = load(str(tmp_path / "a.csv"), 6)
    assert len(set(dataset.labels.tolist())) > 1
    assert "The images are sorted by class: they are taken in a random order" in dataset.notes[-1]
    whole = load(str(tmp_path / "a.csv"))
    pixels = (whole.images * 255).round().astype(np.uint8)
    found = {image.tobytes(): int(k) for image, k in zip(pixels, whole.labels, strict=True)}
    assert found == {image.tobytes(): int(k) for image, k in zip(IMAGES, LABELS, strict=True)}


@pytest.mark.parametrize("names", ["emnist-digits-train.csv", "fashion-mnist_train.csv"])
def test_tables_of_the_family_have_its_names_and_stand_upright(tmp_path: Path, names: str) -> None:
    is_emnist = names.startswith("emnist")
    stored = IMAGES.transpose(0, 2, 1) if is_emnist else IMAGES
    labels = np.arange(COUNT) % 10
    data = pd.DataFrame(stored.reshape(COUNT, -1), columns=PIXELS)
    data.insert(0, "label", labels)
    data.to_csv(tmp_path / names, index=False)
    dataset = load(str(tmp_path / names))
    assert np.array_equal(dataset.images, IMAGES / np.float32(255))
    assert dataset.class_names[9] == ("9" if is_emnist else "Ankle boot")


def test_columns_may_be_apart_by_spaces(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "train.txt", np.c_[LABELS, ROWS])
    check(load(str(tmp_path / "train.txt")))
    np.savetxt(tmp_path / "train.txt", np.c_[LABELS, ROWS], "%5d")
    check(load(str(tmp_path / "train.txt")))


def test_pixels_are_in_the_order_of_the_numbers_of_their_columns(tmp_path: Path) -> None:
    rows = table()
    rows[["label", *sorted(PIXELS)]].to_csv(tmp_path / "sorted.csv", index=False)
    dataset = load(str(tmp_path / "sorted.csv"))
    assert np.array_equal(dataset.images, IMAGES / np.float32(255))
    assert "in the order of their columns' numbers" in dataset.notes[0]


SMOOTH = np.linspace(20, 240, 400).astype(int).reshape(100, 4)
SMOOTH = (SMOOTH + np.arange(100)[:, None] * 37) % 251
CODES = np.arange(100) % 10


@pytest.mark.parametrize("labels", [CODES, CODES + 1, CODES + 65, CODES // 5 * 5 + 3])
@pytest.mark.parametrize("is_last", [False, True])
def test_a_pixel_of_a_photo_is_not_taken_for_the_labels(
    tmp_path: Path, labels: NDArray[Any], is_last: bool
) -> None:
    columns = [SMOOTH, labels[:, None]] if is_last else [labels[:, None], SMOOTH]
    np.savetxt(tmp_path / "a.csv", np.hstack(columns), "%d", ",")
    dataset = load(str(tmp_path / "a.csv"), pixel_range=(0, 255))
    assert [dataset.class_names[label] for label in dataset.labels] == list(map(str, labels))


def test_two_columns_like_labels_are_refused(tmp_path: Path) -> None:
    rows = np.c_[CODES + 65, SMOOTH[:, :3], np.arange(100) % 9 * 20 + 7]
    np.savetxt(tmp_path / "a.csv", rows, "%d", ",")
    with pytest.raises(DataError, match="neither its first nor its last column is clearly"):
        load(str(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    "words",
    ["Training PublicTest PrivateTest", "train val test", "TRAIN VALID TEST", "train dev t10k"],
)
@pytest.mark.parametrize("name", ["Usage", "split", "Set", "data set"])
def test_a_column_of_words_is_an_official_split(tmp_path: Path, words: str, name: str) -> None:
    split = np.repeat(words.split(), [25, 5, 10])
    table().assign(**{name: split}).to_csv(tmp_path / "a.csv", index=False)
    dataset = load(str(tmp_path / "a.csv"))
    assert (len(dataset), dataset.given_validation, len(dataset.unseen)) == (30, 5, 10)
    assert not dataset.notes


def test_words_for_nothing_beside_those_for_a_part_are_refused(tmp_path: Path) -> None:
    split = np.repeat(["train", "", "test"], [25, 5, 10])
    table().assign(split=split).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match=r"Column split of .*a\.csv has '' beside words for train"):
        load(str(tmp_path / "a.csv"))


@pytest.mark.parametrize("name", ["V", "Column", "x"])
@pytest.mark.parametrize("is_last", [False, True])
def test_numbered_names_may_include_the_labels(tmp_path: Path, name: str, is_last: bool) -> None:
    rows = np.c_[ROWS, LABELS] if is_last else np.c_[LABELS, ROWS]
    columns = [f"{name}{number}" for number in range(1, 18)]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "a.csv", index=False)
    dataset = load(str(tmp_path / "a.csv"))
    check(dataset)
    assert dataset.notes[0].startswith("a.csv names no column of labels: its")


def test_a_column_of_folds_is_named(tmp_path: Path) -> None:
    table().assign(fold=np.arange(COUNT) % 5).to_csv(tmp_path / "a.csv", index=False)
    dataset = load(str(tmp_path / "a.csv"))
    check(dataset)
    assert dataset.notes == ("Column fold of a.csv is not used.",)


def test_images_without_a_label_are_left_out(tmp_path: Path) -> None:
    labels = np.where(np.arange(COUNT) % 9, LABELS.astype(object), None)
    table(labels).to_csv(tmp_path / "fashion-mnist_train.csv", index=False)
    dataset = load(str(tmp_path / "fashion-mnist_train.csv"))
    assert dataset.labels.tolist() == LABELS[np.arange(COUNT) % 9 > 0].tolist()
    assert dataset.class_names == ("T-shirt/top", "Trouser", "Pullover")
    assert dataset.notes[0].startswith("5 images without a label left out: ")


def test_a_cell_may_have_the_pixels_of_a_large_image() -> None:
    pixels = np.full((2, 200 * 200), 100) + np.arange(2)[:, None]
    cells = [" ".join(map(str, row)) for row in pixels.tolist()]
    written = pd.DataFrame({"emotion": [0, 1], "pixels": cells}).to_csv(index=False)
    read = Table(io.StringIO(written), "a.csv", "a.csv").read(lambda: 1.0, silent)
    assert np.array_equal(read.images, pixels)
