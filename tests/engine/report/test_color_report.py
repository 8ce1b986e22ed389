"""Reports and hand-in pages with images in colour."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistop.engine.lessons.figures import figures
from mnistop.engine.report.document import Document, Paragraph, Picture, Pictures, as_markdown
from mnistop.engine.report.facts import Facts
from mnistop.engine.report.html import as_html
from mnistop.engine.report.of_run import report_of_run
from tests.helpers.color_images import SHAPE, add_epoch, color_run, images

COLORS = images(1)[0] / np.float32(255)


def pictures_of(page: str) -> list[NDArray[np.uint8]]:
    """The pixels of the images of a page."""
    contents = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    opened = (Image.open(io.BytesIO(base64.b64decode(each))) for each in contents)
    return [np.asarray(each) for each in opened]


def test_a_page_shows_images_in_colour_with_their_proportions() -> None:
    page = as_html(Document("Colours", [Pictures([Picture(COLORS, ("a red one",))])]))
    (shown,) = pictures_of(page)
    assert np.array_equal(shown, images(1)[0])
    assert 'width="112" height="134"' in page


def test_a_perturbation_in_colour_is_gray_where_nothing_changes() -> None:
    change = np.zeros(SHAPE, np.float32)
    change[0, 0], change[1, 1, 2] = 1, -1
    page = as_html(Document("Colours", [Pictures([Picture(change, ("change",), True)])]))
    (shown,) = pictures_of(page)
    assert shown[0, 0].tolist() == [255, 255, 255]
    assert shown[1, 1].tolist() == [128, 128, 0]
    assert (shown[2:] == 128).all()


def test_the_weights_of_a_student_s_run_are_handed_in_in_colour(tmp_path: Path) -> None:
    sections = {section.title: section.parts for section in figures(color_run(tmp_path), None)}
    words, shown = sections["Figure: Weights of the first layer"]
    assert isinstance(words, Paragraph)
    assert "0 is gray; in red, green and blue +" in words.text
    assert isinstance(shown, Pictures)
    assert all(each.image.shape == SHAPE for each in shown.pictures)


def test_the_mistakes_of_a_report_and_of_an_event_file_are_in_colour(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from mnistop.engine.export.event_file import _images

    facts = Facts.of(add_epoch(color_run(tmp_path)))
    shown = pictures_of(as_html(report_of_run(facts)))
    wrong = [mistake.row for mistake in facts.mistakes()]
    assert wrong == [3, 7]
    assert np.array_equal(shown, images(9)[wrong])
    assert "image size: 6×5×3 pixels" in as_markdown(report_of_run(facts))
    kept = [value.image for value in _images(facts).value]
    assert [(each.height, each.width, each.colorspace) for each in kept] == [(6, 5, 3)] * 2
