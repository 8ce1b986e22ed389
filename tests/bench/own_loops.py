"""Cost of recording a loop of one's own, beside TensorBoard.

    python -m tests.bench.own_loops [repetitions]

All in turns, in this process with one thread; ratios are medians of the ratios within each turn.
The notebook's loop is that of `docs/own_loop.py`. Its time with recording goes from before its
first step to after `finish`. In place of its own evaluation of each epoch it calls `evaluate`,
whose loss and accuracy it reads as it reads its own; with `log_predictions` it keeps its own.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

import mnistop
from mnistop.engine.config import RunConfig
from tests.bench.timing import alternated, ratio, timed
from tests.bench.training import arrays_of

CALLS = 20_000


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


# One call


def per_call(log: Callable[[int], object]) -> float:
    began = time.perf_counter()
    for step in range(CALLS):
        log(step)
    return (time.perf_counter() - began) / CALLS


def log_ours(value: Any) -> float:
    with recorded() as run:
        return per_call(lambda _: run.log({"train/loss": value}))


def log_tensorboard(value: Any) -> float:
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory() as folder:
        writer = SummaryWriter(folder)
        seconds = per_call(lambda step: writer.add_scalar("train/loss", value, step))
        writer.close()
    return seconds


def print_calls(repetitions: int) -> None:
    print(f"\n{'one call':40}{'mnistop':>12}{'TensorBoard':>14}{'ratio':>10}")
    for name, value in {"log a float": 0.5, "log a tensor": torch.tensor(0.5)}.items():
        seconds = alternated(
            {
                "ours": lambda value=value: log_ours(value),  # type: ignore[misc]
                "theirs": lambda value=value: log_tensorboard(value),  # type: ignore[misc]
            },
            repetitions,
        )
        ours, theirs = (np.median(seconds[who]) for who in ("ours", "theirs"))
        of = ratio(seconds["ours"], seconds["theirs"])
        print(f"{name:40}{1e6 * ours:9.2f} µs{1e6 * theirs:11.2f} µs{of:10.3f}")


# The notebook's loop


class Notebook:
    """The notebook's data and its loop."""

    def __init__(self, epochs: int) -> None:
        arrays = map(torch.from_numpy, arrays_of(RunConfig(device="cpu")))
        self.x, self.y, self.x_val, self.y_val = arrays
        self.epochs = epochs
        self.weights: bytes = b""

    def loop(self, log: Callable[[Tensor, Tensor], object], end: Callable[..., object]) -> float:
        """Train, and return the seconds.

        Args:
            log: gets loss and accuracy of each step.
            end: gets the model at the end of each epoch.
        """
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        began = time.perf_counter()
        for _ in range(self.epochs):
            for rows in torch.randperm(len(self.x)).split(32):
                x, y = self.x[rows], self.y[rows]
                logits = model(x)
                loss = functional.cross_entropy(logits, y)
                loss.backward()
                with torch.no_grad():
                    for parameter in model.parameters():
                        assert parameter.grad is not None
                        parameter -= 0.1 * parameter.grad
                        parameter.grad = None
                log(loss, (logits.argmax(1) == y).float().mean())
            end(model)
        seconds = time.perf_counter() - began
        self.weights = b"".join(each.detach().numpy().tobytes() for each in model.parameters())
        return seconds

    def validate(self, model: nn.Module) -> Tensor:
        """The notebook's own validation."""
        with torch.no_grad():
            logits = model(self.x_val)
            float(functional.cross_entropy(logits, self.y_val))
            float((logits.argmax(1) == self.y_val).float().mean())
        return logits

    def bare(self) -> float:
        """Without recording, loss and accuracy of each epoch being gathered as it has them."""
        losses: list[Tensor] = []
        return self.loop(lambda loss, acc: losses.append(loss.detach()), self.validate)

    def own_validation(self) -> float:
        with recorded(validation=(self.x_val, self.y_val)) as run:
            return self.loop(
                lambda loss, acc: run.log({"train/loss": loss, "train/acc": acc}),
                lambda model: run.log_predictions(self.validate(model)),
            ) + timed(run.finish)

    def evaluated(self) -> float:
        with recorded(validation=(self.x_val, self.y_val)) as run:
            return self.loop(
                lambda loss, acc: run.log({"train/loss": loss, "train/acc": acc}), run.evaluate
            ) + timed(run.finish)

    def tensorboard(self) -> float:
        from torch.utils.tensorboard import SummaryWriter

        with tempfile.TemporaryDirectory() as folder:
            writer, step = SummaryWriter(folder), iter(range(10**9))

            def log(loss: Tensor, acc: Tensor) -> None:
                at = next(step)
                writer.add_scalar("train/loss", loss, at)
                writer.add_scalar("train/acc", acc, at)

            return self.loop(log, self.validate) + timed(writer.close)


def print_loop(repetitions: int) -> None:
    notebook = Notebook(epochs=100)
    contestants = {
        "without": notebook.bare,
        "log, log_predictions": notebook.own_validation,
        "log, evaluate": notebook.evaluated,
        "TensorBoard, without predictions": notebook.tensorboard,
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
    print_calls(repetitions)
    print_loop(repetitions)
    print_evaluation(repetitions)
    print_import(repetitions)
    print_size()


if __name__ == "__main__":
    main()
