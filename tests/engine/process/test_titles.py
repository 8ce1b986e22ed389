"""The names of the program's processes in `ps`."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.process.child import set_title
from mnistop.engine.runs.run_folder import Run
from tests.helpers.processes import process_of
from tests.helpers.pseudo_terminal import terminal
from tests.helpers.small_runs import ENDLESS, ROOT, digits_config, history_of, run_script
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.process


def title_of(process: int) -> str:
    done = subprocess.run(
        ["ps", "-o", "args=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def parent_of(process: int) -> int:
    done = subprocess.run(
        ["ps", "-o", "ppid=", "-p", str(process)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_a_training_process_is_called_by_the_words_of_its_run(runs_folder: Path) -> None:
    run = worker.launch(digits_config(epochs=ENDLESS))
    assert title_of(process_of(run)) == f"mnistop: {run.words}"


async def test_what_answers_questions_and_what_it_is_forked_from_are_helpers(
    runs_folder: Path,
) -> None:
    answering = await worker.ask(os.getpid)
    server = await asyncio.to_thread(parent_of, answering)
    assert title_of(answering) == title_of(server) == "mnistop: helper"


def test_a_sweep_and_its_members_are_told_apart(runs_folder: Path) -> None:
    sweep = worker.launch_sweep([digits_config(epochs=ENDLESS, seed=seed) for seed in (0, 1)])
    wait_until(lambda: any(run.process_id() for run in sweep.members()))
    [member, *_] = [run for run in sweep.members() if run.process_id()]
    assert title_of(process_of_sweep := sweep.process_id() or 0) == f"mnistop: sweep {sweep.words}"
    assert title_of(process_of(member)) == f"mnistop: {member.words}"
    assert member.words.startswith(sweep.words)
    assert title_of(parent_of(process_of(member))) == "mnistop: helper"
    assert parent_of(parent_of(process_of(member))) == process_of_sweep


@pytest.mark.pty
def test_the_app_is_called_by_its_name(tmp_path: Path) -> None:
    with terminal(tmp_path) as shown:
        shown.wait_for("Press r")
        assert title_of(shown.process.pid) == "mnistop"


def test_a_folder_with_a_control_character_in_its_name_forges_no_line(runs_folder: Path) -> None:
    run = worker.launch(digits_config(epochs=ENDLESS))
    wait_until(lambda: history_of(run).epochs)
    worker.stop(run)
    wait_until(lambda: not run.is_running())
    odd = Run(run.path.rename(run.path.with_name(f"{run.name}\x1b[31m\nroot 1 init")))
    worker.resume(odd)
    title = title_of(process_of(odd))
    assert title == f"mnistop: {run.words}?[31m?root 1 init"


def test_where_titles_cannot_be_set_all_else_works(monkeypatch: pytest.MonkeyPatch) -> None:
    before = title_of(os.getpid())
    monkeypatch.setitem(sys.modules, "setproctitle", None)
    set_title("mnistop: quiet-otter")
    assert title_of(os.getpid()) == before


def test_a_command_that_ends_at_once_loads_nothing_for_its_title(runs_folder: Path) -> None:
    for word in ("--help", "runs"):
        code = f"""if True:
            import atexit, sys
            sys.argv = ["mnistop", {word!r}]
            from mnistop.tui.cli.entry import exit_code_of
            exit_code_of([{word!r}])
            print("setproctitle" in sys.modules)
            """
        done = run_script(code, runs_folder, cwd=ROOT)
        out, err = done.communicate()
        assert out.endswith("False\n"), err
