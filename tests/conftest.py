import gc
import signal
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("searching", deadline=None)
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
"""The same examples each time; `--hypothesis-profile searching` looks for ones that fail."""

signal.signal(signal.SIGINT, signal.default_int_handler)
"""Also in a shell's background job, where it is ignored: the programs under test inherit that."""

gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave tests of processes and terminals out of the fast selection, but for those marked."""
    for item in items:
        kinds = {mark.name for mark in item.iter_markers()}
        if kinds & {"process", "pty"} and "fast" not in kinds:
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    gc.enable()


@pytest.fixture(autouse=True, scope="module")
def _only_new_garbage() -> None:
    """Leave what stays loaded, as PyTorch and all tests, out of later garbage collections."""
    gc.collect()
    gc.freeze()


_STARTS = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn")
_started: set[str] = set()
"""The markers that a test needs for what has been started since it began."""


def _note_start(event: str, arguments: tuple[object, ...]) -> None:
    # A local socket leads to the fork server, which starts the processes of the engine.
    if event in _STARTS or (event == "socket.connect" and isinstance(arguments[1], str)):
        _started.add("process")
    if event == "os.forkpty":
        _started.add("pty")


sys.addaudithook(_note_start)


@pytest.fixture(autouse=True)
def _marked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that starts a process or opens a terminal without the marker that says so.

    What a fixture of its whole file starts comes before, and is marked by whoever writes the file.
    """
    _started.clear()
    yield
    missing = _started - {mark.name for mark in request.node.iter_markers()}
    assert not missing, f"needs the marker {' and '.join(sorted(missing))}"
