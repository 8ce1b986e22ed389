"""Made-up runs for reports."""

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import asdict

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.run_folder import Run
from tests.helpers import made_up

EPOCHS = 30
BEST = 20


def plain(
    folder: Path,
    number: int,
    values: Callable[[int], dict[str, float]] = lambda k: {},
    epochs: int = 5,
    **settings: object,
) -> Run:
    """A made-up run whose epochs have some values of their own."""
    name = f"20260101-1200{number:02}-calm-otter"
    said: list[events.Event] = [made_up.started(name)]
    for k in range(epochs):
        said.append(events.EpochFinished(**(asdict(made_up.epoch(k, name)) | values(k))))
    config = RunConfig(**settings)  # type: ignore[arg-type]
    return made_up.write_run(folder, [*said, made_up.finished(epochs, name)], config, name)
