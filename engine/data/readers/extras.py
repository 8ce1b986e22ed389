"""Libraries that only some readers need, and that extras of mnistop install."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnistop.engine.errors import DataError


@contextmanager
def needs(library: str, extra: str, path: Path) -> Iterator[None]:
    """Name the extra that installs a library if an import in this block fails.

    Raises:
        DataError: the library is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise DataError(f"{path} needs {library}: pip install 'mnistop[{extra}]'.") from error
