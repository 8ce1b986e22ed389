"""The runs and sweeps that command-line words select: names, filters, or all there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mnistop.engine.errors import RunError
from mnistop.engine.filter_grammar import WORD, FilterError, words
from mnistop.engine.runs.entry import RunEntry
from mnistop.engine.runs.filters import parse
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.lookup import find_run_or_sweep, is_path
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep, list_sweeps


@dataclass
class Chosen:
    """Selected runs and sweeps, each once."""

    found: list[Run | Sweep] = field(default_factory=list)
    """In the order in which they were named, then newest first. A sweep stands for its runs."""
    unknown: list[str] = field(default_factory=list)
    """A sentence for each name that fits nothing, or too much."""
    listed: dict[Run, RunEntry] = field(default_factory=dict)
    """The entries of the runs that were not named, but found by a filter."""


@dataclass(frozen=True)
class Purpose:
    """The purpose that runs are chosen for."""

    fits: Callable[[RunEntry], bool]
    """Returns whether a run is suitable: a filter skips the others."""
    takes_whole: Callable[[Sweep], bool]
    """Returns whether a sweep stands for its runs when a filter has selected all suitable ones."""


IN_TRAINING = Purpose(lambda run: run.is_live, lambda sweep: sweep.is_running())
"""To be stopped or waited for. A sweep whose runs all stop would begin others."""
TO_DELETE = Purpose(lambda run: True, lambda sweep: sweep.is_finished())
"""To be deleted. A sweep that is not finished keeps its plan, as other runs may yet be trained."""


def is_filter(word: str) -> bool:
    """Return whether a word of the command line compares, as in `state:running` or `lr > 0.1`."""
    return any(WORD.fullmatch(each) for each in words(word))


def choose(given: Sequence[str], purpose: Purpose) -> Chosen:
    """Select runs and sweeps by several words: each name, and all that pass every filter.

    Args:
        given: names as for `find_run_or_sweep`, and filters as for `parse`, in any order.
        purpose: decides which runs are suitable.

    Raises:
        FilterError: a filter makes no sense.
    """
    chosen = Chosen()
    filters = []
    for word in given:
        if not is_path(word) and is_filter(word) and not _is_title(word):
            filters.append(word)
            continue
        try:
            chosen.found.append(find_run_or_sweep(word))
        except RunError as error:
            chosen.unknown.append(str(error))
    if filters:
        wanted = parse(" ".join(filters))
        able = [run for run in list_all().runs if purpose.fits(run)]
        passing = [run for run in able if wanted(run)]
        chosen.listed = {one.run: one for one in passing}
        whole = _whole_sweeps(passing, able, purpose)
        chosen.found += [*whole, *(one.run for one in passing)]
    chosen.found = _each_once(chosen.found)
    return chosen


def choose_all(purpose: Purpose) -> Chosen:
    """Select all suitable runs and sweeps."""
    index = list_all()
    able = [run for run in index.runs if purpose.fits(run)]
    sweeps = [each for each in list_sweeps() if purpose is TO_DELETE or purpose.takes_whole(each)]
    damaged = list(index.problems) if purpose is TO_DELETE else []
    found = _each_once([*sweeps, *(one.run for one in able), *damaged])
    return Chosen(found, listed={one.run: one for one in able})


def _is_title(word: str) -> bool:
    """Return whether it makes no sense as a filter, but is the name that a user has given."""
    try:
        parse(word)
    except FilterError:
        try:
            find_run_or_sweep(word)
        except RunError:
            return False
        return True
    return False


def _whole_sweeps(
    passing: Iterable[RunEntry], able: Iterable[RunEntry], purpose: Purpose
) -> list[Sweep]:
    taken = {one.run for one in passing}
    by_sweep: dict[str, list[Run]] = {}
    for one in able:
        if one.run.sweep:
            by_sweep.setdefault(one.run.sweep, []).append(one.run)
    complete = [members for members in by_sweep.values() if taken.issuperset(members)]
    sweeps = [Sweep(runs[0].path.with_name(runs[0].sweep)) for runs in complete]
    return [sweep for sweep in sweeps if sweep.is_there() and purpose.takes_whole(sweep)]


def _each_once(found: Iterable[Run | Sweep]) -> list[Run | Sweep]:
    """Without repetitions, and without the members of sweeps that are found themselves."""
    each = list(dict.fromkeys(found))
    sweeps = {one.path for one in each if isinstance(one, Sweep)}
    return [
        one
        for one in each
        if not (isinstance(one, Run) and one.sweep and one.path.with_name(one.sweep) in sweeps)
    ]
