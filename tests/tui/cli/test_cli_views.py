import pytest

from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.cli.output import Printer
from mnistop.tui.cli.train import RunView
from mnistop.tui.draw.capabilities import Terminal
from tests.helpers.command_line import Finished
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.process


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Printer:
    """Standard output as in a terminal."""
    monkeypatch.setenv("TERM", "xterm-256color")
    return Printer(Terminal(colors=0, unicode=True), is_terminal=True, width=80)


def test_that_it_stops_is_shown_at_once_and_stays(
    screen: Printer, finished: Finished, capsys: pytest.CaptureFixture[str]
):
    run = Run(finished.place.folder / finished.name)
    told = read_events(run)[:-1]
    view = RunView(screen)
    view.begin(run)
    view.update(told[:4])
    shown = ""

    def drawn(text: str, times: int) -> bool:
        nonlocal shown
        shown += capsys.readouterr().out
        return shown.count(text) >= times

    wait_until(lambda: drawn(" left ", 1))
    view.out.stopping()
    assert drawn("stopping and saving", 1)
    shown = ""
    view.update(told[4:])
    wait_until(lambda: drawn("stopping and saving", 3))
    view.out.close()
    assert " left " not in shown
