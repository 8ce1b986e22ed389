"""The lines of a table of text, brought to one form: a delimiter, and a cell for each pixel.

Comments, Excel's `sep=;`, blank lines and delimiters at the ends of lines are left out. Pixels that
are all in one cell, as in FER-2013's `emotion,pixels,Usage`, get a cell each.
"""

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator

from mnistop.engine.data.readers.columns import is_header, is_number
from mnistop.engine.data.readers.opening import LONGEST_LINE
from mnistop.engine.errors import DataError

Line = tuple[int, str]
"""The number of a line in its file, from 1, and its text."""

csv.field_size_limit(LONGEST_LINE)  # a cell may have all pixels of an image

_DELIMITERS = "\t;|,"
_MANY = 4
"""Delimiters of a kind in a line, with which its commas belong to names or numbers."""
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_NUMBER = r"[-+]?[\d.]+(?:e[-+]?\d+)?"
_PIXELS = re.compile(rf"[\[(\s]*{_NUMBER}(?:[\s,;]+{_NUMBER}){{15,}}[\])\s]*", re.IGNORECASE)
"""A cell with all pixels of an image, as `70 80 82` or `[70, 80, 82]`."""
_DECIMAL = re.compile(r"[-+]?\d+,\d+(e[-+]?\d+)?", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_BETWEEN = str.maketrans(dict.fromkeys("[](),;", " "))


class TableLines:
    """The lines of a table; iterating yields each that is no comment, with its number.

    Args:
        lines: all lines of the file.
        place: the table's name in messages.

    Raises:
        DataError: there is none.
    """

    def __init__(self, lines: Iterable[str], place: str) -> None:
        self._place = place
        self._steps: list[Callable[[str], str]] = []
        blank = _DELIMITERS + "\r\n "
        stream = ((at, line) for at, line in self._whole(lines) if line.strip(blank))
        separator, comments, data = "", list[Line](), list[Line]()
        for at, line in stream:
            if match := _SEPARATOR.fullmatch(line):
                separator = match[1]
            elif line.startswith("#") and not data:
                comments.append((at, line.lstrip("# ")))
            else:
                data.append((at, line))
            if len(data) == 2:
                break
        if not data:
            raise DataError(f"{place} is empty: get it again.")
        self.delimiter = separator or delimiter_of(data[0][1])
        if not self.delimiter:
            self.delimiter = ","
            words = data[0][1].split()
            if _has_numbers(data[-1][1].split()) and (len(words) > 1 or is_number(words[0])):
                self._steps.append(lambda line: ",".join(line.split()))
        if comments and self._is_header(comments[-1][1], data[0][1]):
            data.insert(0, comments[-1])
        self._at, line = data[0]
        self.first = self.cells(self._changed(line))
        """The cells of the first line, which may be a header."""
        self.second = self.cells(self._changed(data[1][1])) if data[1:] else []
        """Those of the next line; none if there is no other."""
        self._rest = itertools.chain(data[1:], stream)
        self._trim()
        self._unpack()
        self._spell()

    def __iter__(self) -> Iterator[Line]:
        yield self._at, self.line(self.first)
        yield from self.after_first()

    def after_first(self) -> Iterator[Line]:
        """Yield all lines but the first one."""
        for at, line in self._rest:
            changed = self._changed(line) if self._steps else line
            if line[0] != "#" or len(self.cells(changed)) == len(self.first):
                yield at, changed

    def cells(self, line: str) -> list[str]:
        """Return the cells of a line.

        Raises:
            DataError: its quotes do not match, or it has a cell longer than those of a table.
        """
        try:
            (cells,) = csv.reader([line], delimiter=self.delimiter)
        except (csv.Error, ValueError) as error:
            raise DataError(f"{self._place} is no CSV table: check what it is.") from error
        return [cell.strip() for cell in cells]

    def line(self, cells: Iterable[str]) -> str:
        """Return cells as a line."""
        row = io.StringIO()
        csv.writer(row, delimiter=self.delimiter, lineterminator="").writerow(cells)
        return row.getvalue()

    def _changed(self, line: str) -> str:
        for step in self._steps:
            line = step(line)
        return line

    def _is_header(self, comment: str, line: str) -> bool:
        """Return whether a comment names the columns, as a header of `numpy.savetxt` does."""
        width = len(self.cells(self._changed(line)))
        return len(self.cells(self._changed(comment))) == width > 1

    def _trim(self) -> None:
        """Leave out delimiters at the ends of lines, and name the first column of R's tables.

        R writes the names of rows, but not in the header.
        """
        is_longer = len(self.second) == len(self.first) + 1
        if self.second[-1:] == [""] and (is_longer or self.first[-1] == ""):
            self._steps.append(lambda line: line.rstrip("\r\n ").removesuffix(self.delimiter))
            self.second = self.second[:-1]
            self.first = self.first[: len(self.second)]
        elif is_longer and is_header(self.first):
            self.first = ["", *self.first]

    def _spell(self) -> None:
        """Write numbers with a point, not a comma, and truth as 1 and 0."""
        cells = self.second or self.first
        if self.delimiter != "," and any(map(_DECIMAL.fullmatch, cells)):
            self._steps.append(lambda line: _DECIMAL_COMMA.sub(".", line))
            self.first = self.cells(_DECIMAL_COMMA.sub(".", self.line(self.first)))
        if sum(cell in ("True", "False") for cell in cells) > 1:
            self._steps.append(lambda line: line.replace("True", "1").replace("False", "0"))
            self.first = [{"True": "1", "False": "0"}.get(cell, cell) for cell in self.first]

    def _whole(self, lines: Iterable[str]) -> Iterator[Line]:
        """Yield lines with their numbers; those of a cell in quotes are joined."""
        numbered = enumerate(lines, 1)
        for at, line in numbered:
            if line.count('"') % 2:
                parts, length = [line.rstrip("\r\n")], 0
                for _, more in numbered:
                    parts.append(more.rstrip("\r\n"))
                    length += len(more)
                    if more.count('"') % 2 or length > LONGEST_LINE:
                        break
                if len(parts) == 1 or parts[-1].count('"') % 2 == 0:
                    raise DataError(
                        f"Line {at:,} of {self._place} has a quote that is not closed: close it, "
                        "or delete it."
                    )
                line = " ".join(parts)
            yield at, line

    def _unpack(self) -> None:
        """Give a cell to each pixel, if all those of an image are in one."""
        row = self.second or self.first
        found = [at for at, cell in enumerate(row) if _PIXELS.fullmatch(cell)]
        if len(found) != 1:
            return
        [at] = found

        def unpacked(line: str) -> str:
            cells = self.cells(line) if '"' in line else line.strip("\r\n ").split(self.delimiter)
            pixels = "".join(cells[at : at + 1])
            if not pixels[:1].isdigit() or any(each in pixels for each in ("  ", ",", ";")):
                pixels = " ".join(pixels.translate(_BETWEEN).split())
            others = self.line(cells[:at] + cells[at + 1 :])
            return f"{others}{self.delimiter}{pixels.strip().replace(' ', self.delimiter)}"

        self._steps.append(unpacked)
        if self.second:
            self.second = self.cells(unpacked(self.line(self.second)))
        if _PIXELS.fullmatch(self.first[at]):
            self.first = self.cells(unpacked(self.line(self.first)))
        else:
            pixels = [f"pixel{number}" for number in range(len(self.second) - len(self.first) + 1)]
            self.first = [*self.first[:at], *self.first[at + 1 :], *pixels]


def _has_numbers(cells: list[str]) -> bool:
    """Return whether cells apart by spaces are numbers, with one text among many at most."""
    numbers = sum(map(is_number, cells))
    return numbers > 1 and (numbers == len(cells) or numbers == len(cells) - 1 >= _MANY)


def delimiter_of(line: str) -> str:
    """Return the delimiter of the cells of a line; empty for spaces."""
    counts = {delimiter: line.strip().count(delimiter) for delimiter in _DELIMITERS}
    often = [delimiter for delimiter, number in counts.items() if number >= _MANY]
    if not any(counts.values()):
        return ""
    return often[0] if often else max(counts, key=counts.__getitem__)
