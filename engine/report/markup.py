"""Elements of HTML and SVG, whose texts are escaped because they are texts."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element, tostring

Child = Element | str

_HIDDEN = "\N{REPLACEMENT CHARACTER}"


def element(tag: str, attributes: Mapping[str, str], *children: Child) -> Element:
    """An element with its children, texts among them."""
    made = Element(tag, dict(attributes))
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + clean(child)
        else:
            made.text = (made.text or "") + clean(child)
    return made


def to_html(root: Element) -> str:
    """An element as HTML."""
    return tostring(root, encoding="unicode", method="html")


def clean(text: str) -> str:
    """A text without what would not be seen or would disturb others: control characters, marks
    that turn the direction of writing, halves of surrogate pairs.
    """
    shown = (char if char.isprintable() or char == "\n" else _HIDDEN for char in text)
    return "".join(shown)
