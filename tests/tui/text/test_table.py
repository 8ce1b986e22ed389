"""Tables: columns that fit, and texts that do not."""

from hypothesis import given
from hypothesis import strategies as st

from mnistop.tui.text.table import Column, Table, cell_count

NAMES = ("calm-otter.07", "keen-lark")


def heads(table: Table[str]) -> list[str]:
    return [column.head for column in table.columns]


def test_columns_of_the_highest_rank_are_left_out_first() -> None:
    columns = [
        Column("name", str, 13, left=True),
        Column("time", lambda _: "1 s", 6, rank=2),
        Column("size", lambda _: "1 MB", 6, rank=1),
    ]
    shown = {width: heads(Table(columns, width)) for width in (29, 28, 21, 20, 1)}
    assert shown == {
        29: ["name", "time", "size"],
        28: ["name", "size"],
        21: ["name", "size"],
        20: ["name"],
        1: ["name"],
    }


def test_what_is_left_goes_to_the_column_that_takes_it() -> None:
    columns = [
        Column("name", str, left=True),
        Column("settings", lambda _: "lr 0.5, hidden 64", 99, rank=1, least=8, left=True),
    ]
    table = Table(columns, 30, NAMES)
    assert table.lines(NAMES)[1] == "calm-otter.07  lr 0.5, hidden…"
    assert heads(Table(columns, 22, NAMES)) == ["name"]
    assert Table([Column("name", str)], None, NAMES).lines(NAMES) == [
        "         name",
        "calm-otter.07",
        "    keen-lark",
    ]


def test_a_name_keeps_the_number_at_its_end() -> None:
    [column] = Table([Column("name", str, 8, is_name=True)]).columns
    assert column.cut(NAMES[0], "…") == "calm….07"


@given(st.lists(st.text(max_size=9), min_size=1, max_size=4), st.integers(0, 40))
def test_every_row_is_as_wide_as_the_header(texts: list[str], width: int) -> None:
    columns = [
        Column(text.title(), str, rank=rank, least=4 * (rank == 2))
        for rank, text in enumerate(texts)
    ]
    table = Table(columns, width, texts)
    rows = [table.header(), *map(table.row, texts)]
    assert len({sum(cell_count(text) for text, _ in row) for row in rows}) == 1
