"""The attack screen: how little it takes to fool the model, on one image and on all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from engine.fragility import AttackedImage, Bracket, OwnImage, Subject, attack_image, bracket
from engine.judgement import Judgement
from engine.robustness import Robustness
from engine.runs import Run
from tui.attacking import ORDERS, Attacking
from tui.judged import Judged
from tui.keymap import declared
from tui.latest_answer import LatestAnswer
from tui.panes.accuracy_chart import AccuracyChart
from tui.panes.attack_view import AttackView
from tui.panes.fragile_list import FragileList
from tui.panes.lines import LinesPane
from tui.panes.list_pane import ListPane
from tui.panes.proof import Proof
from tui.panes.tabs import Tabs
from tui.render.terminal import Terminal
from tui.robustness_feed import RobustnessFeed
from tui.screens.choose import ChooseRunScreen
from tui.screens.help import Section
from tui.screens.view import ViewScreen

_WIDE, _HIGH = 118, 34
"""From so many cells and lines on, all panes are shown at once."""


class AttackScreen(ViewScreen):
    """One image under attack, what is known of its smallest ε, and the accuracy of all.

    Args:
        terminal: what the terminal can show.
    """

    DEFAULT_CSS = """
    AttackScreen #attack-tabs { height: 1; }
    AttackScreen #attack-body { height: 1fr; }
    AttackScreen #attack-body > * { height: 1fr; }
    AttackScreen #attack-body.wide {
        layout: grid; grid-size: 2; grid-columns: 1fr 33; grid-gutter: 0 1;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "plus,equals_sign",
            "strengthen(1)",
            "ε",
            key_display="+-0",
            id="attack.stronger",
            tooltip="A larger ε; hold the key to see it grow",
        ),
        Binding(
            "minus,underscore",
            "strengthen(-1)",
            "Weaker",
            show=False,
            id="attack.weaker",
            tooltip="A smaller ε",
        ),
        Binding(
            "0",
            "usual",
            "Usual ε",
            show=False,
            id="attack.usual",
            tooltip="The usual ε: the notebook's 0.125 in L∞, 1.5 in L2",
        ),
        Binding(
            "m",
            "smallest",
            "Smallest ε",
            id="attack.smallest",
            tooltip="Go to the smallest ε that fools the model on this image",
        ),
        Binding("x", "method(1)", "Method", id="attack.method", tooltip="The next way to attack"),
        Binding(
            "X",
            "method(-1)",
            "Previous method",
            show=False,
            id="attack.method_before",
            tooltip="The previous way to attack",
        ),
        Binding(
            "t",
            "target(1)",
            "Target",
            id="attack.target",
            tooltip="The class that the attack wants: any other, or one after the other",
        ),
        Binding(
            "T",
            "target(-1)",
            "Previous target",
            show=False,
            id="attack.target_before",
            tooltip="The target before this one",
        ),
        Binding(
            "n,right,l",
            "step(1)",
            "Image",
            key_display="n/p",
            id="attack.next",
            tooltip="The next image in this order",
        ),
        Binding(
            "p,left,h",
            "step(-1)",
            "Previous",
            show=False,
            id="attack.previous",
            tooltip="The previous image in this order",
        ),
        Binding(
            "o",
            "order",
            "Order",
            id="attack.order",
            tooltip="Images predicted rightly, the most fragile of them first, or all",
        ),
        Binding(
            "c",
            "compare",
            "Compare",
            id="attack.compare",
            tooltip="Another run's accuracy against ε beside this one's; again to end that",
        ),
        Binding("z", "zoom", "Zoom", id="attack.zoom", tooltip="The focused pane alone, and back"),
        Binding(
            "v",
            "image_mode",
            "Draw",
            show=False,
            id="attack.images",
            tooltip="How images are drawn",
        ),
        Binding(
            "w",
            "write",
            "Write",
            show=False,
            id="attack.write",
            tooltip="Write the focused pane to a text file in this folder",
        ),
    ]

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._attacking = Attacking()
        self._view = AttackView(terminal)
        self._proof = Proof(terminal)
        self._chart = AccuracyChart(terminal)
        self._list = FragileList(terminal)
        self._tabs = Tabs(terminal, id="attack-tabs")
        self._body = Container(id="attack-body")
        self._places: dict[str, LinesPane] = {
            "Attack": self._view,
            "How little it takes": self._proof,
            "Accuracy": self._chart,
            "Images": self._list,
        }
        self._active: LinesPane = self._view
        self._zoomed = False
        self._attacks = LatestAnswer(self, attack_image, self._on_attacked)
        self._brackets = LatestAnswer(self, bracket, self._on_bracket, at_leisure=True)
        self._robustness = RobustnessFeed(self, self._on_robustness)
        self._others = RobustnessFeed(self, self._on_robustness)
        self._run: Run | None = None
        self._other: Run | None = None
        self._judged: Judged | None = None
        self._attacked: AttackedImage | None = None
        self._bracket: Bracket | None = None
        self._troubles = {"attack": "", "bracket": ""}
        """What went wrong with the last question of each kind."""
        self._jumps = False
        """Whether to go to the smallest ε as soon as it is known."""

    def panes(self) -> Iterable[Widget]:
        """All panes; which of them are seen is up to `_arrange`."""
        yield self._tabs
        with self._body:
            yield self._view
            yield self._proof
            yield self._chart
            yield self._list

    def on_mount(self) -> None:
        """Starts with the pictures."""
        self._arrange()
        self._view.focus()

    def attack(self, subject: Subject) -> None:
        """Takes an image from another screen.

        Args:
            subject: a row of the validation images, or an image of one's own.
        """
        self._attacking.subject = subject
        self._attacking.target = None

    # Layout

    @property
    def _has_room(self) -> bool:
        width, height = self.app.size
        return width >= _WIDE and height >= _HIGH

    def _arrange(self) -> None:
        wide = self._has_room and not self._zoomed
        self._tabs.display = not wide
        self._tabs.show(list(self._places), list(self._places.values()).index(self._active))
        self._body.set_class(wide, "wide")
        for pane in self._places.values():
            pane.display = wide or pane is self._active
        if wide:
            rows = self.app.size.height - 2
            upper = min(28, rows - 10) if rows < 62 else rows - 16
            self._body.styles.grid_rows = f"{upper} 1fr"

    def on_resize(self, event: events.Resize) -> None:
        """Finds the arrangement that fits."""
        self._arrange()
        self.call_after_refresh(self.redraw)

    def on_descendant_focus(self) -> None:
        """Shows the pane that has got the focus."""
        if isinstance(self.focused, LinesPane) and self.focused in self._places.values():
            self._active = self.focused
            self._arrange()

    def action_next_pane(self, by: int) -> None:
        """Goes to the next or previous pane."""
        panes = list(self._places.values())
        self._go_to(panes[(panes.index(self._active) + by) % len(panes)])

    def _go_to(self, pane: LinesPane) -> None:
        self._active = pane
        self._arrange()
        self.set_focus(pane)
        self.call_after_refresh(self.redraw)

    @on(Tabs.Chosen)
    def _on_tab(self, message: Tabs.Chosen) -> None:
        self._go_to(list(self._places.values())[message.index])

    def action_zoom(self) -> None:
        """The focused pane alone, and back."""
        self._zoomed = not self._zoomed
        self._arrange()
        self.call_after_refresh(self.redraw)

    def action_back(self) -> None:
        """From a pane that fills the screen to all, then to where the image came from."""
        if self._zoomed:
            self.action_zoom()
        else:
            super().action_back()

    # What is attacked, and what is known of it

    @property
    def _names(self) -> tuple[str, ...]:
        started = self.state.history.started
        return tuple(started.class_names) if started else ()

    @property
    def _judgement(self) -> Judgement | None:
        return self._judged.at(self.state.shown_epoch + 1) if self._judged else None

    @property
    def _rows(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        if self._judgement is None:
            return np.empty(0, np.intp)
        return self._attacking.rows(self._judgement.right, self._robustness.known)

    def redraw(self) -> None:
        """Asks for what is not known yet of the weights that are looked at, and shows the rest."""
        self._fit_to_run()
        state, attacking = self.state, self._attacking
        if state.run is None or self._judged is None or not state.checkpoints:
            hint = "Esc, then r to train" if state.phase == "idle" else state.hint
            self._show_nothing(f"How little it takes to fool the model: {hint}.")
            return
        if attacking.subject is None:
            attacking.step(1, self._rows)
        if attacking.subject is None:
            self._show_nothing(
                "The model predicts no validation image rightly here: there is nothing to fool. "
                "o goes through all images."
            )
            return
        weights, age = state.weights_wanted, state.weights_age
        image = (state.run, attacking.subject)
        how = (attacking.epsilon, weights, attacking.method.name, attacking.target)
        self._attacks.want(*image, *how, key=(*image, *how, age))
        what = (*image, weights, attacking.target, attacking.method.name)
        self._brackets.want(*what, key=(*what, age))
        self._robustness.want(state.run, self._measured_weights, age)
        if self._other:
            self._others.want(self._other, None, 0)
        self._show()

    @property
    def _measured_weights(self) -> int | None:
        """Weights whose robustness is measured: while the newest still change, kept ones."""
        state = self.state
        going = state.weights_wanted is None and state.history.ended is None and state.alive
        return len(state.history.epochs) if going else state.weights_wanted

    def _fit_to_run(self) -> None:
        state = self.state
        if state.run != self._run:
            self._run, self._judged, self._other = state.run, None, None
            self._attacked, self._bracket, self._jumps = None, None, False
            for answers in (self._attacks, self._brackets, self._robustness, self._others):
                answers.forget()
            if not isinstance(self._attacking.subject, OwnImage):
                self._attacking.subject = None
            self._attacking.target = None
        if state.run and self._judged is None and (started := state.history.started):
            self._judged = Judged(state.run, started)

    def _on_attacked(self, answer: AttackedImage | None, trouble: str) -> None:
        self._attacked, self._troubles["attack"] = answer, trouble
        self._show()

    def _on_bracket(self, answer: Bracket | None, trouble: str) -> None:
        self._bracket, self._troubles["bracket"] = answer, trouble
        if self._jumps and not self._brackets.waiting:
            self.action_smallest()
        self._show()

    def _on_robustness(self) -> None:
        self.redraw()

    def _show(self) -> None:
        attacking, attacked = self._attacking, self._attacked
        rows, names = self._rows, self._names
        notice = self._troubles["attack"] or ("" if attacked else "Asking the model.")
        self._view.show(attacked, names, self._place(rows), notice)
        known = self._bracket
        if known and attacked and known.subject is not attacked.subject:
            known = known if known.subject == attacked.subject else None
        self._proof.show(attacked, known, names, self._troubles["bracket"] or notice)
        linf = attacking.method.norm == "linf"
        self._chart.show(self._curves(), attacking.epsilon if linf else None, self._trouble_of_all)
        labels = self._judgement.labels if self._judgement else np.empty(0, np.intp)
        chosen = attacking.subject if isinstance(attacking.subject, int) else None
        self._list.show(
            rows, labels, names, self._robustness.known, chosen, ORDERS[attacking.order], "None."
        )

    @property
    def _trouble_of_all(self) -> str:
        return self._robustness.trouble or self._others.trouble

    def _curves(self) -> tuple[tuple[str, Robustness | None], ...]:
        own = ("this run" if self._other else "accuracy", self._robustness.known)
        if self._other is None:
            return (own,)
        return own, (self._other.name.split("-", 2)[-1], self._others.known)

    def _place(self, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> str:
        """Where the attacked image stands, as in `3 of 179, most fragile first`."""
        found = np.flatnonzero(rows == self._attacking.subject)
        order = ORDERS[self._attacking.order]
        return f"{found[0] + 1}/{len(rows)} {order}" if len(found) else f"none of those {order}"

    def _show_nothing(self, notice: str) -> None:
        for answers in (self._attacks, self._brackets, self._robustness):
            answers.forget()
        self._attacked = self._bracket = None
        self._view.show(None, (), "", notice)
        self._proof.show(None, None, (), "The smallest ε that fools the model, and what is proven.")
        self._chart.show((), None, "Accuracy on the validation set against ε.")
        none = np.empty(0, np.intp)
        self._list.show(none, none, (), None, None, "", "The validation images, by fragility.")

    # Keys

    def action_strengthen(self, by: int) -> None:
        """Goes to the next or previous ε."""
        self._attacking.strengthen(by)
        self.redraw()

    def action_usual(self) -> None:
        """Goes to the usual ε."""
        self._attacking.epsilon = self._attacking.method.usual
        self.redraw()

    def action_smallest(self) -> None:
        """Goes to the smallest ε with which the method fools the model on this image."""
        self._jumps = self._brackets.waiting
        if self._jumps or self._bracket is None:
            return
        method = self._attacking.method
        smallest = self._bracket.smallest.get(method.name, math.inf)
        if math.isfinite(smallest):
            self._attacking.epsilon = smallest
        else:
            reached = "reaches the target" if self._attacking.target is not None else "fools it"
            self.notify(f"No ε up to {method.most:g} of {method.title} {reached} on this image.")
        self.redraw()

    def action_method(self, by: int) -> None:
        """Takes another way to attack."""
        self._attacking.next_method(by)
        self.notify(self._attacking.method.explanation, timeout=4)
        self.redraw()
        self.refresh_bindings()

    def action_target(self, by: int) -> None:
        """Takes another target."""
        if self._attacked:
            self._attacking.next_target(by, len(self._names), self._attacked.label)
            self.redraw()

    def action_step(self, by: int) -> None:
        """Goes to another image."""
        self._attacking.step(by, self._rows)
        self.redraw()

    def action_order(self) -> None:
        """Takes another order of the images."""
        self._attacking.next_order()
        self.redraw()

    def action_compare(self) -> None:
        """Asks for another run to compare with, or ends the comparison."""
        if self._other:
            self._other = None
            self._others.forget()
            self.redraw()
        else:
            title = "Compare accuracy against ε with (Enter; Esc: none)"
            self.app.push_screen(ChooseRunScreen(self.terminal, title, self._run), self._compare)

    def _compare(self, other: Run | None) -> None:
        self._other = other
        self.redraw()

    def action_image_mode(self) -> None:
        """Takes the next way of drawing images."""
        ascii_next = self._view.mode == "auto" and self.terminal.unicode
        self._view.mode = "ascii" if ascii_next else "auto"
        self._view.redraw()

    def action_write(self) -> None:
        """Writes the focused pane as text."""
        run = self._run.name if self._run else "no-run"
        path = Path(f"mnistop-{run}-attack.txt").absolute()
        try:
            path.write_text(self._active.text() + "\n", encoding="utf-8")
        except OSError as error:
            self.notify(f"{path}: {error.strerror}.", severity="error", markup=False)
        else:
            self.notify(f"Written to {path}", markup=False)

    @on(ListPane.Moved)
    def _on_moved(self, message: ListPane.Moved) -> None:
        self._attacking.subject = int(self._rows[message.position])
        self.redraw()

    @on(ListPane.Opened)
    def _on_opened(self) -> None:
        self._go_to(self._view)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leaves out what makes no sense now."""
        if action in ("strengthen", "usual", "smallest"):
            return not self._attacking.method.seeks
        return action != "zoom" or self._zoomed or self._has_room

    def sections(self) -> Sequence[Section]:
        """What each pane is for, the focused one first, and the keys."""
        places = list(self._places.items())
        first = [pane for _, pane in places].index(self._active)
        return [
            Section("Attack", "How little it takes to fool the model.", declared(AttackScreen)),
            *(
                Section(name, getattr(pane, "EXPLANATION", ""), declared(type(pane)))
                for name, pane in places[first:] + places[:first]
            ),
        ]
