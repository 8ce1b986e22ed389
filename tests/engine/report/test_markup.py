"""No text becomes markup: names, notes and class names may hold anything."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mnistop.engine.report.document import (
    Chart,
    Code,
    Curve,
    Document,
    Entry,
    Listing,
    Matrix,
    Paragraph,
    Picture,
    Pictures,
    Section,
    Table,
    as_markdown,
    clean,
)
from mnistop.engine.report.html import as_html
from tests.engine.report.pages import SVG, charts, read_html, read_markdown

anything = st.text(max_size=30) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "</title></style><img src=x onerror=y>",
        '" onload="x',
        "&lt;b&gt; &amp; ]]> <!--",
        "a|b\\|c `code` *x* _y_ [l](http://z) # h $m$ ~~s~~ ![i](u)",
        "1. one\n- two\n> three\n\n    four",
        "\x00\x1b[31m\u202eabc\ud800",
    ]
)


def _with(text: str) -> Document:
    counts = np.array([[3, 1], [0, 2]])
    parts = (
        Paragraph(text),
        Paragraph(text, strong=True),
        Code(text, "sh"),
        Listing((Entry(text, text, f"({text})"), Entry(text, text))),
        Table(("k", text), (("a", text),), frozenset({"k", text}), lines=True),
        Chart(text, (Curve(text, [1.0, 2.0]),), lettered=True, reference=(text, 1.5)),
        Matrix(counts, (text, text)),
        Pictures((Picture(np.zeros((2, 2), np.float32), (text, text)),)),
    )
    return Document(text, parts, (Section(text, ()),))


@given(anything)
@settings(max_examples=40)
def test_no_text_becomes_markup_in_html(text: str) -> None:
    page, harmless = read_html(as_html(_with(text))), read_html(as_html(_with("x")))

    assert page.shape == harmless.shape
    shown = clean(text).replace("\r\n", "\n").replace("\r", "\n")
    for tag in ("h1", "h2", "p", "code", "dt"):
        assert page.all(tag)[0].text == shown
    assert page.all("img")[0].attributes["alt"] == f"{shown}, {shown}"
    [chart] = charts(as_html(_with(text)))
    assert shown in str(chart.findtext(f"{SVG}title"))


@given(anything)
@settings(max_examples=40)
def test_no_text_becomes_markup_in_markdown(text: str) -> None:
    page = read_markdown(as_markdown(_with(text)))
    shown = " ".join(clean(text).split())

    known = {"page", "h1", "h2", "p", "strong", "pre", "code", "ul", "li"}
    known |= {"table", "thead", "tbody", "tr", "th", "td"}
    assert page.tags <= known
    assert page.all("h1")[0].text.strip() == shown
    assert len(page.all("h2")) == 1
    assert len(page.all("table")) == 2
    if shown:
        assert shown in page.all("p")[0].text
        assert [one.text for one in page.all("table")[0].all("td")] == ["a", shown]
