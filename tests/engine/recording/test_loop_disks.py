"""Loops that record on disks that are full, deleted or closed to them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mnistop.engine import events
from mnistop.engine.runs.run_folder import Run, list_runs
from tests.helpers.loops import (
    BEGINNING,
    LOOP,
    history_of,
    logged,
    run,
    state_of,
    the_run,
)

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("runs_folder")]


def test_a_full_disk_is_named_once_and_the_loop_goes_on(tmp_path: Path) -> None:
    """The limit on the size of files stands for it, since it needs no disk of its own."""
    _, err = run(
        """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        run = mnistop.init(validation=(images, labels))
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        for epoch in run.epochs(100):
            for step in range(50):
                run.log({"a": step})
            run.log_predictions(scores)
            time.sleep(0.02)
        print("done")
        run.finish()
        """
    )
    assert err.count("cannot be written") == 1
    assert "File too large" in err
    assert state_of(the_run()) == "finished"
    assert 0 < logged(the_run()) < 5000


def can_mount() -> bool:
    probe = ["unshare", "-m", "true"]
    return (
        bool(shutil.which("unshare")) and subprocess.run(probe, capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a disk")
def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    script = tmp_path / "train.py"
    script.write_text(
        f"{BEGINNING}\n"
        "run = mnistop.init(validation=(images, labels))\n"
        "run.log({'a': 0.0})\n"
        "time.sleep(1.2)\n"
        f"with open({str(disk / 'ballast')!r}, 'wb', 0) as file:\n"
        "    try:\n"
        "        while True: file.write(bytes(4096))\n"
        "    except OSError: pass\n"
        "for step in range(30_000):\n"
        "    run.log({'a': step})\n"
        "run.log_predictions(scores)\n"
        "time.sleep(1.5)\n"
        f"os.unlink({str(disk / 'ballast')!r})\n"
        "run.log({'a': 1.0})\n"
        "run.finish()\n"
        f"import shutil; shutil.copytree({str(disk / 'runs')!r}, {str(tmp_path / 'copy')!r})\n"
    )
    command = f"mount -t tmpfs -o size=1m none {disk} && exec {sys.executable} {script}"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", command],
        env=os.environ | {"MNISTOP_RUNS": str(disk / "runs")},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("No space left on device") == 1
    (folder,) = (tmp_path / "copy").iterdir()
    assert logged(Run(folder)) == 30_002
    history = history_of(Run(folder))
    assert len(history.epochs) == 1
    assert isinstance(history.ended, events.RunFinished)


def test_a_deleted_folder_is_named_once_and_the_loop_goes_on() -> None:
    out, err = run(
        """
        import shutil
        run = mnistop.init(validation=(images, labels))
        for epoch in run.epochs(30):
            run.log({"a": 1.0})
            run.log_predictions(scores)
            if epoch == 3:
                shutil.rmtree(run.folder)
            time.sleep(0.05)
        print("done")
        """
    )
    assert out == "done\n"
    assert err.count("was deleted") == 1
    assert "Traceback" not in err
    assert list_runs() == []


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may write all")
def test_a_home_that_cannot_be_written_is_named_and_the_loop_goes_on(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    tmp_path.chmod(0o755)
    environ = {name: value for name, value in os.environ.items() if name != "MNISTOP_RUNS"}
    script = f"{BEGINNING}\n{LOOP}\nprint('done')"
    as_nobody = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    if subprocess.run([*as_nobody, sys.executable, "-c", "import numpy"], cwd="/").returncode:
        pytest.skip("nobody may not read this interpreter")
    done = subprocess.run(
        [*as_nobody, sys.executable, "-c", script],
        env=environ | {"HOME": str(home), "XDG_STATE_HOME": ""},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout == "done\n", done.stderr
    assert done.stderr.count("Nothing is recorded") == 1


def test_no_standard_error_and_no_output_are_no_trouble() -> None:
    run("sys.stderr.close()\n" + LOOP + "run.log({'a': 'text'})\nrun.finish()")
    assert state_of(the_run()) == "finished"
