"""The notebook's own loop with the lines that have mnistop watch it, and all that follows."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import mnistop
from mnistop.engine.analysis import fragility
from mnistop.engine.analysis.loading import load_model, validation
from mnistop.engine.analysis.network import classify, first_layer, walk
from mnistop.engine.errors import RunError
from mnistop.engine.export.model import Trained
from mnistop.engine.recording import endings
from mnistop.engine.recording.mlp import NOT_POSSIBLE
from mnistop.engine.report import of_runs
from mnistop.engine.report.facts import Facts
from mnistop.engine.runs.run_folder import Run, list_runs
from tests.helpers.command_line import Place
from tests.helpers.loops import history_of, the_run
from tests.helpers.small_runs import ROOT
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.slow
"""The script takes its time: the first test waits for it."""

SCRIPT = ROOT / "docs" / "own_loop.py"
EPOCHS = 12


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def script_output(place: Place) -> str:
    """The output of a short run of the script."""
    text = SCRIPT.read_text().replace("max_iter = 100", f"max_iter = {EPOCHS}")
    text = text.replace("model = MLP()", "torch.manual_seed(0)\nmodel = MLP()")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        env=os.environ | {"MNISTOP_RUNS": str(place.folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def run(place: Place, script_output: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("MNISTOP_RUNS", str(place.folder))
    return next(run for run in list_runs() if run.is_recorded())


@pytest.mark.process
def test_the_students_script_has_five_more_lines(script_output: str) -> None:
    lines = SCRIPT.read_text().splitlines()
    more = [line for line in lines if re.match(r" *(import mnistop|run[.= ])", line)]
    assert [line.split("# ")[-1] for line in more] == list("12345")
    assert f"epoch {EPOCHS - 1}" in script_output


def test_the_log_is_the_notebooks(run: Run) -> None:
    history = history_of(run)
    assert history.state(run.is_running()) == "finished"
    assert len(history.epochs) == history.planned == EPOCHS
    first, *_, last = history.epochs
    assert first.train_loss == pytest.approx(2.04, abs=0.15)
    assert first.val_acc == pytest.approx(0.63, abs=0.2)
    assert last.train_loss == pytest.approx(0.21, abs=0.05)
    assert last.val_acc == pytest.approx(0.88, abs=0.05)


def test_the_model_is_kept_and_predicts_what_was_recorded(run: Run) -> None:
    kept = history_of(run).kept
    assert kept
    assert (kept.layers, kept.activation, kept.epochs) == ([784, 128, 10], "relu", EPOCHS)
    model, epochs = load_model(run)
    images, labels, shape = validation(run)
    assert (epochs, shape, len(labels)) == (EPOCHS, (28, 28), 200)
    with torch.no_grad():
        predicted = model(images).argmax(1)
    assert predicted.tolist() == run.predictions()[EPOCHS].tolist()


def test_fgsm_is_what_the_formula_gives(run: Run) -> None:
    content = torch.load(run.path / "checkpoint.pt", weights_only=True)["model"]
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    for number, part in ((1, 0), (2, 2)):
        for name in ("weight", "bias"):
            model[part].get_parameter(name).data = content[f"linear_{number}.{name}"]
    images, labels, _ = validation(run)
    row = 3
    image = images[row : row + 1].clone().requires_grad_()
    functional.cross_entropy(model(image), labels[row : row + 1]).backward()
    assert image.grad is not None
    expected = (image + 0.125 * image.grad.sign()).clamp(0, 1).detach()
    found = fragility.attack_image(run, row, 0.125)
    np.testing.assert_allclose(found.adversarial.ravel(), expected[0], atol=1e-6)


def test_the_smallest_epsilon_lies_between_certificate_and_what_was_found(run: Run) -> None:
    right = np.flatnonzero(run.predictions()[EPOCHS] == run.labels())
    bounds = fragility.bracket(run, int(right[0]))
    assert 0 < bounds.certified <= bounds.found <= bounds.path < 1


def test_weights_way_and_pad(run: Run) -> None:
    model, _ = load_model(run)
    layer = first_layer(run)
    assert layer.sizes == (784, 128, 10)
    np.testing.assert_array_equal(
        layer.weights.reshape(128, 784), model.layers[0].weight.detach().numpy()
    )
    steps = [(step.name, step.shape[-1]) for step in walk(run, 5).steps]
    assert steps == [
        ("input", 784),
        ("linear_1", 128),
        ("relu", 128),
        ("linear_2", 10),
        ("softmax", 10),
    ]
    image = validation(run, 7)[0].reshape(28, 28).numpy()
    expected = run.predictions()[EPOCHS][7]
    assert classify(run, image).probabilities.argmax() == expected


def test_an_earlier_epoch_has_no_weights_and_that_is_said(run: Run) -> None:
    with pytest.raises(RunError, match="keeps its model as it was in the end only, after 12 epo"):
        load_model(run, 3)


def test_mistakes_coach_and_report(run: Run) -> None:
    facts = Facts.of(run)
    assert facts.counts is not None
    assert facts.counts.sum() == 200
    wrong = 200 - int(np.trace(facts.counts))
    assert len(facts.mistakes(200)) == wrong > 0
    assert facts.advice.sentence
    for format in ("markdown", "html", "csv", "json"):
        assert of_runs.report([run], format)
    text = of_runs.report([run], "markdown")
    for words in ("learning rate", "0.1", "784-128-10", "101,770", "mnistop export"):
        assert words in text
    assert "mnistop train" not in text


def test_it_is_exported_as_any_model(run: Run) -> None:
    trained = Trained.of(run, "best")
    assert (trained.epoch, trained.architecture.activation) == (EPOCHS - 1, "relu")
    with pytest.raises(RunError, match="keeps no weights of epoch 3"):
        Trained.of(run, "3")


@pytest.mark.process
def test_it_is_compared_with_the_programs_own_run(place: Place, run: Run) -> None:
    done = place.run("train", "--epochs", str(EPOCHS), "--threads", "1")
    assert done.returncode == 0, done.stderr
    own = next(run for run in list_runs() if not run.is_recorded())
    text = of_runs.report([run, own], "markdown")
    assert "McNemar" in text  # both have the same validation images
    values = json.loads(of_runs.report([run, own], "json"))
    assert values["comparison"]["images"] == 200


@pytest.mark.process
def test_the_commands_answer(place: Place, run: Run) -> None:
    attacked = place.run("attack", run.name, "--index", "3", "--json")
    assert attacked.returncode == 0, attacked.stderr
    found = json.loads(attacked.stdout)
    assert found["certified_epsilon"] <= found["smallest_epsilon"]
    resumed = place.run("resume", run.name)
    assert resumed.returncode != 0
    assert f"mnistop.init(resume='{run.name}')" in resumed.stderr
    shown = place.run("show", run.name)
    assert shown.returncode == 0, shown.stderr
    assert "mnistop train" not in shown.stdout
    assert "mnistop resume" not in shown.stdout


# A model that is not kept


@pytest.fixture
def folder(runs_folder: Path) -> Iterator[Path]:
    """An empty folder for runs of this process, which end with the test."""
    yield runs_folder
    endings._at_exit()


@pytest.fixture
def convolutional(folder: Path) -> Run:
    images, labels = torch.rand(20, 1, 6, 6), torch.arange(20) % 10
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(32, 10))
    recording = mnistop.init(validation=(images, labels))
    recording.log({"loss": 1.0})
    recording.evaluate(model)
    with pytest.warns(mnistop.RecordingWarning, match="Conv2d is no part of an MLP"):
        recording.finish(model=model)
    return the_run()


def test_a_run_without_an_mlp_says_why_to_each_question(convolutional: Run) -> None:
    run = convolutional
    reason = f"keeps no model. Conv2d is no part of an MLP{NOT_POSSIBLE}"
    questions = {
        "attack": lambda: fragility.attack_image(run, 0, 0.125),
        "smallest": lambda: fragility.bracket(run, 0),
        "weights": lambda: first_layer(run),
        "way": lambda: walk(run, 0),
        "pad": lambda: classify(run, np.zeros((6, 6), np.float32)),
        "export": lambda: Trained.of(run),
    }
    for name, question in questions.items():
        with pytest.raises(RunError) as error:
            question()
        assert str(error.value) == f"Run {run.name} {reason}", name
    assert of_runs.report([run], "markdown")


def test_a_run_that_ended_without_its_model_says_how_to_keep_one(folder: Path) -> None:
    recording = mnistop.init(validation=(torch.rand(20, 36), torch.arange(20) % 10))
    recording.log({"loss": 1.0})
    recording.log_predictions(torch.rand(20, 10))
    wait_until(lambda: history_of(the_run()).epochs)
    with pytest.raises(RunError, match="once the loop has called"):
        load_model(the_run())
    recording.finish()
    with pytest.raises(RunError, match="The loop ended without"):
        load_model(the_run())
