import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnistop.engine import worker
from tests.helpers.small_runs import kill_all
from tests.ssh.users import User, user_with


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the runs; those still training are ended afterwards."""
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path / "mnistop_runs"))
    yield tmp_path
    kill_all()
    worker.close()


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user may enter and list."""
    folder = Path("/tmp", f"mnistop-users-{os.getpid()}")
    folder.mkdir()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def users(place: Path) -> tuple[User, User]:
    """Two of them."""
    return user_with(place, 64001), user_with(place, 64002)
