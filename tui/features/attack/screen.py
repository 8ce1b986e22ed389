"""The attack screen: how little it takes to fool the model, on one image and on all."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textual import on
from textual.timer import Timer

from mnistop.engine.analysis.fragility import AttackTarget
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.signed_image import next_view
from mnistop.tui.features.attack.accuracy import AccuracyChart, ChooseRunScreen
from mnistop.tui.features.attack.model import AttackModel
from mnistop.tui.features.attack.panes import AttackPanes
from mnistop.tui.session.view import IN_GRAY, NO_RUN, AtAnEpoch, HostedScreen
from mnistop.tui.toolkit.bindings import (
    CHANNELS,
    IMAGES,
    ZOOM,
    bindings,
    declared,
    hidden,
    key,
    steps,
)
from mnistop.tui.toolkit.dialogs import Section
from mnistop.tui.toolkit.list_pane import ListPane

_SLOW = 0.4
"""Seconds after which the title says that an answer is awaited."""
_OF_A_RUN = frozenset(
    [
        "strengthen",
        "usual",
        "smallest",
        "method",
        "target",
        "step",
        "order",
        "compare",
        "image_mode",
        "channel",
    ]
)
"""Actions that need a run."""


class AttackScreen(AtAnEpoch, HostedScreen):
    """One image under attack, what is known of its smallest ε, and the accuracy of all.

    Args:
        terminal: what the terminal can show.
    """

    NAME = "attack"

    BINDINGS = bindings(
        "attack",
        key("stronger", "+,=", "strengthen(1)", "ε", "A larger ε; hold the key for more", "+-0"),
        hidden("weaker", "-,_", "strengthen(-1)", "Weaker", "A smaller ε"),
        hidden("usual", "0", "usual", "Usual ε", "The usual ε: 0.125, or a length of 1.5 (L2)"),
        key("smallest", "m", "smallest", "Smallest", "The smallest ε that fools the model here"),
        key("method", "x", "method(1)", "Method", "The next way to attack"),
        hidden("method_before", "X", "method(-1)", "Previous method", "The previous way to attack"),
        key("target", "t", "target(1)", "Target", "The target: any other class, or each in turn"),
        hidden("target_before", "T", "target(-1)", "Previous target", "The target before this one"),
        *steps("image in this order", "Image", "n,right,l", "p,left,h"),
        key("order", "o", "order", "Order", "Correctly classified, most fragile first, or all"),
        key("compare", "c", "compare", "Compare", "Another run's accuracy too; again to remove it"),
        ZOOM,
        IMAGES,
        CHANNELS,
    )

    def __init__(self, terminal: Terminal) -> None:
        self._model = AttackModel(self, self._on_answer)
        self._panes = AttackPanes(terminal, self._model)
        super().__init__(terminal, self._panes)
        self._sent: AttackTarget | None = None
        """An image from another screen, until it is attacked."""
        self._patience: Timer | None = None
        """Runs while an attack goes on that is not announced yet."""

    def enter(self, about: AttackTarget) -> None:
        """Receive an image from another screen.

        Args:
            about: a row of the validation images, or an image that is not from the run.
        """
        self._sent = about

    # What is attacked, and what is known of it

    def redraw(self) -> None:
        """Ask for what is not known yet of the shown weights, and show the rest."""
        state, model = self.state, self._model
        model.follow(state)
        if self._sent is not None:
            model.take(self._sent)
            self._sent = None
        if state.run is None or model.predictions is None or not state.saved:
            hint = "Esc, then r to train" if state.phase == "idle" else state.hint
            little = f"How little it takes to fool the model: {hint}."
            self._show_nothing(state.no_model or little)
            return
        if model.subject is None:
            model.step(1)
        if model.subject is None:
            self._show_nothing(
                "The model classifies no validation image correctly at this epoch, so there is "
                "nothing to fool. o goes through all images."
            )
            return
        model.ask()
        self._be_patient()
        self._show()

    def _on_answer(self) -> None:
        if self._model.jumps and not self._model.is_searching:
            self.action_smallest()
        self.redraw()

    def _be_patient(self) -> None:
        """Show that an answer is waited for, but only if it takes long."""
        if self._patience:
            self._patience.stop()
        waits = self._model.is_attacking
        self._patience = self.set_timer(_SLOW, self._say_what_is_waited_for) if waits else None

    def _say_what_is_waited_for(self) -> None:
        self._show("asking the model")

    def _show(self, waiting: str = "") -> None:
        """Draw all panes.

        Args:
            waiting: what is waited for; empty for nothing.
        """
        model, panes = self._model, self._panes
        shown = model.shown
        status = model.error or (
            "Asking the model. The first answer takes some seconds: PyTorch is being loaded."
        )
        if panes.view.place != model.place:
            panes.view.place = model.place
            panes.view.redraw_title()
        panes.view.show_new(shown, waiting if shown else status)
        panes.proof.show_new(shown, status)
        panes.list.show()
        self.after_refresh(self._show_chart)  # which takes longer to draw than the pictures

    def _show_chart(self) -> None:
        model = self._model
        if model.subject is not None:
            self._panes.chart.show(model.measured, model.shown_epsilon, model.measuring_error)

    def _show_nothing(self, status: str) -> None:
        """Explain why there is nothing to attack, and what the panes will show."""
        self._model.forget()
        panes = self._panes
        panes.view.show_new(None, status)
        panes.proof.show_new(None, "The smallest ε that fools the model, and what is proven.")
        panes.chart.show((), None, "Accuracy on the validation set against ε.")
        panes.list.show("The validation images, and what fools each.")

    # Keys

    def _change(self) -> None:
        """Show what has been chosen."""
        self._model.jumps = False
        self.redraw()

    def action_strengthen(self, by: int) -> None:
        """Go to the next or previous ε."""
        self._model.strengthen(by)
        self._change()

    @on(AccuracyChart.EpsilonChosen)
    def _on_epsilon_chosen(self, message: AccuracyChart.EpsilonChosen) -> None:
        self._model.epsilon = message.epsilon
        self._change()

    def action_usual(self) -> None:
        """Go to the usual ε."""
        if self._model.epsilon == self._model.method.usual:
            self.notify(f"ε is the usual one already: {self._model.method.usual:g}.")
        self._model.epsilon = self._model.method.usual
        self._change()

    def action_smallest(self) -> None:
        """Go to the smallest ε with which the method fools the model on this image."""
        known, method = self._model.bracket, self._model.method
        self._model.jumps = self._model.is_searching
        if known and not self._model.jumps:
            smallest = known.smallest.get(method.name, math.inf)
            if smallest == 0:
                already = "misclassifies" if known.target is None else "sees the target in"
                self.notify(f"The model {already} this image without an attack: no ε is needed.")
            elif math.isfinite(smallest):
                self._model.epsilon = smallest
            else:
                reached = "fools it" if known.target is None else "reaches the target"
                self.notify(
                    f"No ε up to {method.most:g} of {method.title} {reached} on this image."
                )
        self.redraw()

    def action_method(self, by: int) -> None:
        """Choose the next method."""
        self._model.next_method(by)
        self._change()
        self.refresh_bindings()

    def action_target(self, by: int) -> None:
        """Choose the next target."""
        self._model.next_target(by)
        self._change()

    def action_step(self, by: int) -> None:
        """Go to another image."""
        self._model.step(by)
        self._change()

    def action_order(self) -> None:
        """Choose the next order of the images."""
        self._model.next_order()
        self._change()

    def action_compare(self) -> None:
        """Ask for another run to compare with, or end the comparison."""
        if self._model.other:
            self._compare(None)
        else:
            self.app.push_screen(ChooseRunScreen(self.terminal, self.state.run), self._compare)

    def _compare(self, other: Run | None) -> None:
        self._model.compare(other)
        self.redraw()

    def action_image_mode(self) -> None:
        """Choose the next way of drawing images."""
        view = self._panes.view
        view.mode = self.next_mode(view.mode, view)
        view.redraw()

    def action_channel(self) -> None:
        """Choose what is drawn of the perturbation of an image in colour."""
        view = self._panes.view
        view.view = next_view(view.view)
        view.redraw()
        if not view.has_perturbation:
            self.notify("There is no room for the perturbation here: enlarge the terminal.")

    @on(ListPane.Moved)
    def _on_moved(self, message: ListPane.Moved) -> None:
        self._model.subject = int(self._model.rows[message.position])
        self._change()

    @on(ListPane.Opened)
    def _on_opened(self) -> None:
        self._panes.go_to(self._panes.panes[0])

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action in _OF_A_RUN and self.state.run is None:
            return NO_RUN
        started = self.state.history.started
        if action == "channel" and not (started and started.shape[2:]):
            return IN_GRAY
        method = self._model.method
        if action in ("strengthen", "usual", "smallest") and method.seeks:
            return f"{method.title} seeks the smallest ε itself: x takes another method."
        return super().why_not(action, parameters)

    def sections(self) -> Sequence[Section]:
        """Return each pane's purpose and keys, for the help; the focused pane first."""
        return [
            Section("Attack", "How little it takes to fool the model.", declared(AttackScreen)),
            *self._panes.sections(),
        ]
