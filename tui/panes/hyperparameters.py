"""The hyperparameters form: a row for each field of `RunConfig`, set by keyboard alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.widgets import Input

from engine.config import RunConfig, choices, label
from tui.panes.form_lines import Row, View
from tui.panes.form_values import PRESET, FormValues
from tui.panes.form_view import FormView
from tui.panes.value_input import ValueInput

_ROWS = (PRESET, *RunConfig.model_fields)
_LOCKED = "The run's values: locked until it ends."
_FINDER = "Press f to find one by a range test."


class Hyperparameters(FormView):
    """The hyperparameters of the next run or, locked, those of the run that is going on.

    The pane is one widget with a cursor on one of its rows, so that the app's keys work while it
    has the focus; only while a value is edited are letters and digits its own.

    Args:
        values: A configuration, or texts by name; what is left out is the notebook's value.
        ascii: Whether to draw with ASCII characters only.

    Raises:
        ConfigError: `values` names a hyperparameter that does not exist.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "edit", "Edit", True, id="form.edit", tooltip="Type another value"),
        Binding(
            "left,h", "step(-1)", "Previous", False, id="form.previous", tooltip="Value before"
        ),
        Binding("right,l", "step(1)", "Next", True, id="form.next", tooltip="Next usual value"),
        Binding(
            "backspace,delete",
            "reset",
            "Reset",
            id="form.reset",
            tooltip="Back to the notebook's value",
        ),
    ]

    @dataclass
    class Changed(Message):
        """The form holds another configuration than before."""

        config: RunConfig | None
        """The configuration, None while a value is wrong."""

    def __init__(
        self,
        values: RunConfig | Mapping[str, str],
        ascii: bool = False,
        *,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(len(_ROWS), ascii, name=name, id=id, classes=classes)
        self._own = FormValues(values)
        self._run: FormValues | None = None
        self._posted = self.config
        self._input = ValueInput(self, unicode=not ascii)
        self._before: str | None = None
        """The text before it was edited; None while none is."""
        self._lent = False
        """Whether the editor has the focus from the form."""
        self._notice = ""

    def compose(self) -> ComposeResult:
        """The editor, hidden until a value is edited."""
        yield self._input

    # What others see and do

    @property
    def config(self) -> RunConfig | None:
        """What the form holds, as typed so far; None while a value is wrong."""
        return self._values.config

    @property
    def problems(self) -> dict[str, str]:
        """A sentence for each hyperparameter that is wrong, by name."""
        return self._values.problems

    @property
    def locked(self) -> bool:
        """Whether the form shows the values of a run, which cannot be changed."""
        return self._run is not None

    @property
    def editing(self) -> bool:
        """Whether a value is being edited."""
        return self._before is not None

    @property
    def selected(self) -> str:
        """The name of the hyperparameter under the cursor, or ``preset``."""
        return _ROWS[self.cursor]

    def set_values(self, values: Mapping[str, str]) -> None:
        """Replace some or all of the user's own values, which a run that is shown hides.

        Raises:
            ConfigError: there is no hyperparameter of such a name.
        """
        self._leave()
        self._own.update(values)
        self._changed()

    def show_run(self, config: RunConfig) -> None:
        """Show the values of a run, locked; the user's own come back with `unlock`."""
        self._leave()
        self._run = FormValues(config)
        self._changed()

    def unlock(self) -> None:
        """Show the user's own values again."""
        self._run = None
        self._notice = ""
        self._changed()

    def show_problem(self, name: str, sentence: str) -> None:
        """Select a hyperparameter and say what is wrong with it, until its value changes."""
        self._leave()
        self._own.found[name] = sentence
        self.point_at(name)

    def point_at(self, name: str) -> None:
        """Select a hyperparameter."""
        self.select(_ROWS.index(name))

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

    def action_step(self, by: int) -> None:
        """Go to the next usual value, or the one before."""
        if self._may_change():
            self._own.step(self.selected, by)
            self._changed()

    def action_reset(self) -> None:
        """Go back to the notebook's value."""
        if self._may_change():
            self._own.reset(self.selected)
            self._changed()

    def action_edit(self) -> None:
        """Edit the value in place; where it is chosen by name, go to the next one."""
        if self.selected == PRESET or choices(self.selected):
            self.action_step(1)
        elif self._may_change():
            self._before = self._own.texts[self.selected]
            self._input.open(self._before, self._place())
            self.redraw()

    # Editing

    def keep(self) -> None:
        """End the editing with the value as it was typed, unless it is wrong."""
        self._read()
        if self.selected not in self._own.wrong:
            self._leave()

    def cancel(self) -> None:
        """End the editing with the value as it was before."""
        if self._before is not None:
            self._input.value = self._before
            self._leave()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Judge a text while it is typed."""
        event.stop()
        self._read()

    def on_input_blurred(self, event: Input.Blurred) -> None:
        """Keep what was typed when the focus goes elsewhere; if it is wrong, it stays marked."""
        event.stop()
        if self.app.app_focus and self.screen.focused is not self._input:
            self._leave()

    def _read(self) -> None:
        """Take over what is in the editor."""
        if self.editing:
            self._own.update({self.selected: self._input.value})
            self._input.place(self._place())
            self._changed()

    def _leave(self) -> None:
        """End the editing with the text as it is."""
        if self.editing:
            self._read()
            self._own.tidy(self.selected)
            self._before = None
            if self.screen.focused is self._input:
                self.screen.set_focus(self, scroll_visible=False)
            else:
                self._lent = False
            self._input.display = False
            self._changed()

    # While the focus goes to the editor and comes back, the form looks the same: it is spared the
    # redrawing that Textual gives a widget with each change of focus.

    def on_blur(self, event: events.Blur) -> None:
        """Lend the focus to the editor."""
        if self.editing:
            self._lent = True
            self.has_focus = False
            event.prevent_default()

    def on_focus(self, event: events.Focus) -> None:
        """Take the focus back from the editor."""
        if self._lent:
            self._lent = False
            self.has_focus = True
            event.prevent_default()

    def on_descendant_focus(self) -> None:
        """Send the focus back that was given to an editor which is closed by now."""
        if not self.editing:
            self.screen.set_focus(self, scroll_visible=False)

    # The mouse

    def on_click(self, event: events.Click) -> None:
        """Select a row, or edit the selected one."""
        offset = event.get_content_offset(self)
        if event.widget is not self or offset is None or not self.parts.rows.contains_point(offset):
            return
        row = self.top + offset.y
        if row == self.cursor:
            self.action_edit()
        else:
            self.select(row)

    # What is shown

    @property
    def _values(self) -> FormValues:
        return self._run or self._own

    def _may_change(self) -> bool:
        self._notice = _LOCKED if self.locked else ""
        self.redraw()
        return not self.locked

    def select(self, row: int) -> None:
        """Put the cursor on a row, unless what is being edited is wrong."""
        self.keep()
        if not self.editing:
            self._notice = ""
            super().select(row)

    def scroll_rows(self, by: int) -> bool:
        """Show other rows, but not while one is edited."""
        return not self.editing and super().scroll_rows(by)

    def on_resize(self) -> None:
        """Keep the editor over its row."""
        if self.editing:
            self.show_cursor()
            self._input.place(self._place())

    def _changed(self) -> None:
        self.redraw()
        if self.config != self._posted:
            self._posted = self.config
            self.post_message(self.Changed(self.config))

    def _place(self) -> Region:
        name = self.selected
        return self.parts.editor(_label(name), self._own.texts[name], self.cursor - self.top)

    def view(self) -> View:
        """The rows, and the words on the selected one."""
        names = _ROWS[self.top : self.top + self.parts.rows.height]
        below = len(_ROWS) - self.top - len(names)
        hints = ["locked"] * self.locked
        hints += [f"{self.top} above"] * bool(self.top) + [f"{below} below"] * bool(below)
        rows = [self._row(name) for name in names]
        if self._notice:
            return View(rows, [self._notice], "changed", hints)
        if problem := self.problems.get(self.selected):
            return View(rows, [f"! {problem}"], "problem", hints)
        words = self._values.about(self.selected, self.editing)
        if self.selected == "lr" and not self.editing:
            words.insert(1, _FINDER)
        return View(rows, words, "", hints)

    def _row(self, name: str) -> Row:
        selected = name == self.selected
        return Row(
            label=_label(name),
            value="" if selected and self.editing else self._values.text(name),
            state=self._values.state(name),
            selected=selected,
            steps=selected and not self.editing and not self.locked,
        )


def _label(name: str) -> str:
    return PRESET if name == PRESET else label(name)
