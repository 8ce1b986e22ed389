"""All that reads a run folder, let loose on one whose files may be damaged."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

from mnistop.engine.analysis import fragility, loading
from mnistop.engine.analysis.network import first_layer, walk
from mnistop.engine.analysis.robustness import robustness
from mnistop.engine.errors import MnistopError
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.event_log import epochs_trained, read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.predictions import load_predictions
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.cli.entry import exit_code_of


def look(run: Run, others: Sequence[Run], draw: bool) -> None:
    """Looks at a run in every way without drawing, and with it if asked to.

    Args:
        run: the damaged one.
        others: sound ones in the same folder.
        draw: whether to tell the run's story with its charts and pictures too.

    Raises:
        AssertionError: a command ended by a fault of the program, or hid another run.
    """
    listed = command("runs", "--json")
    names = {row["name"] for row in json.loads(listed)}
    assert names >= {other.name for other in others}, "another run is hidden"
    command("show", run.name, "--json", "--ascii")
    if draw:
        command("show", run.name)
    epochs_trained(run)
    history = reduce(History(), read_events(run))
    if history.started:
        height, width = history.started.image_shape
        run.images((height, width))
        classes = len(history.started.class_names)
        for epochs in range(4):
            load_predictions(run, epochs, classes)


def look_at_weights(run: Run, epochs: int | None, ask: bool) -> None:
    """Loads a model, and asks what is asked of models; only a sentence may be the answer.

    Args:
        run: the run.
        epochs: of which weights, as for `loading.load_model`.
        ask: whether to ask, too.
    """
    with contextlib.suppress(MnistopError):
        loading.load_model(run, epochs)
    if not ask:
        return
    with contextlib.suppress(MnistopError):
        fragility.attack_image(run, 0, 0.1, epochs)
    with contextlib.suppress(MnistopError):
        robustness(run, epochs, seconds=0)
    for question in (lambda: first_layer(run, epochs), lambda: walk(run, 0, epochs)):
        with contextlib.suppress(MnistopError):
            question()


def command(*words: str) -> str:
    """A command's output; it may complain about the run that it is to show, but not fail."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = exit_code_of(list(words))
    said = err.getvalue()
    assert code in (0, 2), f"mnistop {' '.join(words)} ended with {code}: {said}"
    assert "fault of the program" not in said, said
    return out.getvalue()


def other_runs(run: Run) -> list[Run]:
    """The runs beside one."""
    return [other for other in run_folder.list_runs() if other != run]


def files_of(run: Run) -> list[Path]:
    """All files of a run."""
    return sorted(path for path in run.path.rglob("*") if path.is_file())
