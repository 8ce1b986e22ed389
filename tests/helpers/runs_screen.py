"""The runs screen over made-up runs."""

from collections.abc import Callable

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.features.runs.screen import RunsScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Workers

SIZES = [(120, 40), (80, 24)]


def add(
    workers: Workers,
    number: int,
    words: str,
    epochs: int = 5,
    end: Callable[[int, str], events.Event] | None = made_up.finished,
    **values: object,
) -> Run:
    name = f"20260101-1200{number:02}-{words}"
    said = [*made_up.story(epochs, name), *([end(epochs, name)] if end else [])]
    return made_up.write_run(workers.folder, said, RunConfig(**values), name)  # type: ignore[arg-type]


def some(workers: Workers) -> list[Run]:
    """Newest last."""
    return [
        add(workers, 0, "calm-otter", 30, lr=0.5),
        add(workers, 1, "keen-lark", 5, made_up.stopped, hidden=()),
        add(workers, 2, "brave-birch", 10, seed=3),
    ]


async def open_runs(shown: Dashboard, *wanted: str) -> RunsScreen:
    await shown.press("6")
    await shown.until_shown(*(wanted or ("brave-birch",)))
    assert isinstance(shown.app.screen, RunsScreen)
    return shown.app.screen


def names(shown: Dashboard) -> list[str]:
    """The runs in sight, from above."""
    known = ("calm-otter", "keen-lark", "brave-birch", "high rate")
    return [name for line in shown.lines[3:-8] for name in known if name in line]
