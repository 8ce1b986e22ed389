"""Training time per image as the number of images grows.

    python -m tests.bench.growth [repetitions]

About as many images are learned from each time, in as many epochs as that takes, in this process
with one thread and without recording; judging the validation images after each epoch is included.
"""

import statistics
import sys
import tempfile
from pathlib import Path

import torch

from mnistop.engine.config import RunConfig
from tests.bench.timing import alternated, ratio, timed
from tests.bench.training import arrays_of, bare_run, write_images

COUNTS = (1_000, 5_000, 20_000, 60_000)
LEARNED_FROM = 120_000


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npz"
        write_images(path, COUNTS[-1])
        work, epochs = {}, {}
        for count in COUNTS:
            epochs[count] = LEARNED_FROM // count
            config = RunConfig(source=str(path), samples=count, epochs=epochs[count], device="cpu")
            arrays = arrays_of(config)
            work[f"{count:,}"] = lambda config=config, arrays=arrays: timed(
                lambda: bare_run(config, arrays)
            )
        seconds = alternated(work, repetitions)
    print(f"\nimages{'':14}{'µs an image':>14}{'against 1,000':>16}")
    first = seconds[f"{COUNTS[0]:,}"]
    for count in COUNTS:
        taken = seconds[f"{count:,}"]
        images = count * epochs[count] * 0.8
        micros = 1e6 * statistics.median(taken) / images
        print(f"{count:<20,}{micros:14.2f}{ratio(taken, first):16.2f}")


if __name__ == "__main__":
    main()
