"""The form of a sweep: for each hyperparameter the values to try, and what they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textual.message import Message

from mnistop.engine.config import NAMES, RunConfig, explanation, label, usual_values
from mnistop.engine.errors import ConfigError
from mnistop.engine.sweep.effort import duration_of
from mnistop.engine.sweep.grid import around, plan, values, written
from mnistop.engine.sweep.presets import SWEEPS, SweepPreset
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean, line, shorten
from mnistop.tui.draw.strip import Strip
from mnistop.tui.features.train.hyperparameters import CUSTOM, PRESET
from mnistop.tui.text.runs import count, duration
from mnistop.tui.toolkit.form import FormEditor
from mnistop.tui.toolkit.lines import LinesPane

SEEDS, RANDOM, JOBS = "seeds", "random", "jobs"
"""The names of the rows beside the hyperparameters."""

ROWS = (PRESET, SEEDS, RANDOM, JOBS, *NAMES)

_BY_HAND = "The varied values are set below; left and right step through presets."
_ALL = "all"
_DIGITS = 4
"""That a number in these rows may have."""
_LABELS = {PRESET: PRESET, SEEDS: "seeds each", RANDOM: "combinations", JOBS: "at once"}
_WORDS = {
    SEEDS: "How many seeds each combination is trained with: more of them tell luck from a real "
    "difference.",
    RANDOM: "How many of the combinations are trained, drawn at random; all trains every one.",
    JOBS: "How many runs are trained at the same time.",
}
_STOPS = {SEEDS: ("1", "2", "3", "5", "10"), RANDOM: (_ALL, "5", "10", "20", "50")}


class SweepValues:
    """The texts of a sweep's form, and the configurations that they make.

    Args:
        base: what the dashboard's form holds.
        cores: how many there are.
    """

    def __init__(self, base: RunConfig, cores: int) -> None:
        self.configs: Sequence[RunConfig] = ()
        """What the texts make; empty while one of them is wrong."""
        self.problems: dict[str, str] = {}
        """A sentence for each row that is wrong; under `sweep` what is wrong with all together."""
        self._base = base
        self._cores = cores
        self._preset = CUSTOM
        self._typed = {"lr": written("lr", around("lr", base.lr))}
        """What differs from the texts that the rows start with."""
        self._by_hand = self._typed
        """The same without a preset."""
        self._evaluate()

    @property
    def title(self) -> str:
        """What the sweep is about: its preset, or what varies."""
        if self._preset != CUSTOM:
            return self._preset
        return ", ".join(filter(self._varies, NAMES)) or SEEDS

    @property
    def jobs(self) -> int:
        """How many runs are trained at the same time."""
        return self._number(JOBS) or self._cores

    @property
    def combinations(self) -> int:
        """How many there are, seeds apart."""
        return len(self.configs) // max(1, self._number(SEEDS) or 1)

    # The rows

    def label(self, name: str) -> str:
        """What a row is called."""
        return _LABELS.get(name) or label(name)

    def text(self, name: str) -> str:
        """What a row says."""
        return self._typed.get(name, self._start(name))

    def state(self, name: str) -> str:
        """``problem``, or ``changed`` where there are several values."""
        if name in self.problems:
            return "problem"
        return "changed" if self._varies(name) else ""

    def about(self, name: str, editing: bool) -> list[str]:
        """Plain words on a row."""
        if name == PRESET:
            preset = SWEEPS.get(self._preset)
            return [preset.question if preset else _BY_HAND, f"Presets: {', '.join(SWEEPS)}."]
        if name in _WORDS:
            return [_WORDS[name]]
        words = [explanation(name), f"{self._example(name)}."]
        return words[::-1] if editing else words

    def is_typed(self, name: str) -> bool:
        """Whether the row's text can be typed."""
        return name != PRESET

    def is_wrong(self, name: str) -> bool:
        """Whether the row's text makes no sense."""
        return name in self.problems

    def put(self, name: str, text: str) -> None:
        """Takes a text, right or wrong."""
        self._typed = {**self._typed, name: text}
        if text == self._start(name):
            del self._typed[name]
        self._evaluate()

    def tidy(self, name: str) -> None:
        """Writes a list as the program does, unless it is wrong or has a range."""
        if name in NAMES and name not in self.problems:
            text = self.text(name)
            if ".." not in text or name == "source":
                self.put(name, written(name, values(name, text)))

    def reset(self, name: str) -> None:
        """Goes back to the preset's text, or to the dashboard's value."""
        if name == PRESET:
            self._take_preset(CUSTOM)
        else:
            self.put(name, self._start(name))

    def step(self, name: str, by: int) -> None:
        """Goes round: of a hyperparameter its value, a few values around it, all usual ones."""
        if name == PRESET:
            stops: Sequence[str] = (CUSTOM, *SWEEPS)
            self._take_preset(_next(stops, self._preset, by))
        else:
            self.put(name, _next(self._stops(name), self.text(name), by))

    # What they make

    def _evaluate(self) -> None:
        texts = {name: text for name, text in self._typed.items() if name in NAMES}
        self.configs, self.problems = (), {}
        numbers = {name: self._number(name) for name in (SEEDS, RANDOM, JOBS)}
        for name, number in numbers.items():
            if number is None and not (name == RANDOM and self.text(name).strip() == _ALL):
                or_all = ", or all" if name == RANDOM else ""
                self.problems[name] = (
                    f"{self.label(name).capitalize()} must be a whole number from 1 up{or_all}, "
                    f"not {self.text(name)!r}."
                )
        try:
            seeds, sample = numbers[SEEDS] or 1, numbers[RANDOM]
            if preset := SWEEPS.get(self._preset):
                configs = preset.configs(self._base, texts, seeds, sample)
            else:
                configs = plan(self._base, texts, seeds, sample)
        except ConfigError as error:
            self.problems |= error.problems
        else:
            self.configs = () if self.problems else configs

    def _number(self, name: str) -> int | None:
        text = self.text(name).strip()
        is_number = text.isascii() and text.isdecimal() and len(text) <= _DIGITS
        return (int(text) or None) if is_number else None

    def _start(self, name: str) -> str:
        """The text of a row before anything is typed."""
        preset = SWEEPS.get(self._preset)
        match name:
            case "preset":
                return self._preset
            case "seeds":
                return str(preset.seeds if preset else 1)
            case "random":
                return _ALL
            case "jobs":
                return str(self._cores)
        return written(name, self._start_values(name, preset))

    def _start_values(self, name: str, preset: SweepPreset | None) -> Sequence[Any]:
        base = preset.base.get(name, getattr(self._base, name)) if preset else None
        if preset is None:
            return (getattr(self._base, name),)
        return tuple(dict.fromkeys(each.get(name, base) for each in preset.variants))

    def _varies(self, name: str) -> bool:
        if name == PRESET:
            return self._preset != CUSTOM
        if name in (SEEDS, RANDOM):
            return self.text(name).strip() not in ("1", _ALL)
        return name in NAMES and len(self._values(name)) > 1

    def _values(self, name: str) -> tuple[Any, ...]:
        try:
            return values(name, self.text(name))
        except ConfigError:
            return ()

    def _stops(self, name: str) -> Sequence[str]:
        if name == JOBS:
            return [str(number + 1) for number in range(self._cores)]
        if name in _STOPS:
            return _STOPS[name]
        started = self._start(name)
        value = values(name, started)[0]
        usual = written(name, usual_values(name))
        return tuple(dict.fromkeys([started, written(name, around(name, value)), usual]))

    def _example(self, name: str) -> str:
        value = values(name, self._start(name))[0]
        several = written(name, around(name, value))
        if name in ("lr", "weight_decay"):
            return f"Several values: {several}, or a range as 0.001..1:7"
        return f"Several values: {several}"

    def _take_preset(self, preset: str) -> None:
        if self._preset == CUSTOM:
            self._by_hand = self._typed
        self._preset = preset
        self._typed = self._by_hand if preset == CUSTOM else {}
        self._evaluate()


def _next(stops: Sequence[str], stop: str, by: int) -> str:
    """The next stop of a round; from outside, the first or the last one."""
    outside = -1 if by > 0 else len(stops)
    at = stops.index(stop) if stop in stops else outside
    return stops[(at + by) % len(stops)]


class SweepForm(FormEditor):
    """For each hyperparameter the values to try.

    Args:
        base: what the dashboard's form holds.
        cores: how many there are.
        terminal: what the terminal can show.
    """

    EXPLANATION = (
        "A row may hold several values, separated by commas or as a range; every combination is "
        "trained, and rows with several values are marked. Left and right step through the "
        "dashboard's value, a few around it, and all usual ones."
    )

    @dataclass
    class Changed(Message):
        """The form makes other runs than before."""

    def __init__(self, base: RunConfig, cores: int, terminal: Terminal) -> None:
        self.sweep = SweepValues(base, cores)
        super().__init__(ROWS, self.sweep, terminal)

    def changed(self) -> None:
        """Shows the values, and tells that they make other runs."""
        super().changed()
        self.post_message(self.Changed())


class SweepSize(LinesPane):
    """How many runs the form makes, and how long they will take."""

    DEFAULT_CSS = "SweepSize { height: 4; }"

    values: SweepValues | None = None
    pace = 1.0
    is_known = False

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)

    def show(self, values: SweepValues, pace: float, is_known: bool) -> None:
        """Draws what the form makes now.

        Args:
            values: what it holds.
            pace: how much longer runs take here than `mnistop.engine.sweep.effort` says.
            is_known: whether that was measured.
        """
        self.values, self.pace, self.is_known = values, pace, is_known
        self.redraw()

    def title(self) -> str:
        """What it is about."""
        return "What this makes"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The number of runs and the time, or what is wrong."""
        values = self.values
        if values is None:
            return []
        if values.problems:
            sentence = list(values.problems.values())[-1]
            said = [f"! {sentence}", "Correct this before starting."]
            style = self.palette.bad
        elif len(values.configs) < 2:
            said = ["A single run: give a row several values, or train with several seeds."]
            style = self.palette.muted
        else:
            said, style = self._made(values), self.palette.strong
        return [
            line([(shorten(clean(text, self.terminal), width, self.terminal), style)], width)
            for text in said
        ][:height]

    def _made(self, values: SweepValues) -> list[str]:
        runs, combinations = len(values.configs), values.combinations
        seeds = runs // combinations
        words = f"{runs:,} runs"
        if seeds > 1:
            words += f": {count(combinations, 'combination')} with {seeds} seeds each"
        seconds = duration_of(values.configs, values.jobs, self.pace)
        basis = "" if self.is_known else ", on a typical machine"
        return [
            f"{words}.",
            f"They take roughly {duration(seconds)}{basis}, {values.jobs} at once.",
        ]
