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

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Annotated

from msgspec import Meta

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.files import from_json, reason
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.folder import Folder, new_folder, newest_first, one_line
from mnistop.engine.runs.run_folder import Run, runs_folder

FORMAT = 2
"""The version of `sweep.json` that this program writes; it reads 1, which has no `auto` threads."""
MOST = 10_000
"""Members that a sweep may have."""
LONGEST_TITLE = 200

_LARGEST = 1 << 26


@dataclass(frozen=True)
class Plan:
    """What is to be trained, and how."""

    configs: Annotated[tuple[RunConfig, ...], Meta(min_length=1, max_length=MOST)]
    """The members' hyperparameters, in order."""
    title: Annotated[str, Meta(max_length=LONGEST_TITLE)] = ""
    jobs: Annotated[int, Meta(ge=1, le=4096)] | None = None
    """How many members are trained at once; None for as many as there are cores for."""
    dask: Annotated[str, Meta(max_length=1000)] = ""
    """The address of the Dask scheduler whose workers train them; empty for this machine."""


@dataclass(frozen=True)
class _Manifest:
    """What `sweep.json` holds beside its format."""

    plan: Plan


def _plan_in(manifest: bytes) -> Plan:
    return from_json(_Manifest, manifest).plan


@dataclass(frozen=True)
class Sweep(Folder):
    """A sweep's folder, which may be read while it is written."""

    MANIFEST = "sweep.json"

    def plan(self) -> Plan:
        """What is to be trained, and how.

        Raises:
            RunError: `sweep.json` is missing, damaged or of another format.
        """
        formats = range(1, FORMAT + 1)
        return self.read_manifest(_plan_in, formats, _LARGEST)

    @property
    def title(self) -> str:
        """The user's words for it; empty if there are none.

        Raises:
            RunError: the plan cannot be read.
        """
        return one_line(self.plan().title)

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
        return Run(self.path.with_name(f"{self.path.name}.{number:02}"))

    def members(self) -> list[Run]:
        """The members that have been started, in order, also those that the plan lacks."""
        try:
            names = os.listdir(self.path.parent)
        except PermissionError:  # another user's, who has shared it: to pass through, not to list
            names = self._planned_names()
        except OSError:
            return []
        start = f"{self.path.name}."
        found = [Run(self.path.with_name(name)) for name in names if name.startswith(start)]
        own = [run for run in found if run.sweep == self.name and run.is_there()]
        return sorted(own, key=lambda run: int(run.name.rpartition(".")[2]))

    def _planned_names(self) -> list[str]:
        try:
            count = len(self.configs())
        except RunError:
            return []
        return [self.member(number).path.name for number in range(1, count + 1)]

    def events(self) -> list[events.Event]:
        """All that the sweep's process has said."""
        return read_events(self)

    def trouble(self) -> str:
        """What has ended its process before all was done, in words; empty where nothing did."""
        said = self.events()
        last = said[-1] if said and not self.is_running() else None
        return last.message if isinstance(last, events.SweepStopped) else ""

    def state(self) -> str:
        """`starting running finished stopped` or `interrupted`, as of a run.

        A sweep is finished when each member is trained to its end or has diverged.
        """
        alive = self.is_running()
        last = _last_event(self)
        if alive:
            return "starting" if isinstance(last, events.Preparing) or not last else "running"
        match last:
            case events.SweepFinished():
                return "finished"
            case events.SweepStopped():
                return "stopped"
        return "interrupted"

    def has_said_its_end(self) -> bool:
        """Whether its process has said last that all is trained."""
        return isinstance(_last_event(self), events.SweepFinished)


def _last_event(sweep: Sweep) -> events.Event | None:
    said = [event for event in sweep.events() if not isinstance(event, events.MemberFailed)]
    return said[-1] if said else None


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
        return replace(plan, dask=self.dask or "")


def create(plan: Plan, parent: Path) -> tuple[Sweep, IO[bytes]]:
    """A new sweep's folder, and the open lock that marks this process as its own.

    Args:
        plan: what is to be trained.
        parent: the folder to make it in, as `runs_folder` says.

    Raises:
        RunError: the folder cannot be made.
    """
    try:
        sweep = Sweep(new_folder(parent))
        plan_in_json = vars(plan) | {"configs": list(map(dict, plan.configs))}
        manifest = {"format": FORMAT, "plan": plan_in_json}
        return sweep, sweep.begin(json.dumps(manifest, indent=1).encode())
    except OSError as error:
        raise RunError(
            f"A sweep's folder cannot be made in {parent}: {reason(error, parent)}. "
            "Set MNISTOP_RUNS to a folder that can be written."
        ) from None


def reopen(sweep: Sweep) -> IO[bytes]:
    """The lock of a sweep that goes on, taken by this process.

    Raises:
        RunError: its process lives, or it may not be written.
    """
    return sweep.take_lock("goes on already")


def list_sweeps() -> list[Sweep]:
    """All sweeps, newest first."""
    try:
        names = os.listdir(runs_folder())
    except OSError:
        return []
    paths = [runs_folder() / name for name in names if "." not in name]
    return newest_first(sweep for sweep in map(Sweep, paths) if sweep.is_there())


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
    for one in (*members, sweep):
        one.check_ours()
    for run in members:
        run_folder.delete(run)
    sweep.remove()
