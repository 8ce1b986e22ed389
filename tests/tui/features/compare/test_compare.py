"""Runs laid over each other, as a person sees it."""

import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.compare.screen import CompareScreen
from mnistop.tui.features.runs.screen import RunsScreen
from tests.helpers import made_up
from tests.helpers import recorded_predictions as judged
from tests.helpers.dashboard import Dashboard, Opened, Workers
from tests.helpers.selection import one_in

SIZES = one_in(3, [(120, 40), (80, 24)])


def add(workers: Workers, number: int, words: str, epochs: int, **values: object) -> Run:
    name = f"20260101-1200{number:02}-{words}"
    said = [*made_up.story(epochs, name), made_up.finished(epochs, name)]
    run = made_up.write_run(workers.folder, said, RunConfig(**values), name)  # type: ignore[arg-type]
    judged.record(run, made_up.predictions(epochs))
    return run


def some(workers: Workers) -> None:
    add(workers, 0, "calm-otter", 30, lr=0.5)
    add(workers, 1, "keen-lark", 4, hidden=())
    add(workers, 2, "brave-birch", 10)


async def compare(shown: Dashboard, marks: int) -> CompareScreen:
    await shown.press("6")
    await shown.until_shown("calm-otter")
    await shown.press("home", *["space"] * marks, "c")  # the run that was there first stays chosen
    await shown.until(lambda: isinstance(shown.app.screen, CompareScreen))
    await shown.until_shown("best")
    assert isinstance(shown.app.screen, CompareScreen)
    return shown.app.screen


def row(shown: Dashboard, name: str) -> str:
    return next(line for line in reversed(shown.lines) if name in line)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_curves_lie_over_each_other_with_what_differs(
    opened: Opened, workers: Workers, size: tuple[int, int]
) -> None:
    some(workers)
    async with opened(size) as shown:
        await compare(shown, 3)
        await shown.until_shown(f"{100 * made_up.epoch(29).val_acc:.1f}% (")
        assert "3 runs: loss and accuracy in validation" in shown.text
        assert row(shown, "brave-birch").split()[0] == "a"
        assert row(shown, "keen-lark").split()[-2:] == ["none", "0.1"]
        assert row(shown, "calm-otter").split()[-2:] == ["128", "0.5"]
        [head] = [line for line in shown.lines if "val loss" in line]
        settings = ["hidden", "layers", "learning", "rate"]
        assert head.split() == ["name", "best", "val", "acc", "val", "loss", *settings]
        await shown.press("t")
        assert "3 runs: loss and accuracy in training" in shown.text


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_accuracies_on_unseen_images_stand_first(
    opened: Opened, workers: Workers, size: tuple[int, int]
) -> None:
    some(workers)
    name = "20260101-120000-calm-otter"
    made_up.say(Run(workers.folder / name), [made_up.unseen_results(name)])
    async with opened(size) as shown:
        await compare(shown, 3)
        await shown.until_shown("test acc at best")
        assert row(shown, "calm-otter").split()[2:4] == ["87.8%", "(86.7–88.8)"]
        assert row(shown, "keen-lark").split()[2:4] == ["-", "3"]
        await shown.press("home")
        assert row(shown, "calm-otter").split()[2:4] == ["87.8%", "(86.7–88.8)"]


@pytest.mark.slow
async def test_the_cursor_reads_all_out_at_one_epoch(opened: Opened, workers: Workers) -> None:
    some(workers)
    async with opened() as shown:
        await compare(shown, 3)
        await shown.until_shown("0.600")
        await shown.press("home", "right", "right")
        assert "Epoch 2" in shown.text
        at = f"{100 * made_up.epoch(2).val_acc:.1f}%"
        assert all(at in row(shown, name) for name in ("calm-otter", "keen-lark", "brave-birch"))
        await shown.press("right", "right")
        assert row(shown, "keen-lark").split()[3:5] == ["-", "-"]
        await shown.press("end")
        assert "Epoch 29" in shown.text
        await shown.press("escape")
        assert "Newest epoch of each" in shown.text
        await shown.press("escape")
        assert isinstance(shown.app.screen, RunsScreen)
        await shown.press("escape")
        assert shown.app.screen is shown.screen


@pytest.mark.parametrize("size", SIZES)
async def test_two_runs_are_compared_image_by_image(
    opened: Opened, workers: Workers, size: tuple[int, int]
) -> None:
    some(workers)
    async with opened(size) as shown:
        screen = await compare(shown, 2)
        await shown.until(lambda: screen._comparison.duel)
        await shown.press("x")
        alone = [row for row in made_up.right_after(10) if row not in made_up.right_after(4)]
        assert f"Only a is right on {len(alone)} images, only b on 0" in shown.sentences
        assert "significant difference" in shown.sentences
        assert f"Right in only one: {len(alone)}" in shown.text
        assert "Confusion matrices: a less b" in shown.text
        await shown.press("down")
        if size[0] >= 116:
            assert f"Image {alone[1]}" in shown.text
        await shown.press("escape")
        assert "2 runs: loss and accuracy in validation" in shown.text


@pytest.mark.slow
async def test_the_dashboards_run_is_compared_with_the_chosen_one(
    opened: Opened, workers: Workers
) -> None:
    some(workers)
    async with opened() as shown:
        await shown.press("6")
        await shown.until_shown("calm-otter")
        await shown.press("c")
        assert isinstance(shown.app.screen, RunsScreen)
        await shown.press("enter", "6", "end", "c")
        await shown.until(lambda: isinstance(shown.app.screen, CompareScreen))
        await shown.until_shown(f"{100 * made_up.epoch(29).val_acc:.1f}% (")
        assert row(shown, "brave-birch").split()[0] == "a"
        assert row(shown, "calm-otter").split()[0] == "b"


@pytest.mark.slow
async def test_runs_judged_on_other_images_are_told_apart_by_words(
    opened: Opened, workers: Workers
) -> None:
    some(workers)
    other = add(workers, 3, "sunny-wren", 5)
    judged.images(made_up.VALIDATION)[::-1].tofile(other.path / "images.u8")
    async with opened() as shown:
        await compare(shown, 2)
        await shown.press("x")
        await shown.until_shown("These two were not evaluated on the same")


async def test_a_live_run_is_followed(opened: Opened, workers: Workers) -> None:
    some(workers)
    name = "20260101-120009-sunny-wren"
    live = made_up.write_run(workers.folder, made_up.story(2, name), RunConfig(seed=1), name)
    with made_up.training(live):
        async with opened() as shown:
            await compare(shown, 2)
            await shown.until(lambda: "0.875" not in row(shown, "sunny-wren"))
            made_up.say(live, [made_up.epoch(2, name), made_up.epoch(3, name)])
            await shown.until(lambda: "0.750" in row(shown, "sunny-wren"))


@pytest.mark.slow
async def test_in_ascii_without_colour_letters_tell_them_apart(
    opened: Opened, workers: Workers
) -> None:
    some(workers)
    async with opened((80, 24), Terminal(colors=0, unicode=False)) as shown:
        screen = await compare(shown, 2)
        await shown.until(lambda: screen._comparison.duel)
        await shown.until_shown("aaa")
        assert shown.text.isascii()
        await shown.press("x")
        assert "Right in only one" in shown.text
        assert shown.text.isascii()


@pytest.mark.slow
async def test_settings_without_room_for_a_column_are_told_below_the_others(
    opened: Opened, workers: Workers
) -> None:
    add(workers, 0, "calm-otter", 3, lr=0.5, weight_decay=0.01, adversarial_epsilon=0.1)
    add(workers, 1, "keen-lark", 3, optimizer="adam")
    async with opened((80, 24)) as shown:
        await compare(shown, 2)
        await shown.until_shown("adversarial epsilon: a 0 b 0.1", "weight decay")
        assert "…" not in row(shown, "keen-lark")
        await shown.resize(140, 40)
        await shown.until(lambda: "adversarial epsilon:" not in shown.text)
        assert row(shown, "calm-otter").split()[-4:] == ["manual", "0.5", "0.01", "0.1"]


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
async def test_the_members_of_a_sweep_keep_the_number_that_tells_them_apart(
    opened: Opened, workers: Workers, size: tuple[int, int]
) -> None:
    for number in (1, 2):
        add(workers, 0, f"resourceful-nightingale.{number:02}", 3, lr=number / 10)
    async with opened(size) as shown:
        await shown.press("6")
        await shown.until_shown(".01", ".02")
        await shown.press("space", "space", "c")
        await shown.until(lambda: isinstance(shown.app.screen, CompareScreen))
        await shown.until_shown("2 runs: loss")
        rows = [line for line in shown.lines if line.startswith(("a ", "b "))]
        assert [row[: row.index(".0") + 3].rpartition(".")[2] for row in rows] == ["02", "01"]


@pytest.mark.slow
async def test_a_ninth_run_cannot_be_marked_and_the_reason_is_given(
    opened: Opened, workers: Workers
) -> None:
    for number in range(9):
        add(workers, number, f"calm-otter{number}", 2)
    async with opened() as shown:
        await shown.press("6")
        await shown.until_shown("calm-otter8")
        await shown.press(*["space"] * 9)
        assert "8 runs are marked already: more could not be distinguished." in shown.notices
