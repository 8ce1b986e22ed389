"""The outcome of an attack, and the bounds of the smallest ε, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal, NamedTuple

import numpy as np

from mnistop.engine.analysis.fragility import AttackedImage, Bracket, OwnImage
from mnistop.engine.analysis.methods import METHODS
from mnistop.tui.text.runs import epoch_name

SEARCHED_BY = "PGD, FGSM, DeepFool or FAB"
"""The attacks that search for the smallest perturbation of an image."""


class Phrase(NamedTuple):
    """A sentence or a note."""

    text: str
    tone: Literal["good", "bad", "plain", "muted"] = "plain"


def outcome(attacked: AttackedImage, names: Sequence[str]) -> list[Phrase]:
    """Describe the prediction for the adversarial image.

    Args:
        attacked: the image.
        names: of the classes.
    """
    label, now = names[attacked.label], names[attacked.prediction]
    fooled = attacked.prediction != attacked.label
    what = f"{label} is taken for {now}" if fooled else f"still {now}"
    phrases = [Phrase(what, "bad" if fooled else "good")]
    if isinstance(attacked.subject, OwnImage):
        phrases.append(Phrase(f"{label} counts as right, since the model predicts it", "muted"))
    if attacked.target == attacked.label:
        return [*phrases, Phrase(f"the target {label} is its own class: nothing to reach", "muted")]
    if attacked.target is not None:
        reached = "reached" if attacked.success else "not reached"
        phrases.append(Phrase(f"target {names[attacked.target]} {reached}"))
    if METHODS[attacked.method].seeks:
        if not attacked.success:
            phrases.append(Phrase("the search found no way there", "muted"))
    elif not attacked.l0 and attacked.epsilon and not _is_done(attacked):
        phrases.append(Phrase("nothing changed: the gradient is exactly 0 here", "muted"))
    return phrases


def _is_done(attacked: AttackedImage) -> bool:
    """Return whether the model predicts what the attack aims at without any attack."""
    if attacked.target is None:
        return attacked.is_wrong
    return attacked.clean_prediction == attacked.target


def sizes(attacked: AttackedImage) -> str:
    """The norms of the perturbation."""
    linf = at_most(round(attacked.linf, 6))  # as an ε that fools, but for the rounding of pixels
    return f"L∞ {linf}  L2 {attacked.l2:.2f}  L0 {attacked.l0}"


def bounds(attacked: AttackedImage, known: Bracket) -> list[Phrase]:
    """Between which ε the smallest one that fools the model lies.

    Args:
        attacked: the image.
        known: what is known of the same image.
    """
    if attacked.target == attacked.label:
        return []
    if _is_done(attacked):
        return [Phrase("It is misclassified without any perturbation: there is nothing to fool.")]
    if attacked.is_wrong:
        phrases = [Phrase("misclassified already: no ε is safe", "muted")]
    else:
        phrases = [Phrase(f"safe below ε {at_least(known.certified)}: proven", "good")]
    what = "fooled" if known.target is None else "target reached"
    if math.isinf(known.found):
        phrases.append(Phrase("no attack succeeds up to ε 1", "good"))
    elif known.optimal:
        phrases.append(Phrase(f"fooled from ε {at_most(known.found)}: the true minimum", "bad"))
    else:
        by = METHODS[known.found_by].title if known.found_by in METHODS else "FAB"
        phrases.append(Phrase(f"{what} from ε {at_most(known.found)}: shown by {by}", "bad"))
    phrases += _path(known)
    if known.epochs != attacked.epochs:
        phrases.append(Phrase(f"as of {epoch_name(known.epochs - 1)}", "muted"))
    return phrases


def _path(known: Bracket) -> list[Phrase]:
    """Describe the smallest ε at which FGSM succeeds."""
    if math.isinf(known.path):
        return [Phrase("FGSM does not succeed at any ε up to 1", "muted")]
    how = "exact" if known.exact else "by a fine grid"
    level = f" ({known.level}/255)" if known.level >= 0 else ""
    phrases = [Phrase(f"FGSM succeeds from ε {at_most(known.path)}{level}, {how}", "muted")]
    if known.returns:
        phrases.append(Phrase("but fails at some larger ε", "muted"))
    return phrases


def at_least(epsilon: float | np.float32, digits: int = 4) -> str:
    """The lower end of a bracket: never more than the float32 number that an ε is."""
    return _rounded(epsilon, digits, ROUND_FLOOR)


def at_most(epsilon: float | np.float32, digits: int = 4) -> str:
    """The upper end of a bracket: never less than the float32 number that an ε is."""
    return _rounded(epsilon, digits, ROUND_CEILING)


def _rounded(number: float | np.float32, digits: int, rounding: str) -> str:
    return str(Decimal(str(np.float32(number))).quantize(Decimal(1).scaleb(-digits), rounding))
