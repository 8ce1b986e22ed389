"""What the coach's advice makes of the learning rate, in a few words."""

from mnistop.engine.coach import advise, advise_on_rate
from mnistop.engine.coach.start import FEW_EPOCHS
from mnistop.engine.config import RunConfig
from mnistop.engine.history import History

_VERDICTS = {
    "diverged": "too high: diverged",
    "exploded": "too high: exploded",
    "stuck": "too high: stuck",
    "swinging": "too high: swings",
    "dead ReLUs": "high: dead ReLUs",
    "too low": "too low",
}
"""By the kind of the advice, where `mnistop.engine.coach.suggest` has a lower or a higher rate."""

_NOTHING_YET = ("waiting", "start", "neutral")
_DATA = ("blank images", "one class")
"""Kinds of advice on data from which no curve tells anything about a rate."""


def rate_verdict(history: History, config: RunConfig) -> str:
    """Return whether the learning rate of a run was too high, too low or right.

    Args:
        history: what the run has recorded.
        config: its hyperparameters.

    Returns:
        As in `too high: diverged` or `right`; empty where the curves cannot tell.
    """
    kind = advise(history, config, None).kind
    if kind in _DATA:
        return ""
    if on_rate := advise_on_rate(history, config, None):
        return _VERDICTS[on_rate.kind]
    return "" if len(history.epochs) < FEW_EPOCHS or kind in _NOTHING_YET else "right"
