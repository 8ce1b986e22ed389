"""Finds the run or the sweep that a person means by a few words."""

from __future__ import annotations

from engine.errors import RunError
from engine.runs import Run, all_runs
from engine.storage.about import read_about
from engine.storage.folder import newest_first
from engine.sweeps import Sweep, list_sweeps


def find_run(reference: str) -> Run:
    """The run of a name, its own or given by the user, a prefix of its own, its words, or `last`.

    Raises:
        RunError: there is none, or more than one.
    """
    found = all_runs()
    if not found:
        raise RunError("There are no runs yet: mnistop train makes one.")
    if reference == "last":
        return newest_first(found)[0]
    exact = [run for run in found if run.name == reference] or _named(found, reference)
    matches = exact or [
        run for run in found if _fits(run.name, reference) or _fits(run.sweep, reference)
    ]
    if not matches:
        raise RunError(f"There is no run {reference or repr('')}: mnistop runs lists them.")
    if len(matches) == 1:
        return matches[0]
    one_sweep = matches[0].sweep and len({run.sweep for run in matches}) == 1
    if one_sweep and _fits(matches[0].sweep, reference):
        raise RunError(
            f"{reference} is a sweep of {len(matches)} runs: name one of them, as in "
            f"{newest_first(matches)[0].name}."
        )
    names = ", ".join(run.name for run in newest_first(matches)[:4])
    raise RunError(f"{reference} fits {len(matches)} runs ({names}): give more of the name.")


def _named(found: list[Run], name: str) -> list[Run]:
    """Those that the user has given a name, whatever the case of its letters."""
    wanted = " ".join(name.split()).casefold()
    return [run for run in found if wanted and read_about(run).name.casefold() == wanted]


def find_run_or_sweep(reference: str) -> Run | Sweep:
    """The run or the sweep of a name, the beginning of one, its two words, a title, or `last`.

    What a sweep's name has in common with those of its members names the sweep; `last` is a run.

    Raises:
        RunError: there is none, or more than one.
    """
    found = _sweeps_of(reference)
    if not found or reference == "last":
        return find_run(reference)
    of_these = {sweep.name for sweep in found}
    others = [run for run in all_runs() if run.sweep not in of_these and _fits(run.name, reference)]
    fitting: list[Run | Sweep] = [*found, *others]
    matches = [one for one in fitting if one.name == reference] or fitting
    if len(matches) > 1:
        names = ", ".join(one.name for one in matches[:4])
        raise RunError(
            f"{reference} fits {len(matches)} runs and sweeps ({names}): give more of the name."
        )
    return matches[0]


def _sweeps_of(reference: str) -> list[Sweep]:
    """Those that a person may mean, by their names, else by their titles."""
    every = list_sweeps()
    return [sweep for sweep in every if _fits(sweep.name, reference)] or [
        sweep for sweep in every if reference and _is_titled(sweep, reference)
    ]


def _is_titled(sweep: Sweep, title: str) -> bool:
    """Whether the user has given a sweep this title, whatever the case of its letters."""
    try:
        return sweep.title.casefold() == " ".join(title.split()).casefold()
    except RunError:
        return False


def _fits(name: str, reference: str) -> bool:
    """Whether a name begins with what a person has typed, or ends in these two words."""
    return bool(reference) and (name.startswith(reference) or name.split("-", 2)[-1] == reference)
