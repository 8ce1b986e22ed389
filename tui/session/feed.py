"""Brings a run's events to a screen."""

import asyncio
from dataclasses import dataclass

from textual.message import Message
from textual.widget import Widget

from mnistop.engine import worker
from mnistop.engine.errors import RunError
from mnistop.engine.events import Event
from mnistop.engine.runs.run_folder import Run

_RETRY_SECONDS = 1.0


@dataclass
class RunSaid(Message):
    """A run has said something."""

    run: Run
    events: list[Event]


async def feed(run: Run, target: Widget) -> None:
    """Posts a run's events to a widget as long as the run is shown.

    The last one is not the end: whoever resumes the run, here or in another terminal, finds it
    followed. Nor is a run that can no longer be read: that is told, and where it can be read again
    it is followed from its beginning.

    Args:
        run: the run to follow.
        target: gets `RunSaid` messages.
    """
    while True:
        try:
            async for batch in worker.follow(run, after_end=True):
                target.post_message(RunSaid(run, batch))
                await asyncio.sleep(0)  # a long story comes in many batches, and keys in between
        except RunError as error:
            target.notify(str(error), severity="error", markup=False)
        while not run.is_readable():
            await asyncio.sleep(_RETRY_SECONDS)
