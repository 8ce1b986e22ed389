"""The recommended rate, from a range test and from its runs."""

import numpy as np
import pytest

from mnistop.engine.analysis.learning_rate_finder import RangeTest, Trial
from mnistop.engine.analysis.learning_rates import RateAssessment, recommend
from mnistop.tui.text.rates import conclusion

WORKS, LOW, HIGH, LITTLE, OPEN = "works", "too low", "too high", "learned little", ""


def marked(good: float | None = 0.1, *trials: Trial) -> RangeTest:
    curve = np.array([0.001, 1.0])
    return RangeTest(curve, curve, 2.3, 10, 100, 0.001, good, 10.0, (), trials)


def answers(low: str, good: str | None, high: str) -> dict[str, RateAssessment]:
    verdicts = {"too low": low, "good": good, "too high": high}
    return {
        mark: RateAssessment(verdict, "", "", val_acc=0.1 * place)
        for place, (mark, verdict) in enumerate(verdicts.items())
        if verdict is not None
    }


def test_without_runs_the_test_is_all_there_is() -> None:
    assert recommend(marked(), {}).rate == 0.1
    assert not recommend(marked(), {}).is_shown
    assert recommend(marked(None), {}).rate is None


def test_a_good_rate_that_works_is_recommended() -> None:
    found = recommend(marked(), answers(LOW, WORKS, HIGH))
    assert (found.rate, found.is_shown) == (0.1, True)
    assert conclusion(marked(), answers(LOW, WORKS, HIGH)) == "0.1 works, as the range test says."


def test_a_run_that_was_stopped_refutes_nothing() -> None:
    found = recommend(marked(), answers(OPEN, OPEN, OPEN))
    assert (found.rate, found.is_shown) == (0.1, False)
    assert "only the test says so" in conclusion(marked(), answers(OPEN, OPEN, OPEN))


@pytest.mark.parametrize(
    ("verdicts", "rate"),
    [((WORKS, HIGH, HIGH), 0.001), ((LOW, LITTLE, WORKS), 10.0), ((WORKS, LITTLE, WORKS), 10.0)],
)
def test_what_works_outranks_what_was_marked_as_good(
    verdicts: tuple[str, str, str], rate: float
) -> None:
    found = recommend(marked(), answers(*verdicts))
    assert (found.rate, found.is_shown) == (rate, True)
    sentence = conclusion(marked(), answers(*verdicts))
    assert sentence.startswith("The range test took 0.1 for good. The runs show: 0.001 ")
    assert sentence.endswith(f"Take {rate:g}, which works.")


@pytest.mark.parametrize(
    ("verdicts", "rate"),
    [
        ((LOW, HIGH, HIGH), 0.01),
        ((LITTLE, LITTLE, HIGH), None),
        ((HIGH, HIGH, HIGH), 0.0001),
        ((LOW, LOW, LOW), None),
    ],
)
def test_where_none_works_one_between_too_low_and_too_high_is_to_be_tried(
    verdicts: tuple[str, str, str], rate: float | None
) -> None:
    found = recommend(marked(), answers(*verdicts))
    assert (found.rate, found.to_try) == (None, rate)
    assert "None of these rates works" in conclusion(marked(), answers(*verdicts))


def test_where_no_rate_was_good_the_best_that_was_tried_is_named() -> None:
    tried = Trial(0.5, 1.9, 0.4, 3), Trial(1.0, 1.6, 0.5, 3)
    assert recommend(marked(None, *tried), answers(LOW, None, HIGH)).to_try == 1.0
    hopeless = Trial(0.5, 2.4, 0.1, 3)
    assert recommend(marked(None, hopeless), answers(LOW, None, HIGH)).to_try is None
