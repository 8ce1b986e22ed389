"""Questions to a trained model, answered by the pool process."""

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from mnistop.engine import worker
from mnistop.engine.analysis.fragility import attack_image
from mnistop.engine.attacks import FGSM
from mnistop.engine.errors import MnistopError, RunError
from mnistop.engine.runs import checkpoint, run_folder
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.predictions import load_predictions, worst_mistakes
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.training.state import Labelled
from tests.helpers.finished_run import finished_run
from tests.helpers.small_runs import digits_config, prepared, until

pytestmark = [pytest.mark.process, pytest.mark.fast]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run of 12 epochs."""
    with finished_run(tmp_path_factory.mktemp("finished"), epochs=12, dropout=0.2) as run:
        yield run


@pytest.fixture(autouse=True)
def _no_pool_is_left() -> Iterator[None]:
    yield
    worker.close()


def model_and_images(run: Run) -> tuple[torch.nn.Module, Labelled]:
    training, _, validation = prepared(run.config())
    weights = checkpoint.weights_of(checkpoint.load(run.path / "checkpoint.pt"))
    training.model.load_state_dict(weights)
    return training.model.eval(), validation


async def test_an_attacked_image_is_what_the_attack_makes_of_it(finished: Run) -> None:
    model, validation = model_and_images(finished)
    for row in (0, 17, len(validation) - 1):
        answer = await worker.ask(attack_image, finished, row, 0.125)
        image, label = validation.pixels[row : row + 1], validation.labels[row : row + 1]
        expected = FGSM()(model, image, label, 0.125)
        assert (answer.subject, answer.epsilon, answer.epochs) == (row, 0.125, 12)
        assert answer.label == label.item()
        assert answer.image.shape == answer.adversarial.shape == (8, 8)
        assert np.array_equal(answer.image.ravel(), image[0].numpy())
        np.testing.assert_allclose(answer.adversarial.ravel(), expected.images[0], atol=1e-6)
        with torch.no_grad():
            clean = model(image).softmax(1)[0]
        np.testing.assert_allclose(answer.clean_probabilities, clean, atol=1e-5)
        np.testing.assert_allclose(
            answer.adversarial_probabilities, expected.logits.softmax(1)[0], atol=1e-4
        )


@pytest.mark.parametrize(
    ("asked", "used"), [(0, 0), (1, 1), (5, 4), (7, 6), (8, 8), (11, 8), (12, 12), (99, 12)]
)
async def test_the_past_is_asked_of_the_nearest_weights_before(
    finished: Run, asked: int, used: int
) -> None:
    answer = await worker.ask(attack_image, finished, 3, 0.1, asked)
    assert answer.epochs == used
    recorded = finished.log_probabilities_after(used, 10)
    assert recorded is not None
    np.testing.assert_allclose(answer.clean_probabilities, np.exp(recorded[3]), rtol=0.01)


def test_the_worst_mistakes_are_the_surest_ones(finished: Run) -> None:
    model, validation = model_and_images(finished)
    with torch.no_grad():
        probabilities = model(validation.pixels).softmax(1)
    wrong = [
        (-probabilities[row].max().item(), row)
        for row in range(len(validation))
        if probabilities[row].argmax() != validation.labels[row]
    ]
    expected = [row for _, row in sorted(wrong)]
    assert len(expected) > 3
    epochs = read_events(finished)[-1].epochs
    predictions = load_predictions(finished, epochs, probabilities.shape[1])
    assert predictions is not None
    for most in (3, 1000):
        mistakes = worst_mistakes(finished, predictions, (8, 8), most)
        assert [mistake.row for mistake in mistakes] == expected[:most]
    for mistake in mistakes:
        assert mistake.label == validation.labels[mistake.row]
        assert mistake.probabilities.argmax() != mistake.label
        assert np.array_equal(mistake.image.ravel(), validation.pixels[mistake.row].numpy())
        np.testing.assert_allclose(mistake.probabilities, probabilities[mistake.row], rtol=0.02)


@pytest.mark.slow
async def test_answers_follow_the_newest_weights_while_training_goes_on(
    runs_folder: Path,
) -> None:
    run = await asyncio.to_thread(worker.launch, digits_config(epochs=1_000_000))
    await until(run, lambda history: history.saved)
    first = await worker.ask(attack_image, run, 0, 0.1)
    await until(
        run,
        lambda history: any(
            saved.file == "checkpoint.pt" and saved.epochs > first.epochs for saved in history.saved
        ),
    )
    second = await worker.ask(attack_image, run, 0, 0.1)
    assert second.epochs > first.epochs
    assert not np.array_equal(first.clean_probabilities, second.clean_probabilities)


@pytest.mark.parametrize("row", [-1, 80, 10**9])
async def test_an_image_that_is_not_there_is_told(finished: Run, row: int) -> None:
    with pytest.raises(RunError, match=rf"has validation images 0 to 79, not {row}\."):
        await worker.ask(attack_image, finished, row, 0.1)


async def test_a_run_without_weights_is_told(runs_folder: Path) -> None:
    run, lock = run_folder.create(digits_config(), runs_folder)
    lock.close()
    with pytest.raises(RunError, match="has not started training yet"):
        await worker.ask(attack_image, run, 0, 0.1)
    with pytest.raises(RunError, match="has not started training yet"):
        await worker.ask(attack_image, run, 0, 0.1, 3)


@pytest.mark.parametrize("content", [{"model": {}}, {"model": {"linear_1.weight": 3}}, {"x": 1}])
async def test_weights_that_fit_no_model_are_told(
    runs_folder: Path, content: dict[str, object]
) -> None:
    run, lock = run_folder.create(digits_config(), runs_folder)
    lock.close()
    checkpoint.save(run.path / "checkpoint.pt", content)
    with pytest.raises(RunError, match="is damaged: its weights fit no model"):
        await worker.ask(attack_image, run, 0, 0.1)


async def test_a_run_whose_data_are_gone_keeps_the_images_that_it_was_judged_by(
    runs_folder: Path, finished: Run
) -> None:
    run = Run(runs_folder / finished.name)
    shutil.copytree(finished.path, run.path)
    manifest = json.loads((run.path / "config.json").read_text())
    manifest["config"]["source"] = "/nowhere/images.npz"
    (run.path / "config.json").write_text(json.dumps(manifest))
    here, there = [await worker.ask(attack_image, which, 5, 0.1) for which in (finished, run)]
    assert np.array_equal(here.adversarial, there.adversarial)
    (run.path / "images.f32").unlink()
    with pytest.raises(RunError, match="has kept no validation images"):
        await worker.ask(attack_image, run, 5, 0.1)
    await worker.ask(attack_image, finished, 5, 0.1)


async def test_when_the_answering_process_is_killed_the_next_question_gets_a_new_one(
    finished: Run,
) -> None:
    first = await worker.ask(os.getpid)
    assert first != os.getpid()
    assert await worker.ask(os.getpid) == first
    os.kill(first, signal.SIGKILL)
    second = await worker.ask(os.getpid)
    assert second not in (first, os.getpid())
    assert await worker.ask(attack_image, finished, 0, 0.1)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
async def test_a_question_that_kills_its_process_twice_is_given_up_in_words() -> None:
    with pytest.raises(RunError, match="died twice"):
        await worker.ask(die)
    assert await worker.ask(os.getpid)


async def test_several_questions_at_once_survive_a_killed_process(finished: Run) -> None:
    process = await worker.ask(os.getpid)
    asked = [asyncio.create_task(worker.ask(attack_image, finished, row, 0.1)) for row in range(6)]
    os.kill(process, signal.SIGKILL)
    answers = await asyncio.gather(*asked)
    assert [answer.subject for answer in answers] == list(range(6))


async def test_ctrl_c_does_not_reach_the_answering_process() -> None:
    process = await worker.ask(os.getpid)
    os.kill(process, signal.SIGINT)
    assert await worker.ask(os.getpid) == process


async def test_after_closing_a_question_starts_a_new_process() -> None:
    first = await worker.ask(os.getpid)
    worker.close()
    worker.close()
    assert await worker.ask(os.getpid) != first


async def test_a_wrong_question_is_an_error_of_its_asker(finished: Run) -> None:
    with pytest.raises(ValueError, match="epsilon") as caught:
        await worker.ask(attack_image, finished, 0, 1.5)
    assert not isinstance(caught.value, MnistopError)


async def test_a_question_that_takes_long_keeps_no_other_waiting() -> None:
    soon = await worker.ask(os.getpid)
    slow = asyncio.create_task(worker.ask_at_low_priority(time.sleep, 3600))
    assert await worker.ask(os.getpid) == soon
    assert not slow.done()
    slow.cancel()
    worker.close()
    assert await worker.ask_at_low_priority(os.getpid) != await worker.ask(os.getpid)
    for ask, nicer in ((worker.ask, 1), (worker.ask_at_low_priority, 10)):
        assert await ask(os.nice, 0) == min(os.nice(0) + nicer, 19)
