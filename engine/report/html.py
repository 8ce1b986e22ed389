"""A report as one self-contained HTML file, with its style, charts and images."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.images import diverging, to_png
from mnistop.engine.report import svg
from mnistop.engine.report.document import (
    Bars,
    Chart,
    Code,
    Document,
    Listing,
    Matrix,
    Paragraph,
    Part,
    Picture,
    Pictures,
    Quote,
    Section,
    Table,
    clean,
)
from mnistop.engine.report.svg import element, to_html

_NOTHING_FROM_OUTSIDE = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_PICTURE_PIXELS = 112
"""Width of an image on the page."""


def as_html(document: Document) -> str:
    """Return a document as the text of an HTML file."""
    style = resources.files("mnistop.engine.report").joinpath("style.css").read_text("utf-8")
    head = element(
        "head",
        {},
        element("meta", {"charset": "utf-8"}),
        element(
            "meta",
            {"http-equiv": "Content-Security-Policy", "content": _NOTHING_FROM_OUTSIDE},
        ),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "generator", "content": "mnistop"}),
        element("title", {}, document.title),
        element("style", {}, style),
    )
    body = element(
        "body",
        {},
        element("h1", {}, document.title),
        *_parts(document.parts, "start"),
        *(_section(section, f"part-{n}") for n, section in enumerate(document.sections)),
    )
    return f"<!DOCTYPE html>\n{to_html(element('html', {'lang': 'en'}, head, body))}\n"


def _section(section: Section, name: str) -> Element:
    return element("section", {}, element("h2", {}, section.title), *_parts(section.parts, name))


def _parts(parts: Sequence[Part], name: str) -> Iterator[Element]:
    """Yield the parts, with successive charts side by side if there is room."""
    row: Element | None = None
    for number, part in enumerate(parts):
        if not isinstance(part, Chart):
            row = None
            yield _part(part)
            continue
        if row is None:
            row = element("div", {"class": "charts"})
            yield row
        row.append(_chart(part, f"{name}-{number}"))


def _part(
    part: Paragraph | Quote | Code | Listing | Table | Bars | Matrix | Pictures,
) -> Element:
    match part:
        case Paragraph(text, strong):
            return element("p", {"class": "strong"} if strong else {}, text)
        case Quote(label, text, kind):
            words = element("blockquote", {}, text)
            head = element("figcaption", {}, label)
            return element("figure", {"class": f"quote {kind}"}, head, words)
        case Bars():
            return _bars(part)
        case Code(text):
            return element("pre", {}, element("code", {}, text))
        case Listing():
            return _listing(part)
        case Table():
            return _table(part)
        case Matrix():
            return _matrix(part)
        case Pictures(pictures):
            return element("div", {"class": "pictures"}, *map(_picture, pictures))


def _chart(chart: Chart, name: str) -> Element:
    return element(
        "figure",
        {"class": "chart"},
        element("figcaption", {}, svg.title(chart)),
        svg.to_svg(chart, name),
    )


def _listing(listing: Listing) -> Element:
    entries = []
    for entry in listing.entries:
        value = element("dd", {}, entry.value)
        if entry.remark:
            value = element("dd", {}, element("strong", {}, entry.value), f" ({entry.remark})")
        entries.append(element("div", {}, element("dt", {}, entry.name), value))
    return element("dl", {}, *entries)


def _table(table: Table) -> Element:
    kinds = [{"class": "words"} if name in table.texts else {} for name in table.head]
    columns = zip(kinds, table.head, strict=True)
    head = [element("th", kind | {"scope": "col"}, name) for kind, name in columns]
    rows = []
    for number, cells in enumerate(table.rows):
        made = [element("td", kind, cell) for kind, cell in zip(kinds, cells, strict=True)]
        if table.lines:
            made[0] = element("td", kinds[0], svg.sample(number), f" {cells[0]}")
        rows.append(made)
    return _scrolling(element("table", {}, _rows("thead", [head]), _rows("tbody", rows)))


def _bars(bars: Bars) -> Element:
    """Return a table with a bar for each value; colours are not the only sign of a group."""
    largest = max((max(values, default=0) for values in bars.groups.values()), default=0) or 1
    rows = []
    for place, name in enumerate(bars.names):
        cells = []
        for number, values in enumerate(bars.groups.values()):
            width = f"width:{100 * values[place] / largest:.1f}%"
            bar = element("span", {"class": f"bar group-{number}", "style": width})
            cells.append(element("td", {"class": "words"}, bar))
            cells.append(element("td", {}, bars.text_of(values[place])))
        rows.append([element("th", {"scope": "row"}, name), *cells])
    head = [element("td", {})]
    for group in bars.groups:
        head.append(element("th", {"scope": "col", "colspan": "2", "class": "words"}, group))
    table = element("table", {}, _rows("thead", [head]), _rows("tbody", rows))
    title = element("figcaption", {}, bars.title)
    return element("figure", {"class": "bars"}, title, table)


def _matrix(matrix: Matrix) -> Element:
    recall, precision = matrix.recall_and_precision()
    head = _cells("th", {"scope": "col"}, ["true ↓ predicted →", *matrix.names, "recall"])
    row, score = {"scope": "row"}, {"class": "score"}
    body = [
        [*_cells("th", row, [name]), *_row(matrix, true), *_cells("td", score, [recall[true]])]
        for true, name in enumerate(matrix.names)
    ]
    foot = [*_cells("th", row, ["precision"]), *_cells("td", score, precision), element("td", {})]
    rows = _rows("thead", [head]), _rows("tbody", body), _rows("tfoot", [foot])
    return _scrolling(element("table", {"class": "matrix"}, *rows))


def _cells(tag: str, attributes: Mapping[str, str], texts: Sequence[str]) -> list[Element]:
    return [element(tag, attributes, text) for text in texts]


def _rows(tag: str, rows: Sequence[Sequence[Element]]) -> Element:
    return element(tag, {}, *(element("tr", {}, *cells) for cells in rows))


def _row(matrix: Matrix, true: int) -> Iterator[Element]:
    """Yield the cells of a class, shaded by their share of its images."""
    counts: NDArray[np.int64] = matrix.counts[true]
    total = max(1, int(counts.sum()))
    for predicted, count in enumerate(counts.tolist()):
        if not count:
            yield element("td", {"class": "none"}, "·")
            continue
        share = count / total
        kind = "right" if predicted == true else "wrong"
        deep = " deep" if share > 0.5 else ""
        words = f"{count:,} of true {matrix.names[true]} predicted as {matrix.names[predicted]}"
        yield element(
            "td",
            {
                "class": f"{kind}{deep}",
                "style": f"--share:{0.15 + 0.8 * share:.2f}",
                "title": clean(words),
            },
            f"{count:,}",
        )


def _picture(picture: Picture) -> Element:
    height, width = picture.image.shape[:2]
    pixels = diverging(picture.image) if picture.diverging else picture.image
    content = base64.b64encode(to_png(pixels)).decode("ascii")
    image = element(
        "img",
        {
            "src": f"data:image/png;base64,{content}",
            "alt": clean(", ".join(picture.caption)),
            "width": str(_PICTURE_PIXELS),
            "height": str(round(_PICTURE_PIXELS * height / width)),
        },
    )
    lines = [element("span", {}, line) for line in picture.caption]
    return element("figure", {}, image, element("figcaption", {}, *lines))


def _scrolling(table: Element) -> Element:
    return element("div", {"class": "wide"}, table)
