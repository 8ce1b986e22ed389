"""The data of a sweep: recorded when it begins, and compared from then on.

Members whose data are chosen by the same settings are trained on the same data, on any machine and
at any time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from mnistop.engine.config import SPLIT_BY, RunConfig, split_before
from mnistop.engine.data.sources import is_fetched, source_exists
from mnistop.engine.errors import DataError, MnistopError, RunError, TooFewImagesError
from mnistop.engine.events import SweepData
from mnistop.engine.fingerprint import Fingerprint, cannot_go_on, changes, has_changed, without_data
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.runs.event_log import EventLog, read_events
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import SPLIT_FORMAT, Sweep
from mnistop.engine.sweep.member_server import MemberServer, NeededData

if TYPE_CHECKING:
    from mnistop.engine.training.examples import Examples

Fingerprints = dict[str, Fingerprint]
"""The fingerprints of a sweep's data, by `key_of`."""


def key_of(config: RunConfig) -> str:
    """Return the settings that choose a member's data, as in `… samples=1000 source=digits`.

    Settings that older sweeps did not have are left out where they make no difference.
    """
    names = ["pixel_range", "samples", "source"]
    if config.resize != "off":
        names.append("resize")
    if config.split != split_before(config.source):
        names.append("split")
    key = " ".join(f"{name}={as_text(getattr(config, name))}" for name in names)
    return key.encode(errors="backslashreplace").decode()


def recorded_data(sweep: Sweep) -> Fingerprints:
    """Return the fingerprints that a sweep has recorded."""
    known: Fingerprints = {}
    for event in read_events(sweep):
        if isinstance(event, SweepData):
            known = event.data | known
    return known


class DataCheck:
    """A comparison of members' data with those that their sweep began with.

    Args:
        known: the fingerprints of the latter; new ones are added.
        sweep: the sweep if it is resumed, None for a new one.
        begun: its members that have begun before, with their hyperparameters.
    """

    def __init__(
        self,
        known: Fingerprints,
        sweep: Sweep | None = None,
        begun: Sequence[tuple[Run, RunConfig]] = (),
    ) -> None:
        self.known = known
        self._recorded = set(known)
        self.warning = ""
        """A sentence if it is uncertain that the data are those that the sweep began with."""
        self._sweep = sweep
        self._begun = {_loaded_by(config): run for run, config in begun}

    def record(self, log: EventLog) -> None:
        """Record the new fingerprints, an event each, as readers limit the size of events."""
        for key in self.known.keys() - self._recorded:
            log.record(SweepData, data={key: self.known[key]})
            self._recorded.add(key)

    def check(self, configs: Sequence[RunConfig], server: MemberServer) -> None:
        """Load the data that load quickly, and compare them.

        Raises:
            MnistopError: they are unfit or have too few images, or they have changed.
        """
        different = {
            (key_of(one), one.val_fraction, one.stratify): one for one in reversed(configs)
        }
        for config in different.values():
            if is_fetched(config.source):
                self._check(config, server)

    def check_workers(
        self, found: Mapping[str, Mapping[str, Fingerprint | str]], configs: Sequence[RunConfig]
    ) -> None:
        """Compare the data of a cluster's workers with the known ones, or with each other.

        Args:
            found: by worker, the fingerprints of its data, or a sentence on their error.
            configs: of the members.

        Raises:
            RunError: a worker has other data.
        """
        known_from = "the sweep began with" if self._sweep else "this machine"
        first = dict.fromkeys(self.known, known_from)
        sources = {key_of(config): config.source for config in configs}
        for worker, data in found.items():
            for key, now in data.items():
                if isinstance(now, str):
                    raise RunError(f"The Dask worker {worker} cannot train. {now}")
                known = self.known.setdefault(key, now)
                origin = first.setdefault(key, worker)
                if difference := changes(known, now, "there", "on this worker"):
                    raise RunError(
                        f"The Dask worker {worker} has other data in {sources[key]} than {origin} "
                        f"({difference}): put the same data where all workers find them, or start "
                        "a new sweep with those that are there."
                    )

    def _check(self, config: RunConfig, server: MemberServer) -> None:
        key = key_of(config)
        then = self.known.get(key)
        begun = None if then else self._begun.get(_loaded_by(config))
        try:
            now, warning = _loaded(config, begun, server)
        except TooFewImagesError as error:
            if not then:
                raise
            raise self._refusal(config, error.difference) from None
        except DataError:
            if not self._sweep or source_exists(config.source):
                raise
            sentence = without_data("sweep", self._sweep.name, config.source)
            raise RunError(sentence) from None
        if then and (difference := changes(then, now)):
            raise self._refusal(config, difference)
        self.known[key] = now
        self.warning = self.warning or warning

    def _refusal(self, config: RunConfig, difference: str) -> RunError:
        if self._sweep:
            name, is_old = self._sweep.name, self._sweep.format() < SPLIT_FORMAT
            return RunError(cannot_go_on("sweep", name, config.source, difference, is_old))
        changed = has_changed(config.source, difference)
        return RunError(f"No sweep can begin, since {changed} just now: start it again.")


def _loaded_by(config: RunConfig) -> tuple[object, ...]:
    return key_of(config), *(getattr(config, name) for name in SPLIT_BY)


def _loaded(config: RunConfig, begun: Run | None, server: MemberServer) -> tuple[Fingerprint, str]:
    """Let the server load data; return their fingerprint, and a warning as of `load_for`."""
    found: tuple[Fingerprint, str] | MnistopError = RunError(
        f"The process that loads {config.source} died: there may be too little memory."
    )
    with (
        server.start(_compare, NeededData(config), begun) as process,
        contextlib.suppress(EOFError),
    ):
        found = process.recv()
    if isinstance(found, MnistopError):
        raise found
    return found


def _compare(caller: Connection, examples: Examples | None, begun: Run | None) -> None:
    """Compare data with those of a member, and send their fingerprint."""
    from mnistop.engine.process.resuming import load_for

    assert examples
    warning = load_for(begun, begun.config(), lambda: examples)[1] if begun else ""
    caller.send((examples.fingerprint, warning))
