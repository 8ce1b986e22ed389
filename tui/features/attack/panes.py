"""The panes of the attack screen: the attacked image, how little it takes, and how they share the
room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container, Vertical

from mnistop.engine.analysis.fragility import AttackedImage, OwnImage
from mnistop.engine.methods import METHODS
from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.strip import Strip
from mnistop.tui.features.attack.accuracy_chart import AccuracyChart
from mnistop.tui.features.attack.fragile_list import FragileList
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.text import proof
from mnistop.tui.text.attacked_image import attacked
from mnistop.tui.text.proof import Shown, whole
from mnistop.tui.toolkit.pane import LinesPane
from mnistop.tui.toolkit.tabs import Tabs

_MARK = 4
"""Cells of the title line around the title."""


class AttackView(LinesPane, can_focus=True):
    """What the model says to an image and to its adversarial version."""

    EXPLANATION = (
        "The perturbation is drawn on a scale of its own: one colour brightens a pixel, the "
        "other darkens it. The predictions are computed from exactly the pixels shown."
    )

    mode: image.Mode = "auto"
    is_alone = False
    """Whether the pane of the bracket is out of sight, so that it is shown here in short."""
    shown: Shown | None = None
    notice = ""
    place = ""

    def show(self, shown: Shown | None, place: str, notice: str) -> None:
        """Draws an attacked image.

        Args:
            shown: the image and what the model says; None to show only the notice.
            place: where the image stands among those that are gone through, in words.
            notice: what is being waited for or went wrong.
        """
        if (shown, place, notice) != (self.shown, self.place, self.notice):
            self.shown, self.place, self.notice = shown, place, notice
            self.redraw()

    def title(self) -> str:
        """Which image, how it is attacked, and whose weights.

        Where that does not fit, the image's place gives way: the list shows it too.
        """
        if self.shown is None:
            return "An image and its adversarial version"
        answer = self.shown.attacked
        method = METHODS[answer.method]
        how = f"{method.title} {method.norm_name}{self._strength(answer)}"
        if isinstance(answer.subject, OwnImage):
            whats = ["Your drawing"]
        else:
            name = f"Image {answer.subject}"
            whats = [f"{name} ({self.place})", f"{name} ({self.place.split()[0]})", name]
        titles = [
            ", ".join(filter(None, (self.notice, what, how, self.shown.weights))) for what in whats
        ]
        room = self.size.width - _MARK
        return next((title for title in titles if cell_len(title) <= room), titles[-1])

    def _strength(self, answer: AttackedImage) -> str:
        names = self.shown.names if self.shown else ()
        towards = f" towards {names[answer.target]}" if answer.target is not None else ""
        if METHODS[answer.method].seeks:
            return towards
        return f" ε {answer.epsilon:.4g}{towards}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The pictures and the probabilities, and the bracket if it is not shown elsewhere."""
        shown = self.shown
        if shown is None:
            return self.say(self.notice, width)
        below = proof.short(shown, self.terminal, width) if self.is_alone else []
        room = height - len(below)
        drawn = attacked(shown.attacked, shown.names, self.terminal, width, room, self.mode)
        return [*drawn, *below]


class Proof(LinesPane, can_focus=True):
    """The outcome in words, the norms, and the bracket of the smallest ε."""

    EXPLANATION = (
        "Below the certified ε no perturbation can change the prediction; CROWN's bounds prove "
        "it. At the smallest ε that fooled the model, one does. The model's true robustness lies "
        "between the two."
    )

    shown: Shown | None = None
    notice = ""

    def show(self, shown: Shown | None, notice: str) -> None:
        """Draws what is known.

        Args:
            shown: the attack and its bracket; None if there is none yet.
            notice: what is said where there is nothing.
        """
        if (shown, notice) != (self.shown, self.notice):
            self.shown, self.notice = shown, notice
            self.redraw()

    def title(self) -> str:
        """What the pane shows."""
        return "How little it takes"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The outcome, then the bracket."""
        if self.shown is None:
            return self.say(self.notice, width)
        return whole(self.shown, self.terminal, width)


_WIDE, _HIGH = 118, 34
"""From so many cells and lines on, all panes are shown at once."""
_PICTURES = 28
"""Lines of the pictures and their probabilities."""
_LEAST_BELOW = 9
"""Lines of the chart and the list, at least."""
_BESIDE = 62
"""From so many lines on, large pictures have their probabilities below them."""
_BELOW_LARGE = 16


class Place(NamedTuple):
    """A pane and what it is called."""

    name: str
    pane: LinesPane


class AttackPanes(FaultTolerant, Vertical):
    """All panes at once, or one at a time below their names.

    Args:
        terminal: what the terminal can show.
    """

    DEFAULT_CSS = """
    AttackPanes { height: 1fr; }
    AttackPanes #attack-tabs { height: 1; }
    AttackPanes #attack-body { height: 1fr; }
    AttackPanes #attack-body > * { height: 1fr; }
    AttackPanes #attack-body.wide {
        layout: grid; grid-size: 2; grid-columns: 1fr 33; grid-gutter: 0 1;
    }
    """

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self.view = AttackView(terminal)
        self.proof = Proof(terminal)
        self.chart = AccuracyChart(terminal)
        self.list = FragileList(terminal)
        self.places: Sequence[Place] = (
            Place("Attack", self.view),
            Place("How little it takes", self.proof),
            Place("Accuracy", self.chart),
            Place("Images", self.list),
        )
        self.active = self.places[0]
        """The pane that has the focus, or had it last."""
        self.zoomed = False
        """Whether the active pane has all the room."""
        self._tabs = Tabs(terminal, id="attack-tabs")
        self._body = Container(id="attack-body")

    def compose(self) -> ComposeResult:
        """The names, and the panes."""
        yield self._tabs
        with self._body:
            yield from (place.pane for place in self.places)

    def on_mount(self) -> None:
        """Starts with the pictures."""
        self.go_to(self.active)

    @property
    def has_room(self) -> bool:
        """Whether all panes fit the terminal."""
        width, height = self.app.size
        return width >= _WIDE and height >= _HIGH

    def _fit(self) -> None:
        all_shown = self.has_room and not self.zoomed
        self._tabs.display = not all_shown
        self._tabs.show([place.name for place in self.places], self.places.index(self.active))
        self._body.set_class(all_shown, "wide")
        self.view.is_alone = not all_shown
        for place in self.places:
            place.pane.display = all_shown or place is self.active
        if all_shown:
            rows = self.app.size.height - 3
            below = _BELOW_LARGE if rows >= _BESIDE else max(_LEAST_BELOW, rows - _PICTURES)
            self._body.styles.grid_rows = f"{rows - below} 1fr"

    def on_resize(self, event: events.Resize) -> None:
        """Finds the arrangement that fits."""
        self._fit()

    def go_to(self, place: Place) -> None:
        """Shows a pane and gives it the keys."""
        self.active = place
        self._fit()
        self.screen.set_focus(place.pane)

    def step(self, by: int) -> None:
        """Goes to the next pane (1) or the previous one (-1), round and round."""
        self.go_to(self.places[(self.places.index(self.active) + by) % len(self.places)])

    def zoom(self) -> None:
        """Gives the active pane all the room, or takes it back."""
        self.zoomed = not self.zoomed
        self._fit()

    def on_descendant_focus(self) -> None:
        """Shows the pane that has got the focus."""
        for place in self.places:
            if place.pane is self.screen.focused:
                self.active = place
                self._fit()

    @on(Tabs.Chosen)
    def _on_tab(self, message: Tabs.Chosen) -> None:
        self.go_to(self.places[message.index])
