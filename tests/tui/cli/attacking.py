"""`mnistop attack` of the finished run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.helpers.command_line import Answer, Finished

Call = Callable[..., Answer]
EPSILONS = "0,0.02,0.05,0.1,0.3"


def as_json(answer: Answer) -> dict[str, Any]:
    """The JSON that a command has printed."""
    assert answer.code == 0, answer.err
    told: dict[str, Any] = json.loads(answer.out)
    return told


def run_folder(finished: Finished) -> Path:
    """The folder of the finished run."""
    return finished.place.folder / finished.name
