"""`mnistop sweep`, and the other commands on a sweep."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.runs.sweep_folder import list_sweeps
from tests.helpers import made_up_sweeps
from tests.helpers.command_line import Answer, Place
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.fast]


Call = Callable[..., Answer]
TINY = ("--source", "digits", "--samples", "300", "--epochs", "6", "--hidden", "16")
LONG = ("--source", "digits", "--epochs", "1000000")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, list[str]]:
    """A finished sweep of two rates with two seeds, and the lines that it printed as JSON."""
    place = Place(tmp_path_factory.mktemp("swept") / "runs")
    done = place.run("sweep", "--lr", "0.0001,0.3", "--seeds", "2", *TINY, "--json")
    assert done.returncode == 0, done.stderr
    return place, done.stdout.splitlines()


@pytest.mark.slow
def test_each_run_that_ends_is_a_line_of_json_and_the_last_is_the_sweep(
    swept: tuple[Place, list[str]],
) -> None:
    *runs, last = [json.loads(line) for line in swept[1]]
    assert sorted((run["config"]["lr"], run["config"]["seed"]) for run in runs) == [
        (0.0001, 0),
        (0.0001, 1),
        (0.3, 0),
        (0.3, 1),
    ]
    assert {run["state"] for run in runs} == {"finished"}
    assert (last["state"], last["runs"], last["done"], last["title"]) == ("finished", 4, 4, "lr")
    assert [group["settings"] for group in last["groups"]] == [{"lr": 0.0001}, {"lr": 0.3}]
    assert [group["learning_rate"] for group in last["groups"]] == ["too low", "right"]
    low, right = (group["best_val_acc"] for group in last["groups"])
    assert low["mean"] + 0.3 < right["mean"]
    assert right["runs"] == 2
    assert right["interval"][0] < right["mean"] < right["interval"][1]
    assert "Best: learning rate 0.3" in last["conclusion"]
    assert "on unseen images at its best epoch" in last["conclusion"]
    tested = last["groups"][1]["test_acc"]
    assert (tested["runs"], last["groups"][1]["test_images"]) == (2, 1497)
    assert tested["interval"][1] - tested["interval"][0] < 0.06
    one = last["groups"][1]["runs"][0]
    assert one["test_interval"][0] < one["test_acc"] < one["test_interval"][1]


@pytest.mark.slow
def test_its_members_are_listed_by_the_name_of_the_sweep(
    swept: tuple[Place, list[str]], call: Call
) -> None:
    place, lines = swept
    name = json.loads(lines[-1])["sweep"]
    words = name.split("-", 2)[-1]
    answer = call("runs", f"sweep:{words}", "--json", runs=place.folder)
    listed = {run["name"] for run in json.loads(answer.out)}
    assert listed == {f"{name}.{number:02}" for number in range(1, 5)}
    assert "None of the 4 runs matches" in call("runs", "sweep:nothing", runs=place.folder).out


@pytest.mark.slow
def test_show_lays_its_rows_side_by_side(swept: tuple[Place, list[str]], call: Call) -> None:
    place, lines = swept
    name = json.loads(lines[-1])["sweep"]
    answer = call("show", name.split("-", 2)[-1], runs=place.folder)
    assert f"sweep {name} (lr): finished, 4 of 4 runs done" in answer.out
    [head] = [line for line in answer.out.splitlines() if "val acc at best" in line]
    assert re.split("  +", head.strip()) == [
        *("lr", "runs", "test acc at best", "val acc at best", "best epoch"),
        *("val loss at best", "rate was"),
    ]
    low = next(line for line in answer.out.splitlines() if line.strip().startswith("0.0001"))
    assert re.search(r"0.0001 +2/2 +\d+\.\d% ± \d+\.\d .* too low$", low)
    said = " ".join(answer.out.split())
    assert "as in the notebook, but source digits, samples 300, epochs 6" in said
    assert "± is the standard deviation over the seeds." in said
    assert "Best: learning rate 0.3" in said
    assert "on images that no run has seen" in said
    shown = json.loads(call("show", name, "--json", runs=place.folder).out)
    assert shown == json.loads(lines[-1])
    ascii_only = call("show", name, "--ascii", runs=place.folder).out
    assert ascii_only.isascii()
    assert "+-" in ascii_only


def test_a_report_of_a_sweep_compares_its_runs(swept: tuple[Place, list[str]], call: Call) -> None:
    place, lines = swept
    name = json.loads(lines[-1])["sweep"]
    told = call("report", name, runs=place.folder).out
    assert (
        told
        == call("report", *(f"{name}.{number:02}" for number in range(1, 5)), runs=place.folder).out
    )
    assert f"{name}.03" in told


def test_following_a_finished_sweep_tells_all_of_it(
    swept: tuple[Place, list[str]], call: Call
) -> None:
    place, lines = swept
    name = json.loads(lines[-1])["sweep"]
    answer = call("follow", name, runs=place.folder)
    assert answer.code == 0
    assert f"sweep {name}: 4 runs" in answer.out
    for number, words in enumerate(("lr 0.0001, seed 0", "lr 0.3, seed 0"), 1):
        assert f"{number}/4  {words}" in answer.out


@pytest.mark.slow
def test_accuracy_under_attack_is_compared_where_that_is_the_question(call: Call) -> None:
    answer = call("sweep", "--adversarial-epsilon", "0,0.2", "--attack", "0.2", *TINY)
    assert answer.code == 0, answer.err
    [head] = [line for line in answer.out.splitlines() if "val acc at best" in line]
    assert "at ε 0.2" in head
    assert (
        "attacked with the smallest perturbation that PGD, FGSM, DeepFool or FAB finds"
        in " ".join(answer.out.split())
    )
    rows = re.findall(r"^ *0(?:\.2)? .*$", answer.out, re.M)
    plain, robust = (float(re.findall(r"([\d.]+)%", row)[-1]) for row in rows)
    assert plain < robust


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Nothing varies: give several values, as in --lr 0.01,0.1,1, or --seeds"),
        (("--lr", "0.1"), "Nothing varies"),
        (("--lr", "0.1,x"), "--lr: Learning rate must be a number above 0 and at most 1,000"),
        (("--hidden", "256,128"), 'write "256; 128" for 2, or "256 128" for one.'),
        (("--seed", "0..999:1000", "--lr", "0.1,1"), "That makes 2,000 runs, and a sweep has"),
        (("--seed", "1,2", "--seeds", "2"), "Seeds are given twice, as 2 and as 1,2"),
        (("--preset", "shift"), "'shift' is not one of 'learning-rates', 'more-data'"),
        (("--preset", "shifts", "--epochs", "0"), "--epochs: Epochs must be a whole number"),
        (("--lr", "0.1,1", "--jobs", "0"), "0 is not in the range x>=1"),
        (("--lr", "0.1,1", "--random", "0"), "0 is not in the range x>=1"),
        (("--lr", "0.1", "1"), "Unexpected argument 1"),
        (("--lr", "0.1,1", "--source", "/no/such"), "/no/such"),
    ],
)
def test_what_cannot_be_swept_is_said_in_a_sentence(
    call: Call, words: tuple[str, ...], said: str
) -> None:
    answer = call("sweep", *words)
    assert answer.code == 2
    assert said in " ".join(answer.err.split())
    assert answer.out == ""


def test_help_tells_how_to_write_values(call: Call) -> None:
    said = call("sweep", "--help").out
    for words in ("--lr 0.001..1:7", '--hidden "128; 256 128; none"', "learning-rates", "--seeds"):
        assert words in said


@pytest.mark.slow
def test_a_sweep_is_left_stopped_resumed_and_deleted(call: Call) -> None:
    answer = call("sweep", "--lr", "0.01,0.1,1", "--jobs", "1", *LONG, "--detach")
    [sweep] = list_sweeps()
    assert (answer.code, answer.out.strip()) == (0, sweep.name)
    assert f"mnistop follow {sweep.name} shows them" in " ".join(answer.err.split())
    wait_until(lambda: any((run.path / "best.pt").exists() for run in sweep.members()))
    stopped = call("stop", sweep.words)
    assert f"sweep {sweep.name} stopped and saved, 0 of 3 runs done" in stopped.out
    assert f"mnistop resume {sweep.name}" in stopped.out
    assert call("resume", sweep.words, "--detach").out.strip() == sweep.name
    wait_until(lambda: any(run.is_running() for run in sweep.members()))
    assert f"Sweep {sweep.name} is training" in call("delete", sweep.name, "--yes").err
    call("stop", sweep.name)
    assert call("delete", sweep.name, "--yes").out.strip() == f"sweep {sweep.name} deleted"
    assert not sweep.path.exists()
    assert sweep.members() == []


def test_what_has_ended_a_sweep_is_told(call: Call, tmp_path: Path) -> None:
    sweep = made_up_sweeps.create(tmp_path, [RunConfig(lr=0.1), RunConfig(lr=1)], dask="tcp://a:1")
    made_up_sweeps.stopped(sweep, "The disk is full.")
    answer = call("show", sweep.words, runs=tmp_path)
    assert "stopped, 0 of 2 runs done" in answer.out
    assert "the sweep stopped: The disk is full." in answer.err


def test_a_sweep_goes_on_on_a_cluster_only_where_its_address_is_given_again(
    call: Call, tmp_path: Path
) -> None:
    sweep = made_up_sweeps.create(
        tmp_path, [RunConfig(epochs=1, samples=100, seed=seed) for seed in (0, 1)], dask="tcp://a:1"
    )
    made_up_sweeps.stopped(sweep)
    answer = call("resume", sweep.words, runs=tmp_path)
    assert answer.code == 2
    assert "if you trust that address, give it again, --dask tcp://a:1" in answer.err
    answer = call("resume", sweep.words, "--dask", "none", runs=tmp_path)
    assert answer.code == 0, answer.err
    assert "finished, 2 of 2 runs done" in answer.out
    answer = call("resume", "last", "--dask", "tcp://a:1", runs=tmp_path)
    assert answer.code == 2
    assert "--dask is for sweeps" in answer.err


@pytest.mark.slow
@pytest.mark.pty
def test_ctrl_c_stops_and_saves_all_runs_and_tells_how_to_go_on(place: Place) -> None:
    terminal = place.in_terminal("sweep", "--lr", "0.01,0.1,1", *LONG)
    terminal.expect("of 3 runs")
    wait_until(lambda: any(place.folder.glob("*.0?/best.pt")))
    terminal.sendintr()
    last = place.last_words(terminal)
    assert terminal.exitstatus == 130
    [name] = [path.name for path in place.folder.iterdir() if (path / "sweep.json").exists()]
    assert "stopped, 0 of 3 runs done" in last
    assert f"mnistop resume {name}" in last
    assert "Traceback" not in last
