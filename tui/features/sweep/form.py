"""The form of a sweep: the values to try for each hyperparameter, and the runs that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.message import Message

from mnistop.engine.config import HYPERPARAMETERS, NAMES, RunConfig
from mnistop.engine.errors import ConfigError
from mnistop.engine.formatting import count, duration
from mnistop.engine.sweep.grid import around, plan, values, written
from mnistop.engine.sweep.presets import SWEEPS, SweepPreset, duration_of
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, clean, line, shorten
from mnistop.tui.toolkit.form import Form
from mnistop.tui.toolkit.form_parts import CUSTOM, PRESET, FormValues, next_round
from mnistop.tui.toolkit.pane import LinesPane

SEEDS, RANDOM, JOBS = "seeds", "random", "jobs"
"""The names of the other rows than hyperparameters."""

ROWS = (PRESET, SEEDS, RANDOM, JOBS, *NAMES)

_BY_HAND = "The varied values are set below; left and right step through presets."
_ALL = "all"
_DIGITS = 4
"""The most digits of a number in these rows."""
_LABELS = {PRESET: PRESET, SEEDS: "seeds each", RANDOM: "combinations", JOBS: "at once"}
_WORDS = {
    SEEDS: "How many seeds each combination is trained with: more of them tell luck from a real "
    "difference.",
    RANDOM: "How many of the combinations are trained, drawn at random; all trains every one.",
    JOBS: "How many runs are trained at the same time.",
}
_STOPS = {SEEDS: ("1", "2", "3", "5", "10"), RANDOM: (_ALL, "5", "10", "20", "50")}


class SweepValues(FormValues):
    """The texts of a sweep's form, and the configurations that they make.

    Args:
        base: what the dashboard's form holds.
        cores: how many there are.
    """

    def __init__(self, base: RunConfig, cores: int) -> None:
        super().__init__()
        self.configs: Sequence[RunConfig] = ()
        """The runs that the texts make; none while one of them is wrong."""
        self._base = base
        self._cores = cores
        self.typed = {"lr": written("lr", around("lr", base.lr))}
        self.evaluate()

    @property
    def title(self) -> str:
        """The preset, or the hyperparameters that vary."""
        if self.preset != CUSTOM:
            return self.preset
        return ", ".join(filter(self.is_changed, NAMES)) or SEEDS

    @property
    def jobs(self) -> int:
        """Number of runs that are trained at the same time."""
        return self._number(JOBS) or self._cores

    @property
    def combinations(self) -> int:
        """Number of combinations, seeds apart."""
        return len(self.configs) // max(1, self._number(SEEDS) or 1)

    def evaluate(self) -> None:
        """Build the configurations; `sweep` holds what is wrong with all together."""
        texts = {name: text for name, text in self.typed.items() if name in NAMES}
        self.configs, self.problems = (), {}
        numbers = {name: self._number(name) for name in (SEEDS, RANDOM, JOBS)}
        for name, number in numbers.items():
            if number is None and not (name == RANDOM and self.text(name).strip() == _ALL):
                or_all = ", or all" if name == RANDOM else ""
                self.problems[name] = (
                    f"{self.label(name).capitalize()} must be a whole number from 1 up{or_all}, "
                    f"not {self.text(name)!r}."
                )
        make = self._preset.configs if self._preset else plan
        try:
            configs = make(self._base, texts, numbers[SEEDS] or 1, numbers[RANDOM])
        except ConfigError as error:
            self.problems |= error.problems
        else:
            self.configs = () if self.problems else configs

    def label(self, name: str) -> str:
        """Return the label of a row."""
        return _LABELS.get(name) or HYPERPARAMETERS[name].label

    def start(self, name: str) -> str:
        """The preset's text, or the dashboard's value."""
        preset = self._preset
        if name in (SEEDS, RANDOM, JOBS):
            seeds = preset.seeds if preset else 1
            return {SEEDS: str(seeds), RANDOM: _ALL, JOBS: str(self._cores)}[name]
        base = getattr(self._base, name)
        if preset is None:
            return written(name, (base,))
        base = preset.base.get(name, base)
        return written(name, tuple(dict.fromkeys(each.get(name, base) for each in preset.variants)))

    def is_changed(self, name: str) -> bool:
        """Return whether a row makes several runs."""
        if name == PRESET:
            return self.preset != CUSTOM
        if name in (SEEDS, RANDOM):
            return self.text(name).strip() not in ("1", _ALL)
        try:
            return name in NAMES and len(values(name, self.text(name))) > 1
        except ConfigError:
            return False

    def about(self, name: str, editing: bool = False) -> list[str]:
        """Plain words on a row."""
        if name == PRESET:
            question = self._preset.question if self._preset else _BY_HAND
            return [question, f"Presets: {', '.join(SWEEPS)}."]
        if name in _WORDS:
            return [_WORDS[name]]
        value = values(name, self.start(name))[0]
        example = f"Several values: {written(name, around(name, value))}"
        if name in ("lr", "weight_decay"):
            example += ", or a range as 0.001..1:7"
        words = [HYPERPARAMETERS[name].explanation, f"{example}."]
        return words[::-1] if editing else words

    def presets(self) -> Sequence[str]:
        """Return the name for what is typed, and the presets."""
        return (CUSTOM, *SWEEPS)

    def tidied(self, name: str) -> str:
        """A list as the program writes it, unless it has a range."""
        text = self.text(name)
        if name not in NAMES or (".." in text and name != "source"):
            return text
        return written(name, values(name, text))

    def stepped(self, name: str, by: int) -> str:
        """Cycle a hyperparameter through its value, a few around it, and all usual ones."""
        stops: tuple[str, ...] = _STOPS.get(name, ())
        if name == JOBS:
            stops = tuple(str(number + 1) for number in range(self._cores))
        elif name in NAMES:
            started = self.start(name)
            several = around(name, values(name, started)[0]), HYPERPARAMETERS[name].usual
            stops = tuple(dict.fromkeys([started, *(written(name, each) for each in several)]))
        return str(next_round(stops, self.text(name), by))

    @property
    def _preset(self) -> SweepPreset | None:
        return SWEEPS.get(self.preset)

    def _number(self, name: str) -> int | None:
        text = self.text(name).strip()
        is_number = text.isascii() and text.isdecimal() and len(text) <= _DIGITS
        return (int(text) or None) if is_number else None


class SweepForm(Form):
    """The form with the values to try for each hyperparameter.

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
        """Show the values, and post that they make other runs."""
        super().changed()
        self.post_message(self.Changed())


class SweepSize(LinesPane):
    """The number of runs that the form makes, and the time that they will take."""

    DEFAULT_CSS = "SweepSize { height: 4; }"

    values: SweepValues | None = None
    pace = 1.0
    is_known = False

    def show(self, values: SweepValues, pace: float, is_known: bool) -> None:
        """Draw what the form makes now.

        Args:
            values: what it holds.
            pace: how much longer runs take here than `mnistop.engine.sweep.presets` says.
            is_known: whether that was measured.
        """
        self.values, self.pace, self.is_known = values, pace, is_known
        self.redraw()

    def title(self) -> str:
        """Return the pane's title."""
        return "Size of this sweep"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The number of runs and the time, or what is wrong."""
        values = self.values
        if values is None:
            return []
        if values.problems:
            sentence = list(values.problems.values())[-1]
            sentences = [f"! {sentence}", "Correct this before starting."]
            style = self.palette.bad
        elif len(values.configs) < 2:
            sentences = ["A single run: give a row several values, or train with several seeds."]
            style = self.palette.muted
        else:
            sentences, style = self._made(values), self.palette.strong
        return [
            line([(shorten(clean(text, self.terminal), width, self.terminal), style)], width)
            for text in sentences
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
