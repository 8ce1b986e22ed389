"""Checks of what a student has typed: numbers, shapes, choices, and words of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mnistop.engine.lessons.typed import NUMBER, TypedNumber, read_number, read_shape

LONGEST = 20_000
"""Characters of an answer."""


@dataclass(frozen=True)
class Verdict:
    """The result of a check."""

    right: bool | None
    """None for words of one's own, which are kept beside a model answer."""
    message: str
    """A sentence or two for the student."""
    counts: bool = True
    """False if the text is no answer yet, so that nothing is handed in."""


# Numbers


@dataclass(frozen=True)
class Number:
    """A number within a tolerance."""

    answer: float
    """A fraction if the unit is %."""
    tolerance: float = 1e-9
    """The largest deviation, in the unit of the answer; of a fraction, as a fraction."""
    units: tuple[str, ...] = ()
    """Words that may follow the number, or `%`; none for any."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """Messages on some wrong numbers."""

    def check(self, text: str) -> Verdict:
        """Check what a student has typed."""
        typed = read_number(text)
        if typed is None:
            one = "one number only" if NUMBER.search(text) else "a number in digits"
            return Verdict(False, f"Write {one}, for example {self._example}.", False)
        values = self._values(typed)
        if any(self.is_near(value) for value in values):
            if self._is_other_unit(typed.word):
                return Verdict(
                    False, f"The number is right, but not the unit: answer in {self.units[0]}."
                )
            return Verdict(True, "Right.")
        for wrong, message in self.hints.items():
            expected = read_number(wrong)
            if expected and any(
                self._is_close(value, other) for value in values for other in self._values(expected)
            ):
                return Verdict(False, message)
        return Verdict(False, self._direction(values))

    def is_near(self, value: float) -> bool:
        """Return whether a value is right."""
        return self._is_close(value, self.answer)

    def _is_close(self, value: float, other: float) -> bool:
        return abs(value - other) <= self.tolerance + 1e-9 * max(1.0, abs(other))

    @property
    def _is_share(self) -> bool:
        return self.units == ("%",)

    @property
    def _example(self) -> str:
        return "12.5%" if self._is_share else "12" if self.answer == int(self.answer) else "12.5"

    def _values(self, typed: TypedNumber) -> tuple[float, ...]:
        """Return the readings; of a share without a percent sign, also those in percent."""
        if self._is_share and not typed.is_percent:
            return (*typed.values, *(value / 100 for value in typed.values))
        return typed.values

    def _is_other_unit(self, word: str) -> bool:
        if not word or not self.units or self._is_share:
            return False
        known = {unit.casefold().rstrip("s") for unit in self.units}
        return word.casefold().rstrip("s") not in known

    def _direction(self, values: Sequence[float]) -> str:
        """Return a hint on how a number is wrong."""
        if any(self.is_near(-value) for value in values):
            return "Not yet: look at the sign."
        if any(self.is_near(value * factor) for value in values for factor in (100, 0.01)):
            return "Not yet: it is wrong by a factor of 100. Is it a fraction, or in percent?"
        if self.answer >= 2 and self.answer == int(self.answer) and all(0 < v < 1 for v in values):
            return "Not yet: asked is a whole number, not a share of something."
        if all(value > self.answer for value in values):
            return "Not yet: your number is too large."
        if all(value < self.answer for value in values):
            return "Not yet: your number is too small."
        return "Not yet: this is another number."


# Shapes

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


@dataclass(frozen=True)
class Shape:
    """The shape of an array."""

    answer: tuple[int, ...]
    hints: Mapping[str, str] = field(default_factory=dict)
    """Messages on some wrong shapes."""

    def check(self, text: str) -> Verdict:
        """Check what a student has typed."""
        typed = read_shape(text)
        if not typed:
            sentence = "Write a shape: whole numbers in brackets, as in (3, 5)."
            return Verdict(False, sentence, False)
        if typed == self.answer:
            return Verdict(True, "Right.")
        for wrong, message in self.hints.items():
            if read_shape(wrong) == typed:
                return Verdict(False, message)
        if len(typed) != len(self.answer):
            return Verdict(
                False,
                f"Not yet: you wrote {_numbers(len(typed))}, and this shape has "
                f"{len(self.answer)}.",
            )
        if sorted(typed) == sorted(self.answer):
            return Verdict(False, "Not yet: these are the right numbers, but in another order.")
        wrong_axes = [
            _ORDINALS[place]
            for place, (one, other) in enumerate(zip(typed, self.answer, strict=True))
            if one != other
        ]
        if len(wrong_axes) == 1 and len(typed) > 1:
            return Verdict(False, f"Not yet: only the {wrong_axes[0]} number is wrong.")
        return Verdict(False, "Not yet: follow the shapes from step to step on the screen.")


def _numbers(count: int) -> str:
    return f"{count} number" if count == 1 else f"{count} numbers"


# Choices and words

_LETTER_FIRST = re.compile(r"[('\"]?([a-z])(?:['\"]?[).:;!]|['\"]?$| - |,? because\b)")
_LETTER_LAST = re.compile(
    r"(?:.*\b(?:answer|option|choice|letter|is|it's|i think))\s*:?\s+['\"(]?([a-z])['\").]*$"
)
"""A letter in front of a reason, or alone; and one after `answer`, `it is` and the like."""
_SHORTEST_PART = 4
"""Characters of a choice that stand for all of it."""


@dataclass(frozen=True)
class Choice:
    """One of several answers, each with a letter."""

    answer: str
    choices: Mapping[str, str]
    """The answers by their letters."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """Messages on some wrong letters."""

    def check(self, text: str) -> Verdict:
        """Check what a student has typed: a letter, or the words of an answer."""
        letters = "/".join(self.choices)
        typed = self._letter(text)
        if not typed:
            return Verdict(False, f"Write one of the letters {letters}.", False)
        if typed == self.answer:
            return Verdict(True, "Right.")
        return Verdict(False, self.hints.get(typed, "Not yet: read the other answers once more."))

    def _letter(self, text: str) -> str:
        """Return the letter that a text stands for; empty if that is not clear.

        A letter counts alone, in front of a reason, or after a word such as `answer`; words count
        if one choice alone has them.
        """
        typed = " ".join(text.casefold().split())
        for pattern in (_LETTER_FIRST, _LETTER_LAST):
            if (found := pattern.match(typed)) and found[1] in self.choices:
                return found[1]
        words = {one: " ".join(each.casefold().split()) for one, each in self.choices.items()}
        for letter, each in words.items():
            if typed in (each, f"{letter} {each}"):
                return letter
        part = typed.strip(" .:'\"")
        having = [one for one, each in words.items() if re.search(rf"\b{re.escape(part)}\b", each)]
        return having[0] if len(part) >= _SHORTEST_PART and len(having) == 1 else ""


FEWEST_WORDS = 3
_A_WORD = re.compile("[\u2e80-\U0003ffff]|[^\\s\u2e80-\U0003ffff]+")
"""Between spaces; of scripts that are written without them, as Chinese, a character is one."""


@dataclass(frozen=True)
class Words:
    """An answer in the student's own words, kept beside a model answer."""

    def check(self, text: str) -> Verdict:
        """Ask for a sentence where there is none."""
        if len(_A_WORD.findall(text)) < FEWEST_WORDS:
            sentence = f"Write a sentence of your own: at least {FEWEST_WORDS} words."
            return Verdict(False, sentence, False)
        return Verdict(None, "Kept. Compare your answer with the model answer.")
