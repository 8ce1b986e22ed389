import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.command_line import Answer, Finished, Place

pytestmark = [pytest.mark.process, pytest.mark.fast]


Call = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.mark.slow
def test_a_report_goes_to_standard_output_as_markdown(call: Call, finished: Finished):
    answer = call("report", "last", runs=finished.place.folder)
    assert answer.code == 0
    assert answer.out.startswith(f"# {finished.name.split('-', 2)[-1]}\n")
    assert "a 95% interval." in answer.out
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("run.html", "<!DOCTYPE html>"),
        ("run.md", "# "),
        (
            "run.csv",
            "run,epoch,train_loss,val_loss,train_acc,val_acc,lr,seconds,dead,time,"
            "test_images,test_acc,test_loss\n",
        ),
        ("run.json", "{"),
    ],
)
def test_the_ending_of_the_file_decides(call: Call, finished: Finished, name: str, start: str):
    answer = call("report", "last", "--output", name, runs=finished.place.folder)
    assert (answer.code, answer.out) == (0, f"Written to {Path.cwd() / name}\n")
    text = Path(name).read_text("utf-8")
    assert text.startswith(start)
    format = {"md": "markdown"}.get(name.removeprefix("run."), name.removeprefix("run."))
    assert call("report", "last", "--format", format, "-o", "-").out == text


def test_json_is_what_show_says(call: Call, finished: Finished):
    shown = call("show", "last", "--json", runs=finished.place.folder).out
    assert call("report", "last", "--format", "json").out == shown


def test_several_runs_are_compared(call: Call, finished: Finished):
    answer = call("report", "last", finished.name, runs=finished.place.folder)
    assert answer.out.startswith("# 2 runs compared")
    assert "Their settings are all the same." in answer.out
    rows = list(csv.DictReader(io.StringIO(call("report", "last", "last", "--format=csv").out)))
    assert [row["epoch"] for row in rows] == [*map(str, range(12))] * 2


def test_no_file_is_overwritten_without_force(call: Call, finished: Finished):
    Path("run.html").write_text("mine")
    refused = call("report", "last", "-o", "run.html", runs=finished.place.folder)
    assert (refused.code, refused.out) == (2, "")
    assert "run.html is there already: choose another name, or replace it with --force" in (
        refused.err
    )
    assert Path("run.html").read_text() == "mine"
    assert call("report", "last", "-o", "run.html", "--force").code == 0
    assert Path("run.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["report", "last", "-o", "run.txt"], "The extension of run.txt names no format"),
        (["report", "last", "-o", "no/run.md"], "There is no folder"),
        (["report", "last", "-o", "/dev/full", "--format", "csv"], "No space left on device"),
        (["report", "last", "last", "--epoch", "0"], "--epoch needs a single run"),
        (["report", "last", "--epoch", "12"], "has epochs 0 to 11, not 12"),
        (["report", "nothing"], "There is no run nothing"),
        (["export", "last"], "Give a file, for example --output model.pt"),
        (["export", "last", "-o", "model.zip"], "use --format, or one of .pt, .pth, .onnx"),
        (["export", "last", "-o", "-"], "give --format"),
        (["export", "last", "-o", "m.pt", "--weights", "first"], "'first' is not best, last or"),
        (["export", "last", "-o", "m.pt", "--weights", "4"], "keeps no weights of epoch 4"),
        (["export", "last", "last", "-o", "m.pt"], "holds one model: name one run"),
        (
            ["export", "last", "-o", "loop.npz", "--format", "script"],
            "images in an .npz file beside",
        ),
        (["export", "last", "-o", "-", "--format", "notebook"], "for example --output loop.ipynb"),
        (["export", "last", "-o", "loop.py", "--weights", "3"], "trains one run from its start"),
        (
            ["export", "last", "-o", "-", "--format", "tensorboard"],
            "a folder: for example --output",
        ),
    ],
)
def test_what_makes_no_sense_is_told(call: Call, finished: Finished, words: list[str], told: str):
    answer = call(*words, runs=finished.place.folder)
    assert (answer.code, answer.out) == (2, "")
    assert told in " ".join(answer.err.split())
    assert list(Path.cwd().iterdir()) == []


def test_models_are_written_with_how_to_use_them(call: Call, finished: Finished):
    answer = call("export", "last", "--output", "m.pt", runs=finished.place.folder)
    assert answer.code == 0, answer.err
    assert f"Written to {Path.cwd() / 'm.pt'}" in answer.out
    assert f"The model of run {finished.name} after epoch " in answer.out
    assert 'saved = torch.load("m.pt", weights_only=True)' in answer.out
    assert Path("m.pt").stat().st_size > 10_000
    answer = call("export", "last", "--output", "m.onnx", "--weights", "3")
    assert "after epoch 3:" in answer.out
    assert "input pixels (batch, 784) in [0, 1], outputs logits and probabilities" in answer.out


def test_the_code_of_a_run_is_written_beside_its_images(call: Call, finished: Finished):
    """Script and notebook share the images, which are the same; another file is not replaced."""
    words = finished.name.split("-", 2)[-1]
    answer = call("export", "last", "--format", "script", runs=finished.place.folder)
    assert answer.code == 0, answer.err
    assert f"Written to {Path.cwd() / words}.py" in answer.out
    assert f"To run: python {words}.py" in answer.out
    assert f'with_name("{words}.npz")' in Path(f"{words}.py").read_text()
    answer = call("export", "last", "--format", "notebook")
    assert f"To open: jupyter lab {words}.ipynb" in answer.out
    assert json.loads(Path(f"{words}.ipynb").read_text())["nbformat"] == 4
    Path("loop.npz").write_bytes(b"mine")
    refused = call("export", "last", "-o", "loop.py")
    assert "loop.npz is there already" in refused.err
    assert Path("loop.npz").read_bytes() == b"mine"
    assert not Path("loop.py").exists()
    assert call("export", "last", "-o", "loop.py", "--force").code == 0


def test_curves_are_written_for_tensorboard(call: Call, finished: Finished):
    answer = call(
        *("export", finished.name, "--format", "tensorboard", "--output", "logs"),
        runs=finished.place.folder,
    )
    assert answer.code == 0, answer.err
    [file] = Path("logs").rglob("*tfevents*")
    assert file.parent.name == finished.name
    assert str(file.absolute()) in answer.out
    assert "To view: tensorboard --logdir logs" in answer.out


@pytest.mark.pty
def test_a_model_is_not_printed_on_a_terminal(finished: Finished):
    terminal = finished.place.in_terminal("export", "last", "--format", "onnx", "-o", "-")
    terminal.expect("A model file is not text")


def test_a_report_needs_no_pytorch_and_a_pipe_gets_utf_8(without_weights: Place):
    code = (
        "import sys; from mnistop.tui.cli.entry import exit_code_of; "
        "exit_code_of(['report', 'last', '--format', 'html']); "
        "print({'torch', 'sklearn', 'textual', 'rich'} & set(sys.modules), file=sys.stderr)"
    )
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=without_weights.environ | plain,
        capture_output=True,
        check=True,
    )
    assert done.stderr == b"set()\n"
    assert "true ↓ predicted →" in done.stdout.decode("utf-8")


def test_a_run_that_has_not_begun_can_be_reported(call: Call, place: Place):
    folder = place.folder / "20990101-000000-calm-otter"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"format": 1, "config": {}}')
    answer = call("report", "last", "--format", "json", runs=place.folder)
    assert json.loads(answer.out)["log"] == []
    assert "0 epochs of 100" in call("report", "last").out


DIVERGING = ("--lr", "1000", "--hidden", "32 32 32", "--activation", "gelu", "--epochs", "3")


def test_a_run_that_diverged_gets_one_piece_of_advice_wherever_it_is_given(call: Call):
    answer = call("train", *DIVERGING)
    assert answer.code == 1
    advice = re.compile(r"Try a lower learning rate, for example ([\d.]*\d)")
    markdown = call("report", "last").out
    told = json.loads(call("report", "last", "--format", "json").out)
    texts = [answer.err, markdown, call("show", "last").out, told["message"]]
    rates = [rate for text in texts for rate in advice.findall(" ".join(text.split()))]
    assert len(advice.findall(markdown)) == 2  # what went wrong, and the coach
    assert len(rates) >= len(texts)
    assert set(rates) == {"0.1"}
    assert advice.findall(told["coach"]["remedy"]) == ["0.1"]
    assert markdown.count("for example") == 2


def test_the_export_of_a_run_that_diverged_says_so_with_the_remedy(call: Call, tmp_path: Path):
    call("train", *DIVERGING)
    answer = call("export", "last", "--output", str(tmp_path / "model.pt"))
    assert answer.code == 2
    assert "diverged in epoch 0" in answer.err
    assert "Try a lower learning rate, for example 0.1" in answer.err
    assert "best.pt" not in answer.err
    assert not (tmp_path / "model.pt").exists()
