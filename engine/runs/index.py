"""An index of all runs, so that thousands are listed at once.

The folders are the truth: the index is a cache of their content by size and time of change, and
reads again what has changed. Its file among the runs may be lost, damaged or out of date; it is
then made again. It holds content of private runs, and is trusted: so it must be this user's own and
private, else it is not used. In a folder of another user, as that of a group, each user has one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.files import disk_usage, from_json, open_own, replace_own
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.runs import lock
from mnistop.engine.runs.entry import FILE as ABOUT
from mnistop.engine.runs.entry import Overview, RunEntry
from mnistop.engine.runs.event_log import EventTail
from mnistop.engine.runs.folder import age
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run, runs_folder

FILE = ".index.json"
VERSION = 2
_LARGEST = 1 << 28
_SAVE_SECONDS = 5.0
"""Seconds between two savings in a long first reading."""

Stamp = tuple[int, ...]
"""Sizes and times of change of the files behind a run's overview; -1 for a missing one."""


@dataclass(frozen=True)
class _Entry:
    stamp: Stamp
    overview: Overview
    changed: int = -1
    """The folder's time of change in ns when its size was measured."""
    bytes: int = 0
    """The folder's size on the disk."""

    @property
    def started(self) -> float:
        """The time of the run's start, see `Folder.started`."""
        begun = self.overview.started
        return self.stamp[1] / 1e9 if begun is None else begun


@dataclass(frozen=True)
class _File:
    version: int
    defaults: dict[str, str]
    """The hyperparameters of the notebook's run: each run's entry holds the differences."""
    runs: dict[str, _Entry]


def _defaults() -> dict[str, str]:
    return {name: as_text(value) for name, value in RunConfig()}


class Index:
    """All runs, as of the last `look`."""

    def __init__(self) -> None:
        self.runs: Sequence[RunEntry] = ()
        """The runs that have been read, newest first."""
        self.problems: dict[Run, str] = {}
        """A sentence for each run that cannot be read."""
        self.unread = 0
        """The number of runs that are still to be read."""
        self._folder = runs_folder()
        self._entries: dict[str, _Entry] | None = None
        self._tails: dict[str, tuple[EventTail, History]] = {}
        self._is_saved = True
        self._saved_at = time.monotonic()
        self._folder_stamp: Stamp = ()

    def look(self, seconds: float = math.inf) -> bool:
        """Check all runs, and read those that have changed, the newest first.

        Args:
            seconds: the time limit; at least one run is read, and the last one to its end.

        Returns:
            Whether everything has been read.
        """
        if self._entries is None:
            self._entries = self._load()
        deadline = time.monotonic() + seconds
        self._folder_stamp = _stamp(os.fspath(self._folder))
        entries: dict[str, _Entry] = {}
        self.problems = {}
        read, unread = 0, 0
        for name, stamp in self._scan():
            entry = self._entries.get(name)
            if entry is None or entry.stamp != stamp:
                if read and time.monotonic() >= deadline:
                    unread += 1
                else:
                    read += 1
                    entry = self._read(name, stamp, entry)
            if entry:
                entries[name] = self._measured(name, entry)
        self._is_saved &= entries.keys() == self._entries.keys()
        by_age = sorted(entries, key=lambda name: age(entries[name].started, name), reverse=True)
        self._entries = {name: entries[name] for name in by_age}
        self._tails = {name: tail for name, tail in self._tails.items() if name in entries}
        self._list()
        self._save()
        self.unread = unread
        return not unread

    def look_at_live(self) -> None:
        """Check only the runs without a final event, unless runs came or went."""
        if self._entries is None or _stamp(os.fspath(self._folder)) != self._folder_stamp:
            self.look()
            return
        for name, entry in self._entries.items():
            if not entry.overview.is_settled:
                stamp = self._stamp_of(name)
                if stamp != entry.stamp and (new := self._read(name, stamp, entry)):
                    self._entries[name] = self._measured(name, new)
        self._list()

    def _measured(self, name: str, entry: _Entry) -> _Entry:
        """Return an entry with the run's size on the disk.

        It is measured again if files came or went, and for a live run, whose files grow without
        changing the folder.
        """
        path = f"{self._folder}/{name}"
        changed = _stamp(path)[1]
        if changed == entry.changed and entry.overview.is_settled:
            return entry
        self._is_saved &= not entry.overview.is_settled
        return dataclasses.replace(entry, changed=changed, bytes=disk_usage(path))

    def _scan(self) -> list[tuple[str, Stamp]]:
        """Return the names and stamps of the runs, by the date in their names, newest first."""
        found = []
        try:
            names = os.listdir(self._folder)
        except OSError:
            return []
        for name in names:
            stamp = self._stamp_of(name)
            if stamp[0] >= 0:
                found.append((name[: len("YYYYMMDD-HHMMSS")], stamp[1], name, stamp))
        return [(name, stamp) for *_, name, stamp in sorted(found, reverse=True)]

    def _stamp_of(self, name: str) -> Stamp:
        path = f"{self._folder}/{name}/"
        config = _stamp(path + "config.json")
        if config[0] < 0:
            return config
        return config + _stamp(path + "events.jsonl") + _stamp(path + ABOUT)

    def _read(self, name: str, stamp: Stamp, before: _Entry | None) -> _Entry | None:
        run = Run(self._folder / name)
        try:
            config = run.config()
            run.check_readable()
        except RunError as error:
            self.problems[run] = str(error)
            return None
        fresh = EventTail(run), History()
        grows = before and before.stamp[:2] == stamp[:2] and before.stamp[2] <= stamp[2]
        tail, history = self._tails.get(name, fresh) if grows else fresh
        found = []
        while batch := tail.read():
            found += batch
        if tail.damage:
            self.problems[run] = tail.damage
        history = reduce(history, found)
        overview = Overview.of_run(run, config, history)
        if tail.damage:  # so that it is read and reported again next time
            stamp = (*stamp[:2], *(-2 for _ in stamp[2:]))
        if overview.is_settled and not tail.damage:
            self._tails.pop(name, None)
            self._is_saved = False
        else:
            self._tails[name] = tail, history
            self._is_saved &= before is not None
        return _Entry(stamp, overview)

    def _list(self) -> None:
        known = {listed.run.path.name: listed for listed in self.runs}
        listed = []
        for name, entry in (self._entries or {}).items():
            overview = entry.overview
            before = known.get(name)
            is_same = before and before.overview is overview and before.bytes == entry.bytes
            if before and is_same and overview.is_settled:
                listed.append(before)
                continue
            run = before.run if before else Run(self._folder / name)
            alive = not overview.is_settled and run.is_running()
            pid = lock.holder(run.lock_path) if alive else None
            state = overview.if_alive if alive else overview.if_dead
            suspended = pid is not None and lock.is_suspended(pid, run.lock_path)
            listed.append(RunEntry(run, overview, state, pid, entry.bytes, suspended))
        self.runs = tuple(listed)

    @property
    def _file(self) -> Path:
        """The path of this user's index.

        Raises:
            OSError: the folder cannot be looked at.
        """
        user = os.geteuid()
        is_own = os.stat(self._folder).st_uid == user
        return self._folder / (FILE if is_own else f".index-{user}.json")

    def _load(self) -> dict[str, _Entry]:
        try:
            with open_own(self._file) as file:
                kept = from_json(_File, file.read(_LARGEST))
        except (OSError, ValueError):
            return {}
        is_ours = kept.version == VERSION and kept.defaults == _defaults()
        return kept.runs if is_ours else {}

    def _save(self) -> None:
        if self._is_saved or (self.unread and time.monotonic() - self._saved_at < _SAVE_SECONDS):
            return
        kept = _File(VERSION, _defaults(), self._entries or {})
        content = json.dumps(kept, default=vars).encode()
        with contextlib.suppress(OSError):  # a read-only folder is listed all the same
            replace_own(self._file, content)
        self._is_saved, self._saved_at = True, time.monotonic()


def _stamp(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return (-1, -1)
    return (found.st_size, found.st_mtime_ns)


def list_all() -> Index:
    """Return the index of all runs, as of now."""
    index = Index()
    index.look()
    return index
