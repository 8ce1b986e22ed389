"""The folder of a sweep among those of runs: found, listed, deleted, and never taken for a run."""

from pathlib import Path

import pytest

from mnistop.engine.errors import RunError
from mnistop.engine.runs import run_folder, sweep_folder
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.lookup import find_run, find_run_or_sweep
from mnistop.engine.runs.run_folder import Run, list_runs
from mnistop.engine.runs.sweep_folder import Plan, Sweep, list_sweeps
from tests.helpers.small_runs import digits_config

OTTER, WREN = "20990101-000000-calm-otter", "20990102-000000-calm-wren"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep with three members planned and two begun, and a run."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("MNISTOP_RUNS", str(folder))
    configs = tuple(digits_config(seed=seed) for seed in range(3))
    sweep, held = sweep_folder.create(Plan(configs=configs, title="seeds"), folder)
    held.close()
    sweep.path.rename(folder / OTTER)
    for number in (1, 2):
        a_run(folder, f"{OTTER}.{number:02}")
    a_run(folder, WREN)
    return folder


def a_run(folder: Path, name: str) -> None:
    _, held = run_folder.create(digits_config(), folder, name)
    held.close()


def test_a_sweep_is_listed_as_a_sweep_and_its_members_as_runs(folder: Path) -> None:
    assert [sweep.name for sweep in list_sweeps()] == [OTTER]
    names = [WREN, f"{OTTER}.02", f"{OTTER}.01"]
    assert [run.name for run in list_runs()] == names
    index = list_all()
    assert [row.run.name for row in index.runs] == names
    assert index.problems == {}
    assert [row.as_json()["sweep"] for row in index.runs] == [None, OTTER, OTTER]
    sweep = Sweep(folder / OTTER)
    assert (sweep.title, len(sweep.plan().configs), sweep.state()) == ("seeds", 3, "interrupted")
    assert [run.name for run in sweep.members()] == [f"{OTTER}.01", f"{OTTER}.02"]
    assert not sweep.member(3).is_there()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (OTTER, OTTER),
        ("calm-otter", OTTER),
        ("20990101", OTTER),
        ("Seeds", OTTER),
        (f"{OTTER}.02", f"{OTTER}.02"),
        ("calm-otter.02", f"{OTTER}.02"),
        ("calm-wren", WREN),
        ("20990102", WREN),
        ("last", WREN),
    ],
)
def test_a_name_its_beginning_and_its_words_find_a_sweep_or_a_run(
    folder: Path, typed: str, found: str
) -> None:
    one = find_run_or_sweep(typed)
    assert one.name == found
    assert isinstance(one, Sweep if found == OTTER else Run)


def test_what_fits_both_or_none_is_told(folder: Path) -> None:
    with pytest.raises(RunError, match=rf"fits 2 runs and sweeps \({OTTER}, {WREN}\)"):
        find_run_or_sweep("2099")
    for nothing in ("nothing", "", "otter"):
        with pytest.raises(RunError, match="There is no run"):
            find_run_or_sweep(nothing)
    with pytest.raises(RunError, match=rf"is a sweep of 2 runs: name one .* {OTTER}\.02"):
        find_run("calm-otter")


def test_a_sweep_is_deleted_with_its_members_and_nothing_else(folder: Path) -> None:
    a_run(folder, f"{OTTER}-too.01")
    a_run(folder, f"{OTTER}1.01")
    sweep = Sweep(folder / OTTER)
    with (
        sweep.member(2).take_lock(),
        pytest.raises(RunError, match="is being trained: stop it"),
    ):
        sweep.delete()
    with sweep.take_lock(), pytest.raises(RunError, match="is being trained: stop it first"):
        sweep.delete()
    assert len(sweep.members()) == 2
    sweep.delete()
    left = {path.name for path in folder.iterdir()} - {".index.json"}
    assert left == {WREN, f"{OTTER}-too.01", f"{OTTER}1.01"}


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": 1}', '{"format": 9, "plan": {"configs": [{}]}}']
)
def test_a_damaged_plan_is_told_and_hides_nothing(folder: Path, content: str) -> None:
    (folder / OTTER / "sweep.json").write_text(content)
    (folder / OTTER / "events.jsonl").write_bytes(b'\xff{"event": "Sweep\n{}\n')
    sweep = Sweep(folder / OTTER)
    with pytest.raises(RunError, match=r"damaged|format 9"):
        sweep.plan()
    assert sweep.state() == "interrupted"
    assert len(list_all().runs) == 3
    sweep.delete()
    assert list_sweeps() == []


def test_a_member_half_made_by_a_killed_process_is_made_anew(folder: Path) -> None:
    member = Sweep(folder / OTTER).member(3)
    member.path.mkdir()
    (member.path / "lock").write_text("1234567")
    a_run(folder, member.name)
    assert member.is_there()
    with pytest.raises(RunError, match="File exists"):
        a_run(folder, member.name)
    assert member.is_there()
