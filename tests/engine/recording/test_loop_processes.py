"""Loops that record, in processes of their own: how they end, and what they survive."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mnistop.engine import events
from mnistop.engine.runs.run_folder import list_runs
from tests.helpers.loops import (
    BEGINNING,
    LOOP,
    begin,
    history_of,
    interrupt,
    logged,
    run,
    state_of,
    the_run,
)
from tests.helpers.processes import linux

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("runs_folder")]

ENDLESS = """
run = mnistop.init(validation=(images, labels))
for step in range(100_000_000):
    run.log({"a": step})
    if step == 2000:
        time.sleep(1.2)
        ready()
    time.sleep(0.0001)
"""


@pytest.mark.parametrize(
    ("end", "code", "state"),
    [
        pytest.param("run.finish()", 0, "finished", marks=pytest.mark.fast),
        ("", 0, "finished"),
        ("sys.exit(0)", 0, "finished"),
        ("1 / 0", 1, "failed"),
        ("raise KeyboardInterrupt", -2, "stopped"),
        ("os._exit(3)", 3, "interrupted"),
        ("os.kill(os.getpid(), 9)", -9, "interrupted"),
        ("with run: sys.exit('bad')", 1, "failed"),
        ("with run: sys.exit()", 0, "finished"),
    ],
)
def test_how_a_script_ends_is_how_its_run_does(end: str, code: int, state: str) -> None:
    waits = "\ntime.sleep(1.3)\n" if state == "interrupted" else ""
    _, err = run(f"{LOOP}{waits}\n{end}", code=code)
    assert state_of(the_run()) == state
    assert len(history_of(the_run()).epochs) == 3
    assert ("ZeroDivisionError" in err) == (end == "1 / 0")


def test_the_words_of_an_exception_are_the_run_s() -> None:
    run(f"{LOOP}\n1 / 0", code=1)
    ended = history_of(the_run()).ended
    assert isinstance(ended, events.RunFailed)
    assert ended.message.startswith("ZeroDivisionError: division by zero (<string>, line ")
    assert "Traceback" in the_run().log_path.read_text()


def test_another_excepthook_is_called_as_well() -> None:
    script = "sys.excepthook = lambda *error: print('mine')\n"
    assert run(f"{script}{LOOP}\n1 / 0", code=1)[0] == "mine\n"


def test_ctrl_c_stops_and_loses_nothing() -> None:
    process = begin(ENDLESS, wait=True)
    assert "KeyboardInterrupt" in interrupt(process)
    assert state_of(the_run()) == "stopped"
    assert logged(the_run()) > 2000


def test_a_killed_loop_is_interrupted_and_all_up_to_the_last_second_is_there() -> None:
    process = begin(ENDLESS, wait=True)
    assert state_of(the_run()) == "running"
    assert the_run().process_id() == process.pid
    interrupt(process, signal.SIGKILL)
    assert state_of(the_run()) == "interrupted"
    assert logged(the_run()) >= 2000


@linux
@pytest.mark.parametrize("how", ["os.fork()", "multiprocessing", "DataLoader"])
def test_a_killed_loop_is_interrupted_though_a_forked_process_lives(how: str) -> None:
    fork = {
        "os.fork()": """
child = os.fork()
if child == 0:
    run.log({"child": 1.0})
    run.log_predictions(scores)
    time.sleep(1000)
""",
        "multiprocessing": """
import multiprocessing
process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(1000,))
process.start()
child = process.pid
""",
        "DataLoader": """
from torch.utils.data import DataLoader
class Slow:
    def __len__(self):
        return 100
    def __getitem__(self, index):
        run.log({"child": 1.0})
        if index > 2:
            time.sleep(1000)
        return index
workers = iter(DataLoader(Slow(), num_workers=1, multiprocessing_context="fork"))
next(workers)
child = workers._workers[0].pid
""",
    }[how]
    script = f"""
run = mnistop.init(validation=(images, labels))
run.log({{"a": 1.0}})
{fork}
time.sleep(1.2)
print("ready", flush=True)
print(child, flush=True)
time.sleep(1000)
"""
    process = begin(script, wait=True)
    assert process.stdout
    child = int(process.stdout.readline())
    try:
        process.kill()
        process.wait()
        os.kill(child, 0)
        assert state_of(the_run()) == "interrupted"
        assert logged(the_run()) == 1
        assert logged(the_run(), "child") == 0
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate()


def test_a_forked_process_ends_without_ending_the_run() -> None:
    run(
        """
        run = mnistop.init()
        run.log({"a": 1.0})
        for end in ("sys.exit()", "1 / 0", "run.finish()"):
            if os.fork() == 0:
                assert list(run.epochs(2)) == [0, 1]
                exec(end)
                os._exit(0)
            os.wait()
        run.log({"a": 1.0})
        """
    )
    assert state_of(the_run()) == "finished"
    assert logged(the_run()) == 2


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_worker_processes_that_import_the_script_record_nothing(
    method: str, tmp_path: Path
) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        f"{BEGINNING}\n"
        "import multiprocessing\n"
        "run = mnistop.init()\n"
        "def work(number):\n"
        "    run.log({'a': number})\n"
        "    return number\n"
        "if __name__ == '__main__':\n"
        f"    with multiprocessing.get_context('{method}').Pool(2) as pool:\n"
        "        assert pool.map(work, range(4)) == [0, 1, 2, 3]\n"
        "    run.log({'a': 1.0})\n"
    )
    subprocess.run([sys.executable, script], check=True, capture_output=True, timeout=100)
    assert logged(the_run()) == 1
    assert state_of(the_run()) == "finished"


def test_two_loops_in_one_second_have_runs_of_their_own() -> None:
    processes = [begin(LOOP) for _ in range(2)]
    for process in processes:
        process.communicate(timeout=100)
    assert [state_of(each) for each in list_runs()] == ["finished"] * 2


def test_many_loops_of_one_seed_at_once_have_runs_of_their_own(tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"""
import random
random.seed(1), np.random.seed(1)
ready()
while not os.path.exists({str(go)!r}):
    time.sleep(0.01)
{LOOP}
"""
    processes = [begin(script) for _ in range(12)]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    go.touch()
    for process in processes:
        process.communicate(timeout=250)
        assert process.returncode == 0
    assert len(list_runs()) == 12
    assert {state_of(each) for each in list_runs()} == {"finished"}


def test_a_script_with_modules_of_our_names_beside_it_records(tmp_path: Path) -> None:
    for name in ("engine", "tui", "recording", "metrics"):
        (tmp_path / f"{name}.py").write_text("mine = True\n")
    script = tmp_path / "train.py"
    script.write_text(f"import engine, tui\n{BEGINNING}\n{LOOP}\nprint(engine.mine)")
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, timeout=100
    )
    assert done.stdout == "True\n"
    assert state_of(the_run()) == "finished"
    assert "train.py" in (the_run().path / "config.json").read_text()


def test_importing_and_recording_load_neither_textual_nor_torch() -> None:
    out, _ = run(
        "print({'numpy', 'torch', 'textual', 'msgspec'} & set(sys.modules) - {'numpy'})\n"
        + LOOP
        + "run.finish()\nprint({'torch', 'textual', 'sklearn', 'mnistop.tui'} & set(sys.modules))"
    )
    assert out == "set()\nset()\n"


def test_importing_loads_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import mnistop; print(set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "numpy" not in done.stdout
    assert "mnistop.engine" not in done.stdout


def test_a_killed_loop_goes_on_with_its_name() -> None:
    process = begin(ENDLESS, wait=True)
    interrupt(process, signal.SIGKILL)
    before = logged(the_run())
    run(
        f"""
        run = mnistop.init(validation=(images, labels), resume={the_run().name!r})
        run.log({{"a": 1.0}})
        """
    )
    assert logged(the_run()) == before + 1
    assert state_of(the_run()) == "finished"


def test_a_run_that_is_recorded_already_does_not_go_on() -> None:
    process = begin(ENDLESS, wait=True)
    _, err = run(f"run = mnistop.init(resume={the_run().name!r})\nrun.finish()")
    assert "A new run is recorded" in err
    interrupt(process, signal.SIGKILL)
    assert len(list_runs()) == 2


def test_memory_stays_flat_over_many_calls() -> None:
    out, _ = run(
        """
        import resource
        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run = mnistop.init()
        for step in range(400_000):
            run.log({"a": 1.0})
            if step == 100_000:
                before = peak()
        print(peak() - before)
        run.finish()
        """
    )
    kilobytes = int(out) / (1 if sys.platform == "linux" else 1024)
    assert kilobytes < 25_000
    assert logged(the_run()) == 400_000
