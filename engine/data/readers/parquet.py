"""Parquet and Arrow tables, as of Hugging Face, by pyarrow, which the extra `parquet` installs.

An image is the content of a PNG or JPEG file (`image: struct<bytes, path>`), or lists of pixels,
or there is a column for each pixel. Hugging Face's `datasets` adds the names of the classes.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers.named import listed, pairs_in
from mnistop.engine.data.readers.opening import check_memory, damage_reported, needs
from mnistop.engine.data.readers.pictures import read_pictures
from mnistop.engine.data.stored import Part, Progress, Stored, silent
from mnistop.engine.errors import DataError, SizesError

_ROWS_AT_ONCE = 2048
_FEWEST_PIXELS = 4
_SIZES = "The images in {place} are lists of different lengths, or empty: store them in one size."
_NO_PIXEL = re.compile(r"__index_level_\d+__|index|(?:.*_)?id", re.IGNORECASE)


@dataclass(frozen=True)
class _Columns:
    """The columns of a table that are used."""

    images: list[str]
    """One of images, or one for each pixel."""
    label: str
    class_names: tuple[str, ...] | None


def read_parquet(path: Path, progress: Progress = silent, resize: Resize = "off") -> Stored:
    """Return images and labels in a Parquet or Arrow table; see `kinds.Reader`.

    Raises:
        DataError: the file is damaged, has no columns of images and labels, or needs pyarrow.
        MemoryError: the machine does not have the memory for the images.
        OSError: the file cannot be read.
    """
    with damage_reported(path), _opened(path) as (schema, count, batches):
        columns = _columns(schema, path)
        if not count:
            raise DataError(f"{path} has no rows: choose another one.")
        blocks, labels = [], []
        for batch in batches([*columns.images, columns.label]):
            blocks.append(_images(batch, columns, path))
            labels.append(_labels(batch.column(columns.label), f"{columns.label} in {path}"))
            check_memory(count / len(blocks[0]) * blocks[0].nbytes)
            progress(f"reading {path.name}: {sum(map(len, blocks)):,} of {count:,} images")
    images_in = columns.images[0] if len(columns.images) == 1 else "the pixels"
    places = f"{images_in} in {path}", f"{columns.label} in {path}"
    images, notes = _joined(blocks, places[0], progress, resize)
    part = Part(images, np.concatenate(labels), *places)
    names = columns.class_names
    if names and part.labels.dtype.kind in "iu":
        names = names[: int(part.labels.max()) + 1]
    return Stored([part], str(path), names, notes=tuple(notes))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, int, Callable[[list[str]], Iterable[Any]]]]:
    """Open a table: its schema, the number of rows, and what yields the rows of some columns."""
    with needs("pyarrow", "parquet", path):
        import pyarrow
        from pyarrow import ipc, parquet

    with path.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"PAR1"):
        with parquet.ParquetFile(path) as file:
            batches = partial(file.iter_batches, _ROWS_AT_ONCE)
            yield file.schema_arrow, file.metadata.num_rows, lambda names: batches(columns=names)
        return
    open_table = ipc.open_file if start == b"ARROW1" else ipc.open_stream
    with pyarrow.memory_map(str(path)) as mapped:
        table = open_table(mapped).read_all()
        yield table.schema, len(table), lambda names: table.select(names).to_batches(_ROWS_AT_ONCE)


def _joined(
    blocks: list[NDArray[Any]], place: str, progress: Progress, resize: Resize
) -> tuple[NDArray[Any], list[str]]:
    """Return images in blocks as one array, and sentences on what was changed.

    Args:
        blocks: images `(n, …)`, or contents of pictures' files, `(n,)` of bytes.
        place: their name in messages.
        progress: called with a line to show.
        resize: the size to which pictures of several sizes are resized.
    """
    if blocks[0].dtype == object:
        contents = [content for block in blocks for content in block]
        files = [
            (f"image {at:,}", partial(io.BytesIO, content)) for at, content in enumerate(contents)
        ]
        return read_pictures(files, place, progress, resize)
    if len({block.shape[1:] for block in blocks}) > 1:
        raise SizesError(_SIZES.format(place=place))
    return np.concatenate(blocks), []


def _columns(schema: Any, path: Path) -> _Columns:
    """Choose the columns by what `datasets` says of them, or else by their names and types."""
    from pyarrow import types

    features = _features(schema)
    kinds = {name: feature.get("_type") for name, feature in features.items()}
    pairs = pairs_in(schema.names)
    label = next((name for name in schema.names if kinds.get(name) == "ClassLabel"), None)
    image = next((name for name in schema.names if kinds.get(name) == "Image"), None)
    if pairs:
        label, image = label or pairs[0].labels, image or pairs[0].images
    label = label or next((n for n in schema.names if n.lower() in ("label", "class", "y")), None)
    names = features.get(label or "", {}).get("names")
    if label and image:
        return _Columns([image], label, tuple(map(str, names)) if names else None)
    numbers = [
        field.name
        for field in schema
        if (types.is_integer(field.type) or types.is_floating(field.type))
        and field.name != label
        and not _NO_PIXEL.fullmatch(field.name)
    ]
    if label and len(numbers) >= _FEWEST_PIXELS:
        return _Columns(numbers, label, None)
    raise DataError(
        f"{path} has no columns that are known to be images and labels, only "
        f"{listed(schema.names)}: call them image and label."
    )


def _features(schema: Any) -> dict[str, dict[str, Any]]:
    """Return what `datasets` has written of each column; nothing if it has not."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return {name: feature for name, feature in features.items() if isinstance(feature, dict)}
    except (TypeError, KeyError, ValueError, AttributeError):
        return {}


def _images(batch: Any, columns: _Columns, path: Path) -> NDArray[Any]:
    """Return the images of some rows, `(n, …)`, or the contents of pictures' files, `(n,)`."""
    import pyarrow as pa

    if len(columns.images) > 1:
        return np.stack([batch.column(name).to_numpy() for name in columns.images], 1)
    place = f"{columns.images[0]} in {path}"
    column = batch.column(columns.images[0])
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0:
        column = column.field("bytes")
        if column.null_count:
            raise DataError(
                f"{place} has paths of pictures instead of pictures: name their folder, or embed "
                "them, as push_to_hub of Hugging Face's datasets does."
            )
    shape = [len(column)]
    while pa.types.is_nested(column.type):
        lengths = np.unique(pa.compute.list_value_length(column).to_numpy(zero_copy_only=False))
        if len(lengths) > 1 or not lengths[0]:
            raise SizesError(_SIZES.format(place=place))
        shape.append(int(lengths[0]))
        column = column.flatten()
    return np.asarray(column.to_numpy(zero_copy_only=False)).reshape(shape)


def _labels(column: Any, place: str) -> NDArray[Any]:
    """Return the labels of some rows, `(n,)` or one-hot `(n, k)`."""
    import pyarrow as pa

    if column.null_count:
        raise DataError(f"{place} has rows without a label: remove them.")
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    labels = np.asarray(column.to_numpy(zero_copy_only=False))
    return np.stack(labels.tolist()) if pa.types.is_nested(column.type) else labels
