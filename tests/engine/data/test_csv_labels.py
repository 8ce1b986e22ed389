"""Tables of labels whose images are elsewhere: in another table, an array, or pictures' files."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError
from tests.helpers.csv_tables import IMAGES, LABELS, PIXELS, check, table
from tests.helpers.data_files import unseen_of


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
    assert dataset.class_names == (tuple("abc") if header else tuple("012"))


@pytest.mark.parametrize(
    "header", ["label\n", "# label\n", "species\n", "label\nlabel\n", "# mine\nlabel\n", "name\n"]
)
def test_a_line_before_text_labels_is_a_header(tmp_path: Path, header: str) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    names = np.array(["ankle boot", "bag", "t shirt"])
    (tmp_path / "y.csv").write_text(header + "\n".join(names[LABELS]))
    dataset = load(f"{tmp_path / 'x.npy'},{tmp_path / 'y.csv'}")
    check(dataset)
    assert dataset.class_names == tuple(names)
    assert ("taken for a header" in dataset.notes[0]) == header.startswith("species")


@pytest.mark.parametrize(
    ("ids", "note"),
    [
        (np.arange(40)[::-1].astype(float), "put in the order of the images by its column"),
        (range(40), None),
        (range(7, 47), None),
        ([f"a{at:02}.png" for at in range(40)], None),
        (np.random.default_rng(0).permutation(40), "put in the order of the images by its column"),
        (np.random.default_rng(0).permutation(40) + 1, "put in the order of the images"),
        (np.random.default_rng(0).permutation(40) + 3, "not used: labels are in the order of its"),
        ([f"{(7 * at) % 40}.png" for at in range(40)], "column id of y.csv is not used"),
    ],
)
def test_ids_say_to_which_images_labels_belong(tmp_path: Path, ids: Any, note: str | None) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    is_permuted = note and "put in the order" in note
    rows = np.argsort(np.argsort(ids)) if is_permuted else np.arange(40)
    labels = LABELS[rows]
    pd.DataFrame({"id": ids, "label": labels}).to_csv(tmp_path / "y.csv", index=False)
    dataset = load(f"{tmp_path / 'x.npy'},{tmp_path / 'y.csv'}")
    check(dataset)
    assert note in dataset.notes[0] if note else not dataset.notes


def test_names_that_begin_alike_beyond_what_is_compared_are_refused(tmp_path: Path) -> None:
    names = pd.Series([f"{'/folder' * 10}/{at}.png" for at in range(40)], name="id")
    pixels = pd.DataFrame(IMAGES.reshape(40, -1)).add_prefix("pixel")
    pd.concat([names, pixels], axis=1).to_csv(tmp_path / "x.csv", index=False)
    labels = pd.DataFrame({"id": names, "label": LABELS})
    labels[::-1].to_csv(tmp_path / "y.csv", index=False)
    with pytest.raises(DataError, match=r"first 64 characters are the same: shorten them"):
        load(f"{tmp_path / 'x.csv'},{tmp_path / 'y.csv'}")


def test_an_index_that_is_not_in_order_is_ambiguous(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    mixed = pd.DataFrame({"label": LABELS}).sample(frac=1, random_state=0)
    mixed.to_csv(tmp_path / "y.csv")
    with pytest.raises(DataError, match=r"not in the order of its index.*delete the index"):
        load(f"{tmp_path / 'x.npy'},{tmp_path / 'y.csv'}")


def test_images_and_labels_of_the_same_ids_belong_together(tmp_path: Path) -> None:
    mixed = table().sample(frac=1, random_state=0)
    for part in (mixed, mixed[:30]):
        part[PIXELS].to_csv(tmp_path / "x.csv")
        table()[["label"]].to_csv(tmp_path / "y.csv")
        dataset = load(f"{tmp_path / 'x.csv'},{tmp_path / 'y.csv'}")
        assert dataset.labels.tolist() == part["label"].tolist()
    table()[["label"]][:20].to_csv(tmp_path / "y.csv")
    with pytest.raises(DataError, match="names other images than those given"):
        load(f"{tmp_path / 'x.csv'},{tmp_path / 'y.csv'}")


def test_labels_may_say_what_images_are_for(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    split = ["train"] * 25 + ["valid"] * 5 + ["test"] * 10
    pd.DataFrame({"label": LABELS, "split": split}).to_csv(tmp_path / "y.csv", index=False)
    dataset = load(f"{tmp_path / 'x.npy'},{tmp_path / 'y.csv'}")
    assert (len(dataset), dataset.given_validation, len(dataset.unseen)) == (30, 5, 10)
    assert dataset.labels.tolist() == LABELS[:30].tolist()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("1" * 70 + "\n2\n", "a label of more than 64 characters"),
        ("id,label\n" + "1" * 2000 + ",2\n", "Line 2 of .* a cell of more than 1,024 characters"),
        ("1" * (1 << 24), "a line of more than 16,777,216 characters"),
    ],
)
def test_a_cell_of_any_length_takes_little_memory(tmp_path: Path, content: str, says: str) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    (tmp_path / "y.csv").write_text(content)
    with pytest.raises(DataError, match=says):
        load(f"{tmp_path / 'x.npy'},{tmp_path / 'y.csv'}")


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
