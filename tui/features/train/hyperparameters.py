"""The hyperparameters form: a row for each field of `RunConfig`, and one for the presets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.message import Message

from mnistop.engine.config import (
    NAMES,
    PRESETS,
    RunConfig,
    allowed,
    as_text,
    choices,
    default,
    explanation,
    label,
    rank,
    usual_values,
)
from mnistop.engine.errors import ConfigError
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.toolkit.form import FormEditor

PRESET = "preset"
"""The name of the row above the hyperparameters, where a preset is chosen."""

CUSTOM = "custom"
"""The preset of values that are no preset's."""

_CONFIGS = {name: RunConfig(**changes) for name, changes in PRESETS.items()}


def _texts(config: RunConfig) -> dict[str, str]:
    return {name: as_text(value) for name, value in config}


_NOTEBOOK = _texts(RunConfig())


class FormValues:
    """The texts of a form and the configuration that they make.

    Args:
        values: A configuration, or texts by name; what is left out is the notebook's value.

    Raises:
        ConfigError: there is no hyperparameter of such a name.
    """

    def __init__(self, values: RunConfig | Mapping[str, str]) -> None:
        self.texts = dict(_NOTEBOOK)
        """The text of each hyperparameter, by name, in the order of `RunConfig`."""
        self.config: RunConfig | None = None
        """What the texts make, None while one of them is wrong."""
        self.wrong: dict[str, str] = {}
        """A sentence for each text that is wrong, by name."""
        self.found: dict[str, str] = {}
        """What others found wrong with texts that are right in themselves, by name."""
        self.without_effect: frozenset[str] = frozenset()
        """Names of the hyperparameters that changed nothing when all was last right."""
        self._custom: dict[str, str] = {}
        self.update(_texts(values) if isinstance(values, RunConfig) else values)

    def update(self, texts: Mapping[str, str]) -> None:
        """Replace some or all texts, right or wrong.

        Raises:
            ConfigError: there is no hyperparameter of such a name.
        """
        if unknown := texts.keys() - self.texts.keys():
            RunConfig.from_values(dict.fromkeys(sorted(unknown)))
        for name, text in texts.items():
            if text != self.texts[name]:
                self.texts[name] = text
                self.found.pop(name, None)
        try:
            self.config = RunConfig.from_values(self.texts)
        except ConfigError as error:
            self.config = None
            self.wrong = error.problems
        else:
            self.wrong = {}
            self.without_effect = self.config.without_effect()

    def put(self, name: str, text: str) -> None:
        """Replace one text, right or wrong."""
        self.update({name: text})

    def is_wrong(self, name: str) -> bool:
        """Whether a text makes no sense in itself."""
        return name in self.wrong

    def tidy(self, name: str) -> None:
        """Write a text as the program does, as in 0.001 for 1e-3, unless it is wrong."""
        if name not in self.wrong:
            self.update({name: as_text(self._value(name))})

    def label(self, name: str) -> str:
        """What a row is called."""
        return PRESET if name == PRESET else label(name)

    def is_typed(self, name: str) -> bool:
        """Whether a text can be typed, not only stepped through."""
        return name != PRESET and not choices(name)

    def text(self, name: str) -> str:
        """The text of a hyperparameter, or the name of the preset."""
        return self.preset if name == PRESET else self.texts[name]

    @property
    def problems(self) -> dict[str, str]:
        """A sentence for each hyperparameter that is or was found wrong, by name."""
        return {**self.found, **self.wrong}

    def state(self, name: str) -> str:
        """``problem``, ``without effect``, ``changed``, or nothing where it is the notebook's."""
        if name in self.problems:
            return "problem"
        if name in self.without_effect:
            return "no effect"
        return "changed" if self._changed(name) else ""

    @property
    def preset(self) -> str:
        """The name of the preset that the values equal, or `CUSTOM`."""
        return next((name for name, preset in _CONFIGS.items() if preset == self.config), CUSTOM)

    def reset(self, name: str) -> None:
        """Go back to the notebook's value, for the preset to all of them."""
        if name == PRESET:
            self._take_preset(next(iter(_CONFIGS)))
        else:
            self.update({name: _NOTEBOOK[name]})

    def step(self, name: str, by: int) -> None:
        """Go to the next usual value (`by` = 1) or the one before it (`by` = -1).

        Choices and presets go round; values that were made by hand are a stop among the presets,
        so that looking at a preset loses nothing.
        """
        if name == PRESET:
            by_hand = self._custom or self.preset == CUSTOM
            stops = [*_CONFIGS, CUSTOM] if by_hand else list(_CONFIGS)
            self._take_preset(_next_round(stops, self.preset, by))
        else:
            self.update({name: as_text(self._stepped(name, by))})

    def about(self, name: str, editing: bool = False) -> list[str]:
        """Plain words on a hyperparameter or the preset: what it does, may be, and was."""
        if name == PRESET:
            return [self._differences(), f"Presets: {', '.join(_CONFIGS)}."]
        words = [explanation(name), f"Allowed: {allowed(name)}."]
        if editing:
            words.reverse()
        if name in self.without_effect:
            words.insert(0, "No effect with the other settings as they are.")
        if self._changed(name):
            words.append(f"In the notebook: {_NOTEBOOK[name]}.")
        return words

    def _value(self, name: str) -> Any:
        return getattr(RunConfig.from_values({name: self.texts[name]}), name)

    def _changed(self, name: str) -> bool:
        return self.texts != _NOTEBOOK if name == PRESET else self.texts[name] != _NOTEBOOK[name]

    def _take_preset(self, preset: str) -> None:
        if self.preset == CUSTOM:
            self._custom = dict(self.texts)
        self.update(self._custom if preset == CUSTOM else _texts(_CONFIGS[preset]))

    def _stepped(self, name: str, by: int) -> Any:
        if name in self.wrong:
            return default(name)
        usual, value = usual_values(name), self._value(name)
        if choices(name) or isinstance(value, str):
            return _next_round(usual, value, by)
        order, own = [rank(each) for each in usual], rank(value)
        at = bisect_right(order, own) if by > 0 else bisect_left(order, own) - 1
        return usual[at] if 0 <= at < len(usual) else value

    def _differences(self) -> str:
        changed = [
            f"{label(name)} {self.texts[name]}" for name in self.texts if self._changed(name)
        ]
        if changed:
            return f"The notebook's run, but with {', '.join(changed)}."
        return "The notebook's run, as it is."


def _next_round(stops: Sequence[Any], stop: Any, by: int) -> Any:
    """The next stop of a round; from outside, the first or the last one."""
    outside = -1 if by > 0 else len(stops)
    at = stops.index(stop) if stop in stops else outside
    return stops[(at + by) % len(stops)]


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
