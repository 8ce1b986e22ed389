"""The runs of a sweep: every combination of the given values, or a random sample of them.

A hyperparameter's values stand on one line, as `0.001,0.01,0.1,1`. A part of the list may be a
range: `0.001..1` takes both ends and what lies between, and `0.001..1:7` takes seven values. Rates
and sizes go by equal factors (one value a decade, whole numbers doubled), other whole numbers one
by one, and all else in five equal steps. Semicolons divide where a comma has another meaning, as
in `128; 256 128; none` for the hidden layers.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from mnistop.engine.config import HYPERPARAMETERS, RunConfig
from mnistop.engine.errors import ConfigError
from mnistop.engine.hyperparameters import Hyperparameter, as_text, rank

MOST = 1000
"""The maximum of runs in one sweep."""
MOST_COMBINATIONS = 10**9
"""Combinations that a random sample is drawn from."""
_STEPS = 5
"""The default number of values in a range of equal steps."""
_AROUND = 3
"""The number of values to try around one."""
_LEAST_DIGITS, _MOST_DIGITS = 3, 17
"""Significant digits of the values between the ends of a range: as few as distinguish them."""

Changes = Mapping[str, Any]
"""Some hyperparameters by name, with values that are valid."""


def plan(
    base: RunConfig,
    texts: Mapping[str, str],
    seeds: int = 1,
    sample: int | None = None,
    sample_seed: int = 0,
    variants: Sequence[Changes] = (),
) -> list[RunConfig]:
    """Return the configurations of a sweep: all combinations with the first seed, then the next.

    Combinations that differ only in values without effect, as the momentum of Adam, are one.

    Args:
        base: the common values.
        texts: the values of each hyperparameter that varies or differs from the base, as typed; the
            first one varies slowest.
        seeds: the number of seeds for each combination, from the base's on.
        sample: the number of combinations to draw at random, each at most once; None for all
            (Bergstra and Bengio 2012, Random Search for Hyper-Parameter Optimization).
        sample_seed: of the random draw.
        variants: sets of changes, one of which each combination has.

    Raises:
        ConfigError: a sentence for each text that is wrong, or for there being too many runs.
    """
    axes = [[{name: value} for value in found] for name, found in _all_values(texts).items()]
    axes.insert(0, [dict(each) for each in variants] or [{}])
    _check_seeds(texts, axes, seeds, sample)
    total = math.prod(map(len, axes))
    if total > MOST_COMBINATIONS or (sample is None and total * seeds > MOST):
        raise _too_many(total * seeds)
    if sample is not None and min(sample, total) * seeds > MOST:
        raise _too_many(min(sample, total) * seeds)
    drawn: Iterable[int] = range(total)
    if sample is not None:
        drawn = random.Random(sample_seed).sample(range(total), min(total, 10 * MOST))
    found: dict[tuple[Any, ...], tuple[int, RunConfig]] = {}
    for index in drawn:
        config = replace(base, **_combination(axes, index))
        found.setdefault(_effective(config), (index, config))
        if len(found) == sample:
            break
    configs = [config for _, config in sorted(found.values(), key=lambda each: each[0])]
    return [
        replace(config, seed=(config.seed + number) % 2**32) if number else config
        for number in range(seeds)
        for config in configs
    ]


def values(name: str, text: str) -> tuple[Any, ...]:
    """Read the values of a hyperparameter from a text, each once, in its order.

    Args:
        name: the hyperparameter.
        text: as in `0.001,0.01`, `0.001..1:7`, `sgd,adam` or `128; 256 128; none`.

    Raises:
        ConfigError: what is wrong with the text, and how to write it.
    """
    found = [value for part in _parts(name, text) for value in _part_values(name, part)]
    if len(set(found)) > MOST:
        raise ConfigError({name: _too_many(len(set(found))).problems["sweep"]})
    return tuple(dict.fromkeys(found))


def written(name: str, values: Sequence[Any]) -> str:
    """Return the text that `values` reads as these values."""
    between = "; " if name == "hidden" else ", "
    return between.join(map(as_text, values))


def _all_values(texts: Mapping[str, str]) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    problems: dict[str, str] = {}
    for name, text in texts.items():
        try:
            found[name] = values(name, text)
        except ConfigError as error:
            problems |= error.problems
    if problems:
        raise ConfigError(problems)
    return found


def _check_seeds(
    texts: Mapping[str, str], axes: Sequence[Sequence[Changes]], seeds: int, sample: int | None
) -> None:
    if seeds < 1:
        raise ConfigError({"seeds": f"Seeds must be a whole number from 1 up, not {seeds}."})
    if sample is not None and sample < 1:
        raise ConfigError({"random": f"Random must be a whole number from 1 up, not {sample}."})
    if seeds > 1 and any(len(axis) > 1 and "seed" in axis[0] for axis in axes):
        raise ConfigError(
            {"seeds": f"Seeds are given twice, as {seeds} and as {texts['seed']}: leave one out."}
        )


def _combination(axes: Sequence[Sequence[Changes]], index: int) -> dict[str, Any]:
    """Return the combination at an index; the last axis varies fastest."""
    chosen: list[Changes] = []
    for axis in reversed(axes):
        index, place = divmod(index, len(axis))
        chosen.append(axis[place])
    return {name: value for changes in reversed(chosen) for name, value in changes.items()}


def _effective(config: RunConfig) -> tuple[Any, ...]:
    idle = config.without_effect()
    return tuple(None if name in idle else (value,) for name, value in config)


def _too_many(runs: int) -> ConfigError:
    return ConfigError(
        {
            "sweep": f"That makes {runs:,} runs, and a sweep has {MOST:,} at most: name fewer "
            "values, or say how many values a range has, as in 10..90:5, or take a random sample."
        }
    )


# A text


def _parts(name: str, text: str) -> list[str]:
    if ";" in text:
        parts = [part.strip() for part in text.split(";")]
        return parts if parts[-1] else parts[:-1]
    if name == "hidden" and "," in text:
        _check_ambiguity(text)
    return [part.strip() for part in text.split(",")]


def _check_ambiguity(text: str) -> None:
    """Raise an error if commas may separate layers of one network, as elsewhere, or networks."""
    try:
        layers = HYPERPARAMETERS["hidden"].read(text)
    except ConfigError:
        return
    several, one = "; ".join(map(str, layers)), " ".join(map(str, layers))
    raise ConfigError(
        {
            "hidden": f"Hidden layers {text} may mean {len(layers)} networks or one: write "
            f'"{several}" for {len(layers)}, or "{one}" for one.'
        }
    )


def _part_values(name: str, part: str) -> Sequence[Any]:
    known = HYPERPARAMETERS[name]
    if ".." in part and not known.choices and name != "source":
        return _range(known, part)
    return (known.read(part),)


def _range(known: Hyperparameter, part: str) -> Sequence[Any]:
    low_text, _, rest = part.partition("..")
    high_text, colon, count_text = (each.strip() for each in rest.partition(":"))
    if not low_text.strip() or not high_text:
        raise _range_error(known, part, "needs both ends")
    ends = [_end(known, part, text) for text in (low_text, high_text)]
    count = int(count_text) if count_text.isdecimal() and count_text.isascii() else None
    if colon and (count is None or not 2 <= count <= MOST):
        raise _range_error(known, part, f"has 2 to {MOST:,} values")
    low, high = ends
    if low == high:
        return [_from_number(known, low)]
    if known.by_factors and min(ends) <= 0:
        raise _range_error(known, part, "goes by factors and cannot start at 0; list 0 separately")
    whole = isinstance(low, int)
    if count is None and whole and not known.by_factors and abs(high - low) >= MOST:
        raise _range_error(known, part, f"has {abs(high - low) + 1:,} whole numbers; say how many")
    numbers = _between(low, high, count or _usual_count(known, low, high), known.by_factors, whole)
    return [_from_number(known, number) for number in numbers]


def _end(known: Hyperparameter, part: str, text: str) -> int | float:
    value = known.read(text)
    if isinstance(value, tuple) and len(value) == 1:
        value = value[0]
    if not isinstance(value, int | float):
        raise _range_error(known, part, f"cannot end at {as_text(value)}")
    return value


def _range_error(known: Hyperparameter, part: str, what: str) -> ConfigError:
    example = "0.001..1:4" if known.by_factors else "0..0.4:5"
    if known.name == "hidden":
        example = "32..256:4"
    elif any(isinstance(value, int) for value in known.usual):
        example = "16..128:4" if known.by_factors else "0..4:3"
    return ConfigError(
        {known.name: f"{known.label.capitalize()}: the range {part} {what}, as in {example}."}
    )


def _usual_count(known: Hyperparameter, low: int | float, high: int | float) -> int:
    whole = isinstance(low, int)
    if known.by_factors:
        factor = max(low, high) / min(low, high)
        return max(2, round(math.log2(factor) if whole else math.log10(factor)) + 1)
    return int(abs(high - low)) + 1 if whole else _STEPS


def _between(
    low: int | float, high: int | float, count: int, factors: bool, whole: bool
) -> list[int | float]:
    """Return both ends, and round numbers between them in equal factors or steps."""
    shares = [place / (count - 1) for place in range(1, count - 1)]
    if factors:
        inner = [math.exp(math.log(low) + share * math.log(high / low)) for share in shares]
    else:
        inner = [low + share * (high - low) for share in shares]
    for digits in range(_LEAST_DIGITS, _MOST_DIGITS + 1):
        numbers = [low, *(float(f"{number:.{digits}g}") for number in inner), high]
        if whole:
            numbers = list(dict.fromkeys(map(round, numbers)))
        rising = numbers if low < high else numbers[::-1]
        if all(one < other for one, other in pairwise(rising)):
            break
    return numbers


def _from_number(known: Hyperparameter, number: int | float) -> Any:
    return (number,) if known.name == "hidden" else number


# Values to try


def around(name: str, value: Any) -> tuple[Any, ...]:
    """Return a few values to try around one.

    These are all choices, a tenth and ten times of a rate, and else the neighbours among the usual
    values. A source, a pixel range or a size is not varied.
    """
    known = HYPERPARAMETERS[name]
    if known.choices:
        return known.choices
    if name in ("source", "pixel_range", "resize"):
        return (value,)
    if known.by_factors and isinstance(value, float) and value > 0:
        tried = (float(f"{factor * value:.3g}") for factor in (0.1, 1, 10))
        return tuple(each for each in tried if _is_valid(known, each))
    ordered = sorted({*known.usual, value}, key=rank)
    first = max(0, min(ordered.index(value) - 1, len(ordered) - _AROUND))
    return tuple(ordered[first : first + _AROUND])


def _is_valid(known: Hyperparameter, value: Any) -> bool:
    try:
        known.read(value)
    except ConfigError:
        return False
    return True
