import math
import re

import numpy as np
import plotext
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.chart import chart
from mnistop.tui.draw.series import Series
from tests.helpers.charts import LN10, loss_curves, places
from tests.tui.draw.reading import ANSI, ASCII, MONO, TRUE, cells, terminals, texts, widths

numbers = st.floats(width=32) | st.floats(0, 3)
series = st.builds(
    Series,
    name=st.sampled_from(["train", "val", "a run with a long name", "Lauf é\n"]),
    values=st.lists(numbers, max_size=60),
    role=st.sampled_from(["train", "val", 0, 1, 7]),
)


def columns_of(strips, x, width=43, x_max=100.0):
    """The column of an x, from the ends of the axis: its first and last cell."""
    axis = strips[-2].text
    first = axis.index("+" if axis.isascii() else "└") + 1
    return first + round((width - 1 - first) * x / x_max)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(series, max_size=3),
    terminals,
    st.integers(0, 60),
    st.integers(0, 16),
    st.booleans(),
    st.floats(0, 0.95),
    st.none() | st.integers(1, 30),
    st.booleans(),
)
def test_whatever_is_drawn_has_the_promised_size(
    curves, terminal, width, height, log, smoothing, window, percent
):
    strips = chart(
        curves,
        width,
        height,
        terminal,
        log=log,
        smoothing=smoothing,
        window=window,
        percent=percent,
        cursor=3,
        best=2,
        reference=LN10,
        title="Verlust é",
        empty="press r to train – now",
    )
    assert len(strips) == height
    assert widths(strips) <= {width}
    assert {strip.cell_length for strip in strips} <= {width}
    if not terminal.unicode:
        assert all(strip.text.isascii() for strip in strips)


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (3, 2), (8, 3), (300, 80)])
@pytest.mark.parametrize("terminal", [TRUE, ASCII])
def test_tiny_and_huge_charts(size, terminal):
    assert len(chart(loss_curves(), *size, terminal, x_max=100)) == size[1]


@pytest.mark.parametrize(
    "values",
    [[2.3], [0.0], [1.0] * 50, [-1.0, -1.0], [0.0, 0.0], [1e300, -1e300], [1e-320, 0], [5e-324]],
)
def test_constant_single_and_extreme_values(values):
    for log in (False, True):
        chart([Series("train", values)], 40, 10, TRUE, log=log)


def test_the_highest_and_lowest_points_stand_where_they_belong():
    values = np.full(101, 1.0)
    values[70], values[20] = 4.0, 0.0
    strips = chart([Series("train", values)], 43, 12, ASCII, y_limits=(0, 4))
    stars = places(strips, "*")
    highest = min(stars, key=lambda place: place[1])
    lowest = max(stars, key=lambda place: place[1])
    assert highest == (columns_of(strips, 70), 1)
    assert lowest == (columns_of(strips, 20), 9)


def test_labels_stand_in_the_row_of_their_value():
    values = [0.0, 1.0, 2.0, 2.0]
    strips = chart([Series("train", values)], 40, 11, ASCII)
    for value, label in [(0, "   0"), (1, "   1"), (2, "   2")]:
        (row,) = [y for y, text in enumerate(texts(strips)[:-1]) if text.startswith(label)]
        x = 5 + round(34 * value / 3)
        assert strips[row].text[x] == "*"


def test_best_epoch_and_cursor_are_marked_in_their_columns():
    for terminal, best, upright in ((TRUE, "▲", "│"), (ASCII, "^", "|")):
        strips = chart(loss_curves(), 43, 12, terminal, x_max=100, best=30, cursor=80)
        (mark,) = places(strips, best)
        assert mark == (columns_of(strips, 30), 10)
        lines = [x for x, _ in places(strips, upright) if x > 5]
        assert set(lines) == {columns_of(strips, 80)}
        assert len(lines) >= 6


def test_the_legend_reads_out_the_cursor_and_otherwise_the_end():
    curves = [Series("train", [2.0, 1.0, 0.5]), Series("val", [2.1, 1.1, float("nan")], "val")]
    live = chart(curves, 60, 10, ASCII)[0].text
    assert live.rstrip() == "* train 0.500  o val nan  epoch 2"
    past = chart(curves, 60, 10, ASCII, cursor=1, best=0)[0].text
    assert past.rstrip() == "* train 1.000  o val 1.100  epoch 1  ^ best 0"
    gone = chart(curves, 60, 10, ASCII, cursor=9)[0].text
    assert gone.rstrip() == "* train -  o val -  epoch 9"
    accuracy = chart([Series("val", [0.895], "val")], 60, 10, ASCII, percent=True)[0].text
    assert accuracy.rstrip() == "o val 89.5%  epoch 0"


def test_the_reference_line_stands_in_its_row_with_its_label():
    strips = chart(loss_curves(), 43, 10, TRUE, x_max=100, reference=LN10)
    (row,) = [y for y, text in enumerate(texts(strips)) if "ln 10" in text]
    assert row == 1 + round(6 * (1 - LN10[1] / 2.5))
    assert strips[row].text.count("╌") > 20
    assert "ln 10" not in "".join(texts(chart(loss_curves(), 43, 10, TRUE, y_limits=(0, 1))))


@pytest.mark.parametrize("terminal", [ASCII, MONO, TRUE])
@pytest.mark.parametrize("level", [0.0, 1.0, LN10[1], 4.0])
def test_the_label_of_the_reference_line_is_whole_where_a_curve_runs_along_it(
    terminal: Terminal, level: float
):
    curves = [Series("train", [LN10[1]] * 30, "train"), Series("val", [level] * 30, "val")]
    lines = texts(chart(curves, 43, 10, terminal, x_max=30, reference=LN10))
    assert [line for line in lines if line.endswith(" ln 10")]
    assert curves_in(lines) == curves_in(texts(chart(curves, 43, 10, terminal, x_max=30)))


def curves_in(lines: list[str]) -> list[str]:
    """Return the cells of the curves, without axes, label and dashes."""
    return [re.sub("ln 10|[╌-]", "", line[5:]).rstrip() for line in lines[1:-2]]


def test_training_and_validation_can_be_told_apart_without_colour():
    for terminal, train, val in ((ASCII, "*", "o"), (MONO, "⠒⠒", "▀▀")):
        legend = chart(loss_curves(), 60, 12, terminal, x_max=100)[0].text
        assert f"{train} train" in legend
        assert f"{val} val" in legend
    ends = chart(loss_curves(), 60, 12, TRUE, x_max=100)
    assert places(ends, "t")
    assert places(ends, "v")
    assert places(ends, "t")[0][1] > places(ends, "v")[0][1]


def test_without_colour_no_colour_is_sent():
    for terminal in (MONO, ASCII):
        for strip in chart(loss_curves(), 43, 10, terminal, x_max=100, best=3, cursor=9):
            assert not any(style.color or style.bgcolor for _, style in cells(strip))


def test_curves_in_one_cell_are_all_seen():
    flat = [Series("train", [1.0] * 50, "train"), Series("val", [0.98] * 50, "val")]
    row = chart(flat, 60, 8, ASCII, y_limits=(0, 1))[1].text
    assert row.count("*") > 10
    assert row.count("o") > 10
    strips = chart(flat, 60, 8, TRUE, y_limits=(0, 1))
    assert len({style.color for char, style in cells(strips[1]) if char > "⠀"}) == 2


def test_a_gap_stays_empty():
    values = [1.0] * 30 + [float("nan")] * 40 + [1.0] * 31
    strips = chart([Series("train", values)], 43, 10, ASCII, y_limits=(0, 2))
    xs = {x for x, _ in places(strips, "*")}
    inside = range(columns_of(strips, 33), columns_of(strips, 67))
    assert xs.isdisjoint(inside)
    assert {columns_of(strips, 29), columns_of(strips, 70)} <= xs


def test_a_diverged_curve_shows_what_came_before():
    values = [2.3, 3.0, 50.0, 1e9, math.inf, math.nan, math.nan]
    strips = chart([Series("train", values)], 43, 10, ASCII, log=True)
    assert places(strips, "*")
    assert "nan" in strips[0].text


@pytest.mark.parametrize("log", [False, True])
def test_no_finite_value_says_what_to_do(log):
    for values in ([], [math.nan], [math.inf, -math.inf]):
        strips = chart(
            [Series("train", values)], 40, 9, TRUE, log=log, empty="press r to train", best=1
        )
        assert [text.strip() for text in texts(strips) if text.strip()] == ["press r to train"]
        left = strips[4].text.index("press")
        assert abs(left - (40 - 16) / 2) <= 1


def test_a_curve_of_gaps_does_not_disturb_the_next_one():
    curves = [Series("train", [math.nan] * 3, "train"), Series("val", [1.0, 2.0, 1.0], "val")]
    alone = chart(curves[1:], 43, 10, ASCII)
    both = chart(curves, 43, 10, ASCII)
    assert texts(both)[1:] == texts(alone)[1:]


def test_a_spike_among_ten_thousand_values_is_seen():
    values = np.full(10_000, 1.0)
    values[6_000] = 2.0
    strips = chart([Series("train", values)], 43, 10, ASCII, y_limits=(0, 2), x_max=10_000)
    top = [x for x, y in places(strips, "*") if y == 1]
    assert top == [columns_of(strips, 6_000, x_max=10_000)]


@pytest.mark.parametrize("terminal", [TRUE, ANSI, ASCII])
def test_one_more_epoch_changes_few_cells(terminal):
    def drawn(epochs):
        strips = chart(loss_curves(epochs), 43, 10, terminal, x_max=100, best=15, reference=LN10)
        return [cell for strip in strips[1:] for cell in cells(strip)]

    changes = [
        sum(old != new for old, new in zip(drawn(epochs), drawn(epochs + 1), strict=True))
        for epochs in range(20, 99)
    ]
    assert sorted(changes)[len(changes) // 2] <= 6
    assert max(changes) <= 20


def test_smoothing_calms_the_curve_and_leaves_the_numbers():
    noisy = [1.0, 2.0] * 50
    raw = chart([Series("train", noisy)], 43, 14, ASCII, y_limits=(0, 3))
    calm = chart([Series("train", noisy)], 43, 14, ASCII, y_limits=(0, 3), smoothing=0.95)

    def rows(strips):
        return {y for x, y in places(strips, "*") if x > 20}

    assert len(rows(calm)) < len(rows(raw))
    assert "2.000" in calm[0].text


def test_many_runs_get_a_second_line_of_legend():
    runs = [Series(f"calm-otter-{index}", [1.0, 0.5], index) for index in range(4)]
    strips = chart(runs, 60, 16, TRUE)
    legend = strips[0].text + strips[1].text
    assert all(f"calm-otter-{index} 0.500" in legend for index in range(4))


def test_the_global_figure_of_plotext_is_left_alone():
    plotext.clear_figure()
    plotext.plot([1, 2, 3])
    before = plotext.build()
    chart(loss_curves(), 43, 10, TRUE)
    assert plotext.build() == before
    plotext.clear_figure()


def test_the_same_values_give_the_same_strips():
    assert chart(loss_curves(), 43, 10, TRUE) == chart(loss_curves(), 43, 10, Terminal())
