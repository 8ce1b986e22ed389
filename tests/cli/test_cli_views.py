import time

import pytest

from engine.event_tail import read_events
from engine.history import History, reduce
from engine.runs import Run
from tests.cli.command_line import Finished
from tui.cli.output import Output
from tui.cli.views import LiveView
from tui.render.terminal import Terminal


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Output:
    """Standard output as in a terminal."""
    monkeypatch.setenv("TERM", "xterm-256color")
    return Output(Terminal(colors=0, unicode=True), is_terminal=True, width=80)


def test_that_it_stops_is_shown_at_once_and_stays(
    screen: Output, finished: Finished, capsys: pytest.CaptureFixture[str]
):
    run = Run(finished.place.folder / finished.name)
    told = read_events(run)[:-1]
    view = LiveView(screen)
    view.begin(run, run.config())
    view.update(told[:4], reduce(History(), told[:4]))
    time.sleep(0.3)
    assert "left" in capsys.readouterr().out
    view.stopping()
    assert "stopping and saving" in capsys.readouterr().out
    view.update(told[4:], reduce(History(), told))
    time.sleep(0.3)
    shown = capsys.readouterr().out
    view.close()
    assert "stopping and saving" in shown
    assert " left " not in shown
