"""A sweep on a Dask cluster, one worker of which is killed in the middle."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import worker
from engine.errors import RunError
from tests.engine.dask_cluster import DaskCluster, dask_cluster
from tests.engine.small_runs import digits_config
from tests.engine.test_sweeps import never_killed, states, wait, wait_for_end
from tests.faults.kills import results


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path / "cluster", workers=2) as cluster:
        yield cluster


def test_a_cluster_trains_all_members_though_a_worker_is_killed(
    runs_folder: Path, cluster: DaskCluster
) -> None:
    configs = [digits_config(seed=seed, epochs=200, hidden=(64,)) for seed in range(6)]
    sweep = worker.launch_sweep(configs, dask=cluster.address)
    wait(lambda: cluster.is_training(0) or not sweep.is_running())
    assert sweep.is_running(), sweep.log_path.read_text()
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


def test_a_scheduler_that_is_not_there_is_told(runs_folder: Path) -> None:
    with pytest.raises(RunError, match="No Dask scheduler can be reached at tcp://"):
        worker.launch_sweep([digits_config()], dask="tcp://127.0.0.1:9")
    with pytest.raises(RunError, match="No Dask scheduler can be reached at nonsense://"):
        worker.launch_sweep([digits_config()], dask="nonsense://")
    assert list(runs_folder.glob("*")) == []
