"""Runs survive killed programs, broken networks, full disks and missing devices."""

import contextlib
import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mnistop.engine import events, worker
from mnistop.engine.runs.run_folder import Run, list_runs
from tests.helpers.small_runs import kill_all, run_script, state_of, to_the_end, until
from tests.helpers.waiting import until_true

pytestmark = pytest.mark.process
linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")


# A program that is killed, in a terminal that is closed.

PROGRAM = """if True:
    import asyncio, json, os, time
    from multiprocessing import forkserver, resource_tracker
    from mnistop.engine import worker
    from mnistop.engine.config import RunConfig

    async def main():
        config = RunConfig(source="digits", samples=400, epochs=1_000_000, hidden=(64,))
        run = await asyncio.to_thread(worker.launch, config)
        worker.pause(run)
        pool = await worker.ask(os.getpid)
        server = forkserver._forkserver._forkserver_pid
        tracker = resource_tracker._resource_tracker._pid
        print(json.dumps({"training": run.process_id(), "helpers": [pool, server, tracker]}))
        while True:
            await asyncio.sleep(1)

    asyncio.run(main())
    """


def alive(process: int) -> bool:
    try:
        fields = Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z"


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A program with a run in training was killed with -9, then its terminal was closed."""
    folder = tmp_path_factory.mktemp("killed") / "runs"
    master, slave = pty.openpty()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTOP_RUNS", str(folder))
        program = run_script(
            PROGRAM,
            folder,
            wrapped_in=("setsid", "--ctty"),
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
        )
        os.close(slave)
        assert program.stdout is not None
        line = program.stdout.readline()
        assert line, os.read(master, 10_000).decode()
        (run,) = list_runs()
        controlled = Path("/proc", str(program.pid), "stat").read_text().rpartition(")")[2].split()
        assert controlled[4] != "0", "the program has a terminal"
        program.kill()
        program.wait()
        os.close(master)
        program.stdout.close()
        yield json.loads(line) | {"run": run}
        kill_all()


@pytest.mark.pty
@linux
async def test_a_run_outlives_its_killed_program_and_its_closed_terminal(
    killed: dict[str, Any],
) -> None:
    run: Run = killed["run"]
    fields = Path("/proc", str(killed["training"]), "stat").read_text().rpartition(")")[2].split()
    assert fields[4] == "0", "the training process has no terminal"
    worker.resume(run)
    await until(run, lambda history: len(history.epochs) > 100)
    worker.stop(run)
    history, _ = await to_the_end(run)
    assert isinstance(history.ended, events.RunStopped)
    assert run.log_path.read_text() == ""


@pytest.mark.pty
@linux
async def test_nothing_else_stays_of_a_killed_program(killed: dict[str, Any]) -> None:
    await until_true(lambda: not any(map(alive, killed["helpers"])))


# What needs a machine of its own kind: no network, a full disk, a CUDA device.


@linux
async def test_a_run_that_waits_for_the_network_says_so_and_can_be_stopped(
    runs_folder: Path, tmp_path: Path
) -> None:
    """The network is a server that takes connections and never answers."""
    code = """if True:
        import asyncio, socket, os
        server = socket.create_server(("127.0.0.1", 0))
        for name in ("https_proxy", "http_proxy", "HTTPS_PROXY", "HTTP_PROXY"):
            os.environ[name] = f"http://127.0.0.1:{server.getsockname()[1]}"
        os.environ.pop("no_proxy", None), os.environ.pop("NO_PROXY", None)
        from mnistop.engine import worker
        from mnistop.engine.config import RunConfig
        from mnistop.engine.runs.history import History, reduce

        async def main():
            run = await asyncio.to_thread(worker.launch, RunConfig(source="openml"))
            history = History()
            async for batch in worker.follow(run):
                history = reduce(history, batch)
                if history.preparing.startswith("asking") and not history.ended:
                    print(history.state(run.is_running()), history.preparing, flush=True)
                    os.kill(run.process_id(), 15)
            print(history.state(run.is_running()))

        asyncio.run(main())
        """
    os.environ["MNISTOP_CACHE"] = str(tmp_path / "cache")
    try:
        program = run_script(code, runs_folder)
    finally:
        del os.environ["MNISTOP_CACHE"]
    out, err = program.communicate(timeout=100)
    lines = out.splitlines()
    assert lines, err
    assert lines[0].startswith("starting asking OpenML for mnist_784")
    assert lines[-1] == "stopped"
    (run,) = list_runs()
    assert state_of(run) == "stopped"


def can_mount() -> bool:
    with contextlib.suppress(OSError):
        done = subprocess.run(
            ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True
        )
        return done.returncode == 0
    return False


@linux
def test_a_full_disk_never_ends_a_run_silently(tmp_path: Path) -> None:
    """A run's folder fills up; when there is room again the run goes on to its end."""
    if not can_mount():
        pytest.skip("needs the right to mount a small file system")
    folder = tmp_path / "small disk"
    folder.mkdir()
    code = """if True:
        import asyncio, os
        from pathlib import Path
        from mnistop.engine import worker
        from mnistop.engine.config import RunConfig
        from mnistop.engine.runs.history import History, reduce

        async def followed(run):
            history = History()
            async for batch in worker.follow(run):
                history = reduce(history, batch)
            return history

        async def main():
            filler = Path(os.environ["MNISTOP_RUNS"], "filler")
            filler.write_bytes(bytes(1_900_000))
            config = RunConfig(source="digits", samples=400, epochs=400, hidden=(64,))
            run = await asyncio.to_thread(worker.launch, config)
            history = await followed(run)
            print(history.state(run.is_running()), history.ended.message)
            before = len(history.epochs)
            filler.unlink()
            await asyncio.to_thread(worker.resume, run)
            history = await followed(run)
            print(history.state(run.is_running()), before < len(history.epochs) == 400)

        asyncio.run(main())
        """
    mount = 'mount -t tmpfs -o size=2m none "$0" && exec "$@"'
    program = run_script(code, folder, wrapped_in=("unshare", "-rm", "sh", "-c", mount, folder))
    out, err = program.communicate(timeout=100)
    assert out.splitlines() == [
        "failed The disk is full: free some space, then resume the run.",
        "finished True",
    ], err


@linux
async def test_the_device_is_looked_for_by_the_process_that_trains(runs_folder: Path) -> None:
    """CUDA cannot be used in a process that is forked from one which has looked for it."""
    code = """if True:
        import os, sys
        from multiprocessing import Pipe
        from pathlib import Path
        from mnistop.engine.process import job
        from mnistop.engine.config import RunConfig

        find, folder = job.find_device, Path(os.environ["MNISTOP_RUNS"])

        def noted(name):
            with open(folder.with_name("looked"), "a") as file:
                print(os.getpid(), file=file)
            return find(name)

        job.find_device = noted
        receiver, sender = Pipe(duplex=False)
        job.start(RunConfig(source="digits", samples=100, epochs=2, hidden=()), folder, sender)
        receiver.recv()
        """
    program = run_script(code, runs_folder)
    _, err = program.communicate(timeout=100)
    (run,) = list_runs()
    history = await until(run, lambda history: history.ended)
    assert history.started is not None, err
    looked = runs_folder.with_name("looked").read_text().split()
    assert set(looked) == {str(history.started.pid)}
