"""`mnistop rates`: find learning rates that are too low, good and too high."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import Any

import click

from mnistop.engine import worker
from mnistop.engine.analysis.learning_rate_finder import RangeTest, range_test
from mnistop.engine.analysis.learning_rates import Recommendation, recommend
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import absolute
from mnistop.engine.errors import MnistopError
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.process.fork_server import temporary_folder
from mnistop.engine.report.facts import train_command
from mnistop.engine.runs.history import or_nan
from mnistop.tui.cli.options import SettingsCommand, given_settings, setting_options, with_output
from mnistop.tui.cli.output import Printer, fields, print_note, waiting
from mnistop.tui.cli.watch import warm_up
from mnistop.tui.draw.chart import chart
from mnistop.tui.draw.series import Series
from mnistop.tui.features.rates.model import RateComparison, train_at
from mnistop.tui.text.rates import CEILING, range_chart, rate_text, reasons
from mnistop.tui.text.run_lines import command_hints

_WIDEST, _HEIGHT = 110, 18
_POLL_SECONDS = 0.1


@click.command(
    cls=SettingsCommand,
    epilog="""
\b
Examples:
  mnistop rates                            for the notebook's run
  mnistop rates --optimizer adam           for Adam
  mnistop rates --hidden none --json       for programs
  mnistop rates --train                    train at all three and compare

\b
Exit codes: 0 done, 1 no good rate found or a run of --train failed other than
by diverging, 2 wrong usage or bad input, 130 stopped by Ctrl+C.
""",
)
@with_output(json="Print the result as one JSON object.")
@click.option(
    "--train", "trains", is_flag=True, help="Also train a run at each of the three rates."
)
@setting_options()
def rates(
    out: Printer,
    trains: bool,
    preset: str | None,
    config_file: str | None,
    **flags: str | None,
) -> int:
    """Find a learning rate that is too low, a good one, and one that is too high.

    A fresh model takes one step at each of many rates, from far too low to far too high (the range
    test of Smith 2017); --lr has no effect. No run is saved, except with --train, which trains a
    run at each of the three as a sweep and recommends a rate: what a run shows outranks the test. A
    rate that cannot be found is null in the JSON, with the reason beside it.
    """
    config, _ = given_settings(preset, config_file, flags)
    warm_up()
    try:
        test = _run_test(out, config)
        result = _as_json(test)
        _print_test(out, test)
        found = recommend(test, {})
        failed = False
        if trains and test.marks:
            three = _trained(out, config, test)
            found, failed = three.recommended, bool(_failures(three))
            result |= {"runs": _runs_as_json(three), "conclusion": three.conclusion}
            _print_runs(out, three)
        if commands := _next_commands(config, test, trains, found):
            out.print("", command_hints(commands))
        out.print_json(result | {"recommended": found.rate, "to_try": found.to_try})
    finally:
        worker.close()
    return 1 if failed or found.rate is None else 0


def _run_test(out: Printer, config: RunConfig) -> RangeTest:
    there = replace(config, source=absolute(config.source))
    progress_file = temporary_folder() / "progress"
    progress_file.unlink(missing_ok=True)
    with waiting(out) as progress:

        async def ask() -> RangeTest:
            asked = asyncio.ensure_future(worker.ask(range_test, there, progress_file))
            while not asked.done():
                text = "loading PyTorch"
                with contextlib.suppress(OSError):
                    text = progress_file.read_text(encoding="utf-8") or text
                progress(text)
                await asyncio.wait([asked], timeout=_POLL_SECONDS)
            return asked.result()

        return asyncio.run(ask())


def _print_test(out: Printer, test: RangeTest) -> None:
    out.paragraph(
        f"learning-rate range test: the loss after each of {len(test.rates)} steps at rising "
        f"rates, {rate_text(float(test.rates[0]))} to {rate_text(float(test.rates[-1]))}, and "
        "rates for whole runs"
    )
    out.print("")
    out.draw(range_chart(test, min(out.width, _WIDEST), _HEIGHT, out.terminal, test.good))
    out.print("")
    for name, reason in reasons(test).items():
        rate = test.marks.get(name)
        out.beside(f"{name:<10}{'-' if rate is None else rate_text(rate):<9}", reason)


def _trained(out: Printer, config: RunConfig, test: RangeTest) -> RateComparison:
    with waiting(out) as progress:
        progress("starting the runs")
        three = train_at(config, test)
        try:
            while not three.is_over:
                if three.read():
                    states = (f"{mark}: {three.state(i)}" for i, mark in enumerate(three.marks))
                    progress("training; " + ", ".join(states))
                time.sleep(_POLL_SECONDS)
        except KeyboardInterrupt:
            with contextlib.suppress(MnistopError):
                worker.stop(three.sweep)
            print_note(f"sweep {three.sweep.name} is stopping and saving its runs")
            raise
    return three


def _print_runs(out: Printer, three: RateComparison) -> None:
    out.heading("Trained at these rates")
    out.draw(
        chart(
            [
                Series(one.title, [or_nan(epoch.train_loss) for epoch in one.history.epochs], place)
                for place, one in enumerate(three.runs)
            ],
            min(out.width, _WIDEST),
            _HEIGHT,
            out.terminal,
            y_limits=(0, CEILING * three.start),
            title="training loss",
            empty="no epoch was finished",
        )
    )
    out.print("")
    for place, (one, found) in enumerate(zip(three.runs, three.answers, strict=True)):
        head = f"{one.title:<17}"
        out.beside(head, f"{three.result(place)}. {found.sentence}")
    out.beside("", three.conclusion)
    for sentence in _failures(three):
        out.paragraph(sentence)


def _failures(three: RateComparison) -> list[str]:
    """Return why runs did not finish, other than by diverging."""
    ended = [(one, one.history.ended) for one in three.runs]
    return [
        getattr(last, "message", "") or f"Run {one.run.name} did not finish."
        for one, last in ended
        if one.history.state(False) != "finished" and not getattr(last, "diverged", False)
    ]


def _next_commands(
    config: RunConfig, test: RangeTest, trained: bool, found: Recommendation
) -> dict[str, str]:
    flags = train_command(replace(config, lr=RunConfig().lr)).removeprefix("mnistop train")
    commands = {}
    if (rate := found.to_try if found.rate is None else found.rate) is not None:
        purpose = (
            "try the best one so far"
            if found.rate is None and test.good is None
            else "try one not tried yet"
            if found.rate is None
            else "train at the good rate"
            if rate == test.good
            else "train at the rate that works"
        )
        commands[f"mnistop train --lr {as_text(rate)}{flags}"] = purpose
    if test.marks and not trained:
        number = ["", "it", "both", "all three"][len(test.marks)]
        commands[f"mnistop rates --train{flags}"] = f"train at {number}"
    return commands


def _as_json(test: RangeTest) -> dict[str, Any]:
    return {
        **fields(test, "start", "classes", "steps"),
        "rates": test.rates.tolist(),
        "losses": test.losses.tolist(),
        "marks": fields(test, "too_low", "good", "too_high"),
        "reasons": reasons(test),
        "trials": [fields(trial, "rate", "loss", "accuracy") for trial in test.trials],
        "good_trials": [fields(trial, "rate", "loss", "steps") for trial in test.good_trials],
    }


def _runs_as_json(three: RateComparison) -> list[dict[str, Any]]:
    return [
        {
            "mark": mark.replace(" ", "_"),
            "run": one.run.name,
            "lr": one.config.lr,
            "state": three.state(place),
            "epochs": len(one.history.epochs),
            "test_images": one.history.tested.images if one.history.tested else None,
            "test_acc": one.history.test_acc,
            "val_acc": one.history.epochs[-1].val_acc if one.history.epochs else None,
            "verdict": found.verdict.replace(" ", "_"),
            "sentence": found.sentence,
        }
        for place, (mark, one, found) in enumerate(
            zip(three.marks, three.runs, three.answers, strict=True)
        )
    ]
