"""Cost of recording a loop of one's own, beside TensorBoard, trackio and wandb.

    python -m tests.bench.own_loops [repetitions]

All in turns, in this process with one thread; ratios are medians of the ratios within each turn.
The notebook's loop has two `DataLoader`s and gathers loss and accuracy of each step as floats.
Recorded it hands them to `log` instead. In place of its own evaluation of each epoch it calls
`evaluate`, and reads loss and accuracy; with `log_predictions` it keeps its own. Its time goes from
before its first step to after `finish`. The others record the same numbers without predictions, on
this machine only and without statistics of it; wandb does so in a process of its own.
`pip install ".[bench]"` installs them.
"""

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import mnistop
from mnistop.engine.config import RunConfig
from tests.bench.peers import NotebookLoop
from tests.bench.timing import alternated, ratio, timed
from tests.bench.training import arrays_of

CALLS = 20_000

Log = Callable[[Mapping[str, Any], int], object]
"""Records values by name at a step."""


@contextlib.contextmanager
def recorded(**given: Any) -> Iterator[mnistop.Run]:
    """A run in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as null:
        before = os.environ.get("MNISTOP_RUNS")
        os.environ["MNISTOP_RUNS"] = folder
        try:
            with contextlib.redirect_stderr(null):
                run = mnistop.init(**given)
            yield run
        finally:
            run.finish()
            os.environ.pop("MNISTOP_RUNS")
            if before:
                os.environ["MNISTOP_RUNS"] = before


# The others: each gives a function that records, until the block ends


@contextlib.contextmanager
def tensorboard(folder: str) -> Iterator[Log]:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(folder)

    def log(values: Mapping[str, Any], step: int) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    yield log
    writer.close()


@contextlib.contextmanager
def trackio(folder: str) -> Iterator[Log]:
    os.environ["TRACKIO_DIR"] = folder
    with open(os.devnull, "w") as null, contextlib.redirect_stdout(null):
        import trackio

        run = trackio.init("bench", embed=False, auto_log_gpu=False, auto_log_cpu=False)
        yield lambda values, step: run.log({k: float(v) for k, v in values.items()}, step)
        run.finish()


@contextlib.contextmanager
def wandb(folder: str) -> Iterator[Log]:
    import wandb

    settings = wandb.Settings(silent=True, x_disable_stats=True, console="off")
    run = wandb.init(mode="offline", dir=folder, project="bench", settings=settings)
    yield lambda values, step: run.log(dict(values), step)
    run.finish()


Others = dict[str, Callable[[str], contextlib.AbstractContextManager[Log]]]


def installed() -> Others:
    """Return those that are installed, and name the others."""
    found: Others = {}
    known: Others = {"TensorBoard": tensorboard, "trackio": trackio, "wandb": wandb}
    for name, each in known.items():
        if importlib.util.find_spec(name.lower()):
            found[name] = each
        else:
            print(f'{name} is not installed and left out: pip install ".[bench]"')
    return found


# One call


def per_call(log: Callable[[int], object], calls: int = CALLS) -> float:
    began = time.perf_counter()
    for step in range(calls):
        log(step)
    return (time.perf_counter() - began) / calls


def log_ours(value: Any) -> float:
    with recorded() as run:
        return per_call(lambda _: run.log({"train/loss": value}))


def print_calls(others: Others, repetitions: int) -> None:
    def theirs(name: str, value: Any) -> float:
        with tempfile.TemporaryDirectory() as folder, others[name](folder) as log:
            return per_call(lambda step: log({"train/loss": value}, step), CALLS // 10)

    print(f"\n{'one call':20}{'mnistop':>12}" + "".join(f"{name:>22}" for name in others))
    for what, value in {"log a float": 0.5, "log a tensor": torch.tensor(0.5)}.items():
        ours: dict[str, Callable[[], float]] = {"ours": partial(log_ours, value)}
        seconds = alternated(
            ours | {name: partial(theirs, name, value) for name in others}, repetitions
        )
        line = f"{what:20}{1e6 * np.median(seconds['ours']):9.2f} µs"
        for name in others:
            of = ratio(seconds["ours"], seconds[name])
            line += f"{1e6 * np.median(seconds[name]):11.2f} µs ({of:.3f})"
        print(line)


# The notebook's loop


class Notebook:
    """The notebook's data and its loop, recorded in several ways; each returns seconds."""

    def __init__(self, epochs: int) -> None:
        config = RunConfig(device="cpu", epochs=epochs)
        arrays = arrays_of(config)
        self.validation = arrays[2:]
        self.weights = b""
        self._loop = NotebookLoop(config, arrays)

    def _train(
        self, log: Callable[[Tensor, Tensor], object], end: Callable[[nn.Module], object]
    ) -> float:
        torch.manual_seed(0)
        began = time.perf_counter()
        model = self._loop.train(log, end)
        seconds = time.perf_counter() - began
        self.weights = b"".join(each.detach().numpy().tobytes() for each in model.parameters())
        return seconds

    def bare(self) -> float:
        losses: list[float] = []
        accuracies: list[float] = []

        def log(loss: Tensor, hits: Tensor) -> None:
            losses.append(loss.item())
            accuracies.append(hits.float().mean().item())

        return self._train(log, self._loop.validate)

    def evaluated(self) -> float:
        """With `log` and `evaluate` in place of what the loop gathers itself."""

        def evaluate(run: mnistop.Run, model: nn.Module) -> None:
            found = run.evaluate(model)
            assert found.loss + found.accuracy > 0

        return self._recorded(evaluate)

    def own_validation(self) -> float:
        """With `log` and, after the loop's own evaluation, `log_predictions`."""
        return self._recorded(lambda run, model: run.log_predictions(self._loop.validate(model)[0]))

    def _recorded(self, end: Callable[[mnistop.Run, nn.Module], object]) -> float:
        with recorded(validation=self.validation) as run:

            def log(loss: Tensor, hits: Tensor) -> None:
                run.log({"train/loss": loss, "train/acc": hits.float().mean()})

            return self._train(log, partial(end, run)) + timed(run.finish)

    def other(self, open_log: Callable[[str], contextlib.AbstractContextManager[Log]]) -> float:
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            log, steps = stack.enter_context(open_log(folder)), iter(range(10**9))

            def log_step(loss: Tensor, hits: Tensor) -> None:
                log({"train/loss": loss, "train/acc": hits.float().mean()}, next(steps))

            return self._train(log_step, self._loop.validate) + timed(stack.close)


def print_loop(others: Others, repetitions: int) -> None:
    notebook = Notebook(epochs=100)
    contestants = {
        "without": notebook.bare,
        "log, log_predictions": notebook.own_validation,
        "log, evaluate": notebook.evaluated,
        **{name: partial(notebook.other, open_log) for name, open_log in others.items()},
        "without, again": notebook.bare,
    }
    weights: dict[str, bytes] = {}

    def keeping(name: str, run: Callable[[], float]) -> Callable[[], float]:
        def measured() -> float:
            seconds = run()
            weights[name] = notebook.weights
            return seconds

        return measured

    each = {name: keeping(name, run) for name, run in contestants.items()}
    seconds = alternated(each, repetitions)
    print(f"\n{'the notebook’s loop, 100 epochs':40}{'seconds':>12}{'ratio':>10}{'weights':>14}")
    for name, taken in seconds.items():
        same = "equal" if weights[name] == weights["without"] else "different"
        of = ratio(taken, seconds["without"])
        print(f"{name:40}{np.median(taken):12.3f}{of:10.3f}{same:>14}")


def print_once(repetitions: int) -> None:
    """Print the one-off costs of a run, besides its loop."""
    notebook, begin, end = Notebook(epochs=1), [], []
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    for _ in range(repetitions + 1):
        began = time.perf_counter()
        with recorded(validation=notebook.validation) as run:
            begin.append(time.perf_counter() - began)
            run.evaluate(model)
            end.append(timed(partial(run.finish, model=model)))
    once = [1e3 * np.median(taken[1:]) for taken in (begin, end)]
    print(f"\ninit: {once[0]:.0f} ms; finish, which keeps the model: {once[1]:.0f} ms")


# An evaluation, an import


def print_evaluation(repetitions: int) -> None:
    images = torch.rand(10_000, 784)
    labels = torch.randint(0, 10, (10_000,))
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))

    def forward() -> None:
        with torch.no_grad():
            model(images)

    with recorded(validation=(images, labels)) as run:
        run.log({"loss": 1.0})
        seconds = alternated(
            {"forward": lambda: timed(forward), "ours": lambda: timed(lambda: run.evaluate(model))},
            5 * repetitions,
        )
    of = ratio(seconds["ours"], seconds["forward"])
    taken = [1e3 * np.median(seconds[name]) for name in ("forward", "ours")]
    print(f"\n{'10,000 images':40}{'forward':>12}{'evaluate':>12}{'ratio':>10}")
    print(f"{'784-128-10':40}{taken[0]:9.2f} ms{taken[1]:9.2f} ms{of:10.3f}")


def print_import(repetitions: int) -> None:
    def of(code: str) -> Callable[[], float]:
        return lambda: timed(lambda: subprocess.run([sys.executable, "-c", code], check=True))

    seconds = alternated({"without": of("pass"), "with": of("import mnistop")}, 5 * repetitions)
    gain = np.median([b - a for a, b in zip(seconds["without"], seconds["with"], strict=True)])
    print(f"\nimport mnistop: {1e3 * gain:.1f} ms")


def print_size() -> None:
    with recorded() as run:
        for step in range(1_000_000):
            run.log({"loss": 1.0}, step=step)
        folder = Path(run.folder)
        took = timed(run.finish)
        size = (folder / "metrics.bin").stat().st_size / 1e6
    print(f"a million values: {size:.1f} bytes each; finish after them: {1e3 * took:.0f} ms")


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    torch.set_num_threads(1)
    others = installed()
    print_calls(others, repetitions)
    print_loop(others, repetitions)
    print_once(repetitions)
    print_evaluation(repetitions)
    print_import(repetitions)
    print_size()


if __name__ == "__main__":
    main()
