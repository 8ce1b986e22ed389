"""Levels of folders above pictures: which are the parts of a data set, which its classes.

Pictures may be at `3/17.png`, `train/3/17.png`, `3/train/17.png` or `writer_5/3/17.png`, below any
folders that hold everything. Parts are known by their names. Of two levels whose folders repeat,
the classes are those whose names are more like classes; where that is not clear, nobody guesses.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from mnistop.engine.data.readers.named import PART, role_of
from mnistop.engine.data.stored import USES, Role
from mnistop.engine.errors import DataError
from mnistop.engine.files import one_line
from mnistop.engine.formatting import count, name_list

_Folders = list[tuple[int, tuple[str, ...]]]
"""Some pictures: the index of each, and the names of the folders that it is in."""

_LEVELS = 3
"""Levels of folders of which one may be that of the parts."""
_REPEATED = 0.7
"""The share of the inner folders that a usual outer folder has if they repeat."""
_NEARLY_ALL = 0.9
_LISTED = 3
_FEW = 5
"""The least number of single characters that are like classes."""

_GROUP = re.compile(
    r"(w|writers?|u|users?|p|persons?|people|participants?|s|subj(ect)?s?|sessions?|folds?|"
    r"batch(es)?|parts?|groups?|authors?|sets?|runs?|rounds?|takes?|days?|hsf|shards?|cameras?|"
    r"sources?|v|versions?)[\W_]*\d+[a-z]?"
)
_CLASS = re.compile(
    r"(class(es)?|cls|digits?|labels?|letters?|chars?|characters?|categor(y|ies))[\W_]*\w+|"
    r"c\d+|n\d{8}"
)
_CONTENT = re.compile(
    r"(imgs?|images?|pictures?|photos?|masks?|labels?|annotations?|ground[\W_]*truth|gt|data)"
)
"""Names of folders by what is in them, which are no classes if there are no others."""
_PREFIXED = re.compile(rf"(?P<part>(?i:{PART}))(?:[\W_]+|(?=[A-Z\d]))(?P<name>.+)")
"""As in `train_3` or `trainA`."""


@dataclass
class Arranged:
    """Pictures by part and class."""

    pictures: dict[Role, list[tuple[int, str]]] = field(default_factory=dict)
    """The index of each picture among the paths, and its class."""
    notes: list[str] = field(default_factory=list)
    """Sentences on what was assumed."""
    left_out: list[str] = field(default_factory=list)
    """Phrases on what is in no class."""


def arrange(paths: Sequence[tuple[str, ...]], place: str) -> Arranged:
    """Find the parts and classes of pictures by the folders in their paths.

    Args:
        paths: of the pictures, each ending with the name of its file.
        place: where they are, in messages.

    Raises:
        DataError: it is not clear which folders are the classes.
    """
    pictures = [(index, tuple(map(_composed, path[:-1]))) for index, path in enumerate(paths)]
    above, pictures = _unwrapped(_with_parts_apart(pictures))
    arranged = Arranged()
    known: set[str] = set()
    passed_over = _PassedOver()
    for role, part in _by_part(pictures, above, arranged).items():
        _, below = _unwrapped(part, known)
        below = _without_groups(below, place, known, passed_over)
        names = {folders[0] for _, folders in below if folders}
        if not known and all(role_of(name) or _CONTENT.fullmatch(name.lower()) for name in names):
            names = set()
        known = known or names
        classed = [(index, folders[0]) for index, folders in below if known & {*folders[:1]}]
        if classed:
            arranged.pictures[role] = classed
        if missing := len(below) - len(classed):
            others = names - known if len(names) > 1 else ()
            of = f"of classes without training pictures ({_listed(others)})"
            of = of if others else "in no folder of a class"
            arranged.left_out.append(f"{count(missing, f'{USES[role]} picture')} {of}")
    arranged.notes += passed_over.notes(known)
    return arranged


@dataclass
class _PassedOver:
    """The names of folders that are no classes."""

    outer: set[str] = field(default_factory=set)
    inner: set[str] = field(default_factory=set)

    def notes(self, classes: Collection[str]) -> list[str]:
        """Return sentences on them."""
        notes = []
        if self.outer:
            notes.append(
                f"The classes are the inner folders ({_listed(classes)}), and pictures of all "
                f"outer ones are taken together ({_listed(self.outer)})."
            )
        if self.inner:
            notes.append(
                f"The classes are the outer folders ({_listed(classes)}), and pictures of all "
                f"folders in each are taken together ({_listed(self.inner)})."
            )
        return notes


def _composed(name: str) -> str:
    """Return a name without spaces around it, and accents not as on a Mac, where they are apart."""
    return unicodedata.normalize("NFC", name).strip()


def _unwrapped(pictures: _Folders, known: Collection[str] = ()) -> tuple[list[str], _Folders]:
    """Leave out folders that hold all others, but for classes, and return their names."""
    above: list[str] = []
    while True:
        tops = {folders[0] for _, folders in pictures if folders}
        is_deep = any(len(folders) > 1 for _, folders in pictures)
        if len(tops) != 1 or not is_deep or tops <= set(known):
            return above, pictures
        above += tops
        pictures = [(index, folders[1:]) for index, folders in pictures]


def _with_parts_apart(pictures: _Folders) -> _Folders:
    """Return folders as in `train_3` as two, `train` and `3`, if all are such in several parts."""
    if any(len(folders) != 1 for _, folders in pictures):
        return pictures
    apart = {name: _PREFIXED.fullmatch(name) for _, (name,) in pictures}
    names: dict[str, set[str]] = {}
    for match in apart.values():
        if match:
            names.setdefault(match["part"], set()).add(match["name"])
    first, *others = names.values() or [set[str]()]
    if (
        not others
        or len(first) < 2
        or any(each != first for each in others)
        or None in apart.values()
    ):
        return pictures
    return [
        (index, (match["part"], match["name"]))
        for index, (name,) in pictures
        if (match := apart[name])
    ]


def _by_part(pictures: _Folders, above: list[str], arranged: Arranged) -> dict[Role, _Folders]:
    """Return the pictures of each part, without the level of its folders."""
    for level in range(_LEVELS):
        folders_there = {folders[level] for _, folders in pictures if len(folders) > level}
        roles = {name: role for name in sorted(folders_there) if (role := role_of(name))}
        deep = {roles.get(f[0]) for _, f in pictures if len(f) > 1} if not level else set()
        is_level = set(roles) == folders_there and (deep or len(set(roles.values())) > 1)
        if roles and (is_level or "train" in deep):
            break
    else:
        named: list[Role] = [role for name in reversed(above) if (role := role_of(name))]
        return {named[0] if named else "train": pictures}
    parts: dict[Role, _Folders] = {}
    for index, folders in pictures:
        if len(folders) > level and (found := roles.get(folders[level])):
            below = folders[:level] + folders[level + 1 :]
            parts.setdefault(found, []).append((index, below))
    for role in parts:
        same = [name for name, found in roles.items() if found == role]
        if len(same) > 1:
            arranged.notes.append(f"{_listed(same)} are taken together, as {USES[role]} pictures.")
    if others := folders_there - set(roles):
        beside = "folders beside those of training and test pictures"
        arranged.left_out.append(f"{beside} ({_listed(others)})")
    if outside := sum(len(folders) <= level for _, folders in pictures):
        arranged.left_out.append(f"{count(outside, 'picture')} in no folder of a class")
    return {role: parts[role] for role in USES if role in parts}


def _without_groups(
    pictures: _Folders, place: str, known: Collection[str], passed_over: _PassedOver
) -> _Folders:
    """Leave out the level of the folders of writers, sessions and the like.

    Args:
        pictures: all of a part.
        place: where they are, in messages.
        known: the classes if they are known from another part.
        passed_over: receives the names of folders that are no classes.

    Raises:
        DataError: the outer folders or those in them could be the classes.
    """
    while True:
        inside: dict[str, set[str]] = {}
        for _, folders in pictures:
            if len(folders) > 1:
                inside.setdefault(folders[0], set()).add(folders[1])
        inner: set[str] = set().union(*inside.values())
        deep = sum(len(folders) > 1 for _, folders in pictures)
        if deep < _NEARLY_ALL * sum(len(folders) > 0 for _, folders in pictures):
            break
        if len(inner) == 1:  # as in n01440764/images, or writer_5/images/3
            pictures = [(index, folders[:1] + folders[2:]) for index, folders in pictures]
            continue
        outer_rank, inner_rank = (
            len(names & set(known)) if known else _likeness(names) for names in (set(inside), inner)
        )
        are_repeated = sum(map(len, inside.values())) >= _REPEATED * len(inside) * len(inner)
        are_clear = inner_rank > outer_rank + 1
        if len(inside) < 2 or outer_rank > inner_rank or not (are_repeated or are_clear):
            break
        are_groups = outer_rank == 0 and all(len(folders) > 2 for _, folders in pictures)
        if outer_rank == inner_rank and not are_groups:
            raise DataError(
                f"Either the outer folders of {place} could be the classes ({_listed(inside)}) or "
                f"those in them ({_listed(inner)}), as all have the same: put the pictures of "
                "each class into a single folder with its name."
            )
        passed_over.outer |= set(inside)
        pictures = [(index, folders[1:]) for index, folders in pictures]
    passed_over.inner |= inner
    return pictures


def _likeness(names: Collection[str]) -> int:
    """Return how much names are like those of classes: 3 for the ten digits, 0 for writers."""
    names = {name.lower() for name in names}
    if names == set("0123456789"):
        return 3
    if all(len(name) == 1 for name in names) and len(names) >= _FEW:
        return 2
    if all(map(_GROUP.fullmatch, names)):
        return 0
    return 2 if all(map(_CLASS.fullmatch, names)) else 1


def _listed(names: Iterable[str]) -> str:
    return name_list([one_line(name) for name in sorted(names)], _LISTED)
