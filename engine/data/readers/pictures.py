"""Pictures, decoded by Pillow, which is imported when they are read.

They are gray if all of them are, and else have three channels. They are turned as a camera says
(EXIF). Transparent ones are put on white, or on black if what they show is light.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.config import Resize
from mnistop.engine.data.opacity import put_on_ground
from mnistop.engine.data.readers.opening import check_memory
from mnistop.engine.data.stored import Progress
from mnistop.engine.errors import DataError, SizesError
from mnistop.engine.formatting import count, name_list

if TYPE_CHECKING:
    from PIL.Image import Image

File = tuple[str, Callable[[], IO[bytes]]]
"""The name of a picture's file, and what opens it."""

_DEEP = ("I", "I;16", "I;16B", "I;16L", "F")
"""Pillow's modes of gray pixels with more than 8 bits."""
_TRANSPARENT = ("LA", "La", "PA", "RGBA", "RGBa")
_LISTED = 3
_MNIST = 28
"""Height and width that are proposed for pictures without a usual size."""
_OPAQUE = 255


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
    animated: list[str] = []
    stack: _Stack | None = None
    for row, (name, opened) in enumerate(files):
        progress(f"reading pictures: {row:,} of {len(files):,}")
        try:
            with opened() as file, _opened(file, f"{name} in {place}") as picture:
                sizes[_upright_size(picture)] += 1
                if _has_frames(picture, f"{name} in {place}"):
                    animated.append(name)
                if resize == "off" and len(sizes) > 1:
                    continue
                pixels, opacity = _pixels(picture, resize)
        except Exception as error:  # Pillow raises many kinds for damaged bytes
            if isinstance(error, DataError | MemoryError) or _is_of_disk(error):
                raise
            damaged.append(name)
            continue
        stack = stack or _Stack(len(files), pixels)
        stack.put(row, pixels, opacity, f"{name} in {place}")
    _check(sizes, damaged, len(files), place, resize)
    assert stack is not None
    notes = []
    if resize != "off" and set(sizes) != {resize}:
        what = f"of {_size(*next(iter(sizes)))}" if len(sizes) == 1 else f"of {len(sizes)} sizes"
        notes.append(f"{count(len(files), 'picture')} {what} are resized to {_size(*resize)}.")
    if animated:
        notes.append(
            f"{count(len(animated), 'picture')} with several frames ({few(animated)}): only the "
            "first frame of each is taken."
        )
    return stack.pixels, notes + stack.put_on_ground()


def _is_of_disk(error: Exception) -> bool:
    """Return whether a file cannot be read, as opposed to one that is damaged or a broken link."""
    is_missing = isinstance(error, FileNotFoundError)
    return isinstance(error, OSError) and bool(error.errno) and not is_missing


class _Stack:
    """The pixels of pictures, `(n, height, width)`, or `(n, height, width, 3)` if any has colour.

    Args:
        rows: the number of pictures.
        first: the pixels of the first one.
    """

    def __init__(self, rows: int, first: NDArray[Any]) -> None:
        check_memory(first.nbytes * rows)
        self.pixels = np.empty((rows, *first.shape), first.dtype)
        self.opacity: NDArray[np.uint8] | None = None
        """`(n, height, width)`; None if no picture is transparent anywhere."""

    def put(
        self, row: int, pixels: NDArray[Any], opacity: NDArray[np.uint8] | None, place: str
    ) -> None:
        """Store a picture; `opacity` is None if it is opaque."""
        if self.pixels.dtype != pixels.dtype:
            raise DataError(
                f"{place} has pixels of type {pixels.dtype}, and others of {self.pixels.dtype}: "
                "convert all pictures to one."
            )
        if pixels.ndim > self.pixels.ndim - 1:
            check_memory(3 * self.pixels.nbytes)
            self.pixels = np.repeat(self.pixels[..., None], 3, axis=3)
        self.pixels[row] = pixels if pixels.ndim == self.pixels.ndim - 1 else pixels[..., None]
        if opacity is None:
            return
        if self.opacity is None:
            check_memory(opacity.size * len(self.pixels))
            self.opacity = np.full((len(self.pixels), *opacity.shape), _OPAQUE, np.uint8)
        self.opacity[row] = opacity

    def put_on_ground(self) -> list[str]:
        """Put transparent pictures on white or black, and return a sentence on that."""
        if self.opacity is None:
            return []
        ground = put_on_ground(self.pixels, self.opacity, _OPAQUE)
        pictures = count(ground.images, "picture")
        if ground.shade == "none":
            return [f"The opacity of {pictures} is the same all over: unused."]
        why = ", as what is drawn on them is light" if ground.shade == "black" else ""
        return [f"Transparent pixels are made {ground.shade}{why}, in {pictures}."]


def _check(
    sizes: Counter[tuple[int, int]], damaged: list[str], files: int, place: str, resize: Resize
) -> None:
    """Check that all pictures are there, and have the same size.

    Raises:
        DataError: they are not, or have not.
    """
    if damaged:
        them = "it" if len(damaged) == 1 else "them"
        raise DataError(
            f"{len(damaged):,} of {count(files, 'picture')} in {place} cannot be read "
            f"({few(damaged)}): delete {them}, or get {them} again."
        )
    if len(sizes) > 1 and resize == "off":
        usual = sizes.most_common(_LISTED)
        sizes_text = ", ".join(f"{_size(*size)} ({number:,})" for size, number in usual)
        (height, width), number = usual[0]
        if number <= sum(sizes.values()) / 2:
            height = width = _MNIST
        example = f"{height}" if height == width else f'"{height} {width}"'
        raise SizesError(
            f"The pictures in {place} have {len(sizes):,} sizes, {sizes_text}"
            f"{', …' if len(sizes) > _LISTED else ''}: set resize, as in "
            f"--resize {example}."
        )


def few(names: Sequence[str]) -> str:
    """Return the first few names as a list in a sentence."""
    return name_list(names, _LISTED)


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


def _has_frames(picture: "Image", place: str) -> bool:
    """Return whether a picture moves, of which only the first frame is taken.

    Raises:
        DataError: it is a TIFF of several pages, which may well be a picture each.
    """
    if not getattr(picture, "is_animated", False) or picture.format == "MPO":
        return False  # a camera's MPO has a preview besides
    if picture.format == "TIFF":
        pages = getattr(picture, "n_frames", 2)
        raise DataError(f"{place} has {pages:,} pages: save each as a picture of its own.")
    return True


def _pixels(picture: "Image", resize: Resize) -> tuple[NDArray[Any], NDArray[np.uint8] | None]:
    """Return the pixels of a picture, gray if they have no colour, and its opacity if it has any.

    Opacity is from 0 to 255, `(height, width)`; None if the picture is opaque.
    """
    from PIL import Image, ImageOps

    if resize != "off":
        enough = 2 * max(resize)
        picture.draft(None, (enough, enough))  # JPEG is decoded smaller
    ImageOps.exif_transpose(picture, in_place=True)
    mode, is_pgm = picture.mode, picture.format == "PPM"
    is_deep, opacity = mode in _DEEP, None
    if is_deep:
        picture = picture if resize == "off" else picture.convert("F")
    elif mode in ("1", "L") and "transparency" not in picture.info:
        picture = picture.convert("L")
    elif mode in _TRANSPARENT or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        opacity = picture.getchannel("A")
        low, high = opacity.getextrema()
        if low == high:  # else resizing would weigh colours by their opacity
            picture = picture.convert("RGB")
        if low == _OPAQUE:
            opacity = None
    else:
        picture = picture.convert("RGB")
    if resize != "off":
        size = resize[1], resize[0]
        picture = picture.resize(size, Image.Resampling.BILINEAR)
        opacity = opacity and opacity.resize(size, Image.Resampling.BILINEAR)
    pixels = np.asarray(picture)
    if is_deep:
        is_wide = mode == "F" or (mode == "I" and not is_pgm)
        pixels = pixels.astype(np.float32) if is_wide else np.rint(pixels).astype("u2")
    pixels = pixels[..., :3] if pixels.ndim == 3 else pixels
    if pixels.ndim == 3 and np.all(pixels == pixels[..., :1]):
        pixels = pixels[..., 0]
    return pixels, None if opacity is None else np.asarray(opacity)
