"""Made-up runs for the commands."""

from collections.abc import Callable
from pathlib import Path

from mnistop.engine.config import RunConfig
from mnistop.engine.runs.run_folder import Run
from tests.helpers import made_up
from tests.helpers.command_line import Answer

Call = Callable[..., Answer]


def add(store: Path, words: str, end: str = "finished", epochs: int = 3, **values: object) -> Run:
    name = f"20260101-1200{len(list(store.iterdir())):02}-{words}"
    ends = {
        "finished": made_up.finished(epochs, name),
        "stopped": made_up.stopped(epochs, name),
        "failed": made_up.failed("too bad", name),
    }
    said = [*made_up.story(epochs, name), *([ends[end]] if end in ends else [])]
    config = RunConfig(epochs=epochs, **values)  # type: ignore[arg-type]
    return made_up.write_run(store, said, config, name)


def left(store: Path) -> list[str]:
    """The names of the runs that are there."""
    return sorted(path.name.split("-", 2)[-1] for path in store.iterdir() if path.is_dir())
