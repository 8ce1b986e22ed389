"""Find a run or a sweep by its name, by part of it, or by a path."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from pathlib import Path

from mnistop.engine.errors import RunError
from mnistop.engine.files import one_line, owner_of
from mnistop.engine.runs.entry import read_about
from mnistop.engine.runs.folder import Folder, newest_first
from mnistop.engine.runs.run_folder import Run, all_runs, runs_folder
from mnistop.engine.runs.sweep_folder import Sweep, list_sweeps


def find_run(reference: str) -> Run:
    """Find a run by its name or the user's, by the beginning or the words of its name, or `last`.

    A path works as well, of a run anywhere on this machine.

    Raises:
        RunError: there is none, more than one, or it may not be read.
    """
    if is_path(reference):
        at_path = _at_path(reference)
        if isinstance(at_path, Sweep):
            raise RunError(
                f"{at_path.name} is a sweep of {len(at_path.members())} runs: name one of them."
            )
        return at_path
    found = all_runs()
    if not found and not _beside(reference):
        raise RunError(why_no_runs("mnistop train makes one here."))
    if reference == "last":
        return newest_first(found)[0]
    exact = [run for run in found if run.name == reference] or _named(found, reference)
    matches = exact or [
        run for run in found if _fits(run.name, reference) or _fits(run.sweep, reference)
    ]
    if not matches and isinstance(here := _beside(reference), Run):
        return here
    if not matches:
        raise RunError(
            f"There is no run {one_line(reference) or repr('')}: mnistop runs lists them. One "
            f"outside {_shown_folder()} is given by its path."
        )
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
    """Return the runs to which the user gave a name; case does not matter."""
    wanted = " ".join(name.split()).casefold()
    return [run for run in found if wanted and read_about(run).name.casefold() == wanted]


def find_run_or_sweep(reference: str) -> Run | Sweep:
    """Find a run or a sweep by a name, the beginning of one, its two words, a title, or `last`.

    A sweep's name, which its members' names begin with, names the sweep; `last` is a run. A path
    works as well, of a run or a sweep anywhere on this machine.

    Raises:
        RunError: there is none, more than one, or it may not be read.
    """
    if is_path(reference):
        return _at_path(reference)
    found = _sweeps_of(reference)
    if not found and isinstance(here := _beside(reference), Sweep):
        return here
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
    """Return the sweeps that fit by their names, else those that fit by their titles."""
    every = list_sweeps()
    return [sweep for sweep in every if _fits(sweep.name, reference)] or [
        sweep for sweep in every if reference and _is_titled(sweep, reference)
    ]


def _is_titled(sweep: Sweep, title: str) -> bool:
    """Return whether a sweep has this title; case does not matter."""
    try:
        return sweep.title.casefold() == " ".join(title.split()).casefold()
    except RunError:
        return False


def _fits(name: str, reference: str) -> bool:
    """Return whether a name begins with the reference, or ends in it as its two words."""
    return bool(reference) and (name.startswith(reference) or name.split("-", 2)[-1] == reference)


# By a path


def is_path(reference: str) -> bool:
    """Return whether a reference is a path: no name of a run has a slash."""
    return "/" in reference or reference in (".", "..") or reference.startswith("~")


def typed(found: Folder) -> str:
    """Return the argument that names a run or a sweep: its name, or its path if it is elsewhere."""
    return quoted(found.name if found.path.parent == runs_folder() else found.path)


def quoted(path: Path | str) -> str:
    """Quote a path or a name for a shell, on one line, whatever bytes are in it."""
    text = os.fspath(path)
    if text.isprintable():
        return shlex.quote(text)
    plain = (
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\x{byte:02x}"
        for byte in os.fsencode(text)
    )
    return "$'" + "".join(plain) + "'"


def why_no_runs(remedy: str) -> str:
    """Explain why no run is found: there are none yet, or they may not be read.

    Args:
        remedy: a sentence on how a first run is made.

    Raises:
        RunError: the folder itself cannot be listed.
    """
    return why_closed() or (
        f"There are no runs yet in {_shown_folder()}: {remedy} "
        "Those in another folder are listed with MNISTOP_RUNS set to it."
    )


def why_closed() -> str:
    """Explain why no run may be read, and what helps; empty if there may just be none.

    Raises:
        RunError: the folder itself cannot be listed, in the same words.
    """
    folder = runs_folder()
    try:
        paths = [folder / name for name in os.listdir(folder)]
    except PermissionError:
        raise RunError(
            f"The runs in {_shown_folder()} may not be listed: permission denied; "
            f"{_closed_by(folder)}. A run in there that is shared is opened by its path."
        ) from None
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise RunError(
            f"The runs in {_shown_folder()} cannot be listed: {error.strerror}."
        ) from None
    closed = sorted(one_line(path.name) for path in paths if _is_closed(path))
    if not closed:
        return ""
    more = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
    return (
        f"There is no run that you may read in {_shown_folder()}: permission denied for "
        f"{closed[0]}{more}. The owner of a run opens it to others with mnistop share."
    )


def _shown_folder() -> str:
    """Return the runs folder for a message, with MNISTOP_RUNS if that names it."""
    where = one_line(os.fspath(runs_folder()))
    return f"{where} (MNISTOP_RUNS)" if os.environ.get("MNISTOP_RUNS") else where


def _at_path(reference: str) -> Run | Sweep:
    """Return the run or the sweep at a path.

    Raises:
        RunError: there is none, or it may not be read.
    """
    path, shown = Path(reference), one_line(reference)
    try:
        path = Path(os.path.realpath(os.path.expanduser(reference)))
        shown = one_line(os.fspath(path))
        facts = os.stat(path)
        found = _run_or_sweep(path)
    except PermissionError:
        raise RunError(
            f"{shown} may not be read: permission denied; {_closed_by(path)}. The owner of a run "
            "opens it to others with mnistop share."
        ) from None
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"There is no run at {shown}: no such folder.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RunError(f"{shown} cannot be read: {reason}.") from None
    if found:
        return found
    if not stat.S_ISDIR(facts.st_mode):
        raise RunError(f"{shown} is a file: name the folder of a run or a sweep.")
    raise RunError(
        f"{shown} is no run: it has no {Run.MANIFEST}. If it holds runs, set MNISTOP_RUNS to it."
    )


def _run_or_sweep(path: Path) -> Run | Sweep | None:
    """Return the run or sweep at a real path; in the runs folder, as `all_runs` has it.

    Raises:
        OSError: it may not be looked into.
    """
    folder = runs_folder()
    if os.path.realpath(folder) == os.path.dirname(path):
        path = folder / path.name
    for kind in (Run, Sweep):
        try:
            os.stat(path / kind.MANIFEST)
        except (FileNotFoundError, NotADirectoryError):
            continue
        return kind(path)
    return None


def _beside(reference: str) -> Run | Sweep | None:
    """Return the run or sweep of this very name in the runs folder or the working directory.

    The runs folder comes first: it may be entered even if it cannot be listed. For closed folders
    in it, the beginning of a name is enough to raise the error.

    Raises:
        RunError: it is there, and may not be read.
    """
    if not reference or reference == "last":
        return None
    for folder in (runs_folder(), Path()):
        try:
            if found := _run_or_sweep(Path(os.path.realpath(folder)) / reference):
                return found
        except PermissionError:
            if os.path.lexists(folder / reference):
                return _at_path(os.fspath(folder / reference))
        except (OSError, ValueError):
            continue
    with contextlib.suppress(OSError):
        for name in os.listdir(runs_folder()):
            if _fits(name, reference) and _is_closed(runs_folder() / name):
                return _at_path(os.fspath(runs_folder() / name))
    return None


def _is_closed(path: Path) -> bool:
    """Return whether a folder exists that may not be entered."""
    try:
        os.stat(path / Run.MANIFEST)
    except PermissionError:
        return True
    except (OSError, ValueError):
        pass
    return False


def _closed_by(path: Path) -> str:
    """Name the owner of the folder on the way to a path that is closed to this user."""
    for folder in (*reversed(path.parents), path):
        if os.path.isdir(folder) and not os.access(folder, os.X_OK if folder != path else os.R_OK):
            return f"{one_line(os.fspath(folder))} belongs to {owner_of(folder)}"
    return f"it belongs to {owner_of(path)}"
