"""The hyperparameters form: a row for each field of `RunConfig`, and one for the presets."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.message import Message

from mnistop.engine.config import HYPERPARAMETERS, NAMES, PRESETS, RunConfig
from mnistop.engine.errors import ConfigError
from mnistop.engine.hyperparameters import as_text, rank
from mnistop.engine.runs.recorded import RecordedConfig
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.toolkit.form import Form
from mnistop.tui.toolkit.form_parts import CUSTOM, PRESET, FormValues, next_round

_CONFIGS = {name: RunConfig(**changes) for name, changes in PRESETS.items()}
_NOTEBOOK = {name: as_text(value) for name, value in RunConfig()}
_ROWS = (PRESET, *NAMES)
_LOCKED = "The run's values: locked until it ends."
_FINDER = "Press f to find one by a range test."


class ConfigValues(FormValues):
    """The texts of a form and the configuration that they make.

    Args:
        values: a configuration, or texts by name; what is left out is the notebook's value.

    Raises:
        ConfigError: there is no hyperparameter of such a name.
    """

    def __init__(self, values: RunConfig | Mapping[str, str]) -> None:
        super().__init__()
        self.config: RunConfig | None = None
        """The configuration that the texts make, None while one of them is wrong."""
        self._wrong: dict[str, str] = {}
        self._found: dict[str, str] = {}
        """Problems, by name, that others found with texts that are valid in themselves."""
        self.update(values.changes() if isinstance(values, RunConfig) else values)

    @property
    def texts(self) -> dict[str, str]:
        """The text of each hyperparameter, by name."""
        return {**_NOTEBOOK, **self.typed}

    def update(self, texts: Mapping[str, str]) -> None:
        """Replace some or all texts, right or wrong.

        Raises:
            ConfigError: there is no hyperparameter of such a name.
        """
        if unknown := texts.keys() - _NOTEBOOK.keys():
            RunConfig.from_values(dict.fromkeys(sorted(unknown)))
        for name in self._found.keys() & texts.keys():
            if texts[name] != self.text(name):
                del self._found[name]
        super().update(texts)

    def find(self, name: str, sentence: str) -> None:
        """Record what is wrong with a text, until it changes."""
        self._found[name] = sentence
        self.evaluate()

    def evaluate(self) -> None:
        """Make the configuration, and find its preset."""
        try:
            self.config = RunConfig.from_values(self.typed)
        except ConfigError as error:
            self.config, self._wrong = None, error.problems
        else:
            self._wrong = {}
            self.without_effect = self.config.without_effect()
        self.problems = {**self._found, **self._wrong}
        equal = (name for name, preset in _CONFIGS.items() if preset == self.config)
        self.preset = next(equal, CUSTOM)

    def is_wrong(self, name: str) -> bool:
        """Return whether a text makes no sense in itself."""
        return name in self._wrong

    def label(self, name: str) -> str:
        """Return the label of a row."""
        return PRESET if name == PRESET else HYPERPARAMETERS[name].label

    def start(self, name: str) -> str:
        """The notebook's text."""
        return _NOTEBOOK[name]

    def is_typed(self, name: str) -> bool:
        """Return whether a text can be typed, not only stepped through."""
        return name != PRESET and not HYPERPARAMETERS[name].choices

    def is_changed(self, name: str) -> bool:
        """Return whether a text is not the notebook's."""
        return bool(self.typed) if name == PRESET else name in self.typed

    def presets(self) -> Sequence[str]:
        """The presets; values made by hand are a stop among them, so that none are lost."""
        by_hand = self.by_hand or self.preset == CUSTOM
        return [*_CONFIGS, CUSTOM] if by_hand else list(_CONFIGS)

    def texts_of(self, preset: str) -> Mapping[str, str]:
        """Return what a preset changes of the notebook's run."""
        return _CONFIGS[preset].changes()

    def about(self, name: str, editing: bool = False) -> list[str]:
        """Plain words on a hyperparameter or the preset: what it does, may be, and was."""
        if name == PRESET:
            return [self._differences(), f"Presets: {', '.join(_CONFIGS)}."]
        words = [HYPERPARAMETERS[name].explanation, f"Allowed: {HYPERPARAMETERS[name].allowed}."]
        if editing:
            words.reverse()
        elif name == "lr":
            words.insert(1, _FINDER)
        if name in self.without_effect:
            words.insert(0, "No effect with the other settings as they are.")
        if name in self.typed:
            words.append(f"In the notebook: {_NOTEBOOK[name]}.")
        return words

    def tidied(self, name: str) -> str:
        """The text of the value that a text makes."""
        return as_text(HYPERPARAMETERS[name].read(self.text(name)))

    def stepped(self, name: str, by: int) -> str:
        """The next usual value; choices go round."""
        if name in self._wrong:
            return self.start(name)
        known = HYPERPARAMETERS[name]
        usual, value = known.usual, known.read(self.text(name))
        if known.choices or isinstance(value, str):
            return as_text(next_round(usual, value, by))
        order, own = [rank(each) for each in usual], rank(value)
        at = bisect_right(order, own) if by > 0 else bisect_left(order, own) - 1
        return as_text(usual[at] if 0 <= at < len(usual) else value)

    def _differences(self) -> str:
        changed = [f"{self.label(name)} {self.typed[name]}" for name in NAMES if name in self.typed]
        if changed:
            return f"The notebook's run, but with {', '.join(changed)}."
        return "The notebook's run, as it is."


class RecordedValues(FormValues):
    """The settings of a recorded run, which nobody can change.

    Args:
        config: the settings.
    """

    def __init__(self, config: RecordedConfig) -> None:
        super().__init__()
        self._script = config.script
        self._texts = {"recorded by": config.script, **config.settings}

    @property
    def rows(self) -> Sequence[str]:
        """The names of the settings."""
        return tuple(self._texts)

    def evaluate(self) -> None:
        """Do nothing: the texts stay."""

    def label(self, name: str) -> str:
        """Return the name that the script gives."""
        return name

    def text(self, name: str) -> str:
        """The recorded text, of whatever name."""
        return self._texts[name]

    def start(self, name: str) -> str:
        """The recorded text."""
        return self._texts[name]

    def is_changed(self, name: str) -> bool:
        """Return that none is."""
        return False

    def about(self, name: str, editing: bool = False) -> Sequence[str]:
        """Plain words on where a setting comes from."""
        return [
            f"As {self._script} recorded it.",
            "Press r for a run of this program with the same settings, as far as it has them.",
        ]

    def stepped(self, name: str, by: int) -> str:
        """The same text."""
        return self._texts[name]

    def tidied(self, name: str) -> str:
        """The same text."""
        return self._texts[name]

    def presets(self) -> Sequence[str]:
        """None."""
        return ()


class Hyperparameters(Form):
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

    def __init__(self, values: RunConfig | Mapping[str, str], terminal: Terminal) -> None:
        self._own = self._shown = ConfigValues(values)
        self._script = ""
        super().__init__(_ROWS, self._own, terminal)
        self._posted = self.config

    @property
    def config(self) -> RunConfig | None:
        """The configuration as typed so far; None while a value is wrong."""
        return self._shown.config

    def set_values(self, values: Mapping[str, str]) -> None:
        """Replace some or all of the user's own values, which a run that is shown hides.

        Raises:
            ConfigError: there is no hyperparameter of such a name.
        """
        self.leave()
        self._own.update(values)
        self.changed()

    @property
    def script(self) -> str:
        """The script that recorded the run whose settings are shown; empty for any other."""
        return self._script

    def show_run(self, config: RunConfig) -> None:
        """Show the values of a run, locked; the user's own come back with `unlock`."""
        self.leave()
        if isinstance(config, RecordedConfig):
            self._script, self._shown = config.script, self._own
            recorded = RecordedValues(config)
            self._show(recorded, recorded.rows, f"{config.script} recorded this run.")
        else:
            self._shown = ConfigValues(config)
            self._show(self._shown, _ROWS, _LOCKED)

    def unlock(self) -> None:
        """Show the user's own values again."""
        self.status = ""
        self._script = ""
        self._shown = self._own
        self._show(self._own, _ROWS, "")

    def _show(self, values: FormValues, rows: Sequence[str], locked: str) -> None:
        self.values, self.locked = values, locked
        if rows != self.rows:
            self.rows, self.cursor, self.top = rows, 0, 0
        self.changed()

    def show_problem(self, name: str, sentence: str) -> None:
        """Select a hyperparameter and say what is wrong with it, until its value changes."""
        self.leave()
        self._own.find(name, sentence)
        self.point_at(name)

    def point_at(self, name: str) -> None:
        """Select a hyperparameter."""
        if name in self.rows:
            self.select(self.rows.index(name))

    def changed(self) -> None:
        """Show the values, and post a configuration that is another one."""
        super().changed()
        if self.config != self._posted:
            self._posted = self.config
            self.post_message(self.Changed(self.config))
