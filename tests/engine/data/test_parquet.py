"""Parquet and Arrow tables, as pyarrow, pandas and Hugging Face's datasets write them."""

import io
import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images, some_labels, unseen_of

IMAGES, LABELS = some_images(6), some_labels(6)
SCALED = IMAGES / np.float32(255)


def png(image: Any) -> bytes:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    return content.getvalue()


def hugging_face(names: list[str] | None) -> dict[bytes, bytes]:
    """The metadata that `datasets` writes into a schema."""
    features: dict[str, Any] = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel"}}
    if names:
        features["label"]["names"] = names
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()}


def write_parquet(path: Path, columns: dict[str, Any], names: list[str] | None = None) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    pq.write_table(table.replace_schema_metadata(hugging_face(names)) if names else table, path)
    return str(path)


PICTURES = pa.array([{"bytes": png(image), "path": None} for image in IMAGES])
FORMS = {
    "pictures": PICTURES,
    "bytes": pa.array([png(image) for image in IMAGES]),
    "nested lists": pa.array(IMAGES.tolist()),
    "flat lists": pa.array(IMAGES.reshape(6, -1).tolist(), pa.list_(pa.uint8())),
    "arrays": pa.FixedSizeListArray.from_arrays(IMAGES.ravel(), 16),
    "tensors": pa.FixedShapeTensorArray.from_numpy_ndarray(IMAGES),
}


@pytest.mark.parametrize("images", FORMS.values(), ids=FORMS)
def test_images_in_a_parquet_column_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, images: Any
) -> None:
    monkeypatch.delattr(pa, "compute", raising=False)  # as where nothing else has imported it
    dataset = load(write_parquet(tmp_path / "a.parquet", {"image": images, "label": LABELS}))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("write", [pa.ipc.new_file, pa.ipc.new_stream])
def test_an_arrow_table_is_read_as_save_to_disk_writes_it(tmp_path: Path, write: Any) -> None:
    table = pa.table({"image": PICTURES, "label": LABELS})
    table = table.replace_schema_metadata(hugging_face(["bag", "boot", "coat"]))
    with write(tmp_path / "data-00000-of-00001.arrow", table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "state.json").write_text("{}")
    dataset = load(str(tmp_path))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.class_names == ("bag", "boot", "coat")


def test_pictures_in_colour_and_of_several_sizes(tmp_path: Path) -> None:
    colour = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), np.uint8)
    pictures = [png(colour[0]), png(colour[1, 1:])]
    path = write_parquet(tmp_path / "a.parquet", {"img": pictures, "fine_label": [0, 1]})
    dataset = load(path, resize=(4, 5))
    assert dataset.images.shape == (2, 4, 5, 3)
    assert np.array_equal(dataset.images[0], colour[0] / np.float32(255))


def test_one_hot_lists_and_dictionaries_are_labels(tmp_path: Path) -> None:
    one_hot = pa.array(np.eye(3)[LABELS].tolist())
    path = write_parquet(tmp_path / "a.parquet", {"image": PICTURES, "label": one_hot})
    assert load(path).labels.tolist() == LABELS.tolist()
    texts = pa.array(np.array(["a", "b", "c"])[LABELS]).dictionary_encode()
    path = write_parquet(tmp_path / "a.parquet", {"image": PICTURES, "label": texts})
    assert load(path).class_names == ("a", "b", "c")


def test_hugging_face_names_columns_and_classes(tmp_path: Path) -> None:
    columns = {"picture": PICTURES, "image": PICTURES, "fine_label": LABELS, "label": LABELS}
    path = write_parquet(tmp_path / "a.parquet", columns, ["bag", "boot", "coat"])
    assert load(path).class_names == ("bag", "boot", "coat")
    path = write_parquet(tmp_path / "a.parquet", columns, ["bag", "boot", "coat", "absent"])
    assert load(path).class_names == ("bag", "boot", "coat")


def test_a_column_for_each_pixel_is_read(tmp_path: Path) -> None:
    frame = pd.DataFrame(IMAGES.reshape(6, -1), columns=[f"pixel{i}" for i in range(16)])
    frame.insert(0, "label", [f"class {label}" for label in LABELS])
    frame.to_parquet(tmp_path / "a.parquet")
    dataset = load(str(tmp_path / "a.parquet"))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.class_names == ("class 0", "class 1", "class 2")


@pytest.mark.parametrize(("white", "kind"), [(255, "int16"), (65535, "int32"), (1.0, "float32")])
def test_pixels_of_eight_bytes_are_kept_in_fewer(tmp_path: Path, white: float, kind: str) -> None:
    images = (IMAGES.reshape(6, -1) / 255 * white).astype(type(white))
    images[0, 0] = white
    columns = {"image": images.tolist(), "label": LABELS.tolist()}
    dataset = load(write_parquet(tmp_path / "a.parquet", columns))
    assert (dataset.pixels.dtype, dataset.pixels.white) == (kind, white)
    assert np.allclose(dataset.images.reshape(6, -1), images / white)


@pytest.mark.parametrize("name", ["digit", "target", "class", "y", "Label", "character"])
@pytest.mark.parametrize("image", ["image", "img", "png"])
def test_labels_are_in_a_column_with_a_usual_name(tmp_path: Path, name: str, image: str) -> None:
    columns = {"id": range(6), "weight": [0.5] * 6, name: LABELS, image: PICTURES}
    dataset = load(write_parquet(tmp_path / "a.parquet", columns))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.labels.tolist() == LABELS.tolist()
    assert "Columns of a.parquet not used: id, weight." in dataset.notes


def test_columns_beside_the_pixels_are_no_pixels(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        IMAGES.reshape(6, -1), columns=[f"{i}x{k}" for i in "1234" for k in "1234"]
    )
    frame = frame.assign(weight=0.5, id=range(6), digit=LABELS, note="a")
    frame.to_parquet(tmp_path / "a.parquet")
    dataset = load(str(tmp_path / "a.parquet"))
    assert np.array_equal(dataset.images, SCALED)
    assert any("weight" in note and "left out" in note for note in dataset.notes)


@pytest.mark.parametrize("name", ["split", "subset", "Usage"])
@pytest.mark.parametrize("flat", [False, True])
def test_a_column_divides_the_images(tmp_path: Path, name: str, flat: bool) -> None:
    parts = ["train", "test", "train", "test", "train", "train"]
    images = (
        {f"pixel{at}": IMAGES.reshape(6, -1)[:, at] for at in range(16)}
        if flat
        else {"image": PICTURES}
    )
    path = write_parquet(tmp_path / "a.parquet", {**images, "label": LABELS, name: parts})
    dataset = load(path)
    assert np.array_equal(dataset.images, SCALED[[0, 2, 4, 5]])
    assert np.array_equal(unseen_of(dataset)[0], SCALED[[1, 3]])


def test_an_empty_batch_is_passed_over(tmp_path: Path) -> None:
    table = pa.table({"image": PICTURES, "label": LABELS})
    with pa.ipc.new_stream(tmp_path / "a.arrow", table.schema) as writer:
        for part in (table[:0], table[:2], table[:0], table[2:]):
            for batch in part.to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]:
                writer.write_batch(batch)
    assert np.array_equal(load(str(tmp_path / "a.arrow")).images, SCALED)


@pytest.mark.parametrize("as_struct", [True, False])
def test_paths_of_pictures_are_followed(tmp_path: Path, as_struct: bool) -> None:
    (tmp_path / "p").mkdir()
    paths = [f"p/{at}.png" for at in range(6)]
    for path, image in zip(paths, IMAGES, strict=True):
        Image.fromarray(image).save(tmp_path / path)
    images = [{"bytes": None, "path": path} for path in paths] if as_struct else paths
    path = write_parquet(tmp_path / "a.parquet", {"image": images, "label": LABELS})
    assert np.array_equal(load(path).images, SCALED)
    (tmp_path / "p/3.png").unlink()
    with pytest.raises(
        DataError, match=r"texts in place of pictures, and there is no file p/3\.png"
    ):
        load(path)


@pytest.mark.parametrize("names", [None, ["a", "b", "c"]])
@pytest.mark.parametrize("missing", [None, -1])
def test_images_without_a_label_are_left_out(
    tmp_path: Path, names: list[str] | None, missing: int | None
) -> None:
    labels = [missing, *LABELS.tolist()[1:]]
    source = write_parquet(tmp_path / "a.parquet", {"image": PICTURES, "label": labels}, names)
    dataset = load(source)
    assert dataset.labels.tolist() == LABELS.tolist()[1:]
    assert dataset.notes[0].startswith("1 image without a label left out: label in")


def test_hugging_faces_test_part_without_labels_is_left_out(tmp_path: Path) -> None:
    names = ["bag", "boot", "coat"]
    columns = {"image": PICTURES, "label": LABELS}
    write_parquet(tmp_path / "data/train-00000-of-00001.parquet", columns, names)
    for labels in ([-1] * 6, None):
        hidden = {"image": PICTURES} | ({"label": labels} if labels else {})
        write_parquet(tmp_path / "data/test-00000-of-00001.parquet", hidden, names)
        dataset = load(str(tmp_path))
        assert np.array_equal(dataset.images, SCALED)
        assert dataset.class_names == tuple(names)
        assert any("test-00000-of-00001.parquet" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"a": [1, 2], "b": ["x", "y"]}, "no columns .* only a, b: call them image and label"),
        ({"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}, "has no rows"),
        ({"image": [[1, 2], [3]], "label": [0, 1]}, "lists of different lengths"),
        ({"image": [[1, 2, 3, 4]] * 2, "label": [[0, 1], None]}, "rows without a label"),
        ({"image": [[1, 2], [None, 4]], "label": [0, 1]}, "without some pixels in row 1, counted"),
        ({"image": [[1, 2], None], "label": [0, 1]}, "image in .* has nothing in row 1"),
        (
            {**{f"p{at}": [1, None] for at in range(4)}, "label": [0, 1]},
            "p0 in .* has nothing in row 1",
        ),
        ({"image": [b"a", b"b"], "a": [0, 1], "b": [0, 1]}, "no column that is known to be their"),
        (
            {"image": [{"bytes": None, "path": "a.png"}] * 2, "label": [0, 1]},
            "there is no file a.png: get the pictures, or store them",
        ),
        ({"image": ["0 " * 999] * 2, "label": [0, 1]}, r"there is no file 0 0 .*…: get"),
        (
            {**{f"p{at}": [1, 2] for at in range(4)}, "a": ["x"] * 2, "b": ["y"] * 2},
            "has columns of pixels, and none that is known to be that of labels",
        ),
        ({"image": [b"a", b"bc"], "label": [0, 1]}, r"2 of 2 pictures .* cannot be read"),
        ({"image": [b"ab", b"bc"], "label": [0, 1]}, "2 bytes for each image, which are no pict"),
        ({"image": [png(IMAGES[0]), png(IMAGES[0, 1:])], "label": [0, 1]}, r"2 sizes, .*--resize"),
    ],
)
def test_unfit_columns_are_named_with_a_remedy(tmp_path: Path, columns: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        load(write_parquet(tmp_path / "a.parquet", columns))


def test_a_parquet_file_cut_off_anywhere_says_so(tmp_path: Path) -> None:
    path = Path(write_parquet(tmp_path / "a.parquet", {"image": PICTURES, "label": LABELS}))
    content = path.read_bytes()
    for end in range(0, len(content) - 1, len(content) // 40):
        path.write_bytes(content[:end])
        with pytest.raises(DataError):
            load(str(path))


def test_a_missing_pyarrow_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"image": PICTURES, "label": LABELS})
    for name in [name for name in sys.modules if name.startswith("pyarrow")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DataError, match=r"needs pyarrow: pip install 'mnistop\[parquet\]'"):
        load(path)


def test_a_damaged_arrow_file_ends_no_process(tmp_path: Path) -> None:
    table = pa.table({"image": IMAGES.reshape(6, -1).tolist(), "label": LABELS})
    with pa.ipc.new_file(tmp_path / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    whole = (tmp_path / "a.arrow").read_bytes()
    lengths = struct.pack("<qq", IMAGES.size, 0)
    assert lengths in whole
    (tmp_path / "a.arrow").write_bytes(whole.replace(lengths, struct.pack("<qq", -(2**62), 0)))
    with pytest.raises(DataError, match="is damaged or not of a known kind"):
        load(str(tmp_path / "a.arrow"))
