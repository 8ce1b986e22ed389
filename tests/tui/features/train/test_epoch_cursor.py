"""Looking at earlier epochs: charts, log, matrix and digit go there together, and back."""

import pytest

from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Opened, Workers


def wrong_after(epochs: int) -> str:
    return f"{made_up.VALIDATION - len(made_up.right_after(epochs))} of 200 wrong"


async def looks_at(shown: Dashboard, epoch: int) -> None:
    """Waits until all panes show one epoch."""
    title = f"epoch {epoch}" if epoch >= 0 else "untrained"
    await shown.until(lambda: f"{title}: {wrong_after(epoch + 1)}" in shown.text_of("matrix"))
    await shown.until(lambda: f"FGSM ε 0.125, {title} " in shown.text_of("digit"))
    assert f"Log, {title} (" in shown.text_of("log")
    assert shown.text_of("charts").count(f"{title} ") == 2
    await shown.until_shown(f"Coach, {title} ")


@pytest.mark.slow
@pytest.mark.parametrize("pane", ["charts", "log"])
async def test_the_cursor_takes_all_panes_along(opened: Opened, pane: str) -> None:
    earlier, later = {"charts": ("left", "right"), "log": ("up", "down")}[pane]
    async with opened() as shown:
        await shown.show(40)
        await shown.press(*["tab"] * (1 if pane == "charts" else 2))
        await shown.press(earlier, earlier)
        await looks_at(shown, 37)
        await shown.press(later)
        await looks_at(shown, 38)
        await shown.burst("pageup", "pageup", *[later] * 4, *[earlier] * 4)
        await looks_at(shown, 18)
        await shown.press("home")
        await looks_at(shown, -1)
        await shown.press("end")
        await shown.until(lambda: "epoch 39" in shown.text_of("matrix"))
        await shown.press("escape")
        assert "newest" not in shown.lines_of("log")[0]


async def test_vi_keys_move_too(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(40)
        await shown.press("tab", "h", "h", "l", "tab", "k", "k", "j")
        await looks_at(shown, 37)


async def test_b_in_the_log_goes_to_the_best_epoch(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(40)
        await shown.press("tab", "tab", "b")
        await looks_at(shown, 20)
        assert "20" in shown.text_of("log")
        assert "★" in shown.text_of("log")


async def test_esc_goes_back_to_live_and_is_offered_only_then(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(5)
        await shown.press("tab")
        assert "esc Back" not in shown.lines[-1]
        await shown.press("left")
        assert "esc Back" in shown.lines[-1]
        await shown.say(made_up.epoch(5))
        assert "Log, epoch 3" in shown.text_of("log")
        await shown.press("escape")
        assert "esc Back" not in shown.lines[-1]
        assert shown.state.shown_epoch == 5
        assert f"{made_up.epoch(5).train_loss:.3f}" in shown.text_of("charts")


async def test_live_all_panes_follow_the_newest_epoch(opened: Opened) -> None:
    async with opened() as shown:
        run = await shown.show(5)
        made_up.predictions(8).tofile(run.path / "predictions.u8")
        await shown.say(made_up.epoch(5), made_up.epoch(6), made_up.epoch(7))
        assert f"epoch 7: {wrong_after(8)}" in shown.text_of("matrix")
        assert shown.text_of("log").split("\n")[10].split()[:2] == ["7", "0.250"]
        assert "epoch 8 of 100" in shown.text


async def test_the_cursor_stays_while_training_goes_on(opened: Opened) -> None:
    async with opened() as shown:
        await shown.show(20)
        await shown.press("tab", "left", "left", "left")
        await looks_at(shown, 16)
        await shown.say(*(made_up.epoch(number) for number in range(20, 60)))
        await looks_at(shown, 16)
        assert "epoch 60 of 100" in shown.text


async def test_earlier_weights_are_asked_for_at_an_earlier_epoch(
    opened: Opened, workers: Workers
) -> None:
    async with opened() as shown:
        await shown.show(20)
        await shown.until(lambda: workers.asked)
        assert workers.asked[-1][2] is None
        await shown.press("tab", "left")
        await shown.until(lambda: workers.asked[-1][2] == 19)
        await shown.press("home")
        await shown.until(lambda: workers.asked[-1][2] == 0)
        await shown.press("escape")
        await shown.until(lambda: workers.asked[-1][2] is None)


async def test_without_epochs_the_cursor_keys_do_nothing(opened: Opened) -> None:
    async with opened() as shown:
        await shown.press("tab", "left", "right", "home", "end", "tab", "up", "b", "down")
        assert shown.state.cursor is None
        await shown.show(0)
        await shown.press("up", "home")
        assert "Log, " not in shown.text
