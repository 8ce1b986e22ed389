"""A form whose values are typed in place or stepped through, by keyboard alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region, clamp
from textual.strip import Strip as TextualStrip
from textual.widgets import Input

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.strip import Strip
from mnistop.tui.toolkit.drawn import DrawnWidget
from mnistop.tui.toolkit.form_lines import Layout, Painter, Row, View, lines_of
from mnistop.tui.toolkit.value_input import ValueInput


class FormView(DrawnWidget, can_focus=True):
    """A form to look at: one widget for all rows.

    Args:
        count: The number of rows.
        terminal: What the terminal can show.
        id: The widget's id.
    """

    ALLOW_SELECT = False

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", False, id="form.up", tooltip="Row above"),
        Binding("down,j", "move(1)", "Down", False, id="form.down", tooltip="Row below"),
        Binding("pageup", "page(-1)", "Page up", False, id="form.page_up", tooltip="Rows above"),
        Binding(
            "pagedown", "page(1)", "Page down", False, id="form.page_down", tooltip="Rows below"
        ),
        Binding("home", "home", "First", False, id="form.first", tooltip="First row"),
        Binding("end", "end", "Last", False, id="form.last", tooltip="Last row"),
    ]

    DEFAULT_CSS = "FormView { overflow: hidden; }"

    def __init__(self, count: int, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(terminal, id=id)
        self.cursor = 0
        """The number of the selected row."""
        self.top = 0
        """The number of the first row in view."""
        self._count = count
        self._wanted = 0
        """Lines that the explanation of the selected row takes."""

    def view(self) -> View:
        """What to show now."""
        raise NotImplementedError

    @property
    def has_keys(self) -> bool:
        """Whether keys go to the form."""
        return self.has_focus

    @property
    def parts(self) -> Layout:
        """Where the parts of the form are."""
        return Layout(self.size, self._count, self._wanted)

    # The cursor

    def select(self, row: int) -> None:
        """Put the cursor on a row, or on the nearest one that exists."""
        self.cursor = clamp(row, 0, self._count - 1)
        self.show_cursor()
        self.redraw()

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self.select(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self.select(self.cursor + by * self.parts.rows.height)

    def action_home(self) -> None:
        """Move the cursor to the first row."""
        self.select(0)

    def action_end(self) -> None:
        """Move the cursor to the last row."""
        self.select(self._count - 1)

    def about(self) -> Sequence[str]:
        """Sentences on the selected row."""
        return ()

    def show_cursor(self) -> None:
        """Give the explanation its lines, and scroll as little as brings the cursor into view."""
        width = Layout(self.size, self._count).words.width
        self._wanted = lines_of(self.about(), width, self.terminal)
        height = self.parts.rows.height
        top = clamp(self.top, self.cursor - height + 1, self.cursor)
        self.top = clamp(top, 0, self._count - height)

    # The wheel

    def scroll_rows(self, by: int) -> bool:
        """Show other rows, wherever the cursor is; say whether there were any."""
        top = clamp(self.top + by, 0, self._count - self.parts.rows.height)
        moved = top != self.top
        self.top = top
        self.redraw()
        return moved

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show rows further down."""
        if self.scroll_rows(2):
            event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show rows further up."""
        if self.scroll_rows(-2):
            event.stop()

    # Drawing

    def render_lines(self, crop: Region) -> list[TextualStrip]:
        """Lines for Textual's compositor, those of another size with the cursor in view."""
        if self.size != self._drawn_for:
            self.show_cursor()
        return super().render_lines(crop)

    def _draw(self) -> list[Strip]:
        painter = Painter(self.palette, self.terminal, self.has_keys)
        return self._based(painter.paint(self.view(), self.parts))


class Values(Protocol):
    """The texts of a form, by the names of its rows."""

    @property
    def problems(self) -> Mapping[str, str]:
        """A sentence for each text that is wrong."""

    def label(self, name: str) -> str:
        """What the row is called."""

    def text(self, name: str) -> str:
        """What the row says."""

    def state(self, name: str) -> str:
        """``problem``, ``without effect``, ``changed``, or nothing of these."""

    def about(self, name: str, editing: bool) -> Sequence[str]:
        """Plain words on the row."""

    def is_typed(self, name: str) -> bool:
        """Whether the row's text can be typed, not only stepped through."""

    def put(self, name: str, text: str) -> None:
        """Takes a text, right or wrong."""

    def is_wrong(self, name: str) -> bool:
        """Whether the row's text makes no sense in itself."""

    def tidy(self, name: str) -> None:
        """Writes a text as the program does, unless it is wrong."""

    def step(self, name: str, by: int) -> None:
        """Goes to the next usual text (`by` = 1) or the one before it (`by` = -1)."""

    def reset(self, name: str) -> None:
        """Goes back to the text that the row started with."""


class FormEditor(FormView):
    """Rows that can be changed.

    The pane is one widget with a cursor on one of its rows, so that the app's keys work while it
    has the focus; only while a value is edited are letters and digits its own.

    Args:
        rows: the names of the rows.
        values: their texts.
        terminal: what the terminal can show.
        id: the widget's id.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "edit", "Edit", True, id="form.edit", tooltip="Type another value"),
        Binding(
            "left,h",
            "step(-1)",
            "Previous",
            False,
            id="form.previous",
            tooltip="Previous usual value",
        ),
        Binding("right,l", "step(1)", "Next", True, id="form.next", tooltip="Next usual value"),
        Binding(
            "backspace,delete",
            "reset",
            "Reset",
            id="form.reset",
            tooltip="Back to the initial value",
        ),
    ]

    def __init__(
        self, rows: Sequence[str], values: Values, terminal: Terminal, *, id: str | None = None
    ) -> None:
        super().__init__(len(rows), terminal, id=id)
        self.rows = rows
        self.values = values
        self.notice = ""
        """What is said in place of the words on the row."""
        self._input = ValueInput(self, terminal.unicode)
        self._before: str | None = None
        """The text before it was edited; None while none is."""
        self._lent = False
        """Whether the editor has the focus from the form."""

    def compose(self) -> ComposeResult:
        """The editor, hidden until a value is edited."""
        yield self._input

    # What others see and do

    @property
    def problems(self) -> Mapping[str, str]:
        """A sentence for each row that is wrong, by name."""
        return self.values.problems

    @property
    def editing(self) -> bool:
        """Whether a value is being edited."""
        return self._before is not None

    @property
    def locked(self) -> bool:
        """Whether nothing can be changed."""
        return False

    @property
    def selected(self) -> str:
        """The name of the row under the cursor."""
        return self.rows[self.cursor]

    def changed(self) -> None:
        """Shows other texts; the subclass may tell others."""
        if not self.editing:
            self.show_cursor()
        self.redraw()

    # Keys

    async def on_key(self, event: events.Key) -> None:
        """Run the form's own bindings; all other keys are the app's."""
        await self.take(event)

    async def take(self, event: events.Key) -> None:
        """Act on a key as soon as it is here.

        Textual runs bindings when a key has bubbled up to the app, and by then the keys after it
        have gone to a widget that is losing the focus. Slow lines deliver several keys at once.
        """
        active = self.screen.active_bindings.get(event.key)
        if self.editing and event.is_printable:
            await self._input._on_key(event)
        elif (
            active
            and active.enabled
            and active.node in (self, self._input)
            and await self.app.run_action(active.binding.action, active.node)
        ):
            event.stop()

    def may_change(self) -> bool:
        """Whether the selected row can be changed now; says why where it cannot."""
        return True

    def action_step(self, by: int) -> None:
        """Go to the next usual value, or the one before."""
        if self.may_change():
            self.values.step(self.selected, by)
            self.changed()

    def action_reset(self) -> None:
        """Go back to the value that the row started with."""
        if self.may_change():
            self.values.reset(self.selected)
            self.changed()

    def action_edit(self) -> None:
        """Edit the value in place; where it cannot be typed, go to the next one."""
        if not self.values.is_typed(self.selected):
            self.action_step(1)
        elif self.may_change():
            self._before = self.values.text(self.selected)
            self._input.open(self._before, self._place())
            self.redraw()

    # Editing

    def keep(self) -> None:
        """End the editing with the value as it was typed, unless it is wrong."""
        self._read()
        if not self.values.is_wrong(self.selected):
            self.leave()

    def cancel(self) -> None:
        """End the editing with the value as it was before."""
        if self._before is not None:
            self._input.value = self._before
            self.leave()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Judge a text while it is typed."""
        event.stop()
        self._read()

    def on_input_blurred(self, event: Input.Blurred) -> None:
        """Keep what was typed when the focus goes elsewhere; if it is wrong, it stays marked."""
        event.stop()
        if self.app.app_focus and self.screen.focused is not self._input:
            self.leave()

    def _read(self) -> None:
        """Take over what is in the editor."""
        if self.editing:
            self.values.put(self.selected, self._input.value)
            self._input.place(self._place())
            self.changed()

    def leave(self) -> None:
        """End the editing with the text as it is."""
        if self.editing:
            self._read()
            self.values.tidy(self.selected)
            self._before = None
            if self.screen.focused is self._input:
                self.screen.set_focus(self, scroll_visible=False)
            else:
                self._lent = False
            self._input.display = False
            self.changed()

    # While the focus goes to the editor and comes back, the form looks the same.

    @property
    def has_keys(self) -> bool:
        """Whether keys go to the form or its editor."""
        return super().has_keys or self._lent

    def on_blur(self, event: events.Blur) -> None:
        """Lends the focus to the editor, or gives it away."""
        self._lent = self.editing
        super().on_blur(event)

    def on_focus(self, event: events.Focus) -> None:
        """Takes the focus, maybe back from the editor."""
        super().on_focus(event)
        self._lent = False

    def on_descendant_focus(self) -> None:
        """Send the focus back that was given to an editor which is closed by now."""
        if not self.editing:
            self.screen.set_focus(self, scroll_visible=False)

    # The mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Select a row, or edit the selected one.

        Not `on_click`: by then the end of an editing may have given rows to the explanation.
        """
        offset = event.get_content_offset(self)
        if offset is None or not self.parts.rows.contains_point(offset):
            return
        row = self.top + offset.y
        if row == self.cursor:
            self.action_edit()
        else:
            self.select(row)

    # What is shown

    def select(self, row: int) -> None:
        """Put the cursor on a row, unless what is being edited is wrong."""
        self.keep()
        if not self.editing:
            self.notice = ""
            super().select(row)

    def scroll_rows(self, by: int) -> bool:
        """Show other rows, but not while one is edited."""
        return not self.editing and super().scroll_rows(by)

    def on_resize(self) -> None:
        """Keep the editor over its row."""
        if self.editing:
            self.show_cursor()
            self._input.place(self._place())

    def _place(self) -> Region:
        name = self.selected
        text = self.values.text(name)
        return self.parts.editor(self.values.label(name), text, self.cursor - self.top)

    def view(self) -> View:
        """The rows, and the words on the selected one."""
        names = self.rows[self.top : self.top + self.parts.rows.height]
        below = len(self.rows) - self.top - len(names)
        hints = ["locked"] * self.locked
        hints += [f"{self.top} above"] * bool(self.top) + [f"{below} below"] * bool(below)
        rows = [self._row(name) for name in names]
        if self.notice:
            return View(rows, [self.notice], "changed", hints)
        if problem := self.problems.get(self.selected):
            return View(rows, [f"! {problem}"], "problem", hints)
        return View(rows, self.about(), "", hints)

    def about(self) -> Sequence[str]:
        """What the selected value is, and which are allowed."""
        return self.values.about(self.selected, self.editing)

    def _row(self, name: str) -> Row:
        selected = name == self.selected
        return Row(
            label=self.values.label(name),
            value="" if selected and self.editing else self.values.text(name),
            state=self.values.state(name),
            selected=selected,
            steps=selected and not self.editing and not self.locked,
        )
