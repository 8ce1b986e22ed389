"""All that the help tells, put together from the screens' own explanations and keys."""

from __future__ import annotations

from textual.app import App
from textual.screen import Screen

from mnistop.tui.features.train.screen import TrainScreen
from mnistop.tui.navigator import NAMES, Views
from mnistop.tui.quit import QuitScreen
from mnistop.tui.session.view import ViewScreen
from mnistop.tui.toolkit.ask import AskScreen, AskTextScreen
from mnistop.tui.toolkit.bindings import declared
from mnistop.tui.toolkit.help import HelpScreen, Section


def help_sections(
    app: App[int], shown: Screen[object], train: TrainScreen, views: Views
) -> list[Section]:
    """The parts of all screens; of these the one in sight first.

    Args:
        app: has the keys that hold everywhere.
        shown: the screen in sight.
        train: the dashboard.
        views: the other screens.
    """
    others = [view for view in map(views.__getitem__, NAMES) if view is not shown]
    of_others = Section("Every screen but the dashboard", "", declared(ViewScreen))
    dashboard = [
        Section("Everywhere", "", declared(type(app))),
        Section("The dashboard", "", declared(TrainScreen)),
        *train.sections(),
    ]
    first = (
        [*shown.sections(), of_others, *dashboard]
        if isinstance(shown, ViewScreen)
        else [*dashboard, of_others]
    )
    return [
        *first,
        *(section for view in others for section in view.sections()),
        Section("This help", "", declared(HelpScreen)),
        Section("A question", "", declared(AskScreen, AskTextScreen)),
        Section("The question before quitting", "", declared(QuitScreen)),
    ]
