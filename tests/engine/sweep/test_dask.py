"""A sweep on a Dask cluster, one worker of which is killed in the middle."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.data.sources import source_exists
from mnistop.engine.errors import RunError
from mnistop.engine.events import MemberFailed
from mnistop.engine.runs import sweep_folder
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.sweep_folder import Plan, Sweep
from mnistop.engine.sweep import job as sweep_job
from tests.engine.sweep.dask_cluster import DaskCluster, dask_cluster
from tests.engine.sweep.test_sweeps import never_killed, states, wait_for_end
from tests.faults.kills import results
from tests.helpers.small_data import DataFile
from tests.helpers.small_runs import digits_config, ever_more, history_of, state_of
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A cluster for all tests in turn; the last one kills a worker."""
    with dask_cluster(tmp_path_factory.mktemp("dask") / "cluster", workers=2) as cluster:
        yield cluster


def test_a_sweep_on_a_cluster_is_stopped_and_goes_on_to_the_same_bits(
    runs_folder: Path, cluster: DaskCluster
) -> None:
    for epochs in ever_more(2000):
        configs = [digits_config(seed=seed, epochs=epochs, hidden=(64,)) for seed in range(3)]
        sweep = worker.launch_sweep(configs, dask=cluster.address, jobs=2)
        if not both_train(sweep, cluster):
            continue
        worker.stop(sweep)
        wait_for_end(sweep)
        assert not cluster.is_training(0)
        assert not cluster.is_training(1)
        if sweep.state() != "stopped":
            continue
        resumed = next(run for run in sweep.members() if state_of(run) == "stopped")
        worker.resume_sweep(sweep, cluster.address)
        if both_train(sweep, cluster) and (process := sweep.process_id()):
            os.kill(process, signal.SIGKILL)
            wait_until(lambda: not cluster.is_training(0) and not cluster.is_training(1))
            if sweep.state() == "interrupted":
                break

    worker.resume_sweep(sweep, cluster.address)
    wait_for_end(sweep)
    assert states(sweep) == ["finished"] * 3
    assert history_of(resumed).resumed is not None
    assert results(resumed) == never_killed(resumed.config())


def both_train(sweep: Sweep, cluster: DaskCluster) -> bool:
    """Waits until both workers have a member in training; false if the sweep ends before that."""
    wait_until(
        lambda: (cluster.is_training(0) and cluster.is_training(1)) or not sweep.is_running()
    )
    if sweep.is_running():
        return True
    assert sweep.state() == "finished", sweep.log_path.read_text()
    return False


def test_a_cluster_trains_all_members_though_a_worker_is_killed(
    runs_folder: Path, cluster: DaskCluster
) -> None:
    for epochs in ever_more(200):
        configs = [digits_config(seed=seed, epochs=epochs, hidden=(64,)) for seed in range(6)]
        sweep = worker.launch_sweep(configs, dask=cluster.address)
        wait_until(lambda sweep=sweep: cluster.is_training(0) or not sweep.is_running())
        if sweep.is_running():
            break
        assert sweep.state() == "finished", sweep.log_path.read_text()
    os.kill(cluster.workers[0].pid, signal.SIGKILL)
    wait_for_end(sweep)
    assert sweep.state() == "finished", sweep.log_path.read_text()
    assert [run.name[-3:] for run in sweep.members()] == [f".0{number}" for number in range(1, 7)]
    assert states(sweep) == ["finished"] * 6
    assert results(sweep.members()[3]) == never_killed(configs[3])
    assert sorted(path.name for path in sweep.path.iterdir()) == [
        "events.jsonl",
        "lock",
        "log.txt",
        "sweep.json",
    ]


def test_a_cluster_of_one_worker_for_one_task_at_a_time_trains_all_members(
    runs_folder: Path, tmp_path: Path
) -> None:
    with dask_cluster(tmp_path / "one", workers=1) as one:
        sweep = worker.launch_sweep(
            [digits_config(seed=seed, epochs=3) for seed in range(3)], dask=one.address
        )
        wait_for_end(sweep)
    assert sweep.state() == "finished", sweep.log_path.read_text()
    assert states(sweep) == ["finished"] * 3


HOME = "/proc/self/cwd/d.npz"
"""A path under which each worker finds a file of its own, and this machine none."""


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="Linux tells the own folder")
def test_workers_that_have_other_data_under_the_same_path_train_nothing(
    runs_folder: Path, tmp_path: Path
) -> None:
    configs = [
        digits_config(
            source=HOME,
            samples=DataFile.USED,
            split_seed=seed,
            epochs=3 if seed else 3000,
            hidden=(64,),
        )
        for seed in range(2)
    ]
    with dask_cluster(tmp_path / "two", workers=2) as two:
        first, second = (DataFile(two.folder_of(number) / "d.npz") for number in range(2))
        second.write("inverted")
        with pytest.raises(RunError, match=f"has other data in {HOME} than tcp://.*other pixels"):
            worker.launch_sweep(configs, dask=two.address)
        assert list(runs_folder.glob("*")) == []

        second.write("compressed")
        sweep = worker.launch_sweep(configs, dask=two.address, jobs=1)
        wait_until(lambda: two.is_training(0) or two.is_training(1))
        for file in (first, second):
            file.write("a label of a training image")
        wait_for_end(sweep)
        assert states(sweep) == ["finished"]
        (failed,) = [said for said in read_events(sweep) if isinstance(said, MemberFailed)]
        assert f"The data in {HOME} have changed (other labels) since the sweep" in failed.message

        with pytest.raises(RunError, match=f"has other data in {HOME} than the sweep began with"):
            worker.resume_sweep(sweep, two.address)
        for file in (first, second):
            file.write()
        worker.resume_sweep(sweep, two.address)
        wait_for_end(sweep)
    assert states(sweep) == ["finished"] * 2


def test_a_sweeps_folder_alone_makes_nobody_connect_to_the_scheduler_that_it_names(
    runs_folder: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.settimeout(0.5)
        address = f"tcp://127.0.0.1:{stranger.getsockname()[1]}"
        plan = Plan(configs=(digits_config(epochs=3),), dask=address)
        sweep, held = sweep_folder.create(plan, runs_folder)
        held.close()
        with pytest.raises(RunError, match=f"--dask {address}; or resume it on this machine"):
            worker.resume_sweep(sweep)
        with pytest.raises(TimeoutError):
            stranger.accept()
    worker.resume_sweep(sweep, dask="")
    wait_for_end(sweep)
    assert states(sweep) == ["finished"]


def test_a_scheduler_that_is_not_there_is_told(runs_folder: Path) -> None:
    with pytest.raises(RunError, match="No Dask scheduler can be reached at tcp://"):
        worker.launch_sweep([digits_config()], dask="tcp://127.0.0.1:9")
    with pytest.raises(RunError, match="No Dask scheduler can be reached at nonsense://"):
        worker.launch_sweep([digits_config()], dask="nonsense://")
    assert list(runs_folder.glob("*")) == []


def test_missing_data_of_a_worker_are_named(tmp_path: Path) -> None:
    images = tmp_path / "images.npz"
    images.touch()
    assert all(map(source_exists, ("digits", "openml", "bundled", str(images))))
    assert not source_exists(f"{images},{tmp_path / 'labels'}")


def test_a_missing_extra_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mnistop.engine.sweep.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RunError, match=r"pip install 'mnistop\[dask\]'"):
        sweep_job.connect("tcp://127.0.0.1:8786", [])
