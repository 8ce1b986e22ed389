"""What a student has typed, read as a number or a shape."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

# Numbers

_DIGITS = r"\d{1,3}(?:[ ',.\u00a0\u202f_]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)?|[.,]\d+"
NUMBER = re.compile(rf"(?<![\w.,])[-+−–]?\s?(?:{_DIGITS})(?:[eE][-+−]?\d+)?")
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
            return None if NUMBER.search(rest) else TypedNumber((value(match),))
    found = list(NUMBER.finditer(text))
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


# Shapes


def read_shape(text: str) -> tuple[int, ...]:
    """Return the whole numbers in a text, as in `(64, 784)`, `64x784` or `torch.Size([64, 784])`.

    Of several shapes with an arrow between them the last one counts, and where there are brackets
    what stands in the first ones; behind them a reason may be given.
    """
    after_arrow = re.split(r"->|→", text)[-1]
    bracketed = re.search(r"[(\[]([\d\s,]*\d[\d\s,]*)[)\]]", after_arrow)
    numbers = re.findall(r"\d+", bracketed[1] if bracketed else after_arrow.rpartition("=")[2])
    return tuple(int(digits[:18]) for digits in numbers)
