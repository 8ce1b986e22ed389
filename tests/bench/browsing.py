"""Speed of browsing 10,000 validation images.

    python -m tests.bench.browsing [FOLDER]

FOLDER holds IDX files, as of MNIST; without it the bundled images are taken, and again moved by a
pixel. A real run is trained on the others; then the keys are pressed at the pseudo-terminal of the
real command, 120×40, and each is timed until all that it changes is drawn.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from mnistop.engine.data.sources import load
from mnistop.engine.runs.lookup import find_run
from tests.bench.watched import Answer, Screen, screen, tell

VALIDATION, TRAINING = 10_000, 1_500
STEPS = 40
"""Presses of each key."""


def write_source(path: Path, folder: str | None) -> None:
    """Write an .npz file with a number of images."""
    sources = [load(folder)] if folder else []
    sources.append(load("bundled"))
    images = np.concatenate([source.images for source in sources])
    labels = np.concatenate([source.labels for source in sources])
    moves = -(-(VALIDATION + TRAINING) // len(images))
    moved = np.concatenate([np.roll(images, move, axis=2) for move in range(moves)])
    count = VALIDATION + TRAINING
    np.savez(path, images=moved[:count], labels=np.tile(labels, moves)[:count])


def train(source: Path) -> None:
    """A run of 40 epochs whose model makes many mistakes."""
    share = VALIDATION / (VALIDATION + TRAINING)
    flags = {"source": str(source), "val-fraction": f"{share:.6f}", "epochs": "40"}
    arguments = [word for name, value in flags.items() for word in (f"--{name}", value)]
    subprocess.run(
        [sys.executable, "-m", "mnistop", "train", "--samples", "all", *arguments, "--json"],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def opening(run: str) -> Answer:
    """Time from the key 2 to the list of mistakes, opened for the first time."""
    with screen("--run", run) as shown:
        shown.wait_for("40 epochs in")
        shown.drain(3)
        return shown.answer("2", lambda text: "/ filter" in text)


def steps(shown: Screen, *keys: str) -> list[Answer]:
    """Time from each key until all that it changes is drawn."""
    taken = []
    for press in range(STEPS):
        shown.settle()
        taken.append(shown.answer(keys[press % len(keys)]))
    return taken


def typed(shown: Screen, *filters: str) -> list[Answer]:
    """Time from Enter in the filter line to the filtered list."""
    taken = []
    for press in range(STEPS // 2):
        shown.send("/")
        shown.settle()
        shown.send("\x15" + filters[press % len(filters)])
        shown.settle()
        taken.append(shown.answer("enter"))
        shown.settle()
    return taken


def main(folder: str | None = None) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        os.environ["MNISTOP_RUNS"] = str(Path(scratch) / "runs")
        source = Path(scratch) / "source.npz"
        write_source(source, folder)
        train(source)
        run = find_run("last").name
        tell("opening the mistakes screen", [opening(run) for _ in range(5)])
        with screen("--run", run) as shown:
            shown.wait_for("40 epochs in")
            shown.drain(3)
            shown.send("2")
            shown.wait_for("/ filter")
            tell("next and previous image, n p", steps(shown, "n", "n", "p"))
            tell("down the list, arrows", steps(shown, "down", "down", "up"))
            tell("order, o", steps(shown, "o"))
            tell("epoch, [ ]", steps(shown, "[", "[", "]"))
            tell("gallery and back, g", steps(shown, "g"))
            shown.settle()
            shown.send("g")
            tell("through the gallery, arrows", steps(shown, "\x1b[C", "down", "\x1b[D", "up"))
            tell("pages of the gallery", steps(shown, "\x1b[6~", "\x1b[6~", "\x1b[5~"))
            shown.settle()
            shown.send("g")
            tell("classes and back, c", steps(shown, "c"))
            tell("a right and a wrong one, x", steps(shown, "x"))
            filters = ("true:4", "all", "pred:9 conf>0.9", "loss>1 first>3", "right", "all last<9")
            tell("a filter, Enter", typed(shown, *filters))


if __name__ == "__main__":
    main(*sys.argv[1:2])
