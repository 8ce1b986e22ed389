"""The columns of Parquet and Arrow tables: which have the images, the labels and the parts."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistop.engine.data.readers.columns import LABELS, PARTS, Columns, find_columns
from mnistop.engine.data.readers.named import listed, pairs_in
from mnistop.engine.errors import DataError, UnlabelledError

_FEWEST_PIXELS = 4


@dataclass(frozen=True)
class TableColumns:
    """The columns of a table that are used."""

    images: list[str]
    """One of images, or one for each pixel."""
    label: str
    class_names: tuple[str, ...] | None = None
    part: str = ""
    """That which divides the images, as into those of training and test, if there is one."""
    notes: tuple[str, ...] = ()
    """Sentences on what was decided."""

    @property
    def used(self) -> list[str]:
        """The names of all columns to read."""
        return [*self.images, self.label, *([self.part] if self.part else [])]


def choose_columns(schema: Any, path: Path) -> TableColumns:
    """Choose the columns by what `datasets` says of them, or else by their names and types.

    Raises:
        UnlabelledError: there are images, but no column of labels.
        DataError: there are no columns of images.
    """
    features = _features(schema)
    kinds = {name: feature.get("_type") for name, feature in features.items()}
    pairs = pairs_in(schema.names)
    lower = {name.lower(): name for name in reversed(schema.names)}
    label = next((name for name in schema.names if kinds.get(name) == "ClassLabel"), None)
    if not label and pairs:
        label = pairs[0].labels
    label = label or next((lower[name] for name in LABELS if name in lower), None)
    image = next((name for name in schema.names if kinds.get(name) == "Image"), None)
    if not image and pairs:
        image = pairs[0].images
    if not image:
        whole = [f.name for f in schema if f.name != label and _is_of_images(f.type)]
        image = whole[0] if len(whole) == 1 else None
    part = next((name for name in schema.names if name != label and PARTS.fullmatch(name)), "")
    if image:
        others = [n for n in schema.names if n not in (image, label, part) and not _is_index(n)]
        if not label and len(others) == 1:
            (label,) = others
        if not label:
            raise UnlabelledError(
                f"{path} has images in {image}, and no column that is known to be their labels, "
                f"only {listed(others)}: call it label."
            )
        names = features.get(label, {}).get("names")
        left_out = [name for name in others if name != label]
        notes = (f"Columns of {path.name} not used: {listed(left_out)}.",) if left_out else ()
        return TableColumns([image], label, tuple(map(str, names)) if names else None, part, notes)
    return _of_pixels(schema, label, part, path)


def _of_pixels(schema: Any, label: str | None, part: str, path: Path) -> TableColumns:
    """Choose the columns of a table with a column for each pixel; see `choose_columns`."""
    from pyarrow import types

    flat = [f.name for f in schema if not types.is_nested(f.type) and not _is_index(f.name)]
    found = find_columns(flat, path.name) if len(flat) > _FEWEST_PIXELS else Columns([])
    if not label and found.label is not None:
        label = flat[found.label]
    pixels = [
        flat[at]
        for at in found.pixels
        if flat[at] not in (label, part) and _is_number(schema.field(flat[at]).type)
    ]
    if len(pixels) < _FEWEST_PIXELS:
        raise DataError(
            f"{path} has no columns that are known to be images and labels, only "
            f"{listed(schema.names)}: call them image and label."
        )
    if not label:
        raise UnlabelledError(
            f"{path} has columns of pixels, and none that is known to be that of labels: call it "
            "label."
        )
    return TableColumns(pixels, label, None, part, tuple(found.notes))


def _is_index(name: str) -> bool:
    return name.startswith("__index_level_")


def _is_number(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _is_of_images(kind: Any) -> bool:
    """Return whether a column of a type may have an image in each row."""
    from pyarrow import BaseExtensionType, types

    if isinstance(kind, BaseExtensionType):
        kind = kind.storage_type
    if types.is_struct(kind):
        return bool(kind.get_field_index("bytes") >= 0)
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_nested(kind))


def _features(schema: Any) -> dict[str, dict[str, Any]]:
    """Return what `datasets` has written of each column; nothing if it has not."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return {name: feature for name, feature in features.items() if isinstance(feature, dict)}
    except (TypeError, KeyError, ValueError, AttributeError):
        return {}
