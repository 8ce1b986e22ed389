"""The mistakes screen: misclassified validation images, one by one, in pages and by class."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Literal

from textual import on
from textual.containers import Horizontal
from textual.widget import Widget

from mnistop.engine.analysis.image_filters import as_word
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.mistakes.images import ChosenImage, Gallery, Pair
from mnistop.tui.features.mistakes.lists import ClassTable, MistakeList, PairList
from mnistop.tui.features.mistakes.model import ImageListModel
from mnistop.tui.session.run_screen import ScreenWanted
from mnistop.tui.session.view import AtAnEpoch, SeveralPanes
from mnistop.tui.toolkit.bindings import ATTACK, bindings, declared, hidden, key, steps
from mnistop.tui.toolkit.dialogs import Section
from mnistop.tui.toolkit.inputs import FilterInput, FilterLine
from mnistop.tui.toolkit.list_pane import ListPane
from mnistop.tui.toolkit.pane import LinesPane

_KEYS = ("filter", "step", "order", "view", "draw", "attack", "write")
"""Actions whose keys are typed into the filter line while it has the focus."""

_EXAMPLE = "true:4 pred:9 conf>0.9"
_EXAMPLE_CLASSES = (4, 9), (0, 1)
"""The classes in examples of filters, where there are ten or more, and where there are fewer."""
_FILTER = (
    "Conditions that must all hold: true: and pred: with a class; conf (confidence), loss, "
    "margin, first and last (the first and the last epoch in which an image was classified "
    "correctly) with > >= < <= or :, and a number; right or all for correctly classified images. "
    "For an image that was never right, first counts as later and last as earlier than any epoch."
)

_TITLES: dict[type[LinesPane], str] = {
    MistakeList: "The list",
    ChosenImage: "The image",
    Gallery: "The gallery",
    Pair: "Right and wrong",
    ClassTable: "Classes",
    PairList: "Confused pairs",
}

View = Literal["list", "image", "gallery", "pair", "classes"]


class MistakesScreen(AtAnEpoch, SeveralPanes):
    """A list of mistakes next to the chosen one, and other views of the images.

    Args:
        terminal: what the terminal can show.
    """

    NAME = "mistakes"

    BINDINGS = bindings(
        "mistakes",
        # Priority, so that what is typed right after it, in one packet, comes after it.
        key("filter", "/", "filter", "Filter", f"Type which, as {_EXAMPLE} all", priority=True),
        *steps("image", "Image", "n,down,j", "p,up,k"),
        key("order", "o", "order", "Order", "By confidence, loss, margin, number, first or last"),
        key("gallery", "g", "view('gallery')", "Gallery", "Many images at once; back"),
        key("pair", "x", "view('pair')", "Pair", "A right and a wrong image side by side; back"),
        key("classes", "c", "view('classes')", "Classes", "Scores and confused pairs; back"),
        ATTACK,
        hidden("zoom", "z", "view('image')", "Zoom", "The chosen image alone; back"),
        hidden("images", "v", "draw", "Draw", "How images are drawn; in the gallery, how large"),
    )

    DEFAULT_CSS = """
    MistakesScreen #mistakes-body {
        height: 1fr;
        & > * { width: 1fr; height: 100%; display: none; }
        & > MistakeList { width: 37%; min-width: 27; max-width: 60; margin-right: 1; }
        & > ClassTable { width: 50%; max-width: 72; margin-right: 1; }
    }
    """

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._model = ImageListModel()
        self._view: View = "list"
        self._behind_image: View = "list"
        """The view that Esc leads to from an image alone."""
        self._through_classes = False
        self._filter = FilterLine(terminal, _EXAMPLE, self._model.check, self._model.complete)
        self._filters_before: list[str] = []
        """The filters that Esc restores, one for each cell, class or pair that was entered."""
        self._list = MistakeList(terminal, self._model)
        self._image = ChosenImage(terminal, self._model)
        self._gallery = Gallery(terminal, self._model)
        self._pair = Pair(terminal, self._model)
        self._table = ClassTable(terminal, self._model)
        self._pairs = PairList(terminal, self._model)
        self._parts: dict[View, tuple[LinesPane, ...]] = {
            "list": (self._list, self._image),
            "image": (self._image,),
            "gallery": (self._gallery,),
            "pair": (self._pair,),
            "classes": (self._table, self._pairs),
        }
        self._all = tuple(dict.fromkeys(itertools.chain(*self._parts.values())))

    def panes(self) -> Iterable[Widget]:
        """The filter line, and below it the panes of the view."""
        yield self._filter
        yield Horizontal(*self._all, id="mistakes-body")

    def on_mount(self) -> None:
        """Start with the list."""
        self._show_view("list")

    def enter(self, about: str) -> None:
        """Show the list of the images that pass a filter, until Esc leads back.

        Args:
            about: as `mnistop.engine.analysis.image_filters.parse` reads it.
        """
        before = self._filters_before[0] if self._filters_before else self._model.text
        self._filters_before = [before]
        self._through_classes = False
        self._list_images(about)

    def _list_images(self, text: str) -> None:
        """Show the list of the images that pass a filter, the first of them chosen."""
        self._model.set_filter(text)
        self._model.go(0)
        if self.is_mounted:
            self._show_view("list")

    def redraw(self) -> None:
        """Update the visible panes."""
        had = self._model.row is not None
        self._model.follow(self.state)
        self._draw()
        if had != (self._model.row is not None):
            self.refresh_bindings()

    @property
    def _example(self) -> str:
        """A filter by two classes of the run."""
        names = self._model.names
        if len(names) < 2:
            return _EXAMPLE
        true, predicted = (as_word(names[index]) for index in _EXAMPLE_CLASSES[len(names) < 10])
        return f"true:{true} pred:{predicted} conf>0.9"

    def _draw(self) -> None:
        self._filter.show(self._model.text, self._example)
        match self._view:
            case "list":
                self._list.show()
                self._image.redraw()
            case "classes":
                self._table.show()
                self._pairs.show()
            case _:
                for pane in (self._image, self._gallery, self._pair):
                    pane.redraw()

    # Going about

    def _show_view(self, view: View) -> None:
        self._view = view
        for pane in self._all:
            pane.display = False
        self._draw()
        for pane in self._parts[view]:  # hidden until now, they are drawn once, in their new size
            pane.display = True
        self.set_focus(self._parts[view][0])
        self.refresh_bindings()

    @property
    def _behind(self) -> View:
        return self._behind_image if self._view == "image" else "list"

    def action_view(self, view: View) -> None:
        """Switch to another view of the images, or back."""
        if view == self._view:
            self._show_view(self._behind)
        elif view == "image":
            self._show_image()
        else:
            self._show_view(view)

    def _show_image(self) -> None:
        self._behind_image = "gallery" if self._view == "gallery" else "list"
        self._show_view("image")

    def action_back(self) -> None:
        """Return from an image to its list or view, from other views to the list, then back."""
        if self.state.replay:
            super().action_back()
            return
        if self._view == "list" and self._filters_before:
            self._model.set_filter(self._filters_before.pop())
        if self._view == "list" and self._through_classes:
            self._through_classes = False
            self._show_view("classes")
        elif self._view == "list":
            super().action_back()
        else:
            self._show_view(self._behind)

    def action_step(self, by: int) -> None:
        """Choose the next or previous image."""
        self._model.move(by)
        self._draw()

    def action_attack(self) -> None:
        """Take the chosen image to the attack screen."""
        if self._model.row is not None:
            self.post_message(ScreenWanted("attack", self._model.row))

    def action_order(self) -> None:
        """Sort by something else."""
        self._model.next_order()
        self._draw()

    def action_draw(self) -> None:
        """Choose the next way of drawing."""
        if self._view == "gallery":
            self._gallery.resize_images()
            return
        row = self._model.row
        has_image = row is not None and self._model.image(row) is not None
        panes = (self._image, self._pair) if has_image else ()
        self._image.mode = self._pair.mode = self.next_mode(self._image.mode, *panes)
        self._draw()

    def action_filter(self) -> None:
        """Go to the end of the filter line."""
        if self._view == "classes":
            self._show_view("list")
        self.set_focus(self._filter.input)
        self._filter.input.action_end()

    @on(FilterLine.Applied)
    def _on_filter_applied(self, message: FilterLine.Applied) -> None:
        self._filters_before.clear()
        self._model.set_filter(message.text)
        self._show_view("gallery" if self._view == "gallery" else "list")

    @on(FilterLine.Left)
    def _on_filter_left(self) -> None:
        self._show_view(self._view)

    @on(ListPane.Moved)
    def _on_moved(self, message: ListPane.Moved) -> None:
        if message.pane is self._list:
            self._draw()

    @on(Gallery.Moved)
    def _on_gallery_moved(self, message: Gallery.Moved) -> None:
        self._model.go(message.position)
        self._draw()

    @on(Gallery.Opened)
    def _on_gallery_opened(self) -> None:
        self._show_image()

    @on(ListPane.Opened)
    def _on_opened(self, message: ListPane.Opened) -> None:
        names = [as_word(name) for name in self._model.names]
        if message.pane is self._list:
            self._show_image()
        elif message.pane is self._table:
            self._enter_class(f"true:{names[message.position]}")
        else:
            pair = self._pairs.items[message.position]
            self._enter_class(f"true:{names[pair.true]} pred:{names[pair.predicted]}")

    def _enter_class(self, text: str) -> None:
        self._filters_before.append(self._model.text)
        self._through_classes = True
        self._list_images(text)

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now, such as a lack of images."""
        if self._filter.input.has_focus and action in _KEYS:
            return "What is typed goes into the filter: Enter applies it, Esc cancels."
        of_an_image = action in ("step", "order", "attack")
        of_an_image |= parameters in (("gallery",), ("pair",), ("image",))
        if of_an_image and self._model.row is None and self._view not in parameters:
            return self._model.empty or "There is no image here."
        return super().why_not(action, parameters)

    def sections(self) -> Sequence[Section]:
        """Return each pane's purpose and keys, for the help; the visible ones first."""
        own = Section("Mistakes", "What the model gets wrong.", declared(type(self)))
        line = Section("The filter", _FILTER, declared(FilterInput))
        seen = self._parts[self._view]
        of_panes = {
            pane: Section(
                _TITLES[type(pane)],
                getattr(pane, "EXPLANATION", ""),
                declared(type(pane)) if pane in (self._list, self._gallery) else [],
            )
            for pane in (*seen, *self._all)
        }
        sections = list(of_panes.values())
        return [*sections[: len(seen)], own, line, *sections[len(seen) :]]
