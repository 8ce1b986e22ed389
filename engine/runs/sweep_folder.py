"""A sweep: a plan of many runs, in a folder of its own among the run folders.

Its members are ordinary run folders beside it, named after it: `20261124-142501-quiet-otter.03`.
So no member exists twice, and every list of runs has them. The sweep's folder holds the plan
(`sweep.json`), the events of the process that trains the members (`events.jsonl`) and its `lock`;
it has no `config.json` and is no run. Whatever its files hold, reading them executes nothing and
raises nothing but `RunError`. A Dask scheduler can execute programs on whoever connects to it, so
a sweep is resumed on a cluster only if the address is given again: a stranger may have written the
one in the plan.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Annotated

from msgspec import Meta

from mnistop.engine import events
from mnistop.engine.config import RunConfig, split_before
from mnistop.engine.errors import RunError
from mnistop.engine.files import from_json, one_line
from mnistop.engine.runs import folder
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.folder import Folder, newest_first
from mnistop.engine.runs.run_folder import Run, runs_folder

FORMAT = 3
"""The version of `sweep.json` that this program writes; it reads 1, which has no `auto` threads."""
SPLIT_FORMAT = 3
"""The first one whose settings have a split, and which counts all labels from 0."""
MOST = 10_000
"""Members that a sweep may have."""
LONGEST_TITLE = 200


@dataclass(frozen=True)
class Plan:
    """The runs of a sweep, and the way to train them."""

    configs: Annotated[tuple[RunConfig, ...], Meta(min_length=1, max_length=MOST)]
    """The members' hyperparameters, in order."""
    title: Annotated[str, Meta(max_length=LONGEST_TITLE)] = ""
    jobs: Annotated[int, Meta(ge=1, le=4096)] | None = None
    """The number of members trained at once; None for as many as the cores allow."""
    dask: Annotated[str, Meta(max_length=1000)] = ""
    """The address of the Dask scheduler whose workers train them; empty for this machine."""


@dataclass(frozen=True)
class _Manifest:
    """The content of `sweep.json`."""

    format: int
    plan: Plan


def _plan_in(manifest: bytes) -> Plan:
    read = from_json(_Manifest, manifest)
    if read.format >= SPLIT_FORMAT:
        return read.plan
    configs = (replace(each, split=split_before(each.source)) for each in read.plan.configs)
    return replace(read.plan, configs=tuple(configs))


@dataclass(frozen=True)
class Sweep(Folder):
    """A sweep's folder, which may be read while it is written."""

    MANIFEST = "sweep.json"
    FORMATS = range(1, FORMAT + 1)
    LARGEST_MANIFEST = 1 << 26

    def plan(self) -> Plan:
        """Read the plan.

        Raises:
            RunError: `sweep.json` is missing, damaged or of another format.
        """
        return self.read_manifest(_plan_in)

    @property
    def title(self) -> str:
        """The user's words for it; empty if there are none.

        Raises:
            RunError: the plan cannot be read.
        """
        return one_line(self.plan().title)

    def member(self, number: int) -> Run:
        """Return a member, which may not have been started yet.

        Args:
            number: from 1.
        """
        return Run(self.path.with_name(f"{self.path.name}.{number:02}"))

    def members(self) -> list[Run]:
        """Return the members that have been started, in order, even if the plan lacks them."""
        start = f"{self.path.name}."
        try:
            names = [name for name in os.listdir(self.path.parent) if name.startswith(start)]
            found = [Run(self.path.with_name(name)) for name in names]
        except PermissionError:  # another user has shared it: the folder may be passed, not listed
            try:
                found = [self.member(number) for number, _ in enumerate(self.plan().configs, 1)]
            except RunError:
                return []
        except OSError:
            return []
        own = [run for run in found if run.sweep == self.name and run.is_there()]
        return sorted(own, key=lambda run: int(run.name.rpartition(".")[2]))

    def problem(self) -> str:
        """Return why its process stopped before all was trained, in words; empty if it did not."""
        logged = [] if self.is_running() else read_events(self)
        last = logged[-1] if logged else None
        return last.message if isinstance(last, events.SweepStopped) else ""

    def state(self) -> str:
        """`starting running finished stopped` or `interrupted`, as of a run.

        A sweep is finished when each member is trained to its end or has diverged.
        """
        alive = self.is_running()
        last = self._last_event()
        if alive:
            return "starting" if isinstance(last, events.Preparing) or not last else "running"
        match last:
            case events.SweepFinished():
                return "finished"
            case events.SweepStopped():
                return "stopped"
        return "interrupted"

    def is_finished(self) -> bool:
        """Return whether its process recorded as the last thing that all is trained."""
        return isinstance(self._last_event(), events.SweepFinished)

    def _last_event(self) -> events.Event | None:
        logged = [one for one in read_events(self) if not isinstance(one, events.MemberFailed)]
        return logged[-1] if logged else None

    def delete(self) -> None:
        """Delete the sweep with all its members.

        Raises:
            RunError: it or one of its members is being trained, or may not be deleted.
        """
        every = [self, *self.members()]
        if busy := [one for one in every if one.is_running()]:
            raise RunError(f"{busy[0].full_name} is being trained: stop it first.")
        for one in every:
            one.check_ours()
        for run in every[1:]:
            run.delete()
        super().delete()


@dataclass(frozen=True)
class Resumption:
    """A sweep to resume."""

    sweep: Sweep
    dask: str | None
    """The address of the Dask scheduler whose workers train; empty for this machine; None for
    this machine too, unless the plan names a scheduler: then an error is raised."""

    def resumed_plan(self) -> Plan:
        """Return the sweep's plan for this machine or the cluster that was given.

        Raises:
            RunError: the plan cannot be read, or names a scheduler that was not given again.
        """
        plan = self.sweep.plan()
        if plan.dask and self.dask is None:
            raise RunError(
                f"Sweep {self.sweep.name} was trained on the Dask cluster at {plan.dask}: if you "
                f"trust that address, give it again, --dask {plan.dask}; or resume it on this "
                "machine, --dask none."
            )
        return replace(plan, dask=self.dask or "")


def create(plan: Plan, parent: Path) -> tuple[Sweep, IO[bytes]]:
    """Create a sweep's folder, with an open lock that marks this process as its own.

    Args:
        plan: the runs.
        parent: the folder to make it in, see `runs_folder`.

    Raises:
        RunError: the folder cannot be made.
    """
    plan_in_json = vars(plan) | {"configs": list(map(dict, plan.configs))}
    return folder.create(Sweep, {"format": FORMAT, "plan": plan_in_json}, parent)


def list_sweeps() -> list[Sweep]:
    """Return all sweeps, the newest first."""
    try:
        names = os.listdir(runs_folder())
    except OSError:
        return []
    paths = [runs_folder() / name for name in names if "." not in name]
    return newest_first(sweep for sweep in map(Sweep, paths) if sweep.is_there())
