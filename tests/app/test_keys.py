"""Every key that the help lists, on every screen: it acts, or a reason is shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual.actions import parse
from textual.binding import Binding
from textual.screen import ModalScreen

from mnistop.engine import worker
from mnistop.engine.analysis.line_by_line import run_lines
from mnistop.engine.analysis.network import first_layer, first_walk, walk
from mnistop.engine.analysis.samples import find_oddities, load_samples
from mnistop.engine.export.code_files import code_of
from mnistop.tui.app import MnistopApp
from mnistop.tui.toolkit.bindings import declared
from tests.helpers import made_up
from tests.helpers import recorded_predictions as judged
from tests.helpers.dashboard import PANES, Dashboard, Opened, Workers
from tests.helpers.made_up_attacks import Answers as Attacks
from tests.helpers.odd_data import MadeUpSearch
from tests.helpers.rates_screen import Finder, finder
from tests.helpers.sweep_screen import rates
from tests.helpers.weights_screen import Answers as Weights
from tests.tui.features.compare.test_compare import add

pytestmark = pytest.mark.slow


__all__ = ["finder"]

_ROUNDS = 4
_ANSWERING = {"default", "ask", "check", "hand-in", "open"}
"""Groups of the workers that a key starts and that end by themselves; others go on."""
ELSEWHERE = {"quit", "suspend_process", "command_palette", "redraw"}
"""Actions that leave the app, and one whose effect is that nothing has changed."""


@pytest.fixture
def answering(workers: Workers, finder: Finder, monkeypatch: pytest.MonkeyPatch) -> None:
    """All questions are answered, by made-up answers as far as there are such."""
    attacks, weights = Attacks(), Weights()
    weights.open.set()

    async def ask(question: Callable[..., Any], *details: Any) -> Any:
        if question in (first_layer, first_walk, walk):
            return await weights.ask(question, *details)
        if question in (find_oddities, load_samples, run_lines, code_of):
            return question(*details)
        return await attacks.ask(question, *details)

    async def ask_at_low_priority(question: Callable[..., Any], *details: Any) -> Any:
        asked = finder if question.__name__ == "range_test" else attacks
        return await asked.ask(question, *details)

    monkeypatch.setattr(worker, "ask", ask)
    monkeypatch.setattr(worker, "ask_at_low_priority", ask_at_low_priority)
    monkeypatch.setattr("mnistop.tui.features.data.screen.DoubtSearch", MadeUpSearch)


async def nothing(shown: Dashboard) -> None:
    """Before any run."""


async def finished(shown: Dashboard) -> None:
    """A run that has ended, with all that is recorded, beside others and a sweep."""
    for number in range(3):
        add(workers_of(shown), number, f"calm-otter{number}", 3, lr=(number + 1) / 10)
    rates(workers_of(shown), 0.8, 0.9, 0.3)
    told = [*made_up.story(12), made_up.finished(12)]
    run = judged.write_run(shown.folder / "recorded", told)
    images = run.path / "images.u8"
    images.write_bytes(bytes(place % 251 for place in range(images.stat().st_size)))
    shown.screen.session.watch(run)
    await shown.say(*told, run=run)


async def live(shown: Dashboard) -> None:
    """A run that is going on."""
    told = made_up.story(12)
    run = judged.write_run(shown.folder / "recorded", told)
    shown.screen.session.watch(run)
    await shown.say(*told, run=run)


def look(shown: Dashboard) -> tuple[object, ...]:
    """All that a key may change: the screen with its styles, and what has been said or asked."""
    segments = [(part.text, str(part.style)) for part in shown.segments]
    return segments, type(shown.app.screen), shown.app.screen.focused, shown.notices


Kept = Callable[[Binding], bool]
"""Whether a binding is one of those that are tried."""


def of_app(binding: Binding) -> bool:
    """Return whether a binding holds everywhere."""
    return binding in declared(MnistopApp)


def of_place(binding: Binding) -> bool:
    """Return whether a binding belongs to a screen or a pane."""
    return not of_app(binding)


def keys(shown: Dashboard, kept: Kept) -> list[tuple[str, Binding]]:
    """The keys of the screen in sight and of what has the focus, and what they are bound to."""
    found: dict[str, Binding] = {}
    for node in (shown.app.screen.focused or shown.app.screen).ancestors_with_self:
        for binding in declared(type(node)):
            found.setdefault(binding.key.split(",")[0], binding)
    return [
        (key, binding)
        for key, binding in found.items()
        if kept(binding) and parse(binding.action)[1] not in ELSEWHERE
    ]


async def acts(shown: Dashboard, key: str) -> bool:
    """Return whether a key changes the screen or shows a message."""
    shown.app.clear_notifications()
    await shown.settle()
    before = look(shown)
    asked = requests(shown)
    await shown.press(key)
    for _ in range(_ROUNDS):
        if before != look(shown) or asked != requests(shown):
            return True
        await answered(shown)
    said = " ".join(shown.text_of("form").split())  # which stands there until the cursor moves
    return shown.focused == "form" and "locked until it ends" in said


async def answered(shown: Dashboard) -> None:
    """Waits until all questions are answered and their answers drawn."""
    at_work = [one for one in shown.app.workers if one.group in _ANSWERING]
    await shown.until(lambda: all(one.is_finished for one in at_work))
    await shown.settle()


def requests(shown: Dashboard) -> tuple[int, int]:
    """Count the requests to training processes."""
    return len(workers_of(shown).told), len(workers_of(shown).launched)


def workers_of(shown: Dashboard) -> Workers:
    return shown.workers  # type: ignore[attr-defined,no-any-return]


def where(shown: Dashboard) -> tuple[object, ...]:
    """The screen in sight and what has the keys."""
    return shown.app.screen, shown.app.screen.focused


async def return_to(shown: Dashboard, place: tuple[object, ...], open_place: Opening) -> None:
    """Opens a place again, out of what has been opened in it."""
    for way in 2 * ("escape", "tab", "tab", "tab"):
        if where(shown)[0] != place[0]:
            await open_place(shown)
        if where(shown) != place:
            await shown.press(way)
    if where(shown)[0] != place[0]:
        await open_place(shown)
    assert where(shown) == place, shown.text


Opening = Callable[[Dashboard], Awaitable[None]]


async def silent_keys(shown: Dashboard, open_place: Opening, kept: Kept) -> list[str]:
    """The keys of a place that do nothing and say nothing."""
    await open_place(shown)
    silent = []
    place, bound = where(shown), keys(shown, kept)
    assert bound
    for key, binding in bound:
        if where(shown) != place:
            await return_to(shown, place, open_place)
        if await acts(shown, key):
            if parse(binding.action)[1] == "zoom":
                await shown.press(key)
            continue
        # It may be at an end: the others of its kind lead away from there, and it acts again.
        name = parse(binding.action)[1]
        away = [other for other, each in bound if parse(each.action)[1] == name and other != key]
        for other in away:
            await shown.press(other)
            if await acts(shown, key):
                break
        else:
            silent.append(f"{key} ({binding.id}) on {place[1]}")
    return silent


def on_screen(key: str, tabs: int = 0, *more: str) -> Opening:
    """Opens a screen by its key, and a pane of it by Tab."""

    async def opening(shown: Dashboard) -> None:
        while isinstance(shown.app.screen, ModalScreen):
            await shown.app.pop_screen()
            await shown.settle()
        await shown.press("1", key)
        await shown.until(lambda: not getattr(shown.app.screen, "is_reading", False))
        await answered(shown)
        await shown.press(*["tab"] * tabs, *more)

    return opening


def on_dashboard(pane: str) -> Opening:
    """Opens a pane of the dashboard."""

    async def opening(shown: Dashboard) -> None:
        await on_screen("1")(shown)
        await shown.go_to(pane)

    return opening


PLACES: dict[str, Opening] = {
    **{pane: on_dashboard(pane) for pane in PANES},
    "mistakes": on_screen("2"),
    "attack": on_screen("3"),
    "attack, proof": on_screen("3", 1),
    "weights": on_screen("4"),
    "network": on_screen("4", 1),
    "data": on_screen("5"),
    "flattening": on_screen("5", 1),
    "findings": on_screen("5", 2),
    "labels": on_screen("5", 3),
    "runs": on_screen("6"),
    "course": on_screen("7"),
    "course, answer": on_screen("7", 1),
    "course, steps": on_screen("7", 2),
    "sweep": on_screen("6", 0, "C"),
    "rates": on_screen("f"),
    "loop": on_screen("8"),
    "code": on_screen("C"),
    "pad": on_screen("e"),
}


@pytest.mark.parametrize(
    ("place", "state"),
    [
        *((place, state) for place in PLACES for state in (nothing, finished)),
        *((pane, live) for pane in PANES),
    ],
)
async def test_no_key_is_silent(
    opened: Opened,
    workers: Workers,
    answering: None,
    place: str,
    state: Callable[[Dashboard], Awaitable[None]],
) -> None:
    async with opened() as shown:
        shown.workers = workers
        await state(shown)
        silent = await silent_keys(shown, PLACES[place], of_place)
        assert not silent, "\n".join(silent)


@pytest.mark.parametrize("state", [nothing, finished, live])
@pytest.mark.parametrize("place", ["form", "data"])
async def test_no_key_of_the_whole_app_is_silent(
    opened: Opened,
    workers: Workers,
    answering: None,
    place: str,
    state: Callable[[Dashboard], Awaitable[None]],
) -> None:
    """Tests the dashboard and one other screen; no screen or pane has a part in these keys."""
    async with opened() as shown:
        shown.workers = workers
        await state(shown)
        silent = await silent_keys(shown, PLACES[place], of_app)
        assert not silent, "\n".join(silent)
