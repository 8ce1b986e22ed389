import json
import subprocess
import sys
from pathlib import Path

import pytest

from mnistop.engine.config import HYPERPARAMETERS, NAMES, PRESETS, RunConfig
from mnistop.tui.cli.entry import COMMANDS
from mnistop.tui.cli.options import given_settings
from tests.helpers import made_up


def test_help_explains_every_hyperparameter(call):
    answer = call("train", "--help")
    text = " ".join(answer.out.split())
    assert answer.code == 0
    for name in NAMES:
        assert f"--{name.replace('_', '-')} " in text
        assert HYPERPARAMETERS[name].explanation.split()[0] in text
        assert all(choice in text for choice in HYPERPARAMETERS[name].choices)


def test_help_lists_the_commands_and_gives_examples(call):
    answer = call("--help")
    assert answer.code == 0
    for word in COMMANDS:
        assert f"  {word}" in answer.out
    assert "mnistop --run last" in answer.out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_in_eighty_columns(call, command):
    answer = call(command, "--help")
    assert answer.code == 0
    assert max(map(len, answer.out.splitlines())) <= 80


@pytest.mark.process
def test_help_and_runs_load_nothing_heavy(tmp_path: Path):
    program = (
        "import sys; from mnistop.tui.cli.entry import exit_code_of; "
        "code = exit_code_of(sys.argv[1:]); "
        "heavy = {'torch', 'sklearn', 'textual', 'rich', 'scipy', 'numpy'} & set(sys.modules); "
        "print(*sorted(heavy), file=sys.stderr); sys.exit(code)"
    )
    for words in (["--help"], ["runs"], ["train", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            env={"MNISTOP_RUNS": str(tmp_path), "PATH": ""},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0
        assert done.stderr.strip() == ""


STANDARD = sys.stdlib_module_names


@pytest.mark.process
def test_training_processes_import_nothing_with_the_command():
    program = "import sys; before = set(sys.modules); import mnistop.__main__; "
    program += "print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    loaded = {name for name in done.stdout.split() if name.partition(".")[0] not in STANDARD}
    assert loaded == {"mnistop", "mnistop.__main__"}
    assert "asyncio" not in done.stdout.split()


@pytest.mark.parametrize(
    ("words", "needless"),
    [
        (["--help"], {"mnistop.engine.runs", "numpy", "tempfile", "rich", "platformdirs"}),
        (["show", "last"], {"mnistop.engine.data.sources", "http.client", "textual", "torch"}),
        (["runs"], {"numpy", "textual", "torch"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
@pytest.mark.process
def test_a_quick_command_loads_nothing_that_it_does_not_need(
    words, needless, tmp_path, monkeypatch
):
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path))
    made_up.write_run(tmp_path, [*made_up.story(3), made_up.finished(3)])
    command = [sys.executable, "-X", "importtime", "-m", "mnistop", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "mnistop.tui.cli.entry" in loaded, done.stderr
    assert not done.returncode, done.stderr
    assert not needless & loaded


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--lr", "0"], ["--lr", "above 0", "'0'"]),
        (["--lr", "abc"], ["--lr", "a number", "'abc'"]),
        (["--epochs", "1.5"], ["--epochs", "whole number", "'1.5'"]),
        (["--hidden", "12 x"], ["--hidden", "or none", "'12 x'"]),
        (["--samples", "1"], ["--samples", "or all", "'1'"]),
        (["--activation", "softmax"], ["--activation", "relu, tanh", "'softmax'"]),
        (["--val-fraction", "1"], ["--val-fraction", "below 1"]),
        (["--lrr", "1"], ["--lrr", "--lr"]),
        (["--preset", "quick"], ["--preset", "notebook", "quick"]),
        (["--config", "/no/such.json"], ["/no/such.json", "cannot be read"]),
        (["--lr"], ["--lr", "requires an argument"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
@pytest.mark.parametrize("command", [[], ["train"]], ids=["app", "train"])
def test_a_bad_flag_is_told_with_its_remedy(call, command, words, parts):
    answer = call(*command, *words)
    assert answer.code == 2
    assert answer.out == ""
    assert all(part in answer.err for part in parts)
    assert "Traceback" not in answer.err


def test_values_with_a_space_want_quotes(call):
    answer = call("train", "--hidden", "256", "128")
    assert answer.code == 2
    assert '--hidden "256 128"' in answer.err


def test_each_wrong_value_gets_its_own_line(call):
    answer = call("train", "--lr", "0", "--epochs", "0", "--seed", "-1")
    told = [line for line in answer.err.splitlines() if line.startswith("mnistop: --")]
    assert len(told) == 3


def test_a_mistyped_command_gets_a_suggestion(call):
    answer = call("trian")
    assert answer.code == 2
    assert "did you mean train?" in answer.err


def test_flags_before_a_command_are_not_lost_in_silence(call):
    answer = call("--lr", "0.5", "train")
    assert answer.code == 2
    assert "mnistop train --lr" in answer.err


def test_without_a_terminal_the_app_says_how_to_train(call):
    answer = call("--lr", "0.5")
    assert answer.code == 2
    assert "mnistop train" in answer.err


def test_the_version_names_what_decides_the_numbers(call):
    answer = call("--version")
    assert answer.code == 0
    assert answer.out.startswith("mnistop ")
    assert "PyTorch 2." in answer.out


def test_flags_win_over_the_file_and_the_file_over_the_preset(tmp_path: Path):
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"lr": 0.02, "hidden": [32, 16]}))
    config, given = given_settings("adam", str(file), {"lr": "0.03", "epochs": None})
    assert (config.optimizer, config.lr, config.hidden) == ("adam", 0.03, (32, 16))
    assert given == {"optimizer", "lr", "hidden"}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_given(name: str):
    config, _ = given_settings("-".join(name.lower().split()), None, {})
    assert config == RunConfig(**PRESETS[name])


def test_the_configuration_of_a_run_can_be_given(tmp_path: Path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"format": 1, "config": {"lr": 0.7}}))
    config, _ = given_settings(None, str(file), {})
    assert config.lr == 0.7


@pytest.mark.parametrize("content", ["", "[1]", "{", '"lr"', "null", "\xff"])
def test_a_file_that_holds_no_hyperparameters_is_told(call, tmp_path: Path, content: str):
    file = tmp_path / "bad.json"
    file.write_text(content, "latin-1")
    answer = call("train", "--config", str(file))
    assert answer.code == 2
    assert str(file) in answer.err


def test_an_unknown_name_in_the_file_gets_a_suggestion(call, tmp_path: Path):
    file = tmp_path / "bad.json"
    file.write_text('{"learning_rate": 1, "epoch": 3}')
    answer = call("train", "--config", str(file))
    assert answer.code == 2
    assert f"{file}: There is no hyperparameter epoch; did you mean epochs?" in answer.err


def test_a_fault_of_the_program_is_one_line(call, monkeypatch: pytest.MonkeyPatch):
    def fail() -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("mnistop.tui.cli.runs.list_all", fail)
    answer = call("runs")
    assert answer.code == 1
    assert "fault of the program, ZeroDivisionError: oh" in answer.err
    assert "Traceback" not in answer.err
    monkeypatch.setenv("MNISTOP_DEBUG", "1")
    assert "Traceback" in call("runs").err
