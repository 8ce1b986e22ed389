"""Cost of recording a training: its events, predictions and checkpoints.

    python -m tests.bench.recording [repetitions]

The time within the recorder's calls, from before the first step to after the last event, as a
share of the same training without a word to anybody; in turns, in this process with one thread.
It is measured with two clocks, each in a training of its own: the wall's, and the processor's,
which other programs on the machine change less. Nothing smaller than the noise can be seen in what
the whole training takes, so that stands beside it, with what it takes without recording once more.
Recording ends with the last event, when all is told and can be read; bringing the files to the
disk, which the process does after that, is a column of its own.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.recording.recorder import Recorder
from mnistop.engine.runs import run_folder
from mnistop.engine.training.loop import TrainCallback, train
from mnistop.engine.training.state import Epoch, Labelled, TrainState
from tests.bench.timing import timed
from tests.bench.training import Silence, arrays_of, write_images

Clock = Callable[[], float]


class Stopwatch:
    """A run's recorder, and the time within its calls.

    Args:
        recorder: what is called.
        clock: says the seconds.
    """

    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder, self._clock = recorder, clock
        self.seconds = 0.0

    def begin(self, training: TrainState) -> None:
        began = self._clock()
        self._recorder.begin(training)
        self.seconds += self._clock() - began

    def step_done(self, training: TrainState, labels: torch.Tensor) -> None:
        began = self._clock()
        self._recorder.step_done(training, labels)
        self.seconds += self._clock() - began

    def epoch_done(self, training: TrainState, epoch: Epoch) -> None:
        began = self._clock()
        self._recorder.epoch_done(training, epoch)
        self.seconds += self._clock() - began

    def end(self, training: TrainState) -> None:
        began = self._clock()
        self._recorder.save_checkpoint(training)
        self._recorder.end(events.RunFinished, epochs=training.epoch, reason="all epochs")
        self.seconds += self._clock() - began


@dataclass(frozen=True)
class Recorded:
    """Seconds of a training with its run folder."""

    within: float
    """By the chosen clock, within the recorder's calls."""
    whole: float
    """By the same clock, from before the first call to after the last."""
    disk: float
    """What bringing all to the disk took after that, by the wall's clock."""


class Costs:
    """A configuration's training, recorded and not."""

    def __init__(self, config: RunConfig) -> None:
        arrays = map(torch.from_numpy, arrays_of(config))
        pixels, labels, val_pixels, val_labels = arrays
        self._config = config
        self._images = Labelled(pixels, labels)
        self._validation = Labelled(val_pixels, val_labels)

    def __len__(self) -> int:
        return len(self._images) + len(self._validation)

    def bare(self, clock: Clock) -> float:
        """Seconds without a word to anybody."""
        training = self._fresh()
        began = clock()
        self._train(training, Silence())
        return clock() - began

    def recorded(self, clock: Clock) -> Recorded:
        """The same with a run folder."""
        training = self._fresh()
        with tempfile.TemporaryDirectory() as folder:
            run, lock = run_folder.create(self._config, Path(folder) / "runs")
            with lock:
                recorder = Recorder(run)
                sink = Stopwatch(recorder, clock)
                began = clock()
                sink.begin(training)
                self._train(training, sink)
                sink.end(training)
                whole = clock() - began
                return Recorded(sink.seconds, whole, timed(recorder.bring_to_disk))

    def _fresh(self) -> TrainState:
        return TrainState(self._config, (28, 28), [1] * 10, torch.device("cpu"))

    def _train(self, training: TrainState, sink: TrainCallback) -> None:
        train(training, self._images, self._validation, sink, Silence())

    def in_turn(self) -> dict[str, float]:
        """Print the figures of one training after the other."""
        wall, processor = time.perf_counter, time.thread_time
        bare, recorded, again = self.bare(wall), self.recorded(wall), self.bare(wall)
        by_processor = self.recorded(processor).within / self.bare(processor)
        return {
            "seconds": bare,
            "within": 100 * recorded.within / statistics.mean((bare, again)),
            "processor": 100 * by_processor,
            "whole": 100 * (recorded.whole / bare - 1),
            "again": 100 * (again / bare - 1),
            "disk": 1000 * recorded.disk,
        }


def print_costs(config: RunConfig, repetitions: int) -> None:
    costs = Costs(config)
    turns = [costs.in_turn() for _ in range(repetitions + 1)][1:]
    median = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
    print(
        f"{f'{len(costs):,} images × {config.epochs} epochs':28}{median['seconds']:8.3f}"
        f"{median['within']:9.2f} %{median['processor']:11.2f} %"
        f"{median['whole']:+11.1f} %{median['again']:+11.1f} %{median['disk']:12.1f} ms"
    )


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    torch.set_num_threads(1)
    print(
        f"\nrecording{'':19}{'seconds':>8}{'within':>11}{'processor':>13}{'the whole':>13}"
        f"{'bare again':>13}{'then, disk':>15}"
    )
    print_costs(RunConfig(device="cpu"), repetitions)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npz"
        write_images(path, 60_000)
        long = RunConfig(source=str(path), samples=None, epochs=3, device="cpu")
        print_costs(long, repetitions)


if __name__ == "__main__":
    main()
