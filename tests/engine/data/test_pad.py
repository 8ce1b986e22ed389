"""Drawing a digit, centring it as MNIST does, and what a trained model says to it."""

import functools
import itertools
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine import events
from mnistop.engine.analysis.network import classify
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load
from mnistop.engine.drawing import THICKNESSES, Pad, centred
from mnistop.engine.errors import RunError
from mnistop.engine.images import resize, to_png
from mnistop.engine.recording.recorder import Recorder
from mnistop.engine.runs import checkpoint, run_folder
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.training.loop import train
from tests.helpers import small_runs

Action = Callable[[Pad], Pad]

shapes = st.tuples(st.integers(4, 32), st.integers(4, 32))
points = st.tuples(st.integers(0, 31), st.integers(0, 31))
strokes = st.builds(
    lambda start, end, thickness, erase: lambda pad: pad.stroke(start, end, thickness, erase),
    points,
    points,
    st.sampled_from(THICKNESSES),
    st.booleans(),
)
actions: st.SearchStrategy[list[Action]] = st.lists(
    st.one_of(strokes, st.just(Pad.cleared)), max_size=12
)


def drawn(shape: tuple[int, int], steps: list[Action]) -> list[Pad]:
    pads = [Pad.empty(*shape)]
    for step in steps:
        pads.append(step(pads[-1]))
    return pads


@given(shapes, actions)
def test_undo_takes_back_every_action_up_to_the_empty_pad(
    shape: tuple[int, int], steps: list[Action]
) -> None:
    pads = drawn(shape, steps)
    pad = pads[-1]
    for before in pads[-2::-1]:
        pad = pad.undone()
        assert np.array_equal(pad.image, before.image)
    assert pad.is_empty
    assert pad.undone() is pad


@given(shapes, actions)
def test_pixels_stay_between_black_and_white(shape: tuple[int, int], steps: list[Action]) -> None:
    image = drawn(shape, steps)[-1].image
    for shown in (image, centred(image)):
        assert shown.shape == shape
        assert shown.dtype == np.float32
        assert shown.min() >= 0
        assert shown.max() <= 1


@given(shapes, actions)
def test_centred_ink_has_mnists_size_and_its_mass_in_the_middle(
    shape: tuple[int, int], steps: list[Action]
) -> None:
    image = drawn(shape, steps)[-1].image
    if not image.any():
        assert centred(image) is image
        return
    placed = centred(image)
    assert placed.any()
    for axis in (0, 1):
        side = shape[axis]
        mass = placed.sum(1 - axis)
        places = np.flatnonzero(mass)
        assert places[-1] - places[0] + 1 <= max(1, round(side * 20 / 28))
        at_the_edge = places[0] == 0 or places[-1] == side - 1
        assert at_the_edge or abs(mass @ np.arange(side) / mass.sum() - side / 2) <= 1


def test_mnists_own_digits_stay_as_they_are() -> None:
    images = load("bundled", 500).images
    unchanged = [np.allclose(centred(image), image, atol=1e-3) for image in images]
    assert np.mean(unchanged) > 0.99


def test_a_small_digit_in_a_corner_is_brought_to_the_middle() -> None:
    placed = centred(Pad.empty(28, 28).stroke((1, 1), (6, 1), 1.0).image)
    rows = np.flatnonzero(placed.max(axis=1))
    assert rows[-1] - rows[0] + 1 == 20
    assert abs(placed.sum(0) @ np.arange(28) / placed.sum() - 14) <= 0.5


def test_a_stroke_has_a_white_core_and_soft_edges() -> None:
    image = Pad.empty(28, 28).stroke((4, 14), (23, 14), 2.0).image
    assert image[10, 12:17].tolist() == [0, 0.5, 1, 0.5, 0]


def test_a_thicker_pen_leaves_more_ink() -> None:
    ink = [Pad.empty(28, 28).stroke((9, 9), (9, 9), width).image.sum() for width in THICKNESSES]
    assert ink == sorted(set(ink))


def test_the_eraser_takes_away_what_the_pen_drew() -> None:
    pad = Pad.empty(28, 28).stroke((4, 14), (23, 14), 2.0)
    assert pad.stroke((0, 14), (27, 14), 3.0, erase=True).image.max() == 0


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_resampling_keeps_an_even_gray(rows: int, columns: int, height: int, width: int) -> None:
    even = np.full((rows, columns), 0.25, np.float32)
    assert np.allclose(resize(even, height, width), 0.25)
    assert np.array_equal(resize(even, rows, columns), even)


def test_no_pixel_is_left_out_when_an_image_shrinks() -> None:
    for place in range(28):
        image = np.zeros((28, 28), np.float32)
        image[place, place] = 1
        assert resize(image, 9, 9).sum() > 0


def test_a_saved_image_holds_every_pixel() -> None:
    image = np.random.default_rng(0).random((5, 7))
    content = to_png(image)
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        body = content[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", content[at + 8 + length :][:4])[0]
        chunks[kind], at = body, at + 12 + length
    assert struct.unpack(">IIBB", chunks[b"IHDR"][:10]) == (7, 5, 8, 0)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(5, 8)
    assert np.array_equal(rows[:, 1:], np.rint(255 * image))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of 8 epochs on MNIST, trained in this process."""
    config = RunConfig(epochs=8, hidden=(64,))
    run, lock = run_folder.create(config, tmp_path_factory.mktemp("runs"))
    lock.close()
    Recorder(run).record(
        events.RunStarted,
        pid=1,
        class_names=list("0123456789"),
        image_shape=[28, 28],
        training_images=800,
        validation_images=200,
        layers=[784, 64, 10],
        parameters=0,
        device="cpu",
        versions={},
        val_loss=2.3,
        val_acc=0.1,
    )
    training, images, validation = small_runs.prepared(config)
    weights = b"".join(value.numpy().tobytes() for value in training.weights.values())
    (run.path / "weights.f32").write_bytes(weights)
    listener = small_runs.QuietListener()
    train(training, images, validation, listener, listener)
    checkpoint.save(run.path / "checkpoint.pt", training.state_dict())
    return run


def test_a_vertical_stroke_is_a_one(trained: Run) -> None:
    pad = Pad.empty(28, 28).stroke((4, 14), (23, 13), 2.5)
    said = classify(trained, centred(pad.image))
    assert said.probabilities.argmax() == 1
    assert np.isclose(said.probabilities.sum(), 1)
    assert said.epochs == 8


def test_a_ring_is_a_zero(trained: Run) -> None:
    turn = np.linspace(0, 2 * np.pi, 25)
    points = [(14 + 9 * np.sin(angle), 14 + 6 * np.cos(angle)) for angle in turn]
    ring = functools.reduce(
        lambda pad, ends: pad.stroke(*ends, 2.5),
        itertools.pairwise(points),
        Pad.empty(28, 28),
    )
    assert classify(trained, centred(ring.image)).probabilities.argmax() == 0


def test_an_earlier_epoch_says_something_else(trained: Run) -> None:
    image = Pad.empty(28, 28).stroke((4, 14), (23, 14), 2.5).image
    untrained = classify(trained, image, 0)
    assert untrained.epochs == 0
    assert untrained.probabilities.max() < 0.5


def test_an_image_of_another_size_is_refused_in_words(trained: Run) -> None:
    with pytest.raises(RunError, match="takes images of 784 pixels, not of 64"):
        classify(trained, np.zeros((8, 8), np.float32))
