"""What sets two runs apart: the settings that differ."""

from __future__ import annotations

from collections.abc import Mapping

from mnistop.engine.config import HYPERPARAMETERS, NAMES, RunConfig
from mnistop.engine.hyperparameters import as_text


def differences(one: RunConfig, other: RunConfig) -> tuple[str, str]:
    """The settings in which two runs differ, of each as in `learning rate 0.1, seed 1`.

    What has no effect in either is left out; `the same settings` if nothing is left.
    """
    idle = one.without_effect() & other.without_effect()
    apart = [
        name for name in NAMES if name not in idle and getattr(one, name) != getattr(other, name)
    ]
    if not apart:
        return "the same settings", "the same settings"
    first, second = (
        in_words({name: as_text(getattr(config, name)) for name in apart})
        for config in (one, other)
    )
    return first, second


def in_words(settings: Mapping[str, str]) -> str:
    """Settings by their labels, as in `learning rate 0.5, hidden layers none`.

    Args:
        settings: texts by name; none means those of the notebook.
    """
    words = ", ".join(f"{HYPERPARAMETERS[name].label} {text}" for name, text in settings.items())
    return words or "as the notebook"
