"""The cores and the memory that a process may use: affinity, limits of its cgroups, 1 and 2."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from mnistop.engine.cores import available_memory, cpu_quota, usable_cores

_PRINT = "from mnistop.engine.cores import usable_cores; print(usable_cores())"
_CGROUP = Path("/sys/fs/cgroup")


def made_up_host(root: Path, cgroup: str, mounts: str, files: dict[str, str]) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    (root / "proc/self/mountinfo").write_text(mounts)
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


_V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_bound_to_one_core_may_use_one() -> None:
    one = min(os.sched_getaffinity(0))
    bound = f"import os; os.sched_setaffinity(0, {{{one}}}); {_PRINT}"
    assert subprocess.check_output([sys.executable, "-c", bound], text=True) == "1\n"


def test_there_is_at_least_one_core_and_no_more_than_the_machine_has() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_the_quota_of_a_version_2_cgroup_is_in_cores(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/job/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/job/step/cpu.max": "max 100000\n",
    }
    host = made_up_host(tmp_path, "0::/job/step\n", _V2_MOUNT, files)
    assert cpu_quota(host) == 1.5


def test_the_least_quota_on_the_way_up_holds(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/job/cpu.max": "200000 100000\n",
        "sys/fs/cgroup/job/step/cpu.max": "400000 100000\n",
        "sys/fs/cgroup/other/cpu.max": "10000 100000\n",
    }
    host = made_up_host(tmp_path, "0::/job/step\n", _V2_MOUNT, files)
    assert cpu_quota(host) == 2


def test_a_container_whose_version_1_mount_begins_at_its_own_cgroup(tmp_path: Path) -> None:
    mounts = (
        "40 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
        "41 31 0:30 /docker/abc /sys/fs/cgroup/cpuset ro - cgroup cgroup rw,cpuset\n"
    )
    files = {
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    }
    cgroup = "4:cpuset:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/docker/abc\n"
    assert cpu_quota(made_up_host(tmp_path, cgroup, mounts, files)) == 3


@pytest.mark.parametrize("maximum", ["max 100000\n", "", "rubbish", "0 0\n"])
def test_no_limit_and_rubbish_are_no_quota(tmp_path: Path, maximum: str) -> None:
    files = {"sys/fs/cgroup/cpu.max": maximum}
    assert cpu_quota(made_up_host(tmp_path, "0::/\n", _V2_MOUNT, files)) is None


def test_a_system_without_cgroups_has_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None


@pytest.mark.process
def test_a_real_cgroup_with_half_a_core_leaves_one() -> None:
    """A container with half a core, on a machine that has more."""
    version_1 = (_CGROUP / "cpu").is_dir()
    group = (_CGROUP / "cpu" if version_1 else _CGROUP) / f"mnistop-test-{uuid.uuid4().hex}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error.strerror}")
    try:
        limit = ("cpu.cfs_quota_us", "50000") if version_1 else ("cpu.max", "50000 100000")
        try:
            (group / limit[0]).write_text(limit[1])
        except OSError as error:
            pytest.skip(f"no quota can be set here: {error.strerror}")
        inside = f"open({str(group / 'cgroup.procs')!r}, 'w').write('0'); {_PRINT}"
        assert subprocess.check_output([sys.executable, "-c", inside], text=True) == "1\n"
    finally:
        group.rmdir()


_FREE = {"proc/meminfo": "MemTotal:  16000 kB\nMemFree: 1000 kB\nMemAvailable:   9000 kB\n"}


@pytest.mark.parametrize(
    ("cgroup", "mounts", "files", "left"),
    [
        ("0::/\n", _V2_MOUNT, {}, 9_216_000),
        (
            "0::/job/step\n",
            _V2_MOUNT,
            {
                "sys/fs/cgroup/job/memory.max": "4000000\n",
                "sys/fs/cgroup/job/memory.current": "3000000\n",
                "sys/fs/cgroup/job/memory.stat": "anon 1\ninactive_file 500000\n",
                "sys/fs/cgroup/job/step/memory.max": "max\n",
                "sys/fs/cgroup/job/step/memory.current": "3000000\n",
            },
            1_500_000,
        ),
        (
            "4:memory:/slurm\n3:cpu:/\n",
            "40 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
            {
                "sys/fs/cgroup/memory/slurm/memory.limit_in_bytes": "2000000\n",
                "sys/fs/cgroup/memory/slurm/memory.usage_in_bytes": "2500000\n",
            },
            0,
        ),
    ],
)
def test_available_memory_is_the_machines_or_what_a_cgroup_leaves(
    tmp_path: Path, cgroup: str, mounts: str, files: dict[str, str], left: int
) -> None:
    host = made_up_host(tmp_path, cgroup, mounts, files | _FREE)
    assert available_memory(host) == left


def test_a_system_without_meminfo_has_half_its_memory(tmp_path: Path) -> None:
    assert available_memory(tmp_path) > 1 << 26
