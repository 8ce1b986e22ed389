"""Exported files, each opened again by the program that it is for."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch.nn import functional

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.analysis.loading import load_model, validation
from mnistop.engine.errors import MnistopError, RunError
from mnistop.engine.export.event_file import write_event_file
from mnistop.engine.export.model import Trained, to_onnx, to_pytorch
from mnistop.engine.images import to_png
from mnistop.engine.model import MLP
from mnistop.engine.report.facts import Architecture, Facts
from mnistop.engine.runs import checkpoint
from mnistop.engine.runs.history import History
from mnistop.engine.runs.run_folder import Run
from tests.helpers import made_up
from tests.helpers.finished_run import finished_run
from tests.helpers.small_runs import history_of

pytestmark = [pytest.mark.process, pytest.mark.fast]


EPOCHS = 6


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with finished_run(tmp_path_factory.mktemp("exported"), epochs=EPOCHS, schedule="cosine") as run:
        yield run


@pytest.fixture(scope="module")
def history(run: Run) -> History:
    return history_of(run)


def images_of(run: Run) -> torch.Tensor:
    images, _, _ = validation(run)
    return images


def made_of(model: MLP) -> Trained:
    """A model as if it came from a run on the 8 × 8 digits."""
    architecture = Architecture(model.sizes, model.activation, list("0123456789"), (8, 8))
    layers = [(one.weight.detach().numpy(), one.bias.detach().numpy()) for one in model.layers]
    return Trained("20260101-120000-calm-otter", architecture, -1, layers)


# Which weights


@pytest.mark.parametrize("which", ["best", "last", "0", "2"])
def test_the_weights_are_those_of_the_epoch(run: Run, history: History, which: str) -> None:
    """The logits lead to the predictions that the run has recorded for that epoch."""
    trained = Trained.of(run, which)
    assert history.best
    epoch = {"best": history.best.epoch, "last": EPOCHS - 1}.get(which)
    assert trained.epoch == (int(which) if epoch is None else epoch)
    model = MLP(trained.architecture.sizes, trained.architecture.activation)
    for layer, (weights, biases) in zip(model.layers, trained.layers, strict=True):
        layer.weight.data, layer.bias.data = torch.from_numpy(weights), torch.from_numpy(biases)
    recorded = run.predictions_after(trained.epoch + 1)
    assert recorded is not None
    assert np.array_equal(model(images_of(run)).argmax(1).numpy(), recorded)


def test_weights_that_are_not_there_are_told(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no weights of epoch 4: choose best, last or one of 0, 1"):
        Trained.of(run, "4")
    empty = made_up.write_run(tmp_path, [made_up.started()])
    missing = {
        "best": "has not yet saved the weights of a best epoch: wait",
        "last": "no weights yet",
        "0": "no weights",
    }
    for which, told in missing.items():
        with pytest.raises(RunError, match=told):
            Trained.of(empty, which)
    before = made_up.write_run(tmp_path, name="20260101-120001-keen-lark")
    with pytest.raises(RunError, match="has not started training yet"):
        Trained.of(before)
    checkpoint.save(empty.path / "best.pt", MLP((784, 3, 10)).state_dict())
    with pytest.raises(RunError, match="its weights fit no model of this run"):
        Trained.of(empty)


# PyTorch


@pytest.mark.slow
def test_plain_pytorch_loads_the_model_in_an_interpreter_without_mnistop(
    run: Run, tmp_path: Path
) -> None:
    trained = Trained.of(run, "last")
    (tmp_path / "model.pt").write_bytes(to_pytorch(trained))
    images = images_of(run)
    np.save(tmp_path / "images.npy", images.numpy())
    code = f"""
import json, sys
sys.modules |= dict.fromkeys(("mnistop", "mnistop.engine"))
import numpy, torch
images = torch.from_numpy(numpy.load("images.npy"))
{trained.architecture.in_pytorch("model.pt")}
numpy.save("logits.npy", logits.detach().numpy())
again = nn.Sequential(*(getattr(nn, name)(*sizes) for name, sizes in saved["modules"]))
again.load_state_dict(saved["state_dict"])
assert torch.equal(again(images), logits)
del saved["state_dict"], saved["modules"]
print(json.dumps(saved))
"""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "class_names": list("0123456789"),
        "image_shape": [8, 8],
        "run": run.name,
        "epoch": EPOCHS - 1,
    }
    model, _ = load_model(run)
    np.testing.assert_allclose(
        np.load(tmp_path / "logits.npy"), model(images).detach(), rtol=1e-5, atol=1e-5
    )


# ONNX


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (16,), (12, 5)])
def test_onnxruntime_computes_what_pytorch_does(
    run: Run, activation: str, hidden: tuple[int, ...]
) -> None:
    generator = torch.Generator().manual_seed(1)
    model = MLP((64, *hidden, 10), activation, generator=generator).eval()
    content = to_onnx(made_of(model))
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == ["pixels"]
    assert [one.name for one in session.get_outputs()] == ["logits", "probabilities"]
    images = images_of(run)
    for batch in (images, images[:1]):
        logits, probabilities = session.run(None, {"pixels": batch.numpy()})
        with torch.no_grad():
            expected = model(batch)
        np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(
            probabilities, functional.softmax(expected, 1), rtol=1e-5, atol=1e-6
        )


def test_the_onnx_file_of_a_run_says_what_it_is(run: Run) -> None:
    content = to_onnx(Trained.of(run, "last"))
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["run"] == run.name
    assert facts["epoch"] == str(EPOCHS - 1)
    assert json.loads(facts["class_names"]) == list("0123456789")
    assert facts["image_shape"] == "8x8"
    logits, _ = session.run(None, {"pixels": images_of(run).numpy()})
    recorded = run.predictions_after(EPOCHS)
    assert recorded is not None
    assert np.array_equal(logits.argmax(1), recorded)


# TensorBoard


def test_tensorboard_reads_every_value(run: Run, history: History, tmp_path: Path) -> None:
    file = write_event_file(run, tmp_path / "logs")
    assert file.parent == tmp_path / "logs" / run.name
    read = EventAccumulator(str(file.parent))
    read.Reload()
    fields = {
        "loss/train": "train_loss",
        "loss/validation": "val_loss",
        "accuracy/train": "train_acc",
        "accuracy/validation": "val_acc",
        "learning rate": "lr",
    }
    assert set(read.Tags()["scalars"]) == set(fields)
    assert len(history.epochs) == EPOCHS
    for tag, field in fields.items():
        shown = [(one.wall_time, one.step, one.value) for one in read.Scalars(tag)]
        assert shown == [
            (epoch.time, epoch.epoch, np.float32(getattr(epoch, field))) for epoch in history.epochs
        ]
    rates = [one.value for one in read.Scalars("learning rate")]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > rates[-1]

    [text] = read.Tensors("report")
    assert text.step == EPOCHS - 1
    assert "Best epoch" in text.tensor_proto.string_val[0].decode()
    mistakes = Facts.of(run).mistakes()
    assert len(read.Tags()["images"]) == len(mistakes) > 0
    for place, mistake in enumerate(mistakes, start=1):
        [tag] = [one for one in read.Tags()["images"] if one.startswith(f"mistakes/{place}:")]
        taken = int(mistake.probabilities.argmax())
        assert tag.endswith(f"a {mistake.label} taken for {taken}")
        assert read.Images(tag)[0].encoded_image_string == to_png(mistake.image)


def test_tensorboard_knows_the_hyperparameters(run: Run, tmp_path: Path) -> None:
    read = EventAccumulator(str(write_event_file(run, tmp_path).parent))
    read.Reload()
    content = read.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    begun = HParamsPluginData.FromString(content).session_start_info
    values = {name: one.WhichOneof("kind") for name, one in begun.hparams.items()}
    assert set(values) == set(dict(run.config()))
    assert begun.hparams["lr"].number_value == run.config().lr
    assert begun.hparams["hidden"].string_value == "16"
    assert begun.group_name == run.name


def test_an_event_file_is_written_anew_only_if_it_may_be(run: Run, tmp_path: Path) -> None:
    file = write_event_file(run, tmp_path)
    with pytest.raises(MnistopError, match=f"{run.name} is not empty: .* --force"):
        write_event_file(run, tmp_path)
    assert write_event_file(run, tmp_path, replace=True) == file
    assert list(file.parent.iterdir()) == [file]
    (tmp_path / "file").touch()
    with pytest.raises(MnistopError, match=r"There is no folder .*file"):
        write_event_file(run, tmp_path / "file")
    before = made_up.write_run(tmp_path, name="20260101-120001-keen-lark")
    with pytest.raises(RunError, match="has not started training yet"):
        write_event_file(before, tmp_path / "logs")
    assert not (tmp_path / "logs").exists()


# Without the packages


def hide(package: str, patch: pytest.MonkeyPatch) -> None:
    """Make a package impossible to import."""
    for name in [one for one in sys.modules if one.partition(".")[0] == package]:
        patch.delitem(sys.modules, name)
    patch.setitem(sys.modules, package, None)


def test_a_package_that_is_missing_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide("onnx", monkeypatch)
    trained = Trained.of(run)
    with pytest.raises(MnistopError, match=r'pip install "mnistop\[onnx\]"'):
        to_onnx(trained)
    hide("tensorboard", monkeypatch)
    with pytest.raises(MnistopError, match=r'pip install "mnistop\[tensorboard\]"'):
        write_event_file(run, tmp_path)
    assert list(tmp_path.iterdir()) == []
