"""The settings of a recorded run, which has whatever its script names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from mnistop.engine.config import NAMES, RunConfig
from mnistop.engine.errors import ConfigError
from mnistop.engine.files import one_line
from mnistop.engine.hyperparameters import as_text

LOSSES = ("train/loss", "train_loss", "loss")
ACCURACIES = ("train/acc", "train/accuracy", "train_acc", "acc", "accuracy")
"""The names of metrics whose means are an epoch's training loss and accuracy."""

MOST_SETTINGS = 200
LONGEST_NAME, LONGEST_VALUE = 60, 200
"""Characters of a setting's name and text; what is longer is cut."""


@dataclass(frozen=True)
class Origin:
    """The origin of a recorded run."""

    script: str
    """The name of the file, as in `train.py`."""
    command: list[str] = field(default_factory=list)
    """The command line."""
    versions: dict[str, str] = field(default_factory=dict)
    """The versions of Python and of the script's imports, as in `{"torch": "2.13.0"}`."""


@dataclass(frozen=True)
class RecordedConfig(RunConfig):
    """The settings of a recorded run, by the names that its script gives them.

    Where a name and its value are a hyperparameter's of this program, as `lr` or `batch_size`,
    that field holds it; `known` names these. The other fields hold defaults that say nothing.
    """

    script: str = ""
    """The file that recorded the run, as in `train.py`."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Values by name as texts, in the script's order; nested names are joined by dots."""
    known: frozenset[str] = frozenset()
    """The hyperparameters that the script names."""

    @classmethod
    def of(cls, script: str, values: Mapping[str, Any]) -> Self:
        """Read the free configuration of a script.

        Args:
            script: the file that recorded the run.
            values: anything that JSON holds.
        """
        flat = dict(list(_flat(values))[:MOST_SETTINGS])
        known: dict[str, Any] = {}
        for name in NAMES:
            if name in flat:
                try:
                    known[name] = getattr(RunConfig.from_values({name: flat[name]}), name)
                except ConfigError:
                    continue
        settings = {name: _text(value) for name, value in flat.items()}
        return cls(**known, script=one_line(script), settings=settings, known=frozenset(known))

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self.settings.items())

    def texts(self) -> dict[str, str]:
        """Return all settings as texts by name, known ones as this program writes them."""
        known = {name: as_text(getattr(self, name)) for name in self.known}
        return {name: known.get(name, text) for name, text in self.settings.items()}

    def changes(self) -> dict[str, str]:
        """Return all settings: a script's own loop has no defaults."""
        return dict(self.settings)

    def without_effect(self) -> frozenset[str]:
        """Return the hyperparameters that the script does not name."""
        return frozenset(NAMES) - self.known


def planned_epochs(config: RunConfig) -> int:
    """Return how many epochs a run is to have; 0 where a recorded run does not say."""
    if isinstance(config, RecordedConfig) and "epochs" not in config.known:
        return 0
    return config.epochs


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        full = f"{prefix}{one_line(str(name))}"[:LONGEST_NAME]
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{full}.")
        else:
            yield full, tuple(value) if isinstance(value, list) else value


def _text(value: Any) -> str:
    if value is None or isinstance(value, (bool, Mapping)):
        text = json.dumps(value)
    else:
        text = as_text(value)
    return one_line(text)[:LONGEST_VALUE]


def as_run_config(config: RunConfig) -> RunConfig:
    """Return the settings for a training of this program: those of `known`, the others default."""
    if not isinstance(config, RecordedConfig):
        return config
    names = {each.name for each in fields(RunConfig)} & config.known
    return RunConfig(**{name: getattr(config, name) for name in names})
