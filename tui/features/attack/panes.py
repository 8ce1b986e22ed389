"""The panes of the attack screen: image, smallest ε and list, and their arrangement."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len
from textual.geometry import Size

from mnistop.engine.analysis.fragility import OwnImage
from mnistop.engine.analysis.methods import METHODS
from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, short_names
from mnistop.tui.draw.signed_image import View
from mnistop.tui.features.attack.accuracy import AccuracyChart
from mnistop.tui.features.attack.model import ORDERS, AttackModel
from mnistop.tui.text.attack_outcome import SEARCHED_BY, AttackOutcome, at_least, at_most
from mnistop.tui.text.portrait import attacked, has_room_for_perturbation
from mnistop.tui.text.table import Column
from mnistop.tui.toolkit.list_pane import ListPane
from mnistop.tui.toolkit.pane import ContentPane, OfModel
from mnistop.tui.toolkit.pane_host import Pane, PaneHost

_NAME_WIDTH = 9
_MARK = 4
"""Cells of the title line around the title."""


class FragileList(OfModel[AttackModel], ListPane[int]):
    """A row an image: its class, the ε up to which it is safe, and the one that fools the model."""

    EXPLANATION = (
        "The images in the order chosen with o. Below the first ε the image is proven safe; at "
        f"the second, {SEARCHED_BY} fooled the model. A dash means not measured yet, or never."
    )

    _rows: Sequence[int] = ()
    _listed = False
    """True if the attacked image is among them."""
    _status = ""

    def show(self, status: str = "") -> None:
        """Draw the images in their order, or a status in their place."""
        self._status = status
        subject = self._model.subject
        self._rows = [] if status else self._model.rows.tolist()
        self._listed = isinstance(subject, int) and subject in self._rows
        if isinstance(subject, int) and self._listed:
            self.position = self._rows.index(subject)
        self.position = max(0, min(self.position, len(self._rows) - 1))
        self.redraw()

    @property
    def items(self) -> Sequence[int]:
        """The images, in order."""
        return self._rows

    @property
    def marks(self) -> bool:
        """False while the attacked image is not in the list."""
        return self._listed

    def title(self) -> str:
        """The number of images, and their order."""
        if not self.count:
            return "Images"
        order = ORDERS[self._model.order]
        title = f"{self.count:,} images, {order}"
        return title if len(title) <= self.size.width - _MARK else f"{self.count:,} {order}"

    def empty(self) -> str:
        """Return the reason why there are none."""
        return self._status or "No validation image is classified correctly here."

    def columns(self, width: int) -> list[Column[int]]:
        """Return number, class, and the two ε."""
        known, palette = self._model.robustness.answer, self.palette
        names, labels = self._model.state.class_names, self._model.labels

        def name(row: int) -> str:
            return short_names(names, _NAME_WIDTH - 1, self.terminal)[int(labels[row])]

        def safe(row: int) -> str:
            return at_least(known.certified[row], 3) if known and row < known.done else "–"

        def fooled(row: int) -> str:
            found = known.found[row] if known and row < known.done else math.inf
            return at_most(found, 3) if math.isfinite(found) else "–"

        return [
            Column("no.", str, 5, style=lambda _: palette.muted),
            Column("class", name, _NAME_WIDTH, left=True),
            Column("safe", safe, 6, gap=0, style=lambda _: palette.good),
            Column("fooled", fooled, 6, style=lambda _: palette.bad),
        ]


class AttackView(ContentPane[AttackOutcome], can_focus=True):
    """An image and its adversarial version, with the predictions for both."""

    EXPLANATION = (
        "The perturbation is drawn on a scale of its own: one colour brightens a pixel, the "
        "other darkens it. That of an image in colour is gray where nothing changes; b shows one "
        "channel, or the largest change of the three. The predictions are computed from exactly "
        "the pixels shown."
    )

    EMPTY_TITLE = "An image and its adversarial version"

    mode: image.Mode = "auto"
    view: View = "color"
    """What is drawn of the perturbation of an image in colour."""
    is_alone = False
    """True while the pane of the bounds is out of sight, so that they are shown here in short."""
    place = ""
    """The image's position in the list, in words."""

    def heading(self, content: AttackOutcome) -> str:
        """The image, how it is attacked, and the epoch of the weights.

        Where that does not fit, the image's place gives way: the list shows it too.
        """
        attack = content.attacked
        method = METHODS[attack.method]
        strength = "" if method.seeks else f" ε {attack.epsilon:.4g}"
        towards = f" towards {content.names[attack.target]}" if attack.target is not None else ""
        how = f"{method.title} {method.norm_name}{strength}{towards}"
        if isinstance(attack.subject, OwnImage):
            whats = ["Your drawing"]
        else:
            name = f"Image {attack.subject}"
            whats = [f"{name} ({self.place})", f"{name} ({self.place.split()[0]})", name]
        titles = [
            ", ".join(filter(None, (self.status, what, how, content.weights))) for what in whats
        ]
        room = self.size.width - _MARK
        return next((title for title in titles if cell_len(title) <= room), titles[-1])

    @property
    def has_perturbation(self) -> bool:
        """True if there is room for the perturbation between the images."""
        width, height = self.size
        known = self.content and self.content.attacked
        return bool(known and has_room_for_perturbation(known, width, height - 1, self.mode))

    def draw(self, content: AttackOutcome, width: int, height: int) -> list[Strip]:
        """The pictures and the probabilities, and the bounds if they are not shown elsewhere."""
        below = content.in_four_lines(self.terminal, width) if self.is_alone else []
        room = height - len(below)
        how = self.terminal, width, room, self.mode, self.view
        drawn = attacked(content.attacked, content.names, *how)
        return [*drawn, *below]


class Proof(ContentPane[AttackOutcome], can_focus=True):
    """The outcome in words, the norms, and the bracket of the smallest ε."""

    EXPLANATION = (
        "Below the certified ε no perturbation can change the prediction; CROWN's bounds prove "
        "it. At the smallest ε that fooled the model, one does. The model's true robustness lies "
        "between the two."
    )

    EMPTY_TITLE = "How little it takes"

    def heading(self, content: AttackOutcome) -> str:
        """The same with and without an attack."""
        return self.EMPTY_TITLE

    def draw(self, content: AttackOutcome, width: int, height: int) -> list[Strip]:
        """The outcome, then the bounds."""
        return content.in_full(self.terminal, width)


_PICTURES = 28
"""Lines of the pictures and their probabilities."""
_LEAST_BELOW = 9
"""Lines of the chart and the list, at least."""
_BESIDE = 62
"""Lines from which on large pictures have their probabilities below them."""
_BELOW_LARGE = 16


class AttackPanes(PaneHost):
    """All panes at once, or one at a time below their names.

    Args:
        terminal: what the terminal can show.
        model: what the list shows.
    """

    WIDE = Size(118, 34)

    DEFAULT_CSS = """
    AttackPanes > .panes > * { height: 1fr; }
    AttackPanes.wide > .panes {
        layout: grid; grid-size: 2; grid-columns: 1fr 33; grid-gutter: 0 1;
    }
    """

    def __init__(self, terminal: Terminal, model: AttackModel) -> None:
        self.view = AttackView(terminal)
        self.proof = Proof(terminal)
        self.chart = AccuracyChart(terminal)
        self.list = FragileList(terminal, model)
        panes = {
            "Attack": self.view,
            "How little it takes": self.proof,
            "Accuracy": self.chart,
            "Images": self.list,
        }
        super().__init__(terminal, [Pane(name, pane, pane) for name, pane in panes.items()])

    def fit(self) -> None:
        """Show what fits the terminal."""
        super().fit()
        is_wide = self.mode == "wide"
        self.view.is_alone = not is_wide
        if is_wide:
            rows = self.app.size.height - 3
            below = _BELOW_LARGE if rows >= _BESIDE else max(_LEAST_BELOW, rows - _PICTURES)
            self._body.styles.grid_rows = f"{rows - below} 1fr"
