"""A form whose values are typed in place or stepped through, by keyboard alone."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.geometry import Region, clamp
from textual.strip import Strip as TextualStrip
from textual.widgets import Input

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip
from mnistop.tui.terminal.textual_hooks import type_into
from mnistop.tui.toolkit.bindings import bindings, hidden, key
from mnistop.tui.toolkit.form_parts import FormLines, FormValues
from mnistop.tui.toolkit.inputs import ValueInput
from mnistop.tui.toolkit.pane import DrawnWidget


class Form(DrawnWidget, can_focus=True):
    """Rows that can be changed, and an explanation of the selected one.

    The pane is one widget with a cursor on one of its rows, so that the app's keys work while it
    has the focus; only while a value is edited are letters and digits its own.

    Args:
        rows: the names of the rows.
        values: their texts.
        terminal: what the terminal can show.
        id: the widget's id.
    """

    ALLOW_SELECT = False

    BINDINGS = bindings(
        "form",
        hidden("up", "up,k", "move(-1)", "Up", "Row above"),
        hidden("down", "down,j", "move(1)", "Down", "Row below"),
        hidden("page_up", "pageup", "page(-1)", "Page up", "Rows above"),
        hidden("page_down", "pagedown", "page(1)", "Page down", "Rows below"),
        hidden("first", "home", "move(-1000000)", "First", "First row"),
        hidden("last", "end", "move(1000000)", "Last", "Last row"),
        key("edit", "enter", "edit", "Edit", "Type another value"),
        hidden("previous", "left,h", "step(-1)", "Previous", "Previous usual value"),
        key("next", "right,l", "step(1)", "Next", "Next usual value"),
        key("reset", "backspace,delete", "reset", "Reset", "Back to the initial value"),
    )

    DEFAULT_CSS = "Form { overflow: hidden; }"

    def __init__(
        self, rows: Sequence[str], values: FormValues, terminal: Terminal, *, id: str | None = None
    ) -> None:
        super().__init__(terminal, id=id)
        self.rows = rows
        self.values = values
        self.cursor = 0
        """The number of the selected row."""
        self.top = 0
        """The number of the first row in view."""
        self.status = ""
        """Shown in place of the words on the row."""
        self.locked = ""
        """Why nothing can be changed; empty where it can."""
        self._explained = 0
        """Lines that the explanation of the selected row takes."""
        self._input = ValueInput(self.on_key, self.keep, self.cancel, terminal.unicode)
        self._before: str | None = None
        """The text before it was edited; None while none is."""
        self._editor_focused = False
        """Whether the editor has the focus from the form."""

    def compose(self) -> ComposeResult:
        """Yield the editor, hidden until a value is edited."""
        yield self._input

    # What others see and do

    @property
    def editing(self) -> bool:
        """True if a value is being edited."""
        return self._before is not None

    @property
    def selected(self) -> str:
        """The name of the row under the cursor."""
        return self.rows[self.cursor]

    @property
    def parts(self) -> FormLines:
        """The places of the parts of the form."""
        return FormLines(self.palette, self.terminal, self.size, len(self.rows), self._explained)

    def changed(self) -> None:
        """Show other texts; a subclass may post that."""
        if not self.editing:
            self.show_cursor()
        self.redraw()

    # The cursor

    def select(self, row: int) -> None:
        """Move the cursor to the row nearest to a number, unless the edited value is wrong."""
        self.keep()
        if not self.editing:
            self.status = ""
            self.cursor = clamp(row, 0, len(self.rows) - 1)
            self.show_cursor()
            self.redraw()

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self.select(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self.select(self.cursor + by * self.parts.rows.height)

    def show_cursor(self) -> None:
        """Make room for the explanation, and scroll just enough to bring the cursor into view."""
        self._explained = self.parts.lines_of(self.about())
        height = self.parts.rows.height
        top = clamp(self.top, self.cursor - height + 1, self.cursor)
        self.top = clamp(top, 0, len(self.rows) - height)

    # Keys

    async def on_key(self, event: events.Key) -> None:
        """Run the form's own bindings as soon as a key is here; all other keys are the app's.

        Textual runs bindings when a key has bubbled up to the app, and by then the keys after it
        have gone to a widget that is losing the focus. Slow lines deliver several keys at once.
        """
        active = self.screen.active_bindings.get(event.key)
        if self.editing and event.is_printable:
            await type_into(self._input, event)
        elif (
            active
            and active.enabled
            and active.node in (self, self._input)
            and await self.app.run_action(active.binding.action, active.node)
        ):
            event.stop()

    def _may_change(self) -> bool:
        """Return whether the selected row can be changed now; say why where it cannot."""
        self.status = self.locked
        self.redraw()
        return not self.locked

    def action_step(self, by: int) -> None:
        """Go to the next usual value, or the one before."""
        if self._may_change():
            self.values.step(self.selected, by)
            self.changed()

    def action_reset(self) -> None:
        """Go back to the value that the row started with."""
        if self._may_change():
            self.values.reset(self.selected)
            self.changed()

    def action_edit(self) -> None:
        """Edit the value in place; where it cannot be typed, go to the next one."""
        if not self.values.is_typed(self.selected):
            self.action_step(1)
        elif self._may_change():
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
        """Read a text while it is typed."""
        event.stop()
        self._read()

    def on_input_blurred(self, event: Input.Blurred) -> None:
        """Keep what was typed when the focus goes elsewhere; if it is wrong, it stays marked."""
        event.stop()
        if self.app.app_focus and self.screen.focused is not self._input:
            self.leave()

    def _read(self) -> None:
        """Read the editor."""
        if self.editing:
            self.values.update({self.selected: self._input.value})
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
                self._editor_focused = False
            self._input.display = False
            self.changed()

    # While the focus goes to the editor and comes back, the form looks the same.

    def on_blur(self, event: events.Blur) -> None:
        """Pass the focus to the editor, or away."""
        self._editor_focused = self.editing
        super().on_blur(event)

    def on_focus(self, event: events.Focus) -> None:
        """Handle the focus, which may come back from the editor."""
        super().on_focus(event)
        self._editor_focused = False

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
        if offset is not None and self.parts.rows.contains_point(offset):
            row = self.top + offset.y
            if row == self.cursor:
                self.action_edit()
            else:
                self.select(row)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Show rows further down."""
        self._scroll(2, event)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Show rows further up."""
        self._scroll(-2, event)

    def _scroll(self, by: int, event: events.MouseEvent) -> None:
        """Show other rows, wherever the cursor is, but not while one is edited."""
        top = clamp(self.top + by, 0, len(self.rows) - self.parts.rows.height)
        if top != self.top and not self.editing:
            self.top = top
            self.redraw()
            event.stop()

    # Drawing

    def on_resize(self) -> None:
        """Keep the editor over its row."""
        if self.editing:
            self.show_cursor()
            self._input.place(self._place())

    def _place(self) -> Region:
        name = self.selected
        text = self.values.text(name)
        return self.parts.editor(self.values.label(name), text, self.cursor - self.top)

    def about(self) -> Sequence[str]:
        """Return sentences on the selected value, and on the allowed ones."""
        return self.values.about(self.selected, self.editing)

    def render_lines(self, crop: Region) -> list[TextualStrip]:
        """Return lines for Textual's compositor, those of another size with the cursor in view."""
        if self.size != self._drawn_for:
            self.show_cursor()
        return super().render_lines(crop)

    def _draw(self) -> list[Strip]:
        parts = self.parts
        names = self.rows[self.top : self.top + parts.rows.height]
        below = len(self.rows) - self.top - len(names)
        hints = ["locked"] * bool(self.locked)
        hints += [f"{self.top} above"] * bool(self.top) + [f"{below} below"] * bool(below)
        words, style = self.about(), ""
        if self.status:
            words, style = [self.status], "changed"
        elif problem := self.values.problems.get(self.selected):
            words, style = [f"! {problem}"], "problem"
        rows = [self._row(name, parts) for name in names]
        return self._based(parts.paint(rows, words, style, hints))

    def _row(self, name: str, parts: FormLines) -> Strip:
        selected, values = name == self.selected, self.values
        value = "" if selected and self.editing else values.text(name)
        steps = selected and not self.editing and not self.locked
        has_keys = self.has_focus or self._editor_focused
        label, state = values.label(name), values.state(name)
        return parts.row(label, value, state, selected, has_keys, steps)
