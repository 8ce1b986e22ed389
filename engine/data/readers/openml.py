"""MNIST as OpenML's `mnist_784`: downloaded once by scikit-learn, then cached on this machine.

Environment:
    MNISTOP_CACHE: the folder to keep it in, instead of the user's cache folder. With the folder
        of scikit-learn (`~/scikit_learn_data`) the download of a notebook is used again.
"""

import gzip
import http.client
import os
import socket
import threading
import time
import urllib.error
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import platformdirs

from mnistop.engine.data.readers.arrays import read_npz
from mnistop.engine.data.stored import Part, Stored
from mnistop.engine.errors import DataError
from mnistop.engine.files import expanded, user_folder

TIMEOUT = 20.0
"""Seconds without a byte from the server after which a connection counts as dead."""
PROGRESS_INTERVAL = 0.5
"""Seconds between two checks of the download's progress."""

_TRAINING = 60_000
"""MNIST's training images, which OpenML has before its test images."""
_PROVENANCE = "OpenML's mnist_784, version 1: MNIST by LeCun, Cortes and Burges, CC BY-SA 3.0"
_REMEDY = "the bundled source needs no network, nor does a folder of MNIST's own files"


def cache_folder() -> Path:
    """Return the folder that holds the data set."""
    chosen = os.environ.get("MNISTOP_CACHE")
    if chosen:
        return expanded(chosen)
    return user_folder(lambda: platformdirs.user_cache_path("mnistop"), "MNISTOP_CACHE")


def is_cached() -> bool:
    """Return whether the arrays are cached, so that neither network nor parsing is needed."""
    return zipfile.is_zipfile(_kept(cache_folder()))


def read_openml(progress: Callable[[str], None]) -> Stored:
    """Return the 70,000 images: MNIST's training images, then its test images.

    The first time, scikit-learn downloads and reads them, which then takes about half a minute and
    1 GB of memory; later the arrays that were cached then are read.

    Args:
        progress: called in this thread with a line to show, at most twice a second; raising in
            it ends the waiting.

    Raises:
        DataError: OpenML cannot be reached or fails, or the cache is damaged or not writable.
    """
    cache = cache_folder()
    kept = _kept(cache)
    if stored := _read_kept(kept):
        return stored
    part = _fetched(cache, progress)
    try:
        _keep(part, kept)
    except OSError as error:
        progress(
            f"mnist_784 could not be kept in {kept} ({error.strerror}): it is read again next time"
        )
    return _split([part])


def _kept(cache: Path) -> Path:
    return cache / "mnist_784.npz"


def _read_kept(kept: Path) -> Stored | None:
    """Return the cached arrays; None if there are none, or the file is damaged."""
    try:
        stored = read_npz(kept)
    except (FileNotFoundError, NotADirectoryError, DataError):
        return None
    return stored and _split(stored.parts)


def _split(parts: Sequence[Part]) -> Stored:
    """Divide OpenML's one table as MNIST is: 60,000 training images, then 10,000 test images."""
    (part,) = parts
    both = [part[:_TRAINING], replace(part[_TRAINING:], role="test")]
    return Stored([each for each in both if len(each)], _PROVENANCE, white=255, was_one=True)


def _keep(part: Part, kept: Path) -> None:
    unfinished = kept.with_suffix(f".{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as file:
            np.savez(file, images=part.images, labels=part.labels)
        unfinished.replace(kept)
    finally:
        unfinished.unlink(missing_ok=True)


def _fetched(cache: Path, progress: Callable[[str], None]) -> Part:
    """Fetch the data through scikit-learn, and report progress.

    It runs in a daemon thread, so that an interruption need not wait for the network.
    """
    outcome: list[Part | Exception] = []
    leftovers = {path for path in _scikit_learn_files(cache) if _is_partial(path)}
    started = time.monotonic()

    def fetch() -> None:
        try:
            outcome.append(_fetch(cache))
        except Exception as error:  # reported below, in the calling thread
            outcome.append(error)

    timeout_before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        thread = threading.Thread(target=fetch, name="fetch mnist_784", daemon=True)
        thread.start()
        shown = None
        while thread.is_alive() or shown is None:
            files = [path for path in _scikit_learn_files(cache) if path not in leftovers]
            state = _state(files, time.monotonic() - started)
            if state != shown:
                progress(state)
                shown = state
            thread.join(PROGRESS_INTERVAL)
    finally:
        socket.setdefaulttimeout(timeout_before)

    (result,) = outcome
    if isinstance(result, Exception):
        raise DataError(_sentence(result, cache)) from result
    return result


def _fetch(cache: Path) -> Part:
    from sklearn.datasets import fetch_openml

    cache.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they announce retries; the last failure is reported
        pixels, labels = fetch_openml(
            "mnist_784",
            version=1,
            data_home=cache,
            as_frame=False,
            return_X_y=True,
            parser="liac-arff",
            n_retries=1,
        )
    return Part(pixels.astype(np.uint8), labels.astype(np.uint8), "mnist_784", "mnist_784")


def _scikit_learn_files(cache: Path) -> list[Path]:
    """Return scikit-learn's OpenML files, and those in the `tmp…` folders it downloads into."""
    folders = os.walk(cache / "openml" / "openml.org")
    return [Path(folder, name) for folder, _, names in folders for name in names]


def _is_partial(path: Path) -> bool:
    return path.parent.name.startswith("tmp")


def _is_downloaded(files: list[Path]) -> bool:
    return any(path.match("*mnist_784*.arff.gz") and not _is_partial(path) for path in files)


def _state(files: list[Path], seconds: float) -> str:
    """Return a line of progress from the files present after some seconds."""
    if _is_downloaded(files):
        return f"reading mnist_784, about half a minute and only this once: {seconds:.0f} s"
    size = sum(_size(path) for path in files if _is_partial(path)) / 1e6
    if size < 0.1:
        return f"asking OpenML for mnist_784: {seconds:.0f} s"
    rate = size / max(seconds, PROGRESS_INTERVAL)
    return f"fetching mnist_784 from OpenML: {size:.1f} MB at {rate:.1f} MB/s"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # just moved to its final place
        return 0


def _sentence(error: Exception, cache: Path) -> str:
    """Return a sentence with a remedy for an error of fetching."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    match error:
        case urllib.error.HTTPError():
            return f"OpenML answered {error.code} {error.reason}: try again later; {_REMEDY}."
        case _ if isinstance(reason, TimeoutError):
            return f"OpenML did not answer for {TIMEOUT:g} s: try again later; {_REMEDY}."
        case urllib.error.URLError():
            return f"OpenML cannot be reached from here: check the network; {_REMEDY}."
        case (
            ConnectionError()
            | http.client.HTTPException()
            | EOFError()
            | zlib.error()
            | gzip.BadGzipFile()
        ):
            return f"The download from OpenML broke off: try again; {_REMEDY}."
        case ValueError() if "md5" in str(error):
            return (
                f"What came from OpenML is not mnist_784, by its checksum: "
                f"try again later; {_REMEDY}."
            )
        case ValueError() if "not found" in str(error):
            return f"OpenML says that it has no mnist_784: try again later; {_REMEDY}."
        case MemoryError():
            return f"Reading mnist_784 takes about 1 GB of memory, which is not free; {_REMEDY}."
        case OSError():
            return (
                f"mnist_784 cannot be kept in {cache} ({error.strerror or error}): "
                f"set MNISTOP_CACHE to a folder that can be written; {_REMEDY}."
            )
        case _:
            return (
                f"OpenML's answers in {cache / 'openml'} make no sense: "
                f"delete that folder and try again; {_REMEDY}."
            )
