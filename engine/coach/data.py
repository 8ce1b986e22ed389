"""Rules on the data: with these at fault, no learning rate helps."""

from collections.abc import Sequence

from mnistop.engine.coach.advice import Advice
from mnistop.engine.coach.case import Case
from mnistop.engine.coach.start import FEW_EPOCHS
from mnistop.engine.data_notes import faint


def nearly_blank(case: Case) -> Advice | None:
    """A usual image has next to no contrast."""
    started = case.history.started
    if started is None or started.contrast is None:
        return None
    return _advice("blank images", *faint(started.contrast))


def one_class(case: Case) -> Advice | None:
    """All training images have the same label."""
    counts = case.counts
    return _advice("one class", *counts.one_class) if counts and counts.is_of_one_class else None


def untrained_classes(case: Case) -> Advice | None:
    """Classes without a training image: of few, only a new run says so."""
    counts = case.counts
    if counts is None or not _is_due(case, counts.untrained):
        return None
    return _advice("missing classes", *counts.missing_training)


def unvalidated_classes(case: Case) -> Advice | None:
    """Classes without a validation image: of few, only a new run says so."""
    counts = case.counts
    if counts is None or not _is_due(case, counts.unvalidated):
        return None
    return _advice("missing classes", *counts.missing_validation)


def _is_due(case: Case, missing: Sequence[int]) -> bool:
    assert case.counts
    return case.epochs < FEW_EPOCHS or case.counts.is_notable(missing)


def _advice(kind: str, sentence: str, remedy: str) -> Advice | None:
    return Advice(kind, sentence, remedy) if sentence else None
