"""Waiting for a condition: the only way in which tests wait for other processes and tasks."""

import asyncio
import time
from collections.abc import Callable

_PAUSE = 0.02
"""Seconds between two looks."""

LONG = 100.0
"""Seconds after which a condition counts as never met, however busy the machine is."""


def wait_until(condition: Callable[[], object], seconds: float = LONG) -> None:
    """Wait until a condition holds; fail if it does not come to."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(_PAUSE)


async def until_true(condition: Callable[[], object], seconds: float = LONG) -> None:
    """Wait as `wait_until` does while the other tasks of the event loop go on."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(_PAUSE / 2)
    except TimeoutError:
        raise AssertionError("it never came true") from None
