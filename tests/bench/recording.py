"""What it costs a training to be recorded: its events, predictions and checkpoints.

    python -m tests.bench.recording [repetitions]

The same training with the run folder's recorder and with a sink that does nothing, in turns, in
this process with one thread. Beside the wall time stands the processor time, which other programs
on the machine change less. Recording ends with the last event, when all is told and can be read;
what the process does after that, bringing the files to the disk, is a column of its own.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from engine import events, runs
from engine.config import RunConfig
from engine.recorder import Recorder
from engine.train import Sink, train
from engine.training import Labelled, Training
from tests.bench.training import Silence, arrays_of, write_images


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

    def bare(self) -> tuple[float, float]:
        """Wall and processor seconds without a word to anybody."""
        return self._seconds(self._fresh(), Silence())

    def recorded(self) -> tuple[float, float, float]:
        """The same with a run folder, from before the first step to after the last event.

        Returns:
            Wall and processor seconds, and the wall seconds of bringing all to the disk.
        """
        training = self._fresh()
        with tempfile.TemporaryDirectory() as folder:
            run, lock = runs.create(self._config, Path(folder) / "runs")
            with lock:
                recorder = Recorder(run)
                began = time.perf_counter(), time.process_time()
                recorder.begin(training)
                self._seconds(training, recorder)
                recorder.save_checkpoint(training)
                recorder.end(events.RunFinished, epochs=training.epoch, reason="all epochs")
                ended = time.perf_counter(), time.process_time()
                recorder.bring_to_disk()
                brought = time.perf_counter()
                return ended[0] - began[0], ended[1] - began[1], brought - ended[0]

    def _fresh(self) -> Training:
        return Training(self._config, (28, 28), 10, torch.device("cpu"))

    def _seconds(self, training: Training, sink: Sink) -> tuple[float, float]:
        began = time.perf_counter(), time.process_time()
        train(training, self._images, self._validation, sink, Silence())
        return time.perf_counter() - began[0], time.process_time() - began[1]


def print_costs(config: RunConfig, repetitions: int) -> None:
    costs = Costs(config)
    pairs = [(costs.recorded(), costs.bare()) for _ in range(repetitions + 1)][1:]
    wall, processor = (
        100 * statistics.median(recorded[clock] / bare[clock] - 1 for recorded, bare in pairs)
        for clock in (0, 1)
    )
    seconds = statistics.median(bare[0] for _, bare in pairs)
    disk = 1000 * statistics.median(recorded[2] for recorded, _ in pairs)
    what = f"{len(costs):,} images × {config.epochs} epochs"
    print(f"{what:32}{seconds:9.3f}{wall:+15.1f} %{processor:+15.1f} %{disk:12.1f} ms")


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    torch.set_num_threads(1)
    print(
        f"\nrecording{'':23}{'seconds':>9}{'wall time':>17}{'processor time':>17}{'then, disk':>15}"
    )
    print_costs(RunConfig(device="cpu"), repetitions)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npz"
        write_images(path, 60_000)
        long = RunConfig(source=str(path), samples=None, epochs=3, device="cpu")
        print_costs(long, repetitions)


if __name__ == "__main__":
    main()
