"""Starting, pausing and stopping a run from the dashboard, and what runs say."""

import asyncio
import threading

import pytest

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import ConfigError, DataError, RunError
from mnistop.tui.session.session import RunEvents
from tests.helpers import made_up
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.selection import one_in


def event(kind: type[events.Event], **values: object) -> events.Event:
    return kind(run=made_up.NAME, time=0.0, **values)


async def test_r_trains_with_what_the_form_holds(opened: Opened, workers: Workers) -> None:
    async with opened(lr="0.05", epochs="30") as shown:
        await shown.press("r")
        await shown.until(lambda: shown.state.run)
        assert workers.launched == [RunConfig(lr=0.05, epochs=30)]
        await shown.until_shown("quiet-otter: starting")
        await shown.say(*made_up.story(2))
        assert "epoch 2 of 30" in shown.text


async def test_a_second_r_while_a_run_is_going_on_does_nothing(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        await shown.burst("r", "r")
        await shown.until(lambda: shown.state.run)
        await shown.say(*made_up.story(2))
        await shown.press("r")
        assert len(workers.launched) == 1
        assert "r Train" not in shown.lines[-1]
        await shown.say(made_up.finished(2))
        assert "r Train" in shown.lines[-1]
        await shown.press("r")
        await shown.until(lambda: len(workers.launched) == 2)


async def test_r_with_a_wrong_value_says_what_is_wrong_and_starts_nothing(
    opened: Opened, workers: Workers
) -> None:
    async with opened(lr="fast") as shown:
        await shown.press("r")
        await shown.until_shown("Learning rate must be a number")
        assert workers.launched == []
        assert shown.state.run is None


@pytest.mark.parametrize(
    ("error", "sentence"),
    one_in(
        3,
        [
            (DataError("There is no file or folder /data/mnist.npz."), "no file or folder"),
            (ConfigError({"val_fraction": "All images would be validation images."}), "All images"),
            (RunError("A run folder cannot be made in /runs: disk full."), "disk full"),
        ],
        2,
    ),
)
async def test_a_run_that_cannot_start_says_why_until_a_value_changes(
    opened: Opened, workers: Workers, error: Exception, sentence: str
) -> None:
    async with opened() as shown:
        workers.refuses = error
        await shown.press("r")
        await shown.until(lambda: sentence in shown.lines[-2])
        assert shown.state.run is None
        await shown.until(lambda: "r Train" in shown.lines[-1])
        workers.refuses = None
        await shown.press("down", "down", "right")
        await shown.until(lambda: sentence not in shown.lines[-2])
        await shown.press("r")
        await shown.until(lambda: shown.state.run)


async def test_a_source_that_is_missing_is_said_at_its_field(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        workers.refuses = DataError("There is no file or folder /data/mnist.npz.")
        await shown.press("r")
        await shown.until(lambda: "!source" in shown.text_of("form").replace(" ", ""))
        assert "! There is no file" in " ".join(shown.text_of("form").split())


async def test_a_fault_of_the_program_becomes_words_and_the_screen_lives_on(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        workers.refuses = ZeroDivisionError("division by zero")
        await shown.press("r")
        await shown.until_shown("fault of the program, ZeroDivisionError: division by zero")
        workers.refuses = None
        await shown.press("r")
        await shown.until(lambda: shown.state.run)
        assert "fault" not in shown.text


async def test_during_a_run_the_form_shows_its_values_locked(opened: Opened) -> None:
    async with opened(lr="0.05") as shown:
        await shown.show(3)
        assert "locked" in shown.text_of("form")
        await shown.say(made_up.finished(3))
        assert "locked" not in shown.text_of("form")


async def test_pressed_early_r_says_that_it_is_warming_up(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready, warm = threading.Event(), asyncio.Event()

    def launch(config: RunConfig) -> object:
        assert ready.wait(100)
        return workers.launch(config)

    monkeypatch.setattr("mnistop.engine.worker.launch", launch)
    monkeypatch.setattr("mnistop.engine.worker.warmed_up", warm.wait)
    async with opened() as shown:
        assert "PyTorch is loading meanwhile" in shown.text
        await shown.press("r")
        assert "Warming up" in shown.text
        assert "starts by itself" in shown.text
        warm.set()
        await shown.until_shown("Checking the data and starting")
        ready.set()
        await shown.until(lambda: shown.state.run)


async def test_space_pauses_and_goes_on(opened: Opened, workers: Workers) -> None:
    async with opened() as shown:
        await shown.show(3)
        await shown.press("space")
        assert workers.told == ["pause"]
        await shown.say(event(events.RunPaused))
        assert "paused: Space goes on" in shown.text
        await shown.press("space")
        assert workers.told == ["pause", "resume"]
        await shown.say(event(events.RunUnpaused))
        assert "paused" not in shown.text


async def test_s_stops_and_saves(opened: Opened, workers: Workers) -> None:
    async with opened() as shown:
        await shown.show(3)
        await shown.press("s")
        assert workers.told == ["stop"]
        await shown.say(made_up.stopped(3))
        assert "stopped and saved after 3 epochs" in shown.text


@pytest.mark.parametrize("key", ["space", "s"])
async def test_without_a_run_there_is_nothing_to_pause_or_stop(
    opened: Opened, workers: Workers, key: str
) -> None:
    async with opened() as shown:
        await shown.press(key)
        await shown.show(3, made_up.finished(3))
        await shown.press(key)
        assert workers.told == []
        assert "s Stop" not in shown.lines[-1]


async def test_a_run_that_cannot_be_told_says_why(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(run: object) -> None:
        raise RunError("It belongs to ann.")

    monkeypatch.setattr("mnistop.engine.worker.stop", refuse)
    async with opened() as shown:
        await shown.show(3)
        await shown.press("s")
        await shown.until_shown("It belongs to ann.")


@pytest.mark.parametrize(("word", "told"), one_in(2, [("Pause", ["pause"]), ("Stop", ["stop"])], 2))
async def test_the_mouse_can_pause_and_stop_too(
    opened: Opened, workers: Workers, word: str, told: list[str]
) -> None:
    async with opened() as shown:
        await shown.show(3)
        for y in (-1, next(y for y, text in enumerate(shown.lines) if "[s] Stop" in text)):
            workers.told.clear()
            await shown.pilot.click(offset=(shown.lines[y].index(word) + 1, y % 40))
            assert workers.told == told


async def test_late_events_of_another_run_change_nothing(opened: Opened) -> None:
    async with opened() as shown:
        old = await shown.show(3)
        await shown.show(5)
        before = shown.text
        await shown.say(made_up.epoch(3), made_up.finished(4), run=old)
        assert shown.text == before
        assert shown.state.phase == "running"


async def test_a_failed_run_says_why_and_keeps_its_curves(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(5)
        before = shown.text_of("charts")
        message = "The loss became infinite in epoch 5: try a smaller learning rate than 3."
        await shown.say(made_up.failed(message))
        assert message in shown.sentences
        assert shown.text_of("charts") == before


async def test_a_run_whose_process_died_says_so(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(5)
        await shown.say(made_up.interrupted())
        assert "mnistop resume quiet-otter" in shown.sentences


async def test_a_failure_before_the_first_epoch_leaves_no_promise(opened: Opened) -> None:
    async with opened() as shown:
        await shown.press("r")
        await shown.until(lambda: shown.state.run)
        await shown.say(made_up.failed("The file is damaged."))
        assert "The file is damaged." in shown.text
        assert "press r" not in shown.text
        assert "once training runs" not in shown.text


async def test_names_and_messages_are_shown_as_they_are(opened: Opened) -> None:
    names = ("[b]cat[/b]", "[/]", "dog [link=x]")
    async with opened() as shown:
        await shown.show(3, names=names)
        await shown.say(made_up.failed("No [red]such[/red] file: [/tmp/x]."))
        assert "No [red]such[/red] file: [/tmp/x]." in shown.sentences
        assert "[/]" in shown.text_of("matrix")
        await shown.go_to("matrix")
        assert " taken for " in shown.lines_of("matrix")[0]
        await shown.press(*["up"] * 3, *["left"] * 3)
        assert ": [b]cat[/b] taken for [b]cat[/b]" in shown.lines_of("matrix")[0]
        shown.app.notify("a [bold]path[/bold]", markup=False)
        await shown.until_shown("a [bold]path[/bold]")


async def test_many_events_at_once_are_drawn_together(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        run = await shown.show(3)
        drawn = []
        charts = shown.pane("charts")
        show = charts.show
        monkeypatch.setattr(charts, "show", lambda state: (drawn.append(1), show(state)))
        for number in range(3, 203):
            shown.screen.post_message(RunEvents(run, [made_up.epoch(number)]))
        await shown.settle()
        assert shown.state.shown_epoch == 202
        assert len(drawn) <= 10


async def test_hidden_panes_draw_nothing(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened((80, 24)) as shown:
        await shown.show(3)
        await shown.go_to("log")
        for name in ("charts", "matrix", "digit"):
            monkeypatch.setattr(shown.pane(name), "lines", lambda width, height: 1 / 0)
        monkeypatch.setattr(shown.screen.session.predictions, "matrix", lambda epochs: 1 / 0)
        await shown.say(made_up.epoch(3), made_up.saved(4))
        assert "epoch 4 of 100" in shown.text


async def test_epochs_that_change_no_key_do_not_touch_the_key_bar(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as shown:
        await shown.show(3)
        refreshed = []
        monkeypatch.setattr(shown.screen, "refresh_bindings", lambda: refreshed.append(1))
        await shown.say(made_up.epoch(3), made_up.epoch(4))
        assert not refreshed
        await shown.say(made_up.finished(5))
        assert len(refreshed) == 1


@pytest.mark.parametrize("key", one_in(3, ["2", "4", "5"]))
async def test_the_other_screens_too_say_that_it_is_warming_up_and_what_went_wrong(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    ready, warm = threading.Event(), asyncio.Event()

    def launch(config: RunConfig) -> object:
        assert ready.wait(100)
        raise RunError("There is no room.")

    monkeypatch.setattr("mnistop.engine.worker.launch", launch)
    monkeypatch.setattr("mnistop.engine.worker.warmed_up", warm.wait)
    async with opened() as shown:
        await shown.press("r", key)
        await shown.until_shown("Warming up")
        warm.set()
        await shown.until_shown("Checking the data and starting")
        ready.set()
        await shown.until_shown("There is no room.")
