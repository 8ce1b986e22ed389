"""The hyperparameters form: a row for each field of `RunConfig`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.message import Message

from mnistop.engine.config import NAMES, RunConfig
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.session.form_values import PRESET, FormValues
from mnistop.tui.toolkit.form_editor import FormEditor

_ROWS = (PRESET, *NAMES)
_LOCKED = "The run's values: locked until it ends."
_FINDER = "Press f to find one by a range test."


class Hyperparameters(FormEditor):
    """The hyperparameters of the next run or, locked, those of the run that is going on.

    Args:
        values: A configuration, or texts by name; what is left out is the notebook's value.
        terminal: What the terminal can show.
        id: The widget's id.

    Raises:
        ConfigError: `values` names a hyperparameter that does not exist.
    """

    @dataclass
    class Changed(Message):
        """The form holds another configuration than before."""

        config: RunConfig | None
        """The configuration, None while a value is wrong."""

    def __init__(
        self,
        values: RunConfig | Mapping[str, str],
        terminal: Terminal,
        *,
        id: str | None = None,
    ) -> None:
        self._own = FormValues(values)
        self._run: FormValues | None = None
        super().__init__(_ROWS, self._own, terminal, id=id)
        self._posted = self.config

    @property
    def config(self) -> RunConfig | None:
        """What the form holds, as typed so far; None while a value is wrong."""
        return (self._run or self._own).config

    @property
    def locked(self) -> bool:
        """Whether the form shows the values of a run, which cannot be changed."""
        return self._run is not None

    def set_values(self, values: Mapping[str, str]) -> None:
        """Replace some or all of the user's own values, which a run that is shown hides.

        Raises:
            ConfigError: there is no hyperparameter of such a name.
        """
        self.leave()
        self._own.update(values)
        self.changed()

    def show_run(self, config: RunConfig) -> None:
        """Show the values of a run, locked; the user's own come back with `unlock`."""
        self.leave()
        self.values = self._run = FormValues(config)
        self.changed()

    def unlock(self) -> None:
        """Show the user's own values again."""
        self._run = None
        self.values = self._own
        self.notice = ""
        self.changed()

    def show_problem(self, name: str, sentence: str) -> None:
        """Select a hyperparameter and say what is wrong with it, until its value changes."""
        self.leave()
        self._own.found[name] = sentence
        self.point_at(name)

    def point_at(self, name: str) -> None:
        """Select a hyperparameter."""
        self.select(_ROWS.index(name))

    def may_change(self) -> bool:
        """Whether the values are the user's own."""
        self.notice = _LOCKED if self.locked else ""
        self.redraw()
        return not self.locked

    def changed(self) -> None:
        """Shows the values, and tells of a configuration that is another one."""
        super().changed()
        if self.config != self._posted:
            self._posted = self.config
            self.post_message(self.Changed(self.config))

    def about(self) -> Sequence[str]:
        """What the selected hyperparameter is, and of the learning rate how to find one."""
        words = super().about()
        if self.selected == "lr" and not self.editing:
            words = [*words[:1], _FINDER, *words[1:]]
        return words
