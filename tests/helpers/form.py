"""The hyperparameters form in an app of its own."""

import os
from collections.abc import Mapping

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Input

from mnistop.engine.config import HYPERPARAMETERS, NAMES, RunConfig
from mnistop.tui.draw.capabilities import TRUE_COLOR, Terminal
from mnistop.tui.features.train.hyperparameters import Hyperparameters
from tests.helpers.textual_hooks import settle, strips


class FormApp(App[None]):
    """An app around the form, with a few of the program's keys."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [  # noqa: RUF012
        Binding("r", "note('train')"),
        Binding("2", "note('screen 2')"),
        Binding("space", "note('pause')"),
        Binding("escape", "note('back')"),
    ]

    def __init__(
        self,
        values: RunConfig | Mapping[str, str] | None = None,
        ascii: bool = False,
        **kwargs: bool,
    ) -> None:
        super().__init__(**kwargs)
        terminal = Terminal(colors=0 if "NO_COLOR" in os.environ else TRUE_COLOR, unicode=not ascii)
        self.form = Hyperparameters({} if values is None else values, terminal)
        self.notes: list[str] = []
        self.configs: list[RunConfig | None] = []

    def compose(self) -> ComposeResult:
        yield self.form
        yield Input(id="elsewhere", compact=True)

    def on_mount(self) -> None:
        self.query_one("#elsewhere").styles.dock = "bottom"
        self.screen.set_focus(self.form)

    def action_note(self, what: str) -> None:
        self.notes.append(what)

    def on_hyperparameters_changed(self, event: Hyperparameters.Changed) -> None:
        self.configs.append(event.config)

    @property
    def lines(self) -> list[str]:
        """The lines on the screen."""
        return [strip.text for strip in strips(self.screen)]

    def row(self, name: str) -> str:
        """The row of a hyperparameter."""
        return next(
            line for line in self.lines if line[2:].startswith(f"{HYPERPARAMETERS[name].label} ")
        )

    def value(self, name: str) -> object:
        return getattr(self.form.config, name)

    @property
    def text(self) -> str:
        """The screen with its line breaks taken out."""
        return " ".join(" ".join(self.lines).split())


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys as a slow line delivers them: all at once."""
    for key in keys:
        char = " " if key == "space" else key if len(key) == 1 else None
        pilot.app.post_message(events.Key(key, char))
    await settle(pilot.app)


def go_to(pilot: Pilot[None], name: str) -> None:
    """Select a row at once; that keys get there is tested on its own."""
    pilot.app.query_one(Hyperparameters).select(NAMES.index(name) + 1)


async def type_value(pilot: Pilot[None], name: str, text: str) -> None:
    go_to(pilot, name)
    await press(pilot, "enter", *text)
