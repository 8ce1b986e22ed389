"""`mnistop sweep`: train many runs at once, and compare them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from mnistop.engine import worker
from mnistop.engine.analysis.comparison import differing_settings
from mnistop.engine.formatting import count, duration, percent
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.engine.sweep.grid import plan
from mnistop.engine.sweep.outcomes import (
    ATTACK,
    Group,
    SweepReader,
    best_acc,
    best_of,
    comparable,
    grouped,
    unseen_acc,
)
from mnistop.engine.sweep.presets import SWEEPS, effort, sweep_preset
from mnistop.tui.cli import watch
from mnistop.tui.cli.options import (
    EndNotice,
    SettingsCommand,
    given,
    given_settings,
    naming_origin,
    setting_options,
    with_ending,
    with_output,
)
from mnistop.tui.cli.output import Printer
from mnistop.tui.cli.sweep_result import outcome_as_json, print_result
from mnistop.tui.text.sweep_table import accuracy_of, group_name, settings_of

if TYPE_CHECKING:
    from rich.console import RenderableType

_POSITIVE = click.IntRange(min=1)
_POLL_SECONDS = 0.1


@click.command(
    cls=SettingsCommand,
    epilog="""
\b
Values of any hyperparameter:
  --lr 0.001,0.01,0.1,1              a list
  --lr 0.001..1                      a range: 0.001, 0.01, 0.1, 1
  --lr 0.001..1:7                    seven values, evenly spaced in log scale
  --shift 0..3                       every whole number: 0, 1, 2, 3
  --hidden "128; 256 128; none"      networks, separated by ;

\b
Examples:
  mnistop sweep --lr 0.001,0.01,0.1,1 --seeds 5
  mnistop sweep --preset learning-rates        too low, right, too high
  mnistop sweep --preset shifts --samples 500  a preset with fewer images
  mnistop sweep --lr 0.01..1:9 --dropout 0..0.5 --random 20
  SWEEP=$(mnistop sweep --preset optimizers --detach)

\b
Exit codes: 0 all runs finished, 1 some failed or another process stopped it,
2 wrong usage or bad input, 130 stopped by Ctrl+C and saved.
""",
)
@with_output(json="Print results as JSON lines.")
@with_ending
@click.option(
    "--seeds",
    type=_POSITIVE,
    metavar="N",
    help="Train each with N seeds.  [default: 1]",
)
@click.option(
    "--random",
    "sample",
    type=_POSITIVE,
    metavar="N",
    help="Train N random combinations instead of all.",
)
@click.option(
    "--random-seed",
    "sample_seed",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="The seed of --random.  [default: 0]",
)
@click.option(
    "--jobs",
    type=_POSITIVE,
    metavar="N",
    help="Train N runs at once.  [default: the number of usable cores]",
)
@click.option("--dask", metavar="ADDRESS", help="Train on the workers of a Dask scheduler.")
@click.option("--title", default="", metavar="TEXT", help="A title for the sweep.")
@click.option(
    "--attack",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="E",
    help="Also compare accuracy with every validation image attacked at ε E.  "
    f"[default: {ATTACK:g} where the adversarial epsilon varies]",
)
@click.option("--detach", is_flag=True, help="Train in the background, and print the sweep's name.")
@setting_options(presets=SWEEPS)
def sweep(
    out: Printer,
    ending: EndNotice,
    seeds: int | None,
    sample: int | None,
    sample_seed: int,
    jobs: int | None,
    dask: str | None,
    title: str,
    attack: float | None,
    detach: bool,
    preset: str | None,
    config_file: str | None,
    **flags: str | None,
) -> int:
    """Train every combination of several hyperparameters in parallel, and compare them.

    Each run is an ordinary run, which mnistop show and the app open. Ctrl+C stops the sweep and
    saves the runs in training; a second Ctrl+C exits at once. If the terminal is closed, the sweep
    continues, and mnistop follow shows it again.

    With --json a line is printed for each run when it ends, and a last line for the whole sweep.
    """
    base, _ = given_settings(None, config_file, {})
    with naming_origin(flags):
        if preset:
            configs = sweep_preset(preset).configs(base, given(flags), seeds, sample, sample_seed)
        else:
            configs = plan(base, given(flags), seeds or 1, sample, sample_seed)
    if len(configs) == 1:
        raise click.UsageError(
            "Nothing varies: give several values, as in --lr 0.01,0.1,1, or --seeds, or a "
            "--preset. To train a single run, use mnistop train."
        )
    varied = [name for name in differing_settings(configs) if name != "seed"] or ["seeds"]
    title = title or (preset or "").replace("-", " ") or ", ".join(varied)
    return watch.train(
        SweepView(out, attack),
        ending,
        lambda: (worker.launch_sweep(configs, title, jobs, dask), ""),
        "loading PyTorch and the data",
        detach,
    )


class SweepView(watch.View[Sweep]):
    """A view of one sweep until its end: each run that has ended, then the results.

    Args:
        out: prints it.
        attack: the ε of the attack to compare under at the end, None for the default.
    """

    def __init__(self, out: Printer, attack: float | None = None) -> None:
        self._attack = attack
        self._reader: SweepReader | None = None
        self._printed: set[int] = set()
        """The indices in the plan of the runs that have been printed."""
        self._since = time.monotonic()
        self._done_before = 0.0
        """The fraction that was done when this began."""
        super().__init__(out)

    async def follow(self, sweep: Sweep) -> None:
        """Print each run once it has ended, until all have."""
        reader = SweepReader(sweep)
        reader.read()
        self._since, self._done_before = time.monotonic(), _share_done(reader)
        self._reader = reader
        self.out.wait("")
        self.out.print(f"sweep {sweep.name}: {count(len(reader.outcomes), 'run')}")
        self._update(reader)
        while reader.state in ("starting", "running"):
            await asyncio.sleep(_POLL_SECONDS)
            if reader.read():
                self._update(reader)
        sweep.check_readable()  # if its owner has closed it, its end is unknown

    def _update(self, reader: SweepReader) -> None:
        ended = {place for place, one in enumerate(reader.outcomes) if one.is_done}
        new = sorted(ended - self._printed)
        self._printed |= ended
        self.out.print(*_lines(reader, new), crop=True)
        self.out.print_json(*(outcome_as_json(reader.outcomes[i]) for i in new), indent=None)

    def print_end(self, sweep: Sweep) -> tuple[str, bool]:
        """Print the results and the failures."""
        if self._reader is None:
            return "", False
        self.out.print("")
        print_result(self.out, self._reader, self._attack, indent=None)
        return self._reader.state, self._reader.state == "finished"

    def progress(self, width: int) -> RenderableType | None:
        """Draw a progress bar with the time left and the best run so far."""
        reader, seconds = self._reader, time.monotonic() - self._since
        if reader is None:
            return None
        share = _share_done(reader)
        pace = (share - self._done_before) / seconds if seconds else 0.0
        left = f"{duration((1 - share) / pace)} left" if pace > 0 else "starting"
        right = f" {share:4.0%}  {left}"
        groups = grouped(reader.outcomes)
        if found := best_of(groups):
            words = group_name(settings_of(groups), groups.index(found[0]))
            if measured := found[0].measured(comparable(groups)):
                right += f"  best {percent(measured.mean)} {words}".rstrip()
        done = f"{reader.done:,} of {count(len(reader.outcomes), 'run')} "
        return self.bar(done, share, right, width)


def _lines(reader: SweepReader, places: list[int]) -> Iterator[str]:
    """Yield a line for each run at these indices of the plan."""
    groups = [Group((one,)) for one in reader.outcomes]
    settings = settings_of(groups)
    if len({one.config.seed for one in reader.outcomes}) > 1:
        settings["seed"] = [str(one.config.seed) for one in reader.outcomes]
    width = max(len(group_name(settings, place)) for place in range(len(groups)))
    digits = len(str(len(groups)))
    for place in places:
        one, words = reader.outcomes[place], group_name(settings, place)
        tested = one.test_acc is not None
        test = f"test {accuracy_of(groups[place], unseen_acc)}  " if tested else ""
        best = f"  at epoch {one.best_epoch}" if one.best_epoch is not None else ""
        yield (
            f"{place + 1:>{digits}}/{len(groups)}  {words:<{width}}  {test}"
            f"val {accuracy_of(groups[place], best_acc)}{best}  {one.verdict}"
        ).rstrip()


def _share_done(reader: SweepReader) -> float:
    """Return the fraction of the work that is done, weighted by the cost of each run."""
    done = whole = 0.0
    for one in reader.outcomes:
        cost = effort(one.config)
        done += cost * (1.0 if one.is_done else one.epochs / one.config.epochs)
        whole += cost
    return done / whole
