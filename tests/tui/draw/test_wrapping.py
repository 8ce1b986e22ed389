"""Paragraphs broken by the cells of their characters."""

import textwrap

import pytest
from rich.cells import cell_len

from mnistop.tui.draw.wrapping import wrap

TEXTS = (
    "1 rare class: 猫の写真です with 9 of 269 images, while apple has 200.",
    "一二三四五六七八九十" * 4,
    "a" * 30 + "猫" * 30,
)


@pytest.mark.parametrize("width", [8, 9, 33])
@pytest.mark.parametrize("text", TEXTS)
def test_no_line_is_wider_than_there_is_room_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert max(map(cell_len, lines)) <= width
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_text_that_is_cut_ends_with_the_mark() -> None:
    lines = wrap(TEXTS[1], 20, max_lines=2, placeholder=" …")
    assert (len(lines), cell_len(lines[0])) == (2, 20)
    assert lines[1].endswith(" …")
    assert cell_len(lines[1]) <= 20


def test_narrow_characters_are_wrapped_as_by_the_standard_library() -> None:
    text = "5×5 pixels – well-known, naïve, … and so on, as in a long-winded sentence"
    assert wrap(text, 12) == textwrap.wrap(text, 12)
