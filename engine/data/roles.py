"""The part of a data set that the name of a file or folder says: training, validation or test."""

import re

from mnistop.engine.data.stored import Role

ORDER: tuple[Role, ...] = ("train", "validation", "test")

_WORDS = re.compile(
    r"(?<![a-z])(?:(?P<train>train(?:ing)?)|(?P<validation>val(?:id(?:ation)?)?)"
    r"|(?P<test>test(?:ing)?|t10k))(?:[ _-]?(?:set|data|images|imgs))?(?![a-z])",
    re.IGNORECASE,
)


def role_of(name: str, whole: bool = False) -> Role | None:
    """Return the part that a name says, as in `mnist_train.csv` or `trainingSet`; None if none.

    Args:
        name: the name.
        whole: whether it must be nothing but that word, as the name of a folder.
    """
    match = _WORDS.fullmatch(name) if whole else _WORDS.search(name)
    return next((role for role in ORDER if match and match[role]), None)


def without_role(name: str) -> str:
    """Return a name without the word for the part, the same for all parts of a data set."""
    return _WORDS.sub("", name).lower()
