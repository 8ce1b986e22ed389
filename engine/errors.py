"""The exceptions that users see.

Each carries one sentence that names the problem and the remedy. They are raised for mistakes and
mishaps outside the program; a fault of the program itself is any other exception.
"""

import errno
import re
from collections.abc import Iterator, Sequence


class MnistopError(Exception):
    """A mistake or mishap, explained in one sentence."""

    @property
    def sentences(self) -> Sequence[str]:
        """The sentence, or one for each of several mistakes."""
        return [str(self)]


class ConfigError(MnistopError, ValueError):
    """Values that make no valid `RunConfig`.

    Args:
        problems: the sentence for each hyperparameter that is wrong, by its name.
    """

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems

    @property
    def sentences(self) -> Sequence[str]:
        """A sentence for each hyperparameter that is wrong."""
        return list(self.problems.values())

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[dict[str, str]]]:
        return type(self), (self.problems,)


class DataError(MnistopError):
    """A data source that is missing, damaged or unfit for training."""

    setting = "source"
    """The hyperparameter to change."""


class TooFewImagesError(DataError):
    """A source that has fewer images than asked for.

    Args:
        sentence: the message.
        difference: the numbers then and now, for a source that once had enough.
    """

    def __init__(self, sentence: str, difference: str) -> None:
        super().__init__(sentence)
        self.difference = difference

    def __reduce__(self) -> tuple[type["TooFewImagesError"], tuple[str, str]]:
        return type(self), (str(self), self.difference)


class PixelRangeError(DataError):
    """Pixels whose values of black and white only a person can know."""

    setting = "pixel_range"


class UnlabelledError(DataError):
    """Images without labels."""


class SizesError(DataError):
    """Images of different sizes."""

    setting = "resize"


class RunError(MnistopError):
    """A run that is missing, ambiguous, damaged or in the wrong state for a request."""


class HostError(MnistopError):
    """The machine, or a limit that it sets, refuses what the program needs."""


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes: libraries hide a lack of memory behind their own errors."""
    following: BaseException | None = error
    while following:
        yield following
        following = following.__cause__ or following.__context__


def host_error(error: BaseException) -> HostError | None:
    """Explain a lack of processes, files or memory, by an error or its causes.

    Returns:
        None for any other error.
    """
    for each in causes(error):
        if isinstance(each, HostError):
            return each
        if sentence := _shortage(each):
            return HostError(sentence)
    return None


def _shortage(error: BaseException) -> str:
    number = error.errno if isinstance(error, OSError) else None
    text = str(error).lower()
    if number == errno.EAGAIN or "can't start new thread" in text:
        return (
            "No other process or thread can be started here: the limit is reached "
            "(ulimit -u, or the limit of the container), or there is too little memory (ulimit "
            "-v). End some, or raise the limit."
        )
    if number in (errno.EMFILE, errno.ENFILE):
        return (
            "No other file can be opened here, the limit is reached (ulimit -n): "
            "raise the limit, as in ulimit -n 1024."
        )
    if number == errno.ENOMEM or isinstance(error, MemoryError) or _NO_MEMORY.search(text):
        return (
            "There is too little memory: free some, or raise the limit if there is one "
            "(ulimit -v, or that of the container)."
        )
    return ""


_NO_MEMORY = re.compile("can(no|')t allocate memory|failed to map segment")
