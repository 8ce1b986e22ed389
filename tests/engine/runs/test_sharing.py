"""Sharing a run: which modes are changed, which are not, and that what comes later follows."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.analysis.robustness import robustness
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.runs import run_folder, sweep_folder
from mnistop.engine.runs.index import FILE, list_all
from mnistop.engine.runs.lookup import find_run, find_run_or_sweep, quoted, typed
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sharing import copy_to, is_shared, share, unshare
from mnistop.engine.runs.sweep_folder import Plan, Sweep
from tests.helpers.small_runs import digits_config
from tests.helpers.waiting import wait_until


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A closed home folder, and in it a closed runs folder."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MNISTOP_RUNS", str(home / "runs"))
    return home


def run_in(home: Path, files: tuple[str, ...] = ("best.pt",)) -> Run:
    run, lock = run_folder.create(RunConfig(), home / "runs")
    lock.close()
    for name in files:
        (run.path / name).touch(mode=0o600)
    return run


def sweep_in(home: Path, members: int) -> Sweep:
    sweep, lock = sweep_folder.create(Plan((RunConfig(),) * 9), home / "runs")
    lock.close()
    for number in range(1, members + 1):
        run_folder.create(RunConfig(), home / "runs", sweep.member(number).path.name)[1].close()
    return sweep


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(path: Path) -> set[int]:
    return {mode(found) for found in path.iterdir()}


def test_the_run_is_opened_and_the_runs_folder_to_pass_and_nothing_above(home: Path) -> None:
    run, other = run_in(home), run_in(home)
    shared = share(run)
    assert mode(run.path) == 0o755
    assert modes(run.path) == {0o644}
    assert mode(home / "runs") == 0o711
    assert mode(home) == 0o700
    assert home in shared.closed
    assert shared.path == run.path.resolve()
    assert mode(other.path) == 0o700
    assert modes(other.path) == {0o600}
    assert is_shared(run)


def test_with_the_last_shared_run_the_runs_folder_is_closed_again(home: Path) -> None:
    first, second = run_in(home), run_in(home)
    share(first)
    share(second)
    assert unshare(first)
    assert (mode(first.path), mode(home / "runs")) == (0o700, 0o711)
    assert unshare(second)
    assert (mode(second.path), mode(home / "runs")) == (0o700, 0o700)
    assert modes(first.path) == modes(second.path) == {0o600}
    assert not unshare(second)


def test_a_runs_folder_that_was_open_before_stays_open(home: Path) -> None:
    run = run_in(home)
    (home / "runs").chmod(0o755)
    share(run)
    unshare(run)
    assert mode(home / "runs") == 0o755


def test_the_home_folder_is_not_opened_even_where_it_holds_the_runs(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_in(home)
    monkeypatch.setenv("HOME", str(home / "runs"))
    assert home / "runs" in share(run).closed
    assert mode(home / "runs") == 0o700


def test_the_folder_of_a_run_that_is_elsewhere_is_not_opened(home: Path) -> None:
    run = run_in(home)
    (home / "papers").mkdir(mode=0o700)
    moved = Run(run.path.rename(home / "papers" / run.name))
    assert home / "papers" in share(moved).closed
    assert mode(home / "papers") == 0o700
    assert mode(moved.path) == 0o755


def test_what_the_runs_folder_alone_has_kept_closed_is_not_opened_with_it(home: Path) -> None:
    run = run_in(home)
    for make in (Path.touch, Path.mkdir):
        beside = home / "runs" / "notes"
        make(beside)
        beside.chmod(0o755)
        with pytest.raises(RunError, match="would open notes too"):
            share(run)
        assert (mode(home / "runs"), mode(run.path)) == (0o700, 0o700)
        beside.unlink() if beside.is_file() else beside.rmdir()
    share(run)


def test_an_index_that_was_left_open_is_closed_before_the_runs_folder_is_opened(
    home: Path,
) -> None:
    run = run_in(home)
    list_all()
    (home / "runs" / FILE).touch()
    (home / "runs" / FILE).chmod(0o644)
    share(run)
    assert mode(home / "runs") == 0o711
    assert mode(home / "runs" / FILE) == 0o600


def test_what_is_no_file_of_a_run_stays_private(home: Path) -> None:
    run = run_in(home)
    outside = home / "outside"
    outside.touch(mode=0o600)
    (run.path / "diary").touch()
    (run.path / "diary").chmod(0o644)
    (run.path / "best.pt").unlink()
    (run.path / "best.pt").symlink_to(outside)
    assert share(run).left_out == ("diary",)
    assert mode(run.path / "diary") == 0o600
    assert mode(outside) == 0o600


@pytest.mark.fast
@pytest.mark.process
async def test_all_that_a_run_writes_is_shared_and_what_it_writes_later(
    home: Path, tmp_path: Path
) -> None:
    run = worker.launch(digits_config())
    wait_until(lambda: not run.is_running())
    share(run)
    assert robustness(run, seconds=100).is_complete
    assert mode(run.path / "robustness") == 0o755
    assert modes(run.path / "robustness") == {0o644}
    assert share(run).left_out == ()
    assert modes(run.path) == {0o644, 0o755}
    copy = Run(copy_to(run, tmp_path / "copies").path)
    assert modes(copy.path) == {0o644, 0o755}
    assert {path.name for path in copy.path.iterdir()} == {path.name for path in run.path.iterdir()}
    unshare(run)
    assert modes(run.path) == {0o600, 0o700}


def test_a_member_that_is_begun_later_is_as_open_as_its_sweep(home: Path) -> None:
    sweep = sweep_in(home, members=2)
    share(sweep)
    assert [mode(run.path) for run in sweep.members()] == [0o755, 0o755]
    run_folder.create(RunConfig(), home / "runs", sweep.member(3).path.name)[1].close()
    assert mode(sweep.member(3).path) == 0o755
    assert modes(sweep.member(3).path) == {0o644}
    unshare(sweep)
    run_folder.create(RunConfig(), home / "runs", sweep.member(4).path.name)[1].close()
    assert [mode(run.path) for run in sweep.members()] == [0o700] * 4
    assert mode(home / "runs") == 0o700


# What is typed


@pytest.mark.parametrize(
    "form", ["{path}", "{path}/", "{path}//", "./{name}", "{name}", "~/{name}"]
)
def test_a_run_is_found_by_its_path(
    form: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_in(home)
    elsewhere = Run(run.path.rename(home / run.name))
    monkeypatch.chdir(home)
    reference = form.format(path=elsewhere.path, name=elsewhere.name)
    assert find_run(reference) == find_run_or_sweep(reference) == elsewhere
    assert typed(elsewhere) == str(elsewhere.path)
    monkeypatch.chdir(elsewhere.path)
    assert find_run(".") == elsewhere


def test_a_path_into_the_runs_folder_is_the_run_that_is_listed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, sweep = run_in(home), sweep_in(home, members=1)
    (home / "link").symlink_to(home / "runs")
    assert find_run(f"{home}/link/{run.name}/") in run_folder.list_runs()
    assert typed(find_run(str(run.path))) == run.name
    assert find_run_or_sweep(str(sweep.path)) == sweep
    with pytest.raises(RunError, match="is a sweep of 1 runs: name one of them"):
        find_run(str(sweep.path))


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("{home}/nowhere", "There is no run at .*nowhere: no such folder"),
        ("{home}/runs", "is no run: it has no config.json. If it holds runs, set MNISTOP_RUNS"),
        ("{home}/file", "is a file: name the folder of a run"),
        ("{home}/file/further", "There is no run at .*no such folder"),
        ("{home}/" + "x" * 300, "cannot be read: File name too long"),
        ("{home}/a\nb", r"There is no run at .*a\?b: no such folder"),
        ("{home}/\0", "cannot be read"),
    ],
)
def test_a_path_that_leads_to_no_run_is_told(reference: str, sentence: str, home: Path) -> None:
    run_in(home)
    (home / "file").touch()
    with pytest.raises(RunError, match=sentence):
        find_run_or_sweep(reference.format(home=home))


@pytest.mark.process
@pytest.mark.parametrize("name", ["a b", "it's", "new\nline", "\x1b[31m", os.fsdecode(b"\xff'\\")])
def test_a_path_is_printed_on_one_line_as_bash_takes_it(
    name: str, tmp_path: Path, bash: Callable[[str], bytes]
) -> None:
    line = quoted(tmp_path / name)
    assert line.isprintable()
    assert bash(f"printf %s {line}") == os.fsencode(tmp_path / name)


@pytest.fixture
def bash() -> Callable[[str], bytes]:
    import shutil
    import subprocess

    if not shutil.which("bash"):
        pytest.skip("needs bash")
    return lambda line: subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout
