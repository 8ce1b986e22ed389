"""What stays in the shell's scrollback when the app has been quit."""

from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.lookup import typed
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.cli.closing import closing_words
from mnistop.tui.text.runs import best_of, count, what_next


def farewell(run: Run, epochs: int) -> str:
    """How the run stands, how good it is, and how to come back to it.

    Args:
        run: the run that was shown last.
        epochs: how many epochs it is to have.
    """
    history = reduce(History(), read_events(run))
    if history.ended or not run.is_running():
        return "\n".join(closing_words(run, history, epochs))
    trained = count(len(history.epochs), "epoch")
    state = "is paused" if history.paused else "goes on training"
    best, name = best_of(history), typed(run)
    return "\n".join(
        [
            "",
            f"run {run.name} {state}: {trained} of {epochs:,} so far",
            *([f"best: {best}"] if best else []),
            "",
            what_next(
                {
                    f"mnistop --run {name}": "open it in the app",
                    f"mnistop follow {name}": "watch it here",
                    **({f"mnistop stop {name}": "stop it and save"} if run.is_ours else {}),
                }
            ),
        ]
    )
