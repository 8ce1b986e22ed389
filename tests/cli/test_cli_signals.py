import re
import signal

from engine.runs import Run
from tests.cli.command_line import Place
from tests.ssh.processes import process_of, standing_still
from tests.waiting import wait_until

LONG = ("--epochs", "1000000")


def test_ctrl_c_stops_saves_and_tells_how_to_go_on(place: Place):
    terminal = place.in_terminal("train", *LONG)
    terminal.expect("loading PyTorch")
    terminal.expect("left")
    terminal.sendintr()
    last = place.last_words(terminal)
    assert terminal.exitstatus == 130
    (folder,) = place.folder.iterdir()
    assert f"run {folder.name} stopped and saved after" in last
    assert f"mnistop resume {folder.name}" in last
    assert (folder / "checkpoint.pt").exists()
    assert place.events(folder.name)[-1]["event"] == "RunStopped"


def test_ctrl_c_while_loading_still_leaves_a_saved_run(place: Place):
    terminal = place.in_terminal("train", *LONG)
    terminal.expect("loading PyTorch")
    terminal.sendintr()
    last = place.last_words(terminal)
    assert terminal.exitstatus == 130
    assert re.search(r"stopped and saved after \d+ epochs? of 1000000", last)
    assert "Traceback" not in last


def test_a_second_ctrl_c_leaves_at_once_and_the_run_stops_by_itself(place: Place):
    terminal = place.in_terminal("train", *LONG)
    terminal.expect("left")
    (folder,) = place.folder.iterdir()
    with standing_still(process_of(Run(folder))):
        terminal.sendintr()
        terminal.expect("stopping and saving")
        terminal.sendintr()
        last = place.last_words(terminal)
    assert terminal.exitstatus == 130
    assert "mnistop resume" in last
    wait_until(lambda: place.state(folder.name)["state"] == "stopped")


def test_sigterm_stops_and_saves_and_a_narrow_terminal_has_a_short_line(place: Place):
    terminal = place.in_terminal("train", *LONG, width=40)
    terminal.expect(r"epoch \d+/1000000")
    terminal.kill(signal.SIGTERM)
    assert "stopped and saved" in place.last_words(terminal)
    assert terminal.exitstatus == 128 + signal.SIGTERM


def test_when_the_terminal_goes_away_training_goes_on_and_can_be_followed(place: Place):
    terminal = place.in_terminal("train", *LONG)
    terminal.expect("left")
    terminal.ptyproc.fileobj.close()
    wait_until(lambda: not terminal.isalive())
    (folder,) = place.folder.iterdir()
    assert place.state(folder.name)["state"] == "running"

    second = place.in_terminal("follow", "last")
    second.expect("left")
    second.sendintr()
    last = place.last_words(second)
    assert second.exitstatus == 130
    assert f"run {folder.name} goes on" in last
    assert place.state(folder.name)["state"] == "running"
