"""What is wrong in a table of images is told by line and column, with the remedy."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError
from tests.helpers.csv_tables import LABELS, PIXELS, ROWS, table, text


def broken(change: Callable[[list[list[str]]], None]) -> str:
    rows = [["label", *PIXELS], *([str(cell) for cell in row] for row in np.c_[LABELS, ROWS])]
    change(rows)
    return "\n".join(map(",".join, rows))


def put(row: int, column: int, cell: str) -> Callable[[list[list[str]]], None]:
    def change(rows: list[list[str]]) -> None:
        rows[row][column] = cell

    return change


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (broken(put(4, 3, "")), r"Line 5 of .*a\.csv has in column 4, pixel2, nothing: fill in"),
        (broken(put(4, 3, "dark")), "Line 5 of .* in column 4, pixel2, 'dark', which is no pixel"),
        (broken(put(4, 3, "nan")), "in column 4, pixel2, 'nan'"),
        (broken(put(4, 3, "1e999")), "in column 4, pixel2, '1e999'"),
        (broken(put(4, 3, "1,2")), "Line 5 of .* has 18 columns, and the first line has 17"),
        (broken(lambda rows: rows[4].pop()), "Line 5 of .* has 16 columns"),
        (broken(put(4, 3, "1_0")), "'1_0', which is no pixel"),
        (table()[PIXELS].to_csv(index=False), "has no column of labels"),
        (broken(lambda rows: rows.__delitem__(slice(1, None))), "has a header only"),
        (table().T.to_csv(), "has a column for each image, not a line"),
        (table().T.to_csv(header=False), "has a column for each image, not a line"),
        (table().rename(columns={"label": "a"}).assign(b="c").to_csv(), "pixels, a, b, and none"),
        (text(slice(9), header=False)[2:], "Line 2 of .* has 17 columns, and the first"),
        (text(slice(9)) + '"open\n1,2,3\n', "Line 11 of .* has a quote that is not closed"),
        ("length,width,height,depth,kind\n1,2,3,4,a\n5,6,7,8,b\n", "5 columns, too few for images"),
        ("label,box\n1,\"[1, 2, 3, 4]\"\n0,\"[2, 3, 4, 5]\"\n", "2 columns, too few for images"),
        ("a,b\n1,2\n", "has 2 columns, too few for images"),
        ('label,p0,p1,p2,p3\n1,0,"0,5",0,0\n', "'0,5', which is no pixel: .* with a point"),
        (",,,,,,\n", "is empty"),
        (b"l\xe4bel,", "not a text in UTF-8"),
        (b"\xff\xfel\0a", "not a text in UTF-8"),
        (gzip.compress(text(slice(0, 40)).encode())[:-200], "is cut off"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_line_and_column(
    tmp_path: Path, content: str | bytes, says: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=says):
        load(str(path))


def test_columns_that_could_both_be_labels_ask_for_a_header(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 3, (30, 17))
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False, header=False)
    with pytest.raises(DataError, match="has no header, and neither its first nor its last"):
        load(str(tmp_path / "a.csv"))


def test_a_table_larger_than_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table().to_csv(tmp_path / "a.csv", index=False)
    monkeypatch.setattr("os.sysconf", lambda name: 10)
    with pytest.raises(DataError, match="not enough memory"):
        load(str(tmp_path / "a.csv"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_damaged_table_raises_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(text(slice(0, 4)).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.csv").write_bytes(bytes(content))
    try:
        load(str(tmp_path / "a.csv"))
    except DataError as error:
        assert str(error).endswith(".")  # noqa: PT017


def test_long_labels_are_not_cut_to_the_same(tmp_path: Path) -> None:
    rows = table()
    rows["label"] = ["long " * 20 + str(label) for label in LABELS]
    rows.to_csv(tmp_path / "long.csv", index=False)
    with pytest.raises(DataError, match="a label of more than 64 characters"):
        load(str(tmp_path / "long.csv"))
