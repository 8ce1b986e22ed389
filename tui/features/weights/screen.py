"""The weights: the first layer as images, and an image's path through the network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from textual import events, on
from textual.containers import Container
from textual.geometry import Size
from textual.widget import Widget

from mnistop.engine.analysis.network import first_layer, walk
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.signed_image import View, next_view
from mnistop.tui.features.weights.model import FormNetwork, Neurons, Order
from mnistop.tui.features.weights.network import LEAST_HEIGHT, LEAST_WIDTH, Network
from mnistop.tui.features.weights.neurons import WeightDetail, WeightGallery
from mnistop.tui.session.state import weights_name
from mnistop.tui.session.view import ALONE, IN_GRAY, NO_RUN, AtAnEpoch, SeveralPanes
from mnistop.tui.terminal.scheduler import SLOW, Paced
from mnistop.tui.toolkit.background import LatestAnswer
from mnistop.tui.toolkit.bindings import CHANNELS, ZOOM, bindings, declared, hidden, key
from mnistop.tui.toolkit.dialogs import Section
from mnistop.tui.toolkit.pane import LinesPane

Arrangement = Literal["beside", "below", "alone"]

_WAITING = "Reading the weights; just after the start PyTorch has to load first."

_LEAST_LEFT_WIDTH = 48
_LEFT_WIDTH = 84
"""The width of the left pane next to the network where there is room, even for small images."""


class WeightsScreen(AtAnEpoch, SeveralPanes):
    """The first layer as images, and the network beside it, below it or in its place.

    Args:
        terminal: what the terminal can show.
    """

    DEFAULT_CSS = """
    WeightsScreen #weights-body { height: 1fr; }
    WeightsScreen #weights-body.beside { layout: horizontal; }
    WeightsScreen #weights-body > * { width: 1fr; height: 1fr; }
    WeightsScreen #weights-body.beside #network { margin-left: 1; }
    """

    NAME = "weights"

    BINDINGS = bindings(
        "weights",
        key("order", "o", "order", "Order", "By index, by norm, or by the class they speak for"),
        ZOOM,
        hidden("images", "v", "image_mode", "Draw", "16 a page, a pixel a weight, or glyphs"),
        CHANNELS,
    )

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._gallery = WeightGallery(terminal, id="weight-gallery")
        self._detail = WeightDetail(terminal, id="weight-detail")
        self._network = Network(terminal, id="network")
        self._body = Container(id="weights-body")
        self._first_layer = LatestAnswer(self, first_layer, self._on_first_layer)
        self._walk = LatestAnswer(self, walk, self._on_walk)
        self._form_network = FormNetwork(self, self.redraw)
        self._run: Run | None = None
        self._neurons: Neurons | None = None
        self._neuron = 0
        self._row = 0
        self._order: Order = "index"
        self._view: View = "color"
        self._large = False
        self._zoomed = False
        self._on_network = False
        self._alone = True

    def panes(self) -> Iterable[Widget]:
        """The gallery, the large neuron in its place, and the network."""
        with self._body:
            yield self._gallery
            yield self._detail
            yield self._network

    def sections(self) -> Sequence[Section]:
        """Return the panes' purpose and keys."""
        panes: list[tuple[str, type[LinesPane]]] = [
            ("Weights", WeightGallery),
            ("A large neuron", WeightDetail),
            ("The network", Network),
        ]
        panes.insert(0, panes.pop(2 if self._on_network else int(self._large)))
        return [
            *(
                Section(title, getattr(pane, "EXPLANATION", ""), declared(pane))
                for title, pane in panes
            ),
            Section("On the weights screen", "", declared(WeightsScreen)),
        ]

    # Layout

    @property
    def _left(self) -> LinesPane:
        return self._detail if self._large else self._gallery

    def _arrangement(self) -> tuple[Arrangement, Size]:
        """Return the arrangement that shows most images, and the size of the left pane in it."""
        width, height = self._body.size
        alone = self._gallery.fit(width, height)
        room = width - LEAST_WIDTH - 2
        beside = self._gallery.fit(room if room >= _LEAST_LEFT_WIDTH else 0, height)
        below = self._gallery.fit(width, height - LEAST_HEIGHT)
        most = max(beside, below, key=lambda tiles: (tiles.count, tiles.size))
        if self._zoomed or not most.count or alone.count > most.count:
            return "alone", Size(width, height)
        if most is beside:
            columns = beside.columns * (beside.width + 1)
            return "beside", Size(max(columns, min(_LEFT_WIDTH, room)), height)
        return "below", Size(width, below.lines + 2)

    def _arrange(self) -> None:
        arrangement, size = self._arrangement()
        self._body.set_class(arrangement == "beside", "beside")
        alone = self._alone = arrangement == "alone"
        self._left.styles.height = size.height if arrangement == "below" else "1fr"
        self._left.styles.width = size.width if arrangement == "beside" else "1fr"
        self._gallery.display = not self._large and not (alone and self._on_network)
        self._detail.display = self._large and not (alone and self._on_network)
        self._network.display = not alone or self._on_network
        pane = self._network if self._on_network else self._left
        if self.focused is not pane:
            self.set_focus(pane)
        self.refresh_bindings()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        match action:
            case "order" if self.state.run is None:
                return NO_RUN
            case "order" if self._on_network:
                return "The order is that of the neurons: Tab goes there."
            case "channel" if not (self._neurons and self._neurons.legend_view):
                return IN_GRAY
            case "zoom" if self._alone and not self._zoomed:
                return ALONE
        return super().why_not(action, parameters)

    def on_resize(self, event: events.Resize) -> None:
        """Find the arrangement that fits."""
        self.after_refresh(self.redraw)

    def on_descendant_focus(self) -> None:
        """Remember which pane gets the keys."""
        if self.focused is not None:
            self._on_network = self.focused is self._network

    def on_screen_resume(self) -> None:
        """Try again what has failed before."""
        self._form_network.try_again()

    def action_next_pane(self, by: int) -> None:
        """Go to the other pane."""
        self._on_network = not self._on_network
        self.redraw()

    def action_zoom(self) -> None:
        """The focused pane alone, and back."""
        self._zoomed = not self._zoomed
        self.redraw()

    def action_back(self) -> None:
        """Back from the large neuron or the full-screen pane, then to the dashboard."""
        if self.state.replay:
            super().action_back()
        elif self._large and not self._on_network:
            self._large = False
            self.redraw()
        elif self._zoomed:
            self.action_zoom()
        else:
            super().action_back()

    def show_pane(self, name: str) -> None:
        """Go to a pane, by its name."""
        self._on_network = name == "Network"
        self.redraw()

    def enter(self, about: int) -> None:
        """Send a validation image through the network."""
        self._row = about

    # What is shown

    @property
    def is_reading(self) -> bool:
        """True while the first weights are being read."""
        return self._neurons is None and self._first_layer.waiting

    def redraw(self) -> None:
        """Ask for the weights of the shown epoch, and show what is known."""
        state = self.state
        if state.run != self._run:
            self._run, self._neurons = state.run, None
            self._neuron = self._row = 0
            self._first_layer.forget()
            self._walk.forget()
            self._network.show(None)
            self._large = False
        self._arrange()
        started = state.history.started
        if state.run is None or started is None or not state.saved:
            hint = "Esc, then r to train" if state.phase == "idle" else state.hint
            images = f"The weights of the first layer, an image a neuron: {hint}."
            if self._alone and state.run is None:
                images += " Tab shows the network of the settings in the form."
            self._gallery.show(None, 0, "", state.no_model or images)
            if state.run is None:
                self._show_form_network()
            else:
                way = f"The layers, their shapes, and an image's way through: {hint}."
                self._network.show(None, state.no_model or way)
            return
        if self._network.content is None:
            self._network.show(None, self._walk.error or _WAITING)
        weights, age = state.weights_wanted, state.weights_age
        if not (self._on_network and not self._left.display):
            self._first_layer.want(state.run, weights, key=(weights, age))
        if self._network.display:
            self._walk.want(state.run, self._row, weights, key=(self._row, weights, age))
        self._show_neurons()

    def _show_form_network(self) -> None:
        """Show the network of the form's settings, with the weights that training begins with."""
        form, network = self._form_network, self._network
        form.follow(self.form(), self._row)
        if form.answer:
            network.weights_of, network.names = "untrained", form.answer.class_names
        network.show(form.answer.walk if form.answer else None, form.status)

    def _on_first_layer(self) -> None:
        answer = self._first_layer.answer
        if answer and self._neurons is None:
            self.after_refresh(self.clear_debt)  # a key has asked for the whole page
        names, how = self.state.class_names, (self._order, self._view)
        self._neurons = Neurons(answer, names, *how) if answer else None
        if answer:
            self._neuron = min(self._neuron, len(answer.norms) - 1)
        self._arrange()
        self._show_neurons()

    @property
    def _at_once(self) -> int | None:
        """One image at a time while training over a slow line, else it would stand still long."""
        is_slow = isinstance(self.app, Paced) and self.app.pace is SLOW
        return 1 if is_slow and self.state.phase == "running" else None

    def _show_neurons(self) -> None:
        neurons = self._neurons
        if neurons is None:
            self._gallery.show(None, 0, "", self._first_layer.error or _WAITING)
            self._detail.show(None)
            return
        whose = weights_name(neurons.layer.epochs, self.state, self._first_layer.waiting)
        self._gallery.show(neurons, self._neuron, whose, "", self._at_once)
        self._detail.neuron, self._detail.weights_of = self._neuron, whose
        self._detail.show(neurons)

    def _on_walk(self) -> None:
        if answer := self._walk.answer:
            waiting = self._walk.waiting
            self._network.weights_of = weights_name(answer.epochs, self.state, waiting)
            self._network.names = self.state.class_names
        self._network.show(self._walk.answer, self._walk.error)

    # What the panes ask for

    @on(WeightGallery.Moved)
    def _on_moved(self, message: WeightGallery.Moved) -> None:
        if self._neurons:
            self._neuron = self._neurons.sorted[message.position]
            self._show_neurons()

    @on(WeightGallery.Opened)
    def _on_opened(self) -> None:
        self._large = True
        self.redraw()

    @on(WeightDetail.Stepped)
    def _on_stepped(self, message: WeightDetail.Stepped) -> None:
        if self._neurons:
            order = self._neurons.sorted
            self._neuron = order[(order.index(self._neuron) + message.by) % len(order)]
            self._show_neurons()

    @on(Network.ImageStepped)
    def _on_image_stepped(self, message: Network.ImageStepped) -> None:
        started = self.state.history.started
        if self.state.run is None:
            self.show_image((self._row + message.by) % self._form_network.images)
        elif started and self.state.saved:
            self.show_image((self._row + message.by) % started.validation_images)

    def show_image(self, row: int) -> None:
        """Send a validation image through the network.

        Args:
            row: which one, from 0.
        """
        self._row = row
        self.redraw()

    def action_order(self) -> None:
        """Choose the next order of the neurons, and go to its beginning."""
        if self._neurons:
            orders = self._neurons.orders
            place = orders.index(self._order) if self._order in orders else 0
            self._order = orders[(place + 1) % len(orders)]
            self._neurons = replace(self._neurons, order=self._order)
            if not self._large:
                self._neuron = self._neurons.sorted[0]
            self._show_neurons()

    def action_channel(self) -> None:
        """Choose what is drawn of the weights to images in colour."""
        if self._neurons:
            self._view = next_view(self._view)
            self._neurons = replace(self._neurons, view=self._view)
            self._show_neurons()

    def action_image_mode(self) -> None:
        """Choose the next way of drawing."""
        ways: list[tuple[image.Mode, bool]] = [("auto", False), ("auto", True)]
        if self.terminal.unicode:
            ways.append(("ascii", False))
        way = ways.index((self._gallery.mode, self._gallery.whole))
        mode, self._gallery.whole = ways[(way + 1) % len(ways)]
        self._gallery.mode = self._detail.mode = self._network.mode = mode
        self.redraw()
        self._network.redraw()
        if self._on_network or not self._neurons:
            self.notify(image.mode_words(mode))
