"""The least perturbation that fools a model: every method, the bracket, one's own image."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from mnistop.engine.analysis.fragility import OwnImage, attack_image, bracket
from mnistop.engine.analysis.loading import load_model, validation
from mnistop.engine.analysis.methods import METHODS, Method
from mnistop.engine.attacks import FGSM, MinimalAttack
from mnistop.engine.errors import RunError
from mnistop.engine.runs.run_folder import Run
from tests.helpers.finished_run import finished_run
from tests.helpers.selection import one_in

pytestmark = [pytest.mark.process, pytest.mark.fast]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with finished_run(tmp_path_factory.mktemp("deep"), epochs=12) as run:
        yield run


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run of a model without a hidden layer."""
    with finished_run(tmp_path_factory.mktemp("single"), epochs=12, hidden=()) as run:
        yield run


def right_rows(run: Run) -> list[int]:
    model, _ = load_model(run)
    images, labels, _ = validation(run)
    with torch.no_grad():
        return (model(images).argmax(1) == labels).nonzero()[:, 0].tolist()


def wrong_rows(run: Run) -> list[int]:
    return sorted(set(range(len(run.labels()))) - set(right_rows(run)))


@pytest.mark.slow
@pytest.mark.parametrize("method", one_in(4, METHODS))
def test_what_is_shown_is_what_the_model_says_to_the_pixels_shown(run: Run, method: str) -> None:
    norm = METHODS[method].norm
    model, _ = load_model(run)
    for row in right_rows(run)[:5]:
        for epsilon in (0.0, 0.1, 0.4):
            answer = attack_image(run, row, epsilon, method=method)
            pixels = torch.from_numpy(answer.adversarial).reshape(1, -1)
            with torch.no_grad():
                said = model(pixels).softmax(1)[0].numpy()
            np.testing.assert_allclose(answer.adversarial_probabilities, said, atol=1e-6)
            assert answer.adversarial.min() >= 0
            assert answer.adversarial.max() <= 1
            assert answer.success == (said.argmax() != answer.label)
            size = answer.linf if norm == "linf" else answer.l2
            assert size <= answer.epsilon + 1e-5 or not METHODS[method].seeks


@pytest.mark.parametrize("method", one_in(4, METHODS))
def test_the_smallest_epsilon_of_each_method_fools_with_that_method(run: Run, method: str) -> None:
    for row in right_rows(run)[:5]:
        smallest = bracket(run, row, method=method).smallest[method]
        assert 0 < smallest <= METHODS[method].most
        assert attack_image(run, row, smallest, method=method).success


@pytest.mark.slow
def test_the_bracket_holds_the_truth_between_its_ends(run: Run) -> None:
    for row in right_rows(run)[:12]:
        known = bracket(run, row)
        assert 0 < known.certified <= known.found <= known.path
        assert known.found == min(
            size for name, size in known.smallest.items() if METHODS[name].norm == "linf"
        )
        for method in ("fgsm", "pgd"):
            assert not attack_image(run, row, known.certified * 0.999, method=method).success
        assert attack_image(run, row, known.level / 255).success
        assert not attack_image(run, row, (known.level - 1) / 255).success


def test_an_image_that_comes_back_is_told(run: Run) -> None:
    model, _ = load_model(run)
    images, labels, _ = validation(run)
    for row in right_rows(run)[:30]:
        known = bracket(run, row)
        epsilons = torch.arange(known.level, 256) / 255
        image, label = images[row].expand(len(epsilons), -1), labels[row].expand(len(epsilons))
        assert known.returns == (not FGSM()(model, image, label, epsilons).success.all())


def test_a_single_layer_closes_the_bracket(single: Run) -> None:
    for row in right_rows(single)[:8]:
        known = bracket(single, row)
        assert known.optimal
        assert known.certified == pytest.approx(known.found, rel=1e-3)


def test_an_image_that_is_wrong_needs_nothing(run: Run) -> None:
    row = wrong_rows(run)[0]
    known = bracket(run, row)
    assert (known.certified, known.found) == (0, 0)
    assert attack_image(run, row, 0.0).is_wrong


@pytest.mark.slow
def test_a_target_is_reached_or_that_it_is_not_is_told(run: Run) -> None:
    row = right_rows(run)[0]
    label = attack_image(run, row, 0).label
    for target in range(10):
        answer = attack_image(run, row, 0.9, method="pgd", target=target)
        assert answer.success == (answer.prediction == target)
        known = bracket(run, row, target=target)
        if target != label:
            assert known.found >= bracket(run, row).found
    with pytest.raises(RunError, match="has classes 0 to 9, not 10"):
        attack_image(run, row, 0.1, target=10)


@pytest.mark.slow
def test_a_drawing_is_held_to_be_what_the_model_takes_it_for(run: Run) -> None:
    drawing = OwnImage(np.eye(8, dtype=np.float32))
    answer = attack_image(run, drawing, 0.3)
    assert answer.label == answer.clean_prediction
    assert answer.image.shape == (8, 8)
    assert bracket(run, drawing).certified > 0
    with pytest.raises(RunError, match="images of 64 pixels, not of 784"):
        attack_image(run, OwnImage(np.zeros((28, 28), np.float32)), 0.3)


def test_untrained_weights_can_be_attacked(run: Run) -> None:
    answer = attack_image(run, 0, 0.1, epochs=0)
    assert answer.epochs == 0
    assert bracket(run, 0, epochs=0).epochs == 0


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_a_method_makes_its_attack(method: Method) -> None:
    attack = method.make()
    assert attack.norm == method.norm
    assert isinstance(attack, MinimalAttack) == method.seeks
