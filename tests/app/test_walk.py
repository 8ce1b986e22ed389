"""A walk by keys through all that a trained model shows, in real terminals of three kinds."""

import json
import re
import struct
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.model_selection import train_test_split

from mnistop.engine.analysis.network import classify
from mnistop.engine.data.sources import load
from mnistop.engine.runs import checkpoint, run_folder
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.image import RAMP
from tests.helpers.pseudo_terminal import COMMAND, Terminal, terminal

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]


TRAINED = ("--epochs", "4")
"""Four epochs leave enough mistakes."""


@dataclass(frozen=True)
class Place:
    """A kind of terminal."""

    name: str
    size: tuple[int, int]
    environ: dict[str, str]
    tabs: int
    """How often Tab is pressed to get from the start to the confusion matrix."""
    unicode: bool = True


PLACES = [
    Place("large, true colour", (120, 40), {"COLORTERM": "truecolor"}, 3),
    Place("80x24, 256 colours", (80, 24), {}, 2),
    Place("ASCII, no colour", (80, 24), {"TERM": "linux", "NO_COLOR": "1"}, 2, False),
]

COLOUR = re.compile(rb"\x1b\[(?:[0-9;:]*[;:])?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:[;:][0-9;:]*)?m")
"""An escape sequence that sets a colour, of the letters or of the ground."""


@dataclass(frozen=True)
class Trained:
    """A run of the command line, and what it says of itself."""

    folder: Path
    run: Run
    story: dict[str, Any]
    """What `mnistop show --json` says."""
    confidence: np.ndarray
    """The probability of the predicted class, `(n,)`."""

    @property
    def counts(self) -> np.ndarray:
        """The confusion matrix."""
        return np.array(self.story["confusion"]["counts"])

    @property
    def wrong(self) -> np.ndarray:
        """The mistakes, the surest first."""
        rows = np.flatnonzero(self.run.labels() != self.run.predictions()[-1])
        return rows[np.argsort(-self.confidence[rows], kind="stable")]

    def cell(self, true: int, predicted: int) -> list[int]:
        """The mistakes of a cell of the matrix, the surest first."""
        labels, said = self.run.labels(), self.run.predictions()[-1]
        return [row for row in self.wrong.tolist() if (labels[row], said[row]) == (true, predicted)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    folder = tmp_path_factory.mktemp("walk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTOP_RUNS", str(folder / "mnistop_runs"))
        told = [
            subprocess.run([*COMMAND, *words], check=True, capture_output=True, cwd=folder).stdout
            for words in (("train", *TRAINED), ("show", "last", "--json"))
        ]
        [run] = run_folder.list_runs()
        said = run.log_probabilities_after(4, 10)
        assert said is not None
        yield Trained(folder, run, json.loads(told[1]), np.exp(said.astype(np.float32)).max(1))


@pytest.fixture(params=PLACES, ids=lambda place: place.name)
def place(request: pytest.FixtureRequest) -> Place:
    return request.param


def gray(shown: Terminal, place: Place) -> np.ndarray:
    """The screen as a person sees it, two pixels above each other a cell; `(2 * lines, width)`."""
    buffer, (width, height) = shown.cells, place.size
    levels = np.zeros((2 * height, width))
    for y in range(height):
        for x in range(width):
            cell = buffer[y][x]
            if not place.unicode:
                levels[2 * y : 2 * y + 2, x] = max(0, RAMP.find(cell.data)) / (len(RAMP) - 1)
            elif cell.data == "▀":
                levels[2 * y : 2 * y + 2, x] = [_level(cell.fg), _level(cell.bg)]
            else:
                levels[2 * y : 2 * y + 2, x] = _level(cell.bg)
    return levels


def _level(color: str) -> float:
    return int(color[:2], 16) / 255 if re.fullmatch("[0-9a-f]{6}", color) else 0


def seen(shown: Terminal, place: Place, images: np.ndarray) -> int:
    """Return the image on the screen: the one most like some part of it."""
    if not place.unicode:  # a glyph is the mean of its two pixels
        images = (images[:, ::2] + images[:, 1::2]).repeat(2, axis=1) / 2
    screen = gray(shown, place)
    sizes = (images, images.repeat(2, axis=1).repeat(2, axis=2))
    likeness = [
        differences(screen, each)
        for each in sizes
        if each.shape[1] <= screen.shape[0] and each.shape[2] <= screen.shape[1]
    ]
    return int(min(likeness, key=np.min).argmin())


def differences(screen: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return each image's distance from the part of the screen most like it."""
    height, width = images.shape[1:]
    parts = sliding_window_view(screen, (height, width))[::2].reshape(-1, height * width)
    flat = images.reshape(len(images), -1)
    squares = (parts**2).sum(1) + (flat**2).sum(1)[:, None] - 2 * flat @ parts.T
    return squares.min(1) / (height * width)


def top(shown: Terminal) -> str:
    """The text of the uppermost lines, without their breaks."""
    return " ".join(" ".join(shown.text.splitlines()[:6]).split())


def listed(shown: Terminal) -> list[int]:
    """The numbers of the images in the list of mistakes."""
    found = (re.match(r" *(\d+)  \d+[→>]\d", line) for line in shown.text.splitlines())
    return [int(match[1]) for match in found if match]


def test_from_the_matrix_through_all_that_was_learned(trained: Trained, place: Place) -> None:
    opened = terminal(trained.folder, "--run", "last", size=place.size, **place.environ)
    with opened as shown:
        shown.wait_for("4 epochs in")
        walk_through_mistakes(shown, place, trained)
        walk_through_weights(shown, place, trained)
        walk_through_data(shown, place)
        draw_a_digit(shown, place, trained)
        shown.send("q")
        assert shown.wait_for_end() == 0
        if not place.unicode:
            assert shown.written.isascii()
            assert not COLOUR.search(shown.written)


def cell_title(counts: np.ndarray, true: int, said: int) -> str:
    return f"{counts[true, said]} of {counts[true].sum()} {true}s taken for {said}"


def walk_through_mistakes(shown: Terminal, place: Place, trained: Trained) -> None:
    counts, run = trained.counts, trained.run
    images, labels, said_last = run.images((28, 28)), run.labels(), run.predictions()[-1]
    wrong, total = int(counts.sum() - counts.trace()), len(labels)

    # To the matrix, whose cursor stands on the worst cell, and on to another bad one.
    mistakes = counts - np.diag(counts.diagonal())
    worst_cell = divmod(int(mistakes.argmax()), 10)
    mistakes[worst_cell] = 0
    true, said = divmod(int(mistakes.argmax()), 10)
    shown.send(*["tab"] * place.tabs)
    shown.wait_for(cell_title(counts, *worst_cell))
    down, right = true - worst_cell[0], said - worst_cell[1]
    shown.send(*["down" if down > 0 else "up"] * abs(down))
    shown.send(*["right" if right > 0 else "left"] * abs(right))
    shown.wait_for(cell_title(counts, true, said))

    # Into it, to its third mistake, and back to the cell.
    cell = trained.cell(true, said)
    assert len(cell) == counts[true, said] >= 3
    shown.send("enter")
    shown.wait_for(f"true:{true} pred:{said} all")
    shown.wait_for(lambda: listed(shown) == cell)
    shown.send("n", "n")
    shown.wait_for(f"Image {cell[2]}, epoch 3")
    shown.wait_for(lambda: seen(shown, place, images) == cell[2])
    shown.wait_for(f"{true} taken for {said}, {trained.confidence[cell[2]]:.1%} sure")
    shown.send("escape")
    shown.wait_for(cell_title(counts, true, said))

    # All mistakes, the surest first, as the command line shows them; and an epoch earlier.
    shown.send("2")
    shown.wait_for(lambda: re.search(rf" {wrong}(/| of ){total}", shown.text))
    worst = trained.wrong.tolist()
    assert [one["row"] for one in trained.story["mistakes"]] == worst[:8]
    shown.wait_for(lambda: listed(shown)[:8] == worst[:8])
    shown.send("home")
    shown.wait_for(f"Image {worst[0]}, epoch 3")
    shown.wait_for(lambda: seen(shown, place, images) == worst[0])
    shown.send("[")
    before = int((run.predictions()[-2] != labels).sum())
    shown.wait_for(lambda: re.search(rf" {before}(/| of ){total}", shown.text))
    shown.send("]")
    shown.wait_for(f"Image {worst[0]}, epoch 3")

    # The gallery, an image of it large, and back.
    shown.send("g", "right")
    shown.wait_for(f"Gallery of {wrong} of {total}")
    captions = [
        rf"[✗x] {labels[row]}[→>]{said_last[row]} {trained.confidence[row]:.0%}"
        for row in worst[:2]
    ]
    shown.wait_for(lambda: all(re.search(caption, shown.text) for caption in captions))
    shown.send("enter")
    shown.wait_for(f"Image {worst[1]}, epoch 3")
    shown.wait_for(lambda: seen(shown, place, images) == worst[1])
    shown.send("escape")
    shown.wait_for(f"Gallery of {wrong} of {total}")
    shown.send("escape")
    shown.wait_for(lambda: listed(shown)[:8] == worst[:8])

    # A filter that makes no sense, and one that does.
    shown.send("/", *"true:12", "enter")
    shown.wait_for(lambda: '"true:12": there is no class 12' in top(shown))
    shown.send("escape")
    shown.wait_until_gone("no class 12")
    shown.wait_for(lambda: listed(shown)[:8] == worst[:8])
    shown.send("/", *f"true:{true} conf>0.3", "enter")
    surer = [row for row in worst if labels[row] == true and trained.confidence[row] > 0.3]
    shown.wait_for(lambda: listed(shown) == surer)


def walk_through_weights(shown: Terminal, place: Place, trained: Trained) -> None:
    weights = checkpoint.weights_of(checkpoint.load(trained.run.path / "checkpoint.pt"))
    norms = next(iter(weights.values())).norm(dim=1).numpy()
    largest = norms.argsort()[::-1]

    # The weights by norm, a neuron large and back, on the second page too.
    shown.send("4")
    shown.wait_for("Weights of linear_1, page 1 of ")
    shown.wait_for(", epoch 3")
    shown.send("o", "enter")
    shown.wait_for(f"Neuron {largest[0]}, 1 of 128")
    shown.wait_for(f"Norm {norms.max():.3f}")
    shown.send("escape")
    shown.wait_for("page 1 of ")
    shown.send("n", "enter")
    shown.wait_for(f"Neuron {largest[16]}, 17 of 128")
    shown.send("escape")
    shown.wait_for("page 2 of ")

    # An image's way through the network.
    shown.send("tab", "n")
    row, said = 1, trained.run.predictions()[-1][1]
    shown.wait_for(f"Network, epoch 3: image {row}, a {trained.run.labels()[row]}")
    for words in ("(32, 784)", "(32, 128)", "(32, 10)", "101,770", "of 128 active"):
        shown.wait_for(words)
    shown.wait_for(f"{said}: {trained.confidence[row]:.1%}, right")


def walk_through_data(shown: Terminal, place: Place) -> None:
    data = load("bundled", 1000)
    images = data.images[:200].reshape(-1, 28, 28)
    wide = place.tabs > 2

    # The samples, one of them flattened, and back.
    shown.send("5")
    shown.wait_for(lambda: re.search(r"Images 0[-–]\d+ of 1,000", shown.text))
    shown.send("right", "right", "enter")
    shown.wait_for(f"Image 2, {data.labels[2]}, training: (28, 28)")
    if not wide:
        shown.wait_for(lambda: seen(shown, place, images) == 2)
    shown.send("escape")
    shown.wait_for("⏎ Flatten" if place.unicode and wide else "Images 0")

    # How many there are of each class.
    shown.send("tab", "tab", "tab")
    shown.wait_for("Labels of 10 classes")
    parts = train_test_split(data.labels, test_size=0.2, random_state=42)
    for digit in range(10):
        train, validation = (int((part == digit).sum()) for part in parts)
        bars = rf"{digit} [█▏▎▍▌▋▊▉#]+ +{train}  {digit} .* {validation}"
        shown.wait_for(lambda bars=bars: re.search(bars, shown.text))
    shown.wait_for(lambda: "800 to train on, 200 to validate with" in top(shown))


def draw_a_digit(shown: Terminal, place: Place, trained: Trained) -> None:
    shown.send("e")
    shown.wait_for("Pen up at (14, 14)")
    shown.send(*["up"] * 8, "space", *["down"] * 15, "space")
    shown.wait_for("Pen up at (21, 14)")
    shown.wait_for(lambda: re.search(r"\d \d+%, epoch 3", shown.text))
    shown.send("w")
    shown.wait_for("Saved as")
    newest = max(trained.folder.glob("mnistop-digit-*.png"), key=lambda file: file.stat().st_mtime)
    drawn = pixels(newest)
    probabilities = classify(trained.run, drawn).probabilities
    said = int(probabilities.argmax())
    shown.wait_for(f"{said} {probabilities[said]:.0%}, epoch 3")
    assert said == 1
    shown.wait_for(lambda: seen(shown, place, np.stack([drawn, drawn.T, 1 - drawn])) == 0)


def pixels(file: Path) -> np.ndarray:
    """Decode a gray PNG image by hand; `(28, 28)` in [0, 1]."""
    content = file.read_bytes()
    start = content.index(b"IDAT")
    (size,) = struct.unpack(">I", content[start - 4 : start])
    rows = zlib.decompress(content[start + 4 : start + 4 + size])
    levels = np.frombuffer(rows, np.uint8).reshape(28, 29)
    assert not levels[:, 0].any()
    return levels[:, 1:].astype(np.float32) / 255


def test_before_any_run_the_data_are_there_and_the_rest_says_what_will_fill_it(
    tmp_path: Path,
) -> None:
    place = PLACES[1]
    with terminal(tmp_path, size=place.size, **place.environ) as shown:
        shown.wait_for("Press r to train")
        for key in "24":
            shown.send(key)
            shown.wait_for("r to train")
            shown.send("1")
            shown.wait_for("Press r to train")
        shown.send("e")
        shown.wait_for("There is no model yet")
        shown.send("1")  # Esc with the next key right behind it would be another key
        walk_through_data(shown, place)
        shown.send("q")
        assert shown.wait_for_end() == 0
