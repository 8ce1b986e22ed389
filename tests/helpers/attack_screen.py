"""The attack screen with made-up answers, as tests open it and read it."""

from __future__ import annotations

from mnistop.engine.analysis.methods import METHODS
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.features.attack.panes import AttackPanes
from mnistop.tui.features.attack.screen import AttackScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard
from tests.helpers.made_up_attacks import Answers, smallest

WIDE, SMALL, LARGE = (120, 40), (80, 24), (200, 60)
RIGHT = made_up.right_after(12)
FRAGILE = sorted(RIGHT, key=lambda row: (min(smallest(row), 1.0), row))


async def open_attack(shown: Dashboard, answers: Answers, epochs: int = 12) -> Run:
    names = [str(number) for number in range(answers.classes)]
    run = await shown.show(epochs, names=names)
    await shown.press("3")
    await shown.until(lambda: isinstance(shown.app.screen, AttackScreen))
    await shown.settle()
    return run


def panes(shown: Dashboard) -> AttackPanes:
    return shown.app.screen.query_one(AttackPanes)


def to_method(name: str, before: str = "fgsm") -> list[str]:
    """The keys that go from one method to another."""
    names = list(METHODS)
    return ["x"] * ((names.index(name) - names.index(before)) % len(names))


async def until_told(shown: Dashboard, *texts: str) -> None:
    """Waits until a pane in sight, or the screen, shows each text, whatever the line breaks."""

    def told() -> list[str]:
        if not isinstance(shown.app.screen, AttackScreen):
            return [shown.sentences]
        seen = [pane.widget for pane in panes(shown).panes if pane.widget.display]
        return [shown.sentences, *(" ".join(pane.text().split()) for pane in seen)]

    for text in texts:
        try:
            await shown.until(lambda text=text: any(text in one for one in told()))
        except AssertionError as error:
            raise AssertionError(f"{text!r}: {error}") from None


def asked(answers: Answers) -> tuple[object, ...]:
    """AttackTarget, ε, weights, method and target of the newest attack."""
    return answers.questions("attack_image")[-1][1:]
