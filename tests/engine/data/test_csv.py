"""Tables of images as text: as Kaggle has them, as pandas and csv write them, and damaged ones."""

import csv
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnistop.engine.data.sources import Dataset, load
from mnistop.engine.data.stored import silent
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images, some_labels, unseen_of

COUNT = 40
IMAGES, LABELS = some_images(COUNT), some_labels(COUNT)
IMAGES[:-3, 0, 0] = IMAGES[:-3, -1, -1] = 0
ROWS = IMAGES.reshape(COUNT, -1)
PIXELS = [f"pixel{index}" for index in range(16)]


def table(labels: Any = LABELS, rows: Any = ROWS) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=PIXELS).assign(label=labels)[["label", *PIXELS]]


def check(dataset: Dataset, shape: tuple[int, int] = (4, 4)) -> None:
    assert np.array_equal(dataset.images, IMAGES.reshape(-1, *shape) / np.float32(255))
    assert dataset.labels.tolist() == LABELS.tolist()


def without_header(path: Path) -> None:
    table().to_csv(path, index=False, header=False)


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
        "Columns of train.csv left out: without a name.",
    )


def test_pixels_beyond_a_byte_are_read_from_where_they_begin(tmp_path: Path) -> None:
    rows = np.tile(ROWS, (60, 1)).astype(int)
    rows[-1, 5] = 4095
    data = pd.DataFrame(rows, columns=PIXELS).assign(label=np.arange(len(rows)) % 3)
    data.to_csv(tmp_path / "deep.csv", index=False)
    dataset = load(str(tmp_path / "deep.csv"), pixel_range=(0, 4095))
    assert np.allclose(dataset.images.reshape(len(rows), -1) * 4095, rows, atol=0.01)


# --- several tables ------------------------------------------------------------------------------


def zipped(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def text(rows: slice, labelled: bool = True) -> str:
    part = table()[rows]
    return str((part if labelled else part[PIXELS]).to_csv(index=False))


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
    with pytest.raises(DataError, match=r"2 files of images, of 2 data sets: .*a_train"):
        load(str(tmp_path))


# --- what is wrong -------------------------------------------------------------------------------


def broken(change: Callable[[list[list[str]]], None]) -> str:
    rows = [["label", *PIXELS], *([str(cell) for cell in row] for row in np.c_[LABELS, ROWS])]
    change(rows)
    return "\n".join(map(",".join, rows))


def put(row: int, column: int, cell: str) -> Callable[[list[list[str]]], None]:
    def change(rows: list[list[str]]) -> None:
        rows[row][column] = cell

    return change


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (broken(put(4, 3, "")), r"Line 5 of .*a\.csv has in column 4, pixel2, nothing: fill in"),
        (broken(put(4, 3, "dark")), "Line 5 of .* in column 4, pixel2, 'dark', which is no pixel"),
        (broken(put(4, 3, "nan")), "in column 4, pixel2, 'nan'"),
        (broken(put(4, 3, "1e999")), "in column 4, pixel2, '1e999'"),
        (broken(put(4, 0, "")), "Line 5 of .* has in column 1, label, nothing"),
        (broken(put(4, 3, "1,2")), "Line 5 of .* has 18 columns, and the first line has 17"),
        (broken(lambda rows: rows[4].pop()), "Line 5 of .* has 16 columns"),
        (broken(put(4, 3, "1_0")), "is no table of numbers"),
        (broken(put(0, 0, "pixel16")), "has no column of labels"),
        (broken(lambda rows: rows.__delitem__(slice(1, None))), "has a header only"),
        ("a,b\n1,2\n", "has 2 columns, too few for images"),
        ("a;b;c;d;e;f\n1;0;0,5;0;0;1\n", "'0,5', which is no pixel: .* with a point"),
        (",,,,,,\n", "has 7 columns, too few for images"),
        (b"\xff\xfel\0a\0", "not a text in UTF-8"),
        (gzip.compress(text(slice(0, 40)).encode())[:-200], "is cut off"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_line_and_column(
    tmp_path: Path, content: str | bytes, says: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=says):
        load(str(path))


def test_columns_that_could_both_be_labels_ask_for_a_header(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 3, (30, 17))
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False, header=False)
    with pytest.raises(DataError, match="has no header, and neither its first nor its last"):
        load(str(tmp_path / "a.csv"))


def test_a_table_larger_than_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table().to_csv(tmp_path / "a.csv", index=False)
    monkeypatch.setattr("os.sysconf", lambda name: 10)
    with pytest.raises(DataError, match="not enough memory"):
        load(str(tmp_path / "a.csv"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_damaged_table_raises_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(text(slice(0, 4)).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.csv").write_bytes(bytes(content))
    try:
        load(str(tmp_path / "a.csv"))
    except DataError as error:
        assert str(error).endswith(".")  # noqa: PT017


@given(
    st.lists(st.lists(st.integers(0, 255), min_size=4, max_size=4), min_size=2, max_size=9),
    st.booleans(),
)
def test_all_pixels_arrive(rows: list[list[int]], floats: bool) -> None:
    from mnistop.engine.data.readers.table import Table

    pixels: NDArray[Any] = np.array(rows, float if floats else int)
    labels = (np.arange(len(rows)) + 1) % 2
    written = pd.DataFrame(pixels).assign(label=labels).to_csv(index=False)
    images, read = Table(io.StringIO(written), "a.csv", "a.csv").read(lambda: 1.0, silent)
    assert np.array_equal(images, pixels)
    assert read.tolist() == labels.tolist()


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
    assert "a.csv are sorted by class: they are taken in a random order" in dataset.notes[0]
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


# --- images and labels in two tables -------------------------------------------------------------


@pytest.mark.parametrize("header", [True, False])
def test_images_and_labels_may_be_in_two_tables(tmp_path: Path, header: bool) -> None:
    images, labels = tmp_path / "images 40 x 16.csv", tmp_path / "labels.csv"
    table()[PIXELS].to_csv(images, index=False, header=header)
    table()[["label"]].to_csv(labels, index=False, header=header)
    check(load(f"{images},{labels}"))
    labels.write_text("id,label,of\n" + "".join(f"{i},{k},x\n" for i, k in enumerate(LABELS)))
    check(load(f"{images},{labels}"))
    names = np.array(["bag", "boot", "top"])
    labels.write_text("\n".join(names[LABELS]))
    dataset = load(f"{images},{labels}")
    check(dataset)
    assert dataset.class_names == tuple(names)
    np.save(tmp_path / "images.npy", IMAGES)
    check(load(f"{tmp_path / 'images.npy'},{labels}"))


@pytest.mark.parametrize(
    "names", ["X_train y_train X_test y_test", "train_x train_y test_x test_y"]
)
def test_a_folder_of_such_tables_is_read_by_their_names(tmp_path: Path, names: str) -> None:
    parts = (
        table()[PIXELS][:30],
        table()[["label"]][:30],
        table()[PIXELS][30:],
        table()[["label"]][30:],
    )
    for name, part in zip(names.split(), parts, strict=True):
        part.to_csv(tmp_path / f"{name}.csv", index=False)
    dataset = load(str(tmp_path))
    assert dataset.labels.tolist() == LABELS[:30].tolist()
    assert unseen_of(dataset)[1].tolist() == LABELS[30:].tolist()


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "is empty"), ("1\n2\n", "40 images, but .* has 2 labels")],
)
def test_what_is_no_table_of_labels_is_told(tmp_path: Path, content: str, says: str) -> None:
    table()[PIXELS].to_csv(tmp_path / "images.csv", index=False)
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(DataError, match=says):
        load(f"{tmp_path / 'images.csv'},{tmp_path / 'labels.csv'}")


def test_columns_may_be_apart_by_spaces(tmp_path: Path) -> None:
    np.savetxt(tmp_path / "train.txt", np.c_[LABELS, ROWS])
    check(load(str(tmp_path / "train.txt")))
    np.savetxt(tmp_path / "train.txt", np.c_[LABELS, ROWS], "%5d")
    check(load(str(tmp_path / "train.txt")))


def test_a_zip_with_a_password_is_told(tmp_path: Path) -> None:
    source = zipped(tmp_path / "a.zip", {"train.csv": text(slice(0, 40))})
    content = bytearray(source.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    source.write_bytes(content)
    with pytest.raises(DataError, match=r"train\.csv in .* has a password"):
        load(str(source))


@pytest.mark.parametrize(
    ("delimiter", "header"),
    [(",", ""), (",", "a,b,c"), (";", "a;b;c"), ("\t", ""), (" ", "")],
)
def test_one_hot_labels_beside_images_are_read(tmp_path: Path, delimiter: str, header: str) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    path = tmp_path / "y.csv"
    ones = np.eye(3)[LABELS]
    np.savetxt(path, ones, fmt="%g", delimiter=delimiter, header=header, comments="")
    dataset = load(f"{tmp_path / 'x.npy'},{path}")
    assert dataset.labels.tolist() == LABELS.tolist()
    assert "one-hot" in dataset.notes[0]


@pytest.mark.parametrize("header", [",0", "id;digit_name", "image_id\tnumber"])
def test_the_only_column_besides_an_index_has_the_labels(tmp_path: Path, header: str) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    delimiter = next(one for one in ",;\t" if one in header)
    lines = [header, *(f"{at}{delimiter}{label}" for at, label in enumerate(LABELS))]
    (tmp_path / "y.csv").write_text("\n".join(lines))
    dataset = load(f"{tmp_path / 'x.npy'},{tmp_path / 'y.csv'}")
    assert dataset.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("header", ["digit_name,number\n", ""])
def test_one_of_several_columns_is_not_guessed_to_have_the_labels(
    tmp_path: Path, header: str
) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    (tmp_path / "y.csv").write_text(header + "".join(f"{label},7\n" for label in LABELS))
    with pytest.raises(DataError, match="2 columns, and none of them is clearly that of labels"):
        load(f"{tmp_path / 'x.npy'},{tmp_path / 'y.csv'}")


def test_pixels_are_in_the_order_of_the_numbers_of_their_columns(tmp_path: Path) -> None:
    rows = table()
    rows[["label", *sorted(PIXELS)]].to_csv(tmp_path / "sorted.csv", index=False)
    dataset = load(str(tmp_path / "sorted.csv"))
    assert np.array_equal(dataset.images, IMAGES / np.float32(255))
    assert "in the order of their columns' numbers" in dataset.notes[0]


def test_long_labels_are_not_cut_to_the_same(tmp_path: Path) -> None:
    rows = table()
    rows["label"] = ["long " * 20 + str(label) for label in LABELS]
    rows.to_csv(tmp_path / "long.csv", index=False)
    with pytest.raises(DataError, match="a label of more than 64 characters"):
        load(str(tmp_path / "long.csv"))
