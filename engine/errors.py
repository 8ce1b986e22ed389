"""The exceptions that a person may see.

Each carries one sentence that names the thing that is wrong and the remedy. They are raised for
mistakes and mishaps outside the program; a fault of the program itself is any other exception.
"""


class MnistopError(Exception):
    """A mistake or mishap, told in one sentence."""


class ConfigError(MnistopError, ValueError):
    """Values that make no valid `RunConfig`.

    Args:
        problems: the sentence for each hyperparameter that is wrong, by its name.
    """

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[dict[str, str]]]:
        return type(self), (self.problems,)


class DataError(MnistopError):
    """A data source that is missing, damaged or unfit for training."""


class TooFewImagesError(DataError):
    """A source that has fewer images than asked for.

    Args:
        sentence: says so.
        there: how many it has.
    """

    def __init__(self, sentence: str, there: int) -> None:
        super().__init__(sentence)
        self.there = there

    def __reduce__(self) -> tuple[type["TooFewImagesError"], tuple[str, int]]:
        return type(self), (str(self), self.there)


class PixelRangeError(DataError):
    """Pixels of which only a person can say what is black and what is white."""


class RunError(MnistopError):
    """A run that is missing, ambiguous, damaged or in no state for what is asked of it."""
