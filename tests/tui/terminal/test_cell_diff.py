"""Few bytes go to the terminal, and they show the same as all that was drawn."""

import pyte
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mnistop.tui.terminal.cell_diff import CellDiff

WIDTH, HEIGHT = 48, 4

flags = ("0", "1", "2", "1;2", "1;4", "9", "7")
colours = ("1;31", "3;44", "4;44", "38;5;12", "38;2;1;2;3;48;2;9;9;9", "38;2;4;5;6;48;2;9;9;9")
styles = st.sampled_from([*flags, *colours])
texts = st.text(st.sampled_from("ab ─⠒▀文"), min_size=1, max_size=4) | st.just(" " * 15)
pieces = st.tuples(
    st.integers(1, HEIGHT),
    st.integers(1, WIDTH - 30),
    st.lists(st.tuples(styles, texts), max_size=2),
)

Piece = tuple[int, int, list[tuple[str, str]]]


def frame_of(drawn: list[Piece]) -> str:
    """A frame as Textual writes it."""
    return "".join(
        f"\x1b[{row};{column}H"
        + "".join(f"\x1b[{style}m{text}\x1b[0m" for style, text in texts[:2])
        for row, column, texts in drawn
    )


frames = st.lists(pieces, min_size=1, max_size=6).map(frame_of)
lines = st.lists(pieces, min_size=1, unique_by=lambda piece: piece[0]).map(frame_of)


def send(diff: CellDiff, drawn: str) -> str:
    """The bytes for the terminal once this is drawn."""
    diff.draw(drawn)
    return diff.take_controls() + diff.take()


class Unfilled(pyte.Screen):
    """A terminal that gives erased cells its own background."""

    def erase_characters(self, count: int | None = None) -> None:
        attributes, self.cursor.attrs = self.cursor.attrs, self.default_char
        super().erase_characters(count)
        self.cursor.attrs = attributes


class Shown:
    """A terminal and what it shows."""

    def __init__(self, fills: bool = True) -> None:
        self.screen = (pyte.Screen if fills else Unfilled)(WIDTH, HEIGHT)
        self.stream = pyte.Stream(self.screen)

    def cells(self) -> list[tuple[object, ...]]:
        """The visible cells: of a blank one only the background and what is drawn through it.

        Of a wide character that was written over by half a blank is left, as on real terminals.
        """
        return [self._cell(y, x) for y in range(HEIGHT) for x in range(WIDTH)]

    def _cell(self, y: int, x: int) -> tuple[object, ...]:
        row = self.screen.buffer[y]
        cell, data = row[x], row[x].data
        is_half = (data == "文" and row[x + 1].data != "") or (
            data == "" and row[x - 1].data != "文"
        )
        data = " " if is_half else data
        seen = (cell.fg, cell.bold) if data != " " or cell.reverse else ()
        return (data, cell.bg, cell.underscore, cell.reverse, *seen)


@settings(max_examples=150, deadline=None)
@given(st.lists(frames, min_size=1, max_size=5), st.booleans())
@example(["\x1b[4;4H\x1b[0m文\x1b[0m\x1b[4;5H", "\x1b[4;6H"], True)  # from within a character
def test_the_terminal_shows_all_that_was_drawn(drawn: list[str], fills: bool) -> None:
    whole, lean, diff = Shown(), Shown(fills), CellDiff(fills)
    for frame in drawn:
        whole.stream.feed(frame)
        lean.stream.feed(send(diff, frame))
        assert lean.cells() == whole.cells()
        position = (lean.screen.cursor.y, lean.screen.cursor.x)
        assert position == (whole.screen.cursor.y, whole.screen.cursor.x)


@settings(deadline=None)
@given(lines)
def test_the_same_frame_sends_nothing_the_second_time(frame: str) -> None:
    diff = CellDiff()
    frame = f"\x1b[2J{frame}\x1b[1;1H"
    send(diff, frame)
    again = frame.removeprefix("\x1b[2J")
    send(diff, again)
    assert send(diff, f"\x1b[?2026h{again}\x1b[?2026l") == ""


def test_of_a_line_only_the_cells_that_differ_go_out_in_the_colour_that_differs() -> None:
    diff = CellDiff()
    style = "\x1b[38;2;200;200;200;48;2;18;18;18m"
    send(diff, f"\x1b[2;1H{style}epoch 17 of 100, val 89%\x1b[0m")
    sent = send(diff, f"\x1b[2;1H{style}epoch 18 of 100, val 89%\x1b[0m")
    assert sent == "\x1b[2;8H8\x1b[16C"
    red = "\x1b[38;2;255;0;0;48;2;18;18;18m"
    sent = send(diff, f"\x1b[2;1H{red}e\x1b[0m")
    assert sent == "\x1b[2;1H\x1b[38;2;255;0;0me"


def test_long_blanks_are_erased_where_that_leaves_the_right_background() -> None:
    ground = "\x1b[48;2;18;18;18m"
    frame = f"\x1b[1;1H{ground}a{' ' * 30}b\x1b[0m"
    assert f"{ground}a\x1b[30X\x1b[30Cb" in send(CellDiff(fills=True), frame)
    assert f"a{' ' * 30}b" in send(CellDiff(fills=False), frame)
    assert "\x1b[30X" in send(CellDiff(fills=False), f"\x1b[1;1Ha{' ' * 30}b")


def test_attributes_end_one_by_one_where_that_is_shorter() -> None:
    colours = "38;2;200;200;200;48;2;18;18;18"
    frame = f"\x1b[1;1H\x1b[1;{colours}ma\x1b[0m\x1b[{colours}mb\x1b[0m"
    assert "a\x1b[22mb" in send(CellDiff(), frame)
    assert "a\x1b[0mb" in send(CellDiff(), "\x1b[1;1H\x1b[1;4;7;31ma\x1b[0mb")


def test_after_the_terminal_was_cleared_all_is_sent_again() -> None:
    diff = CellDiff()
    frame = "\x1b[1;1Habc"
    assert "abc" in send(diff, frame)
    assert "abc" not in send(diff, frame)
    send(diff, "\x1b[2J")
    assert "abc" in send(diff, frame)
    diff.forget()
    assert "abc" in send(diff, frame)


def test_controls_pass() -> None:
    diff = CellDiff()
    for control in ("\x1b[?25l", "\x07", "\x1b[?2026$p", "\x1b]52;c;YWJj\x07", "\x1b[>25u"):
        assert control in send(diff, control)
