"""All private names of Textual that the tests use; read in 8.2.8, others may differ."""

import asyncio

from textual.app import App
from textual.events import MouseEvent
from textual.pilot import Pilot
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

_CALM = 20
"""Turns of the event loop without a message after which all messages count as handled."""


def strips(screen: Screen[object]) -> list[Strip]:
    """The lines on a screen with their styles, as they are sent to the terminal."""
    return screen._compositor.render_strips()  # there is no public name


async def until_idle(app: App[object]) -> None:
    """Wait until all messages are handled.

    `Pilot.pause` measures how busy the process is instead, and gives up after a second.
    """
    calm = 0
    while calm < _CALM:
        await asyncio.sleep(0)
        calm = 0 if _has_messages(app) or getattr(app, "is_answering", False) else calm + 1


def _has_messages(app: App[object]) -> bool:
    nodes = (node for screen in app.screen_stack for node in screen.walk_children(with_self=True))
    return any(not node._message_queue.empty() for node in (app, *nodes))


def refresh(app: App[object]) -> None:
    """Lay out and draw the screen in sight without waiting for its timer."""
    app.screen._on_timer_update()


async def settle(app: App[object]) -> None:
    """Wait until all messages are handled and drawn, and those that this posts as well."""
    for _ in range(2):
        await until_idle(app)
        refresh(app)


async def turn_wheel(
    pilot: Pilot[object], widget: Widget, event: type[MouseEvent], times: int = 1
) -> None:
    """Turn the mouse wheel over a widget."""
    await pilot._post_mouse_events([event] * times, widget, (3, 3))
