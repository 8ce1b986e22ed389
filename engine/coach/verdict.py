"""What the coach's advice makes of the learning rate, in a few words."""

_VERDICTS = {
    "diverged": "too high: diverged",
    "exploded": "too high: exploded",
    "stuck": "too high: stuck",
    "swinging": "too high: swings",
    "dead ReLUs": "high: dead ReLUs",
    "too low": "too low",
}
"""By the kind of the advice; `engine.coach.suggest` has a lower or a higher rate for these."""

_NOTHING_YET = ("waiting", "start", "neutral")
_DATA = ("blank images", "one class")
"""Kinds of advice on data from which no curve tells anything about a rate."""


def verdict(kind: str) -> str:
    """Whether the learning rate was too high, too low or right.

    Args:
        kind: that of the advice on the run's newest epoch.

    Returns:
        As in `too high: diverged` or `right`; empty where the curves cannot tell.
    """
    return "" if kind in (*_NOTHING_YET, *_DATA) else _VERDICTS.get(kind, "right")
