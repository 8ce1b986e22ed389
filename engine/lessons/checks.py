"""Checks of what a student has typed: numbers, shapes, choices, and words of their own.

Each check also answers for its own step: `read` finds what the author of a course has written
wrongly, and `check` what a student has.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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

_DIGITS = r"\d{1,3}(?:[ ',.\u00a0\u202f_]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)?|[.,]\d+"
_NUMBER = re.compile(rf"(?<![\w.,])[-+−–]?\s?(?:{_DIGITS})(?:[eE][-+−]?\d+)?")
_LOGARITHM = re.compile(
    r"([-−–]?)\s?(?:\b[a-z]+\.)?\b(?:ln|log)\s*\(?\s*(\d*[.,]?\d+)(?:\s?/\s?(\d+))?\s*\)?",
    re.IGNORECASE,
)
"""As in `ln 10`, `-ln(1/10)` or `-np.log(0.1)`."""
_FRACTION = re.compile(
    r"(?<![\d.,])(\d+)(?:\s?/\s?|\s+(?:in|of|out\s+of)\s+)(\d+)(?![\d.,])", re.IGNORECASE
)
"""As in `1/10` or `1 in 10`."""
_PERCENT = re.compile(r"\s*(%|percent\b|per cent\b)", re.IGNORECASE)
_WORD = re.compile(r"\s*([^\W\d_][\w-]*)")
_EITHER_SIGN = re.compile(r"±|\+\s?/?\s?[-−–]")


@dataclass(frozen=True)
class TypedNumber:
    """A number as a person writes one: `2,303` may be 2.303 or 2303."""

    values: tuple[float, ...]
    """All readings, the likeliest first."""
    is_percent: bool = False
    """True if a percent sign follows; the values are fractions then."""
    word: str = ""
    """The word that follows, as a unit; empty for none."""


def read_number(text: str) -> TypedNumber | None:
    """Return the only number in a text; None if there is none, or several.

    Calculations are made, and of `28 × 28 = 784` the result counts; `ln 10` is a number, too.
    """
    text = _EITHER_SIGN.sub("", re.split("[=≈]", text)[-1])
    if (result := _calculate(text)) is not None:
        return TypedNumber((result,))
    for pattern, value in ((_LOGARITHM, _logarithm), (_FRACTION, _quotient)):
        if match := pattern.search(text):
            rest = text[: match.start()] + text[match.end() :]
            return None if _NUMBER.search(rest) else TypedNumber((value(match),))
    found = list(_NUMBER.finditer(text))
    if len(found) != 1:
        return None
    values = _readings(found[0][0])
    after = text[found[0].end() :]
    if _PERCENT.match(after):
        return TypedNumber(tuple(value / 100 for value in values), is_percent=True)
    word = _WORD.match(after)
    if word and word[1].casefold() == "k":
        return TypedNumber(tuple(1000 * value for value in values))
    return TypedNumber(values, word=word[1] if word else "")


_OPERATORS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_LONGEST_CALCULATION = 60


def _calculate(text: str) -> float | None:
    """Return the result of a calculation, as in `28 × 28 + 1`; None for any other text."""
    written = re.sub("[×·xX]", "*", text).replace("÷", "/").replace("−", "-")
    is_calculation = re.fullmatch(r"[\d\s.+*/()-]+", written) and re.search(r"\d\s*[-+*/]", written)
    if not is_calculation or len(written) > _LONGEST_CALCULATION:
        return None
    try:
        return _value_of(ast.parse(written.strip(), mode="eval").body)
    except (SyntaxError, ZeroDivisionError, OverflowError):
        return None


def _value_of(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value_of(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value_of(left), _value_of(right))
    raise SyntaxError


def _logarithm(match: re.Match[str]) -> float:
    value = float(match[2].replace(",", "."))
    divisor = float(match[3] or 1)
    logarithm = math.log(value / divisor) if value > 0 and divisor > 0 else math.nan
    return -logarithm if match[1] else logarithm


def _quotient(match: re.Match[str]) -> float:
    return int(match[1]) / int(match[2]) if int(match[2]) else math.nan


def _readings(written: str) -> tuple[float, ...]:
    """Return the values of a number with decimal or thousands separators of any country."""
    plain = re.sub(r"[\s'_\u00a0\u202f]", "", written).replace("−", "-").replace("–", "-")
    last = max(plain.rfind(","), plain.rfind("."))
    readings = []
    if last >= 0:
        whole, decimals = plain[:last], plain[last + 1 :]
        readings.append(f"{re.sub('[.,]', '', whole)}.{decimals}")
    is_grouped = re.fullmatch(r"[-+]?\d{1,3}(?:[.,]\d{3})+", plain)
    if last < 0 or is_grouped:
        readings.append(re.sub("[.,]", "", plain))
    return tuple(float(reading) for reading in readings)


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
            one = "one number only" if _NUMBER.search(text) else "a number in digits"
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


def read_shape(text: str) -> tuple[int, ...]:
    """Return the whole numbers in a text, as in `(64, 784)`, `64x784` or `torch.Size([64, 784])`.

    Of several shapes with an arrow between them the last one counts, and where there are brackets
    what stands in the first ones; behind them a reason may be given.
    """
    after_arrow = re.split(r"->|→", text)[-1]
    bracketed = re.search(r"[(\[]([\d\s,]*\d[\d\s,]*)[)\]]", after_arrow)
    numbers = re.findall(r"\d+", bracketed[1] if bracketed else after_arrow.rpartition("=")[2])
    return tuple(int(digits[:18]) for digits in numbers)


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
