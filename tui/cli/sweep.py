"""`mnistop sweep`: many runs at once, and what came of them side by side."""

from __future__ import annotations

import click

from mnistop.engine import worker
from mnistop.engine.analysis.comparison import differing
from mnistop.engine.sweep.grid import plan
from mnistop.engine.sweep.outcomes import ATTACK
from mnistop.engine.sweep.presets import SWEEPS, sweep_preset
from mnistop.tui.cli import watch
from mnistop.tui.cli.arguments import Ending, with_ending
from mnistop.tui.cli.options import (
    SettingsCommand,
    given,
    given_settings,
    naming_origin,
    setting_options,
)
from mnistop.tui.cli.output import Output, with_output
from mnistop.tui.cli.sweep_view import SweepView

_WHOLE = click.IntRange(min=1)


@click.command(
    cls=SettingsCommand,
    epilog="""
\b
Values of any hyperparameter:
  --lr 0.001,0.01,0.1,1              a list
  --lr 0.001..1                      a range: 0.001, 0.01, 0.1, 1
  --lr 0.001..1:7                    seven values, in equal factors
  --shift 0..3                       whole numbers, each
  --hidden "128; 256 128; none"      networks, with ; between

\b
Examples:
  mnistop sweep --lr 0.001,0.01,0.1,1 --seeds 5
  mnistop sweep --preset learning-rates        too low, right, too high
  mnistop sweep --preset shifts --samples 500  a preset, changed
  mnistop sweep --lr 0.01..1:9 --dropout 0..0.5 --random 20
  SWEEP=$(mnistop sweep --preset optimizers --detach)

\b
Exit codes: 0 all runs trained to their end, 1 some failed or it was stopped
from elsewhere, 2 wrong use or bad input, 130 stopped by Ctrl+C and saved.
""",
)
@with_output
@with_ending
@click.option("--seeds", type=_WHOLE, metavar="N", help="Train each with N seeds.  [default: 1]")
@click.option(
    "--random",
    "sample",
    type=_WHOLE,
    metavar="N",
    help="Draw N of the combinations at random, instead of all.",
)
@click.option(
    "--random-seed",
    "sample_seed",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Decides which are drawn.  [default: 0]",
)
@click.option(
    "--jobs",
    type=_WHOLE,
    metavar="N",
    help="Train N at once.  [default: as many as there are cores to use]",
)
@click.option("--dask", metavar="ADDRESS", help="Train on the workers of a Dask scheduler.")
@click.option("--title", default="", metavar="TEXT", help="What the sweep is about.")
@click.option(
    "--attack",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="E",
    help="Also compare accuracy when every validation image is attacked with ε E.  "
    f"[default: {ATTACK:g} where the adversarial epsilon varies]",
)
@click.option("--json", "as_json", is_flag=True, help="Print results as JSON lines.")
@click.option("--detach", is_flag=True, help="Print the sweep's name and leave it training.")
@setting_options(presets=SWEEPS)
def sweep(
    out: Output,
    ending: Ending,
    seeds: int | None,
    sample: int | None,
    sample_seed: int,
    jobs: int | None,
    dask: str | None,
    title: str,
    attack: float | None,
    as_json: bool,
    detach: bool,
    preset: str | None,
    config_file: str | None,
    **flags: str | None,
) -> int:
    """Train every combination of several hyperparameters, some at once, and compare them.

    Each run is an ordinary one, which mnistop show and the app open. Ctrl+C stops the sweep and
    saves what is in training; a second one leaves at once. When the terminal goes away, the sweep
    goes on, and mnistop follow watches it again.

    With --json each run is a line when it ends, and the last line is about the whole sweep.
    """
    base, _ = given_settings(None, config_file, {})
    with naming_origin(flags):
        if preset:
            configs = sweep_preset(preset).configs(base, given(flags), seeds, sample, sample_seed)
        else:
            configs = plan(base, given(flags), seeds or 1, sample, sample_seed)
    if len(configs) == 1:
        raise click.UsageError(
            "Nothing varies: name several values, as in --lr 0.01,0.1,1, or several --seeds, or a "
            "--preset. mnistop train trains a single run."
        )
    varied = [name for name in differing(configs) if name != "seed"] or ["seeds"]
    title = title or (preset or "").replace("-", " ") or ", ".join(varied)
    return watch.train(
        SweepView(out, as_json, attack),
        ending,
        lambda: (worker.launch_sweep(configs, title, jobs, dask), ""),
        "loading PyTorch and the data",
        detach,
    )
