"""Readers of reports, as a browser or a Markdown viewer parses them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from xml.etree import ElementTree

from markdown_it import MarkdownIt

VOID = {"meta", "img", "br", "hr", "link"}
SVG = "{http://www.w3.org/2000/svg}"


@dataclass
class Node:
    """An element of a page."""

    tag: str
    attributes: dict[str, str]
    children: list[Node | str] = field(default_factory=list)

    def all(self, tag: str) -> list[Node]:
        """All elements of a kind, in order."""
        found = [self] if self.tag == tag else []
        for child in self.children:
            if isinstance(child, Node):
                found += child.all(tag)
        return found

    @property
    def text(self) -> str:
        """All text in it."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    @property
    def elements(self) -> list[Node]:
        """The elements right below it."""
        return [child for child in self.children if isinstance(child, Node)]

    @property
    def tags(self) -> set[str]:
        """Its kind and those of all below it."""
        return {self.tag}.union(*(child.tags for child in self.elements))

    @property
    def shape(self) -> tuple[str, set[str], list[object]]:
        """All but its texts: kinds of elements and names of attributes."""
        return self.tag, set(self.attributes), [child.shape for child in self.elements]

    def section(self, title: str) -> Node:
        """The section whose heading begins so."""
        return next(one for one in self.all("section") if one.all("h2")[0].text.startswith(title))


class _Reader(HTMLParser):
    """Builds the tree, and fails where an element is left open or closed twice."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("page", {})]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attributes})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, text: str) -> None:
        self.open[-1].children.append(text)


def read_html(text: str) -> Node:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert len(reader.open) == 1
    return reader.open[0]


def charts(text: str) -> list[ElementTree.Element]:
    """The charts of a page, each read as the XML that SVG is."""
    found = re.findall(r"<svg[^>]*role=.*?</svg>", text, re.DOTALL)
    return [ElementTree.fromstring(one) for one in found]


def read_off(chart: ElementTree.Element, line: str, percent: bool = False) -> list[float]:
    """The values of a curve, read off a linear axis as one does with a ruler."""
    labels = [
        (float(one.attrib["y"]) - 4, float(str(one.text).rstrip("%")))
        for one in chart.iter(f"{SVG}text")
        if one.attrib["text-anchor"] == "end" and "=" not in str(one.text)
    ]
    (y0, low), (y1, high) = labels[0], labels[-1]
    [path] = [
        one
        for one in chart.iter(f"{SVG}path")
        if one.attrib["class"] == f"curve {line}" and len(one)
    ]
    places = [float(point.split()[1]) for point in path.attrib["d"][1:].split("L")]
    values = [low + (place - y0) * (high - low) / (y1 - y0) for place in places]
    return [value / 100 for value in values] if percent else values


def read_markdown(text: str) -> Node:
    """A Markdown file as the page that it becomes."""
    return read_html(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def table_of(node: Node) -> list[list[str]]:
    """The cells of a table, row by row."""
    return [[cell.text for cell in row.elements] for row in node.all("tr")]
