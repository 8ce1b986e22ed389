"""The place of the coach's words, and when they change."""

import asyncio
import textwrap
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine.analysis.coach import Advice
from mnistop.engine.runs.history import History
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import plain
from mnistop.tui.features.train import dashboard
from mnistop.tui.features.train.coach import Coach
from mnistop.tui.session.session import RunEvents
from tests.helpers import made_up
from tests.helpers.dashboard import PANES, Dashboard, Opened
from tests.helpers.selection import one_in

WIDE, MEDIUM, SMALL, LOW = (120, 40), (100, 34), (80, 24), (60, 16)

LONGEST = Advice(
    "over-fitting",
    "Over-fitting since about epoch 10: validation loss rose from 0.53 to 0.77, training loss "
    "fell to 0.00069; accuracy holds at 89.5% (84.5–93.0).",
    "Try shifts, more samples or early stopping.",
)


def words_of(advice: Advice) -> str:
    return f"{advice.sentence} {advice.remedy}"


@pytest.fixture
def says_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "advise", lambda *_: LONGEST)


def column(shown: Dashboard) -> str:
    """The column beside the charts, under the form."""
    return " ".join(" ".join(line[:33].split()) for line in shown.lines[20:38])


def draw_coach(shown: Dashboard) -> None:
    screen = shown.screen
    screen._dashboard.advise(screen.state, screen.session.config)


async def test_before_a_run_it_says_what_it_waits_for(opened: Opened) -> None:
    async with opened(WIDE) as shown:
        assert "── Coach ─" in shown.text
        assert "There are no curves to read before training starts." in column(shown)


async def test_it_reads_a_run_that_is_opened(opened: Opened) -> None:
    async with opened(WIDE) as shown:
        await shown.show(40)
        await shown.until_shown("Coach, epoch 39")
        assert "All well: validation loss 0.53 is near its lowest" in column(shown)


async def test_it_speaks_at_once_when_a_run_ends(opened: Opened) -> None:
    async with opened(WIDE) as shown:
        await shown.show(12)
        await shown.say(*(made_up.epoch(number) for number in range(12, 20)), made_up.finished(20))
        assert "Coach, epoch 19" in shown.text


async def test_it_reads_the_curves_once_a_second_at_most(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []

    def count(history: History, *rest: object) -> Advice:
        lengths.append(len(history.epochs))
        return LONGEST

    async with opened(WIDE) as shown:
        run = await shown.show(3)
        monkeypatch.setattr(dashboard, "advise", count)
        started = time.monotonic()
        for number in range(3, 60):
            shown.screen.post_message(RunEvents(run, [made_up.epoch(number)]))
            await asyncio.sleep(0)
        await shown.until(lambda: 60 in lengths)
        assert len(lengths) <= 2 + time.monotonic() - started
        for _ in range(3):
            draw_coach(shown)
        assert lengths.count(60) == 1


async def test_it_says_of_an_earlier_epoch_what_was_to_be_said_then(opened: Opened) -> None:
    async with opened(WIDE) as shown:
        await shown.show(30)
        await shown.until_shown("Coach, epoch 29")
        await shown.press("tab", "left", "left", "left")
        await shown.until_shown("Coach, epoch 26")
        assert "Confusion matrix, epoch 26" in shown.text
        await shown.press("home", "right")
        await shown.until_shown("Coach, epoch 0")
        assert "after 1 epoch training loss is 2.00" in column(shown)


async def test_of_a_finished_run_it_still_explains_the_first_loss(opened: Opened) -> None:
    async with opened(WIDE) as shown:
        await shown.show(30, made_up.finished(30))
        await shown.until_shown("Coach, epoch 29")
        await shown.press("tab", "home")
        await shown.until_shown("Coach, untrained")
        assert "Before training the loss is 2.303" in column(shown)
        assert "ln 10 = 2.303" in column(shown)


@pytest.mark.slow
@pytest.mark.usefixtures("says_the_longest")
async def test_on_a_wide_terminal_all_of_it_stands_under_the_form(opened: Opened) -> None:
    for size in (WIDE, (120, 38), (200, 60)):
        async with opened(size) as shown:
            await shown.show(3)
            draw_coach(shown)
            await shown.settle()
            assert words_of(LONGEST) in " ".join(
                " ".join(line[:33].split()) for line in shown.lines
            )
            assert set(PANES) == set(shown.visible)


@pytest.mark.usefixtures("says_the_longest")
async def test_on_a_medium_terminal_it_has_two_lines_over_the_progress_line(
    opened: Opened,
) -> None:
    async with opened(MEDIUM) as shown:
        await shown.show(3)
        draw_coach(shown)
        await shown.settle()
        said = " ".join(line.strip() for line in shown.lines[-4:-2])
        assert said == f"epoch 2: {words_of(LONGEST)}"
        assert "epoch 3 of 100" in shown.lines[-2]


@pytest.mark.usefixtures("says_the_longest")
async def test_on_a_small_terminal_it_has_three_lines_under_charts_and_log(opened: Opened) -> None:
    async with opened(SMALL) as shown:
        await shown.show(3)
        draw_coach(shown)
        for name in PANES:
            await shown.go_to(name)
            said = " ".join(line.strip() for line in shown.lines[-5:-2])
            has_it = said == f"Coach, epoch 2: {words_of(LONGEST)}"
            assert has_it == (name in ("charts", "log")), name
            assert "epoch 3 of 100" in shown.lines[-2]


async def test_on_the_smallest_terminal_the_rows_are_the_panes(opened: Opened) -> None:
    async with opened(LOW) as shown:
        await shown.show(3)
        await shown.press("tab")
        draw_coach(shown)
        await shown.settle()
        assert "Coach" not in shown.text
        await shown.resize(*SMALL)
        assert "Coach, epoch 2:" in shown.text
        await shown.resize(*LOW)
        assert "Coach" not in shown.text


@pytest.mark.usefixtures("says_the_longest")
@pytest.mark.parametrize("size", one_in(3, [WIDE, MEDIUM, SMALL]))
async def test_in_ascii_nothing_else_is_drawn(opened: Opened, size: tuple[int, int]) -> None:
    async with opened(size, Terminal(unicode=False, colors=0)) as shown:
        await shown.show(3)
        await shown.press("tab")
        draw_coach(shown)
        await shown.settle()
        assert "84.5-93.0" in shown.sentences
        coaches = shown.screen.query(Coach)
        assert any(coach.region.area for coach in coaches)
        assert all(coach.text().isascii() for coach in coaches)


WORDS = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=12)
SENTENCES = st.lists(WORDS, max_size=25).map(" ".join)


@given(SENTENCES, SENTENCES, st.integers(20, 200), st.integers(1, 9), st.booleans())
def test_what_fits_is_shown_whole_and_the_rest_is_cut_with_a_mark(
    sentence: str, remedy: str, width: int, height: int, unicode: bool
) -> None:
    coach = Coach(Terminal(unicode=unicode), titled=False)
    coach._advice = Advice("some", f"So: {sentence}.", remedy)
    lines = coach.lines(width, height)
    assert len(lines) <= height
    assert all(line.cell_length == width for line in lines)
    said = " ".join(f"Coach: So: {sentence}. {remedy}".split())
    wrapped = textwrap.wrap(said, width)
    shown = " ".join(plain(lines).split())
    if len(wrapped) <= height:
        assert shown == said
    else:
        assert shown.endswith("…" if unicode else "~")


@pytest.mark.slow
@pytest.mark.parametrize("size", one_in(3, [WIDE, MEDIUM, SMALL]))
async def test_classes_that_are_missing_are_told_from_the_start(
    opened: Opened, size: tuple[int, int]
) -> None:
    counts = [160] * 5 + [0] * 5
    begun = msgspec.structs.replace(
        made_up.started(),
        training_counts=counts,
        validation_counts=counts,
        source_counts=[200] * 10,
    )
    async with opened(size) as shown:
        await shown.show(1)
        await shown.say(begun)
        words = "5 of the 10 classes have no training image (5, 6, 7, …)"
        await shown.until(lambda: words in column(shown) or words in shown.sentences)
