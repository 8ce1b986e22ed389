"""The axes of a chart: windows, places of values, logarithmic axes and named places."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistop.tui.draw.chart import chart
from mnistop.tui.draw.series import Series
from tests.helpers.charts import LN10, loss_curves, places
from tests.tui.draw.reading import ANSI, ASCII, terminals, texts, widths


def test_a_window_shows_the_last_epochs_on_a_scale_of_their_own():
    strips = chart(loss_curves(100), 60, 12, ASCII, x_max=100, window=20, reference=LN10)
    text = "\n".join(texts(strips))
    assert "ln 10" not in text
    assert texts(strips)[-1].split()[0] == "80"
    assert texts(strips)[-1].split()[-1] == "100"
    assert "   2+" not in text


def test_the_axis_grows_in_steps_when_no_end_is_planned():
    ends = [
        texts(chart(loss_curves(epochs), 43, 10, ASCII))[-1].split()[-1]
        for epochs in (10, 11, 40, 41, 42, 100)
    ]
    assert ends == ["10", "10", "40", "40", "50", "100"]


def test_values_may_stand_at_places_of_their_own():
    epsilons = [0.0, 0.05, 0.1, 0.3]
    curve = Series("fgsm", [0.9, 0.5, 0.2, 0.0], 0, xs=epsilons)
    strips = chart([curve], 43, 10, ASCII, percent=True, x_label="ε", cursor=0.1)
    assert strips[0].text.rstrip() == "a fgsm 20.0%  eps 0.1"
    assert texts(strips)[-1].split() == ["0.0", "0.1", "0.2", "0.3"]
    assert "100%" in texts(strips)[1]


# A logarithmic x-axis, and names on it.


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-12, 12), min_size=1, max_size=40, unique=True),
    st.lists(st.floats(-15, 15), max_size=3),
    terminals,
    st.integers(0, 60),
    st.integers(0, 16),
)
def test_whatever_stands_on_a_logarithmic_x_axis_has_the_promised_size(
    exponents, marks, terminal, width, height
):
    xs = [10.0**exponent for exponent in sorted(exponents)]
    named = [(f"mark {10.0**mark:g}", 10.0**mark) for mark in marks]
    strips = chart(
        [Series("loss", xs, "train", xs)],
        width,
        height,
        terminal,
        log_x=True,
        named=named,
        cursor=xs[0],
        y_limits=(0, 1),
    )
    assert len(strips) == height
    assert set(widths(strips)) <= {width}


def test_equal_factors_are_equal_distances_and_powers_of_ten_are_labelled():
    xs = np.logspace(-4, 0, 81)
    strips = chart([Series("loss", np.ones(81), "train", xs)], 86, 12, ASCII, log_x=True)
    axis, label = texts(strips)[-2:]
    ticks = [x for x, char in enumerate(axis) if char == "+"][1:]
    assert label.split() == ["1e-4", "0.001", "0.01", "0.1", "1"]
    steps = np.diff([axis.index("+"), *ticks])
    assert steps.min() >= steps.max() - 1


@pytest.mark.parametrize("terminal", [ASCII, ANSI])
def test_named_places_are_lines_whose_names_stand_beside_them(terminal):
    xs = np.logspace(-4, 0, 81)
    named = [("low", 1e-3), ("good", 1.2e-3), ("high", 1.0)]
    strips = chart(
        [Series("", np.zeros(81), "train", xs)], 86, 12, terminal, log_x=True, named=named
    )
    first, second = texts(strips)[1:3]
    upright = ":" if terminal is ASCII else "┊"
    assert f"{upright}low" in first or f"{upright}low" in first.replace(upright * 2, upright)
    assert "good" in second
    assert first.rstrip().endswith(f"high{upright}")
    lines = {x for x, _ in places(strips, upright)}
    assert len(lines) == 3


def test_an_axis_reaches_as_far_as_its_names():
    xs = np.logspace(-3, -1, 41)
    strips = chart([Series("", xs, "train", xs)], 60, 10, ASCII, log_x=True, named=[("far", 10.0)])
    assert texts(strips)[-1].split()[-1] == "10"
