"""Reports of a run, read back by what they are for."""

import base64
import csv
import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine.errors import RunError
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.images import to_png
from mnistop.engine.report import svg
from mnistop.engine.report.document import (
    Chart,
    Curve,
    Document,
)
from mnistop.engine.report.facts import Facts
from mnistop.engine.report.html import as_html
from mnistop.engine.report.of_runs import report, write_report
from mnistop.engine.runs.run_folder import Run
from tests.engine.report.made_up_runs import BEST, EPOCHS, plain
from tests.engine.report.pages import SVG, charts, read_html, read_markdown, read_off, table_of
from tests.helpers import made_up


def test_a_page_needs_nothing_from_outside_and_runs_nothing(run: Run) -> None:
    page = read_html(report([run], "html"))
    assert not [tag for tag in ("script", "link", "iframe", "object", "a") if page.all(tag)]
    assert all(one.attributes["src"].startswith("data:image/png") for one in page.all("img"))
    policy = page.all("meta")[1].attributes
    assert policy["content"].startswith("default-src 'none'")
    assert "url(" not in page.all("style")[0].text
    assert "@import" not in page.all("style")[0].text


def test_accuracy_on_unseen_images_stands_first_in_every_form(tmp_path: Path) -> None:
    run, other = plain(tmp_path, 0, epochs=30), plain(tmp_path, 1, epochs=10)
    made_up.say(run, [made_up.unseen_results(run.name)])
    for form in ("html", "markdown"):
        text = report([run], form)
        text = read_html(text).text if form == "html" else text
        first = (
            "Test accuracy 87.8% (86.7–88.8) on 3,502 unseen images, with the weights of the best "
            f"epoch, {BEST}"
        )
        assert first in text
        assert text.index(first) < text.index(f"Best epoch {BEST}: validation accuracy")
        assert "the unseen images had no part in that choice" in text
    head, *rows = table_of(read_html(report([run, other], "html")).all("table")[0])
    assert head[-4:] == [
        *("test acc at best (95%)", "best epoch"),
        *("val acc at best (95%)", "val loss at best"),
    ]
    best = Facts.of(run).history.best
    assert best
    assert [row[-4].strip() for row in rows] == ["87.8% (86.7–88.8)", "-"]
    assert rows[0][-1].strip() == f"{best.val_loss:.3f}"

    table = list(csv.DictReader(io.StringIO(report([run], "csv"))))
    known = {row["epoch"]: (row["test_acc"], row["test_loss"]) for row in table if row["test_acc"]}
    assert known == {str(BEST): ("0.878", "0.5"), "29": ("0.877", "0.6")}
    told = json.loads(report([run], "json"))
    assert told["test"]["best_acc"] == told["test_acc"] == 0.878
    assert told["test"]["interval"] == pytest.approx(wilson_interval(0.878, 3502))


def test_a_page_tells_what_the_run_came_to(run: Run) -> None:
    page = read_html(report([run], "html"))
    assert page.all("title")[0].text == page.all("h1")[0].text == "high rate"
    facts = Facts.of(run)
    best = facts.history.best
    assert best
    low, high = wilson_interval(best.val_acc, made_up.VALIDATION)
    assert (
        f"Best epoch {BEST}: validation accuracy {100 * best.val_acc:.1f}% "
        f"({100 * low:.1f}–{100 * high:.1f}), a 95% interval." in page.text
    )
    assert "Note: it <swings> | a *lot*" in page.text
    assert facts.advice.sentence in page.section("Coach").text
    assert "learning rate: 0.1" in page.section("Settings").text.replace("rate0.1", "rate: 0.1")
    assert "mnistop train" in page.section("Again").text


def test_the_curves_on_a_page_are_those_of_the_run(run: Run) -> None:
    epochs = Facts.of(run).history.epochs
    loss, accuracy = charts(report([run], "html"))
    for chart, line, field, percent in (
        (loss, "train", "train_loss", False),
        (loss, "val", "val_loss", False),
        (accuracy, "train", "train_acc", True),
        (accuracy, "val", "val_acc", True),
    ):
        told = [getattr(epoch, field) for epoch in epochs]
        assert read_off(chart, line, percent) == pytest.approx(told, abs=0.002)
    for chart in (loss, accuracy):
        assert chart.attrib["role"] == "img"
        named = chart.attrib["aria-labelledby"].split()
        title, words = chart.find(f"{SVG}title"), chart.find(f"{SVG}desc")
        assert title is not None
        assert words is not None
        assert [title.attrib["id"], words.attrib["id"]] == named
        assert f"The best epoch is {BEST}." in str(words.text)
        assert f"best: {BEST}" in [one.text for one in chart.iter(f"{SVG}text")]
    low, high = wilson_interval(epochs[BEST].val_acc, made_up.VALIDATION)
    words = f"95% interval: {100 * low:.1f}% to {100 * high:.1f}%"
    assert words in [one.text for one in accuracy.iter(f"{SVG}title")]
    assert "ln 10 = 2.303" in [one.text for one in loss.iter(f"{SVG}text")]


def test_the_matrix_on_a_page_is_that_of_the_epoch(run: Run) -> None:
    for epoch in (0, EPOCHS - 1):
        page = read_html(report([run], "html", epoch))
        section = page.section(f"Confusion matrix after epoch {epoch}")
        head, *rows, precision = table_of(section.all("table")[0])
        counts = Facts.of(run, epoch).counts
        assert counts is not None
        assert head[1:] == [*map(str, range(10)), "recall"]
        assert [row[0] for row in rows] == list(map(str, range(10)))
        shown = [[int(cell.replace("·", "0")) for cell in row[1:-1]] for row in rows]
        assert shown == counts.tolist()
        assert [row[-1] for row in rows] == [
            f"{100 * one:.1f}%" for one in counts.diagonal() / counts.sum(1)
        ]
        assert precision[0] == "precision"


def test_the_worst_mistakes_are_there_as_images(run: Run) -> None:
    section = read_html(report([run], "html")).section("Most confident mistakes")
    mistakes = Facts.of(run).mistakes(12)
    shown = section.all("img")
    assert len(shown) == len(mistakes) == 12
    for image, mistake in zip(shown, mistakes, strict=True):
        content = image.attributes["src"].removeprefix("data:image/png;base64,")
        assert base64.b64decode(content) == to_png(mistake.image)
        taken = int(mistake.probabilities.argmax())
        assert image.attributes["alt"].startswith(f"a {mistake.label}, taken for {taken}")


def test_a_diverging_run_is_drawn_on_a_logarithmic_axis(tmp_path: Path) -> None:
    rising = plain(tmp_path, 1, lambda k: {"train_loss": 10.0**k, "val_loss": 2 * 10.0 ** (3 * k)})
    text = report([rising], "html")
    assert "Loss (logarithmic)" in text
    [loss, _] = charts(text)
    [path] = [p for p in loss.iter(f"{SVG}path") if p.attrib["class"] == "curve val" and len(p)]
    ys = [float(point.split()[1]) for point in path.attrib["d"][1:].split("L")]
    assert np.diff(ys) == pytest.approx([np.diff(ys)[0]] * 4, abs=0.2)


def test_runs_of_any_stage_can_be_told(tmp_path: Path) -> None:
    name = "20260101-120000-calm-otter"
    before = made_up.write_run(tmp_path, [], name=name)
    assert "0 epochs of 100" in report([before], "html")
    made_up.say(before, [made_up.started(name)])
    assert "Data and model" in report([before], "markdown")
    made_up.say(before, [made_up.epoch(0, name)])
    [loss, _] = charts(report([before], "html"))
    assert len(list(loss.iter(f"{SVG}circle"))) == 2
    made_up.say(before, [made_up.failed("The <disk> is full.", name)])
    assert "The <disk> is full." in read_html(report([before], "html")).text


def test_of_very_many_epochs_no_peak_is_lost_and_the_page_stays_small() -> None:
    values = np.full(100_000, 0.5)
    values[54_321] = 2.0
    values[77_777] = 0.1
    epochs, shown = svg.thinned(values, svg.WIDTH)
    assert (shown.max(), shown.min()) == (2.0, 0.1)
    assert {54_321.0, 77_777.0, 0.0, 99_999.0} <= set(epochs)
    assert np.array_equal(values[epochs.astype(int)], shown)
    chart = Chart("Loss", (Curve("training", values.tolist()), Curve("validation", [1.0])))
    assert len(as_html(Document("", (chart,)))) < 60_000


@given(st.lists(st.floats(40, 270), max_size=18))
def test_letters_at_the_ends_of_curves_cover_each_other_nowhere(ys: list[float]) -> None:
    placed = svg.spread(sorted(ys))
    assert all(b - a >= 11.99 for a, b in pairwise(placed))
    assert all(place <= svg.HEIGHT for place in placed)


def test_markdown_tells_the_same(run: Run) -> None:
    page = read_markdown(report([run], "markdown"))
    assert page.all("h1")[0].text == "high rate"
    headings = [one.text for one in page.all("h2")]
    assert headings == [
        "Curves",
        f"Coach after epoch {EPOCHS - 1}",
        f"Confusion matrix after epoch {EPOCHS - 1}",
        f"Most confident mistakes after epoch {EPOCHS - 1}",
        "Settings",
        "Data and model",
        "Log",
        "Again",
    ]
    matrix, log = page.all("table")
    counts = Facts.of(run).counts
    assert counts is not None
    shown = [row[1:-1] for row in table_of(matrix)[1:-1]]
    assert shown == [[str(one) if one else "·" for one in row] for row in counts.tolist()]
    assert [row[0] for row in table_of(log)[1:]] == ["0", "10", "20", "29"]
    assert "Note: it <swings> | a *lot*" in page.text


def test_an_epoch_that_is_not_there_is_told(run: Run) -> None:
    with pytest.raises(RunError, match="has epochs 0 to 29, not 30"):
        report([run], "html", EPOCHS)


def test_a_second_report_in_a_folder_leaves_the_first(run: Run, tmp_path: Path) -> None:
    first, second = write_report([run], tmp_path), write_report([run], tmp_path)
    assert first.name == f"mnistop-{run.name}.html"
    assert second.name == f"mnistop-{run.name}-2.html"
    assert first.read_text("utf-8") == second.read_text("utf-8") == report([run], "html")
