"""Whoever asks how little fools the model gets the same answer: table, list, chart, one image."""

import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistop.engine.analysis.attack_set import attack_all
from mnistop.engine.analysis.batch import OwnImage, search_bounds
from mnistop.engine.analysis.fragility import attack_image, bracket
from mnistop.engine.analysis.loading import load_model, validation
from mnistop.engine.analysis.robustness import EPSILONS, Robustness, robustness
from mnistop.engine.attacks import EpsilonBounds, epsilon_bounds
from mnistop.engine.runs.run_folder import Run
from tests.helpers.finished_run import finished_run

pytestmark = [pytest.mark.process, pytest.mark.slow]


MODELS = {
    "relu": {"hidden": (16,)},
    "deep": {"hidden": (24, 12)},
    "single layer": {"hidden": ()},
    "tanh": {"hidden": (12,), "activation": "tanh"},
}


@pytest.fixture(scope="module", params=MODELS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with finished_run(tmp_path_factory.mktemp("agree"), epochs=12, **MODELS[request.param]) as run:
        yield run


def forget(run: Run) -> None:
    """Clear the caches, as in a new process."""
    shutil.rmtree(run.path / "robustness", ignore_errors=True)
    search_bounds.cache_clear()


def whole(run: Run) -> Robustness:
    known = robustness(run)
    while not known.is_complete:
        known = robustness(run)
    return known


def answers(run: Run, row: int, epsilon: float) -> dict[str, Callable[[], object]]:
    """The questions that there are, by name; each answer is in plain numbers."""

    def one(method: str) -> object:
        answer = attack_image(run, row, epsilon, method=method)
        return answer.prediction, answer.adversarial.tolist()

    def of_all(method: str) -> object:
        found = attack_all(run, method, epsilon)
        return found.accuracy, found.predictions.tolist(), found.images[row].tolist()

    def of_row(method: str) -> object:
        found = attack_all(run, method, epsilon, row=row)
        return found.predictions.tolist(), found.images[0].tolist()

    def table() -> object:
        known = whole(run)
        lists = known.found, known.certified, known.path, known.found_by, known.deepfool
        return [each.tolist() for each in (*lists, known.fgsm_right)]

    def single() -> object:
        known = bracket(run, row)
        return known.found, known.certified, known.found_by, known.level, dict(known.smallest)

    return {
        "table": table,
        "single": single,
        **{f"one {name}": lambda name=name: one(name) for name in ("fgsm", "pgd", "deepfool")},
        **{f"all {name}": lambda name=name: of_all(name) for name in ("fgsm", "pgd", "deepfool")},
        **{f"row {name}": lambda name=name: of_row(name) for name in ("fgsm", "pgd", "deepfool")},
    }


_NAMES = list(answers(Run(Path()), 0, 0.0))


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, int, float, list[str], bool]:
    """An image, where ε comes from, and in which order what is asked, cold or warm."""
    return (
        draw(st.integers(0, 79)),
        draw(st.integers(0, 79)),
        draw(
            st.sampled_from([*EPSILONS, math.nan, math.inf, -math.inf]) | st.floats(0, 1, width=32)
        ),
        draw(st.permutations(_NAMES)),
        draw(st.booleans()),
    )


@settings(max_examples=8, deadline=None)
@given(case=cases())
def test_all_answers_agree_whichever_was_asked_first(
    run: Run, case: tuple[int, int, float, list[str], bool]
) -> None:
    row, other, epsilon, order, cold = case
    smallest = whole(run).found[other]
    if math.isnan(epsilon):  # just where an image begins to be fooled, and just below
        epsilon = float(smallest)
    elif math.isinf(epsilon):
        epsilon = float(np.nextafter(smallest, np.float32(epsilon)))
    epsilon = min(max(epsilon, 0.0), 1.0)
    before = {name: ask() for name, ask in answers(run, row, epsilon).items()}
    if cold:
        forget(run)
    asked = answers(run, row, epsilon)
    for name in order:
        assert asked[name]() == before[name], name

    known, single = whole(run), bracket(run, row)
    assert single.found == known.found[row]
    assert single.certified == known.certified[row]
    assert single.path == known.path[row]
    assert single.smallest["pgd"] == single.found
    assert single.smallest["deepfool"] == known.deepfool[row]
    assert known.certified[row] <= known.found[row] <= min(single.path, known.deepfool[row])
    attacked = {name: attack_all(run, name, epsilon) for name in ("fgsm", "pgd", "deepfool")}
    for name, found in attacked.items():
        one = attack_image(run, row, epsilon, method=name)
        assert found.predictions[row] == one.prediction
        assert np.array_equal(found.images[row], one.adversarial)
        early = known.found > epsilon
        assert (found.predictions == found.labels)[early].all()
        assert np.abs(found.images - found.originals).max() <= epsilon + 1e-6
    assert attacked["pgd"].accuracy == known.under_attack(epsilon)
    assert known.proven(epsilon) <= known.under_attack(epsilon) <= attacked["fgsm"].accuracy
    if epsilon in EPSILONS:
        assert known.fgsm[EPSILONS.index(epsilon)] == attacked["fgsm"].accuracy


def test_each_way_of_the_search_fools_at_what_it_finds(run: Run) -> None:
    model, _ = load_model(run)
    images, labels, _ = validation(run)
    bounds, nearest = epsilon_bounds(model, images, labels)
    with torch.no_grad():
        fooled = model(nearest).argmax(1) != labels
    assert torch.equal(fooled, bounds.found.isfinite())
    sizes = (nearest - images).abs().amax(1)
    assert torch.allclose(sizes[fooled], bounds.found[fooled], atol=1e-6)


@pytest.mark.parametrize("method", ["fgsm", "pgd"])
@settings(max_examples=10, deadline=None)
@given(row=st.integers(0, 79), target=st.integers(0, 9), epsilon=st.floats(0, 1, width=32))
def test_towards_a_target_one_image_and_its_smallest_epsilon_agree(
    run: Run, method: str, row: int, target: int, epsilon: float
) -> None:
    known = bracket(run, row, target=target)
    for strength in {epsilon, known.found if math.isfinite(known.found) else 1.0}:
        answer = attack_image(run, row, strength, method=method, target=target)
        if method == "pgd":
            assert answer.success == (strength >= known.found)
        elif answer.success:
            assert strength >= known.path


def test_a_drawing_has_one_smallest_epsilon_too(run: Run) -> None:
    drawing = OwnImage(np.eye(8, dtype=np.float32))
    known = bracket(run, drawing)
    search_bounds.cache_clear()
    assert bracket(run, drawing) == known
    for epsilon in (
        known.found,
        float(np.nextafter(np.float32(known.found), np.float32(0))),
        0.01,
        0.5,
    ):
        answer = attack_image(run, drawing, epsilon, method="pgd")
        assert answer.success == (epsilon >= known.found)


def test_what_pgd_stumbles_on_below_the_smallest_epsilon_does_not_count(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search is made to find less: the single answer must follow the table."""
    known = whole(run)
    row = int(np.flatnonzero(np.isfinite(known.found) & (known.found > 0))[0])
    epsilon = 1.2 * float(known.found[row])

    def weaker(batch: object) -> EpsilonBounds:
        bounds = search_bounds(batch)[0]  # type: ignore[arg-type]
        return EpsilonBounds(
            bounds.certified, 2 * bounds.found, bounds.found_by, bounds.fgsm, bounds.deepfool
        )

    assert attack_image(run, row, epsilon, method="pgd").success
    monkeypatch.setattr("mnistop.engine.analysis.attack_set.bounds_of", weaker)
    assert not attack_image(run, row, epsilon, method="pgd").success


def test_what_was_kept_by_an_older_program_is_measured_anew(run: Run) -> None:
    known = whole(run)
    file = run.path / "robustness" / "12.npz"
    stored = dict(np.load(file))
    for name in ("found_by", "deepfool"):
        del stored[name]
    stored["found"] = stored["found"] * 2
    np.savez(file, **stored)
    assert np.array_equal(whole(run).found, known.found)
