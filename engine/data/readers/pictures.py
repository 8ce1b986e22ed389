"""Pictures, decoded by Pillow, which is imported when they are read.

They are gray if all of them are, and else have three channels. They are turned as a camera says
(EXIF), and transparent ones are put on white.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.readers.opening import check_memory
from mnistop.engine.data.stored import Progress
from mnistop.engine.errors import DataError, SizesError
from mnistop.engine.formatting import count

if TYPE_CHECKING:
    from PIL.Image import Image

File = tuple[str, Callable[[], IO[bytes]]]
"""The name of a picture's file, and what opens it."""

_DEEP = ("I", "I;16", "I;16B", "I;16L", "F")
"""Pillow's modes of gray pixels with more than 8 bits."""
_TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")
_LISTED = 3


def read_pictures(
    files: Sequence[File], place: str, progress: Progress, resize: Resize
) -> tuple[NDArray[Any], list[str]]:
    """Decode pictures of the same size, or resize them.

    Args:
        files: the pictures, one or more.
        place: where they are, in messages.
        progress: called with a line to show.
        resize: the height and width to resize them to.

    Returns:
        The pictures `(n, height, width)` or `(n, height, width, 3)` in order, bytes unless they
        have more than 8 bits, and sentences on what was changed.

    Raises:
        DataError: some are damaged or huge, or have other numbers of bits.
        SizesError: they have several sizes, and no size to resize them to is given.
        MemoryError: this machine does not have enough.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    damaged: list[str] = []
    made: NDArray[Any] | None = None
    transparent = 0
    for row, (name, opened) in enumerate(files):
        progress(f"reading pictures: {row:,} of {len(files):,}")
        try:
            with opened() as file, _opened(file, f"{name} in {place}") as picture:
                sizes[_upright_size(picture)] += 1
                if resize == "off" and len(sizes) > 1:
                    continue
                is_transparent, pixels = _pixels(picture, resize)
        except (DataError, MemoryError):
            raise
        except Exception as error:  # Pillow raises many kinds for damaged bytes
            if isinstance(error, OSError) and error.errno:
                raise
            damaged.append(name)
            continue
        transparent += is_transparent
        if made is None:
            check_memory(pixels.nbytes * len(files))
            made = np.empty((len(files), *pixels.shape), pixels.dtype)
        if made.dtype != pixels.dtype:
            raise DataError(
                f"{name} in {place} has pixels of type {pixels.dtype}, and others of {made.dtype}: "
                "convert all pictures to one."
            )
        if pixels.ndim > made.ndim - 1:
            check_memory(pixels.nbytes * len(files))
            made = np.repeat(made[..., None], 3, axis=3)
        made[row] = pixels if pixels.ndim == made.ndim - 1 else pixels[..., None]
    _check(sizes, damaged, len(files), place, resize)
    assert made is not None
    notes = []
    if resize != "off" and set(sizes) != {resize}:
        what = f"of {_size(*next(iter(sizes)))}" if len(sizes) == 1 else f"of {len(sizes)} sizes"
        notes.append(f"{count(len(files), 'picture')} {what} are resized to {_size(*resize)}.")
    if transparent:
        notes.append(f"Transparent pixels are made white, in {count(transparent, 'picture')}.")
    return made, notes


def _check(
    sizes: Counter[tuple[int, int]], damaged: list[str], files: int, place: str, resize: Resize
) -> None:
    """Check that all pictures are there, and have the same size.

    Raises:
        DataError: they are not, or have not.
    """
    if damaged:
        few = ", ".join(damaged[:_LISTED]) + (", …" if len(damaged) > _LISTED else "")
        raise DataError(
            f"{len(damaged):,} of {count(files, 'picture')} in {place} cannot be read ({few}): "
            "delete them, or get them again."
        )
    if len(sizes) > 1 and resize == "off":
        usual = sizes.most_common(_LISTED)
        few = ", ".join(f"{_size(*size)} ({number:,})" for size, number in usual)
        (height, width), _ = usual[0]
        example = f"{height}" if height == width else f'"{height} {width}"'
        raise SizesError(
            f"The pictures in {place} have {len(sizes):,} sizes, {few}"
            f"{', …' if len(sizes) > _LISTED else ''}: set resize, as in "
            f"--resize {example}."
        )


def _size(height: int, width: int) -> str:
    return f"{height} × {width}"


def _opened(file: IO[bytes], place: str) -> "Image":
    """Open a picture, without decoding its pixels.

    Raises:
        DataError: it has far more pixels than the picture of a class needs.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(file)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise DataError(
            f"{place} has more than {most:.0f} million pixels, as if made to fill the memory: make "
            "it smaller, or delete it."
        ) from error


def _upright_size(picture: "Image") -> tuple[int, int]:
    """Return height and width of a picture when it is turned as the camera says."""
    from PIL.ExifTags import Base

    is_on_its_side = picture.getexif().get(Base.Orientation, 1) > 4
    return picture.size if is_on_its_side else (picture.height, picture.width)


def _pixels(picture: "Image", resize: Resize) -> tuple[bool, NDArray[Any]]:
    """Return whether a picture is transparent, and its pixels, gray if they have no colour."""
    from PIL import Image, ImageOps

    if resize != "off":
        enough = 2 * max(resize)
        picture.draft(None, (enough, enough))  # JPEG is decoded smaller
    ImageOps.exif_transpose(picture, in_place=True)
    mode = picture.mode
    is_deep, is_transparent = mode in _DEEP, False
    if is_deep:
        picture = picture if resize == "off" else picture.convert("F")
    elif mode in ("1", "L") and "transparency" not in picture.info:
        picture = picture.convert("L")
    else:
        if mode in _TRANSPARENT or "transparency" in picture.info:
            picture = picture.convert("RGBA")
            lowest, _ = picture.getchannel("A").getextrema()
            is_transparent = lowest != 255
            ground = Image.new("RGBA", picture.size, "white")
            ground.alpha_composite(picture)
            picture = ground
        picture = picture.convert("RGB")
    if resize != "off":
        height, width = resize
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture)
    if is_deep:
        pixels = pixels.astype(np.float32) if mode in ("I", "F") else np.rint(pixels).astype("u2")
    if pixels.ndim == 3 and np.all(pixels == pixels[..., :1]):
        pixels = pixels[..., 0]
    return is_transparent, pixels
