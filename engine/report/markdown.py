"""A report as Markdown, with the tables of GitHub's dialect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mnistop.engine.report.document import (
    Chart,
    Code,
    Document,
    Listing,
    Matrix,
    Paragraph,
    Part,
    Pictures,
    Table,
    clean,
)

_START = re.compile(r"^(\d*)([-+=.)])")
"""What makes a list, a rule or a heading of a line that begins so."""
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&$!])")


def as_markdown(document: Document) -> str:
    """A whole document as the text of a Markdown file."""
    blocks = [f"# {_escaped(document.title)}", *map(_part, document.parts)]
    for section in document.sections:
        blocks += [f"## {_escaped(section.title)}", *map(_part, section.parts)]
    return "\n\n".join(blocks) + "\n"


def _part(part: Part) -> str:
    match part:
        case Paragraph(text, strong):
            return _strong(text) if strong else _line(text)
        case Code(text, language):
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
            return f"{fence}{language}\n{clean(text)}\n{fence}"
        case Listing():
            return "\n".join(_entries(part))
        case Table():
            aligned = [name in part.texts for name in part.head]
            return _table(part.head, part.rows, aligned)
        case Chart():
            return f"{_strong(part.title)}: {_escaped(part.description)}"
        case Matrix():
            return _matrix(part)
        case Pictures(pictures):
            return "\n".join(f"- {_line('; '.join(one.caption))}" for one in pictures)


def _entries(listing: Listing) -> Iterator[str]:
    for entry in listing.entries:
        value = _escaped(entry.value)
        if entry.remark:
            value = f"{_strong(entry.value)} ({_escaped(entry.remark)})"
        yield f"- {_line(entry.name)}: {value}"


def _matrix(matrix: Matrix) -> str:
    recall, precision = matrix.recall_and_precision()
    rows = [
        [name, *(f"{count:,}" if count else "·" for count in counts), share]
        for name, counts, share in zip(matrix.names, matrix.counts.tolist(), recall, strict=True)
    ]
    rows.append(["precision", *precision, ""])
    return _table(["true ↓ predicted →", *matrix.names, "recall"], rows)


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], texts: Sequence[bool] | None = None
) -> str:
    marks = [":--" if is_text else "--:" for is_text in texts or [False] * len(head)]
    lines = [map(_escaped, head), marks, *(map(_escaped, row) for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _strong(text: str) -> str:
    escaped = _escaped(text)
    return f"**{escaped}**" if escaped else ""


def _line(text: str) -> str:
    """A text that begins a line."""
    return _START.sub(r"\1\\\2", _escaped(text))


def _escaped(text: str) -> str:
    """A text on one line that stays what it is in Markdown."""
    return _MARKUP.sub(r"\\\1", " ".join(clean(text).split()))
