"""A sweep: a run of runs, in a folder of its own among the runs.

Its members are ordinary run folders beside it, named after it: `20261124-142501-quiet-otter.03`.
So each member is there once at most, and whoever lists runs finds them. The sweep's folder holds
the plan (`sweep.json`), what the process has to say that trains the members (`events.jsonl`, as of
a run), and its `lock`; it has no `config.json` and is no run. As of runs, whatever its files hold,
reading them executes nothing and raises nothing but `RunError`. A Dask scheduler can
have programs executed on whoever connects to it, so a sweep goes on on a cluster only where its
address is given again: that in its plan may be a stranger's.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated

import annotated_types as at
from pydantic import BaseModel, ConfigDict

from engine import events, lock, runs
from engine.config import RunConfig
from engine.errors import RunError
from engine.files import open_regular, write_atomically
from engine.runs import Run, read_events, runs_folder

FORMAT = 1
MOST = 10_000
"""Members that a sweep may have."""
LONGEST_TITLE = 200

_PLAN = "sweep.json"
_LARGEST = 1 << 26


class Plan(BaseModel):
    """What is to be trained, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    configs: Annotated[tuple[RunConfig, ...], at.Len(1, MOST)]
    """The members' hyperparameters, in order."""
    title: Annotated[str, at.MaxLen(LONGEST_TITLE)] = ""
    jobs: Annotated[int, at.Ge(1), at.Le(4096)] | None = None
    """How many members are trained at once; None for as many as there are cores for."""
    dask: Annotated[str, at.MaxLen(1000)] = ""
    """The address of the Dask scheduler whose workers train them; empty for this machine."""


class _Manifest(BaseModel):
    """What `sweep.json` holds."""

    format: int
    plan: Plan


@dataclass(frozen=True)
class Sweep:
    """A sweep's folder, which may be read while it is written."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's name, as in `20261124-142501-quiet-otter`."""
        return self.path.name

    @property
    def words(self) -> str:
        """The two words of the name, as in `quiet-otter`."""
        return self.name.split("-", 2)[-1]

    def plan(self) -> Plan:
        """What is to be trained, and how.

        Raises:
            RunError: `sweep.json` is missing, damaged or of another format.
        """
        try:
            with open_regular(self.path / _PLAN) as file:
                manifest = _Manifest.model_validate_json(file.read(_LARGEST))
        except OSError as error:
            raise RunError(f"Sweep {self.name} cannot be read: {error.strerror}.") from None
        except ValueError:
            raise RunError(f"Sweep {self.name} has a damaged {_PLAN}.") from None
        if manifest.format != FORMAT:
            raise RunError(f"Sweep {self.name} is of format {manifest.format}, not {FORMAT}.")
        return manifest.plan

    @property
    def title(self) -> str:
        """The user's words for it; empty if there are none.

        Raises:
            RunError: the plan cannot be read.
        """
        return self.plan().title

    def configs(self) -> tuple[RunConfig, ...]:
        """The hyperparameters of all members, in order.

        Raises:
            RunError: the plan cannot be read.
        """
        return self.plan().configs

    def member(self, number: int) -> Run:
        """A member, which may not have been started yet.

        Args:
            number: from 1.
        """
        return Run(self.path.with_name(f"{self.name}.{number:02}"))

    def members(self) -> list[Run]:
        """The members that have been started, in order, also those that the plan lacks."""
        try:
            names = os.listdir(self.path.parent)
        except OSError:
            return []
        found = [Run(self.path.with_name(name)) for name in names if name.startswith(self.name)]
        own = [run for run in found if run.sweep == self.name and is_there(run)]
        return sorted(own, key=lambda run: int(run.name.rpartition(".")[2]))

    @property
    def lock_path(self) -> Path:
        """The file whose lock the sweep's process holds."""
        return self.path / "lock"

    def is_running(self) -> bool:
        """Whether the sweep's process lives."""
        return lock.is_held(self.lock_path)

    def process_id(self) -> int | None:
        """The sweep's process while it lives, else None."""
        return lock.holder(self.lock_path)

    @property
    def log_path(self) -> Path:
        """Where the sweep's process writes its warnings and its tracebacks."""
        return self.path / "log.txt"

    def events(self) -> list[events.Event]:
        """All that the sweep's process has said."""
        return read_events(Run(self.path))

    def hindrance(self) -> str:
        """What has ended its process before all was done, in words; empty where nothing did."""
        said = self.events()
        last = said[-1] if said and not self.is_running() else None
        return last.message if isinstance(last, events.SweepStopped) else ""

    def state(self) -> str:
        """`starting running finished stopped` or `interrupted`, as of a run.

        A sweep is finished when each member is trained to its end or has diverged.
        """
        alive = self.is_running()
        said = [event for event in self.events() if not isinstance(event, events.MemberFailed)]
        last = said[-1] if said else None
        if alive:
            return "starting" if isinstance(last, events.Preparing) or not last else "running"
        match last:
            case events.SweepFinished():
                return "finished"
            case events.SweepStopped():
                return "stopped"
        return "interrupted"


@dataclass(frozen=True)
class Resumption:
    """A sweep that is to go on."""

    sweep: Sweep
    dask: str | None
    """The address of the Dask scheduler whose workers train; empty for this machine; None for
    this machine too, unless the plan names a scheduler: then it is refused."""

    def of(self, plan: Plan) -> Plan:
        """The sweep's plan, with who trains from now on.

        Raises:
            RunError: it names a scheduler that was not given again.
        """
        if plan.dask and self.dask is None:
            raise RunError(
                f"Sweep {self.sweep.name} was trained on the Dask cluster at {plan.dask}: if you "
                f"trust that address, give it again, --dask {plan.dask}; or go on on this "
                "machine, --dask none."
            )
        return plan.model_copy(update={"dask": self.dask or ""})


def is_there(run: Run) -> bool:
    """Whether a member has been started."""
    return (run.path / "config.json").exists()


def create(plan: Plan, parent: Path) -> tuple[Sweep, IO[bytes]]:
    """A new sweep's folder, and the open lock that marks this process as its own.

    Args:
        plan: what is to be trained.
        parent: the folder to make it in, as `runs_folder` says.

    Raises:
        RunError: the folder cannot be made.
    """
    sweep = None
    try:
        sweep = Sweep(runs.new_folder(parent))
        held = lock.create(sweep.lock_path)
        manifest = _Manifest(format=FORMAT, plan=plan)
        write_atomically(sweep.path / _PLAN, manifest.model_dump_json(indent=1).encode())
    except OSError as error:
        if sweep:
            shutil.rmtree(sweep.path, ignore_errors=True)
        raise RunError(
            f"A sweep's folder cannot be made in {parent}: {error.strerror}. "
            "Set MNISTOP_RUNS to a folder that can be written."
        ) from None
    return sweep, held


def reopen(sweep: Sweep) -> IO[bytes]:
    """The lock of a sweep that goes on, taken by this process.

    Raises:
        RunError: its process lives, or it may not be written.
    """
    return runs.take_lock(sweep.path, f"Sweep {sweep.name}", "goes on already")


def list_sweeps() -> list[Sweep]:
    """All sweeps, newest first."""
    try:
        names = os.listdir(runs_folder())
    except OSError:
        return []
    paths = [runs_folder() / name for name in sorted(names, reverse=True) if "." not in name]
    return [Sweep(path) for path in paths if (path / _PLAN).exists()]


def find(reference: str) -> Sweep:
    """The sweep of a name, the beginning of one, its two words, or its title.

    Raises:
        RunError: there is none, or more than one.
    """
    found = _fitting(reference)
    matches = [sweep for sweep in found if sweep.name == reference] or found
    if not matches:
        raise RunError(f"There is no sweep {reference or repr('')}.")
    if len(matches) > 1:
        names = ", ".join(sweep.name for sweep in matches[:4])
        raise RunError(f"{reference} fits {len(matches)} sweeps ({names}): give more of the name.")
    return matches[0]


def _fitting(reference: str) -> list[Sweep]:
    every = list_sweeps()
    return [sweep for sweep in every if runs.fits(sweep.name, reference)] or [
        sweep for sweep in every if reference and _is_titled(sweep, reference)
    ]


def _is_titled(sweep: Sweep, title: str) -> bool:
    try:
        return sweep.title.casefold() == " ".join(title.split()).casefold()
    except RunError:
        return False


def find_run_or_sweep(reference: str) -> Run | Sweep:
    """The run or the sweep of a name, the beginning of one, its two words, a title, or `last`.

    What a sweep's name has in common with those of its members names the sweep; `last` is a run.

    Raises:
        RunError: there is none, or more than one.
    """
    found = _fitting(reference)
    if not found or reference == "last":
        return runs.find(reference)
    of_these = {sweep.name for sweep in found}
    others = [
        run
        for run in runs.list_runs()
        if run.sweep not in of_these and runs.fits(run.name, reference)
    ]
    fitting: list[Run | Sweep] = [*found, *others]
    matches = [one for one in fitting if one.name == reference] or fitting
    if len(matches) > 1:
        names = ", ".join(one.name for one in matches[:4])
        raise RunError(
            f"{reference} fits {len(matches)} runs and sweeps ({names}): give more of the name."
        )
    return matches[0]


def delete(sweep: Sweep) -> None:
    """Removes a sweep with all its members.

    Raises:
        RunError: it goes on, or one of its members is being trained, or may not be removed.
    """
    if sweep.is_running():
        raise RunError(f"Sweep {sweep.name} goes on: stop it first.")
    members = sweep.members()
    if busy := [run.name for run in members if run.is_running()]:
        raise RunError(f"Run {busy[0]} is being trained: stop it first.")
    for run in members:
        runs.delete(run)
    try:
        shutil.rmtree(sweep.path)
    except OSError as error:
        what = runs.hindrance(Run(sweep.path), error)
        raise RunError(f"Sweep {sweep.name} cannot be deleted: {what}.") from None
