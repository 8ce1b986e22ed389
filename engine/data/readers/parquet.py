"""Parquet and Arrow tables, as of Hugging Face, by pyarrow, which the extra `parquet` installs.

An image is the content of a PNG or JPEG file (`image: struct<bytes, path>`), or lists of pixels,
or there is a column for each pixel. Hugging Face's `datasets` adds the names of the classes.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers.label_files import by_role, roles_of
from mnistop.engine.data.readers.opening import check_memory, damage_reported, needs
from mnistop.engine.data.readers.parquet_columns import TableColumns, choose_columns
from mnistop.engine.data.readers.pictures import read_pictures
from mnistop.engine.data.stored import Part, Progress, Stored, silent
from mnistop.engine.errors import DataError, SizesError
from mnistop.engine.files import open_regular
from mnistop.engine.formatting import name_list

_ROWS_AT_ONCE = 2048
_SIZES = "The images in {place} are lists of different lengths, or empty: store them in one size."
Opener = Callable[[], IO[bytes]]


def read_parquet(path: Path, progress: Progress = silent, resize: Resize = "off") -> Stored:
    """Return images and labels in a Parquet or Arrow table; see `kinds.Reader`.

    Raises:
        UnlabelledError: there are images without labels.
        DataError: the file is damaged, has no columns of images and labels, or needs pyarrow.
        MemoryError: the machine does not have the memory for the images.
        OSError: the file cannot be read.
    """
    with damage_reported(path), _opened(path) as (schema, count, batches):
        columns = choose_columns(schema, path)
        blocks: list[NDArray[Any]] = []
        labels, divided, read = [], [], 0
        for batch in batches(columns.used):
            if not len(batch):
                continue
            blocks.append(_narrow(_images(batch, columns, path, read)))
            labels.append(_labels(batch.column(columns.label), f"{columns.label} in {path}"))
            if columns.part:
                divided.append(np.array(batch.column(columns.part).to_pylist(), str))
            read += len(batch)
            check_memory(count / read * sum(block.nbytes for block in blocks))
            progress(f"reading {path.name}: {read:,} of {count:,} images")
        if not blocks:
            raise DataError(f"{path} has no rows: choose another one.")
    images_in = columns.images[0] if len(columns.images) == 1 else "the pixels"
    places = f"{images_in} in {path}", f"{columns.label} in {path}"
    images, notes = _joined(blocks, places[0], path.parent, progress, resize)
    part = Part(images, np.concatenate(labels), *places)
    names = columns.class_names
    if names and part.labels.dtype.kind in "iuf":
        names = names[: int(max(part.labels[part.labels >= 0], default=0)) + 1]
    roles = None
    if divided:
        roles = roles_of(np.concatenate(divided).tolist(), str(columns.part), str(path))
    parts = by_role(part, roles)
    if divided and len(parts) == 1:
        notes.append(
            f"Column {columns.part} of {path.name} is not used: it does not divide the images into "
            "those of training and test."
        )
    return Stored(parts, str(path), names, notes=(*columns.notes, *notes))


def _narrow(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return pixels in a smaller type that has their values: pandas stores those of 8 bytes.

    Whole numbers become no bytes, since those that were stored as bytes are 0 to 255 for sure.
    """
    if pixels.dtype == np.float64:
        return pixels.astype(np.float32)
    if pixels.dtype.kind not in "iu" or pixels.dtype.itemsize < 4:
        return pixels
    extremes = map(np.min_scalar_type, (pixels.min(), pixels.max()))
    return pixels.astype(np.result_type(*extremes, np.int16), copy=False)


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
        table.validate(full=True)  # pyarrow ends the process on some damaged ones
        yield table.schema, len(table), lambda names: table.select(names).to_batches(_ROWS_AT_ONCE)


def _joined(
    blocks: list[NDArray[Any]], place: str, folder: Path, progress: Progress, resize: Resize
) -> tuple[NDArray[Any], list[str]]:
    """Return images in blocks as one array, and sentences on what was changed.

    Args:
        blocks: images `(n, …)`, or contents of pictures' files, `(n,)` of bytes, or their paths.
        place: their name in messages.
        folder: that from which relative paths start.
        progress: called with a line to show.
        resize: the size to which pictures of several sizes are resized.
    """
    if blocks[0].dtype == object:
        contents = [content for block in blocks for content in block]
        files = [_file(at, content, folder) for at, content in enumerate(contents)]
        if _are_pixels(contents):
            raise DataError(
                f"{place} has {len(contents[0]):,} bytes for each image, which are no picture: "
                "store the pixels as lists of numbers, or the contents of PNG files."
            )
        if missing := [name for name, opener in files if opener is None]:
            raise DataError(
                f"{place} has texts in place of pictures, and there is no file "
                f"{name_list(missing[:1])}: get the pictures, or store them in the table, as "
                "push_to_hub of Hugging Face's datasets does, or lists of their pixels."
            )
        return read_pictures([(n, o) for n, o in files if o], place, progress, resize)
    if len({block.shape[1:] for block in blocks}) > 1:
        raise SizesError(_SIZES.format(place=place))
    return np.concatenate(blocks), []


def _are_pixels(contents: list[bytes | str]) -> bool:
    """Return whether images are bytes of pixels without a header, all as many."""
    from PIL import Image, UnidentifiedImageError

    first = contents[0]
    if isinstance(first, str) or len({len(content) for content in contents}) > 1:
        return False
    try:
        Image.open(io.BytesIO(first))
    except UnidentifiedImageError:
        return len(contents) > 1
    return False


def _file(at: int, content: bytes | str, folder: Path) -> tuple[str, Opener | None]:
    """Return the name of a picture and what opens it, by its content or its path.

    Nothing opens it if there is no such file.
    """
    if isinstance(content, bytes):
        return f"image {at:,}", partial(io.BytesIO, content)
    path = folder / content
    return content, partial(open_regular, path) if os.path.isfile(path) else None


def _images(batch: Any, columns: TableColumns, path: Path, before: int) -> NDArray[Any]:
    """Return the images of some rows, `(n, …)`, or the contents or paths of pictures, `(n,)`.

    Args:
        batch: the rows.
        columns: those of the table.
        path: that of the table.
        before: the number of rows that come before.
    """
    import pyarrow as pa
    from pyarrow import compute

    if len(columns.images) > 1:
        for name in columns.images:
            _check_there(batch.column(name), f"{name} in {path}", before)
        return np.stack(
            [batch.column(name).to_numpy(zero_copy_only=False) for name in columns.images], 1
        )
    place = f"{columns.images[0]} in {path}"
    column = batch.column(columns.images[0])
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    _check_there(column, place, before)
    if pa.types.is_struct(column.type) and column.type.get_field_index("bytes") >= 0:
        pictures = column.to_pylist()
        contents = [p["bytes"] if p["bytes"] is not None else p.get("path") for p in pictures]
        _check_there(pa.array([True if content else None for content in contents]), place, before)
        images = np.empty(len(contents), object)
        images[:] = contents
        return images
    shape = [len(column)]
    while pa.types.is_nested(column.type):
        lengths = np.unique(compute.list_value_length(column).to_numpy(zero_copy_only=False))
        if len(lengths) > 1 or not lengths[0]:
            raise SizesError(_SIZES.format(place=place))
        shape.append(int(lengths[0]))
        column = column.flatten()
        _check_there(column, place, before, len(column) // shape[0])
    return np.asarray(column.to_numpy(zero_copy_only=False)).reshape(shape)


def _check_there(column: Any, place: str, before: int, size: int = 1) -> None:
    """Check that no value of some rows is missing.

    Args:
        column: values, `size` for each row.
        place: the name of their column in messages.
        before: the number of rows that come before.
        size: values in a row.

    Raises:
        DataError: one is.
    """
    if column.null_count:
        row = (
            before + int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0]) // size
        )
        what = "an image without some pixels" if size > 1 else "nothing"
        raise DataError(
            f"{place} has {what} in row {row:,}, counted from 0: remove the row, or fill it in."
        )


def _labels(column: Any, place: str) -> NDArray[Any]:
    """Return the labels of some rows, `(n,)` or one-hot `(n, k)`."""
    import pyarrow as pa

    if column.null_count and pa.types.is_nested(column.type):
        raise DataError(f"{place} has rows without a label: remove them.")
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    labels = np.asarray(column.to_numpy(zero_copy_only=False))
    return np.stack(labels.tolist()) if pa.types.is_nested(column.type) else labels
