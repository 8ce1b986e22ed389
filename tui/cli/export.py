"""`mnistop report` and `export`: a run written as a document, a model, code, or curves."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click

from mnistop.engine.errors import RunError
from mnistop.engine.export.code_files import SUFFIXES, has_content
from mnistop.engine.files import expanded
from mnistop.engine.report import FORMATS
from mnistop.engine.runs.lookup import find_run, find_run_or_sweep
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.destination import (
    STDOUT,
    check_destination,
    deliver,
    format_of,
    with_destination,
)
from mnistop.tui.cli.options import runs_argument, with_output
from mnistop.tui.cli.output import Printer, waiting


@click.command(
    epilog="""
\b
Examples:
  mnistop report last                              Markdown, on stdout
  mnistop report last --output run.html            a page with charts, images
  mnistop report quiet-otter calm-lark -o two.html
  mnistop report last --format csv > epochs.csv    a row per epoch
"""
)
@with_output()
@with_destination("The file to write; - is standard output.  [default: -]")
@click.option(
    "--format",
    type=click.Choice(list(dict.fromkeys(FORMATS.values()))),
    help="The format.  [default: by the extension of FILE, else markdown]",
)
@click.option(
    "--epoch",
    type=int,
    metavar="N",
    help="Show the confusion matrix and mistakes after this epoch.  [default: the last]",
)
@runs_argument
def report(
    out: Printer,
    output: str | None,
    force: bool,
    format: str | None,
    epoch: int | None,
    names: tuple[str, ...],
) -> int:
    """Write a report on RUN, finished or in training, or compare several runs or a sweep's.

    Markdown and HTML show a run's best epoch with its interval, curves, the coach's advice,
    confusion matrix, worst mistakes, settings and log; for several runs, their curves in one chart
    and the settings that differ. HTML is one self-contained page with charts and images. CSV has a
    row per epoch, JSON everything.
    """
    output = output or STDOUT
    if format is None:
        format = "markdown" if output == STDOUT else format_of(output, FORMATS)
    runs = [run for name in names for run in _runs_of(name)]
    if epoch is not None and len(runs) > 1:
        raise click.UsageError("--epoch needs a single run.")
    check_destination(output, force)
    from mnistop.engine.report.of_runs import report as compose

    text = compose(runs, format, epoch)
    deliver(out, text.encode("utf-8", "backslashreplace"), output, force)
    return 0


def _runs_of(name: str) -> list[Run]:
    """Return the run of this name, or the runs of the sweep that have started."""
    found = find_run_or_sweep(name)
    if not isinstance(found, Sweep):
        return [found]
    if members := found.members():
        return members
    raise RunError(f"Sweep {found.name} has not started a run yet.")


_MODEL_FORMATS = {".pt": "state_dict", ".pth": "state_dict", ".onnx": "onnx"}
"""The format of a model by the extension of its file."""
_CODE_FORMATS = {suffix: format for format, suffix in SUFFIXES.items()}
"""The format of a run's code by the extension of its file."""
_TENSORBOARD = "tensorboard"


class _Weights(click.ParamType[str]):
    name = "weights"

    def convert(
        self, value: str, parameter: click.Parameter | None, context: click.Context | None
    ) -> str:
        """Check for `best`, `last` or the number of an epoch."""
        if value not in ("best", "last") and not (value.isascii() and value.isdecimal()):
            self.fail(f"{value!r} is not best, last or the number of an epoch.")
        return value


@click.command(
    epilog="""
\b
Examples:
  mnistop export last --output model.pt               for torch.load
  mnistop export last --output model.onnx             for any ONNX runtime
  mnistop export last --weights 31 -o epoch-31.onnx
  mnistop export last --format tensorboard -o logs    for tensorboard --logdir
  mnistop export last --format script                 a PyTorch script
  mnistop export last --output loop.ipynb             a Jupyter notebook

\b
ONNX needs        pip install "mnistop[onnx]"
TensorBoard needs pip install "mnistop[tensorboard]"
"""
)
@with_output()
@with_destination(
    "The file to write; for tensorboard, a folder that gets a subfolder per run.  [default for "
    "script and notebook: the name of the run]"
)
@click.option(
    "--format",
    type=click.Choice(["state_dict", "onnx", _TENSORBOARD, *_CODE_FORMATS.values()]),
    help="The format.  [default: by the extension of FILE, .pt, .onnx, .py or .ipynb]",
)
@click.option(
    "--weights",
    type=_Weights(),
    metavar="best|last|EPOCH",
    help="The weights of the epoch with the best validation accuracy, the newest ones, or those "
    "saved for an epoch.  [default: best]",
)
@runs_argument
def export(
    out: Printer,
    output: str | None,
    force: bool,
    format: str | None,
    weights: str | None,
    names: tuple[str, ...],
) -> int:
    """Export the model of RUN to PyTorch or ONNX, the code that trains it, or the curves of runs.

    Both kinds of model take batches of flattened images with pixels in [0, 1]. The PyTorch file
    holds a state_dict, read by torch.load with weights_only=True, and the layers to build the model
    from. The ONNX model returns logits and probabilities.

    A script or notebook trains the run again in plain PyTorch, without mnistop, and prints the same
    log. Its images are in an .npz file beside it. TensorBoard takes the curves of several runs.
    """
    output = output or ""
    if not output and format not in _CODE_FORMATS.values():
        raise click.UsageError(
            "Where to? Give a file, for example --output model.pt or model.onnx."
        )
    if format is None:
        if output == STDOUT:
            raise click.UsageError("Standard output needs a format: give --format.")
        format = format_of(output, _MODEL_FORMATS | _CODE_FORMATS)
    found = [find_run(name) for name in names]
    if format == _TENSORBOARD:
        if weights or output == STDOUT:
            raise click.UsageError(
                "TensorBoard takes curves, not weights, and a folder: for example --output logs."
            )
        _write_event_files(out, found, output, force)
        return 0
    if format in _CODE_FORMATS.values():
        if len(found) > 1 or weights:
            raise click.UsageError(
                "A script or notebook trains one run from its start: name one run, and no weights."
            )
        _write_code(out, found[0], format, output, force)
        return 0
    if len(found) > 1:
        raise click.UsageError("A model file holds one model: name one run.")
    if output == STDOUT and out.is_terminal:
        raise click.UsageError("A model file is not text: write it to a file or a pipe.")
    check_destination(output, force)
    _write_model(out, found[0], weights or "best", format, output, force)
    return 0


def _write_model(
    out: Printer, run: Run, weights: str, format: str, output: str, force: bool
) -> None:
    with waiting(out) as progress:
        progress("loading PyTorch")
        from mnistop.engine.export.model import Trained

        trained = Trained.of(run, weights)
    if format == "onnx":
        from mnistop.engine.export.model import INPUT, LOGITS, PROBABILITIES, to_onnx

        deliver(out, to_onnx(trained), output, force)
        sizes = trained.architecture.sizes
        lines = (
            f"input {INPUT} (batch, {sizes[0]}) in [0, 1], "
            f"outputs {LOGITS} and {PROBABILITIES} (batch, {sizes[-1]})"
        )
    else:
        from mnistop.engine.export.model import to_pytorch

        deliver(out, to_pytorch(trained), output, force)
        lines = trained.architecture.in_pytorch(output)
    if output != STDOUT:
        out.print(f"The model of run {run.name} after epoch {trained.epoch}:\n\n{lines}")


def _write_code(out: Printer, run: Run, format: str, output: str, force: bool) -> None:
    output = output or run.words + SUFFIXES[format]
    is_file = output != STDOUT and expanded(output).name
    images = expanded(output).with_suffix(".npz") if is_file else expanded(output)
    if images == expanded(output):
        raise click.UsageError(
            f"A {format} has its images in an .npz file beside it: give the name of a file, for "
            f"example --output loop{SUFFIXES[format]}."
        )
    check_destination(output, force)
    if not images.is_file():  # the same images may be there, of the run's script or notebook
        check_destination(str(images), force)
    with waiting(out) as progress:
        progress("loading PyTorch and the images")
        from mnistop.engine.export.script import export_code

        exported = export_code(run, format, images.name)
        code, pixels = exported.code.encode(), exported.images.content()
    if force or not has_content(images, pixels):
        deliver(out, pixels, str(images), force)
    deliver(out, code, output, force)
    command = "To run: python" if format == "script" else "To open: jupyter lab"
    out.print(f"{command} {shlex.quote(output)}")


def _write_event_files(out: Printer, found: Sequence[Run], output: str, force: bool) -> None:
    from mnistop.engine.export.event_file import check_event_file, write_event_file

    folder = expanded(output).absolute()
    for run in found:
        check_event_file(run, folder, force)
    for run in found:
        out.print(f"Written to {write_event_file(run, folder, force)}")
    out.print(f"To view: tensorboard --logdir {output}")
