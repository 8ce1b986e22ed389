"""Reports of runs, read back by what they are for."""

import base64
import csv
import io
import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from mnistop.engine import events
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.images import to_png
from mnistop.engine.report import svg
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
from mnistop.engine.report.facts import Facts
from mnistop.engine.report.html import as_html
from mnistop.engine.report.of_runs import report, write_report
from mnistop.engine.runs.entry import About, write_about
from mnistop.engine.runs.run_folder import Run
from tests.engine.report.pages import SVG, charts, read_html, read_markdown, read_off, table_of
from tests.helpers import made_up, recorded_predictions

EPOCHS = 30
BEST = 20


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A made-up run of 30 epochs, the best of which is epoch 20."""
    told = [*made_up.story(EPOCHS), made_up.finished(EPOCHS)]
    made = recorded_predictions.write_run(tmp_path_factory.mktemp("runs"), told)
    write_about(made, About("high rate", "it <swings> | a *lot*"))
    return made


def plain(
    folder: Path,
    number: int,
    values: Callable[[int], dict[str, float]] = lambda k: {},
    epochs: int = 5,
    **settings: object,
) -> Run:
    """A made-up run whose epochs have some values of their own."""
    name = f"20260101-1200{number:02}-calm-otter"
    said: list[events.Event] = [made_up.started(name)]
    for k in range(epochs):
        said.append(events.EpochFinished(**(asdict(made_up.epoch(k, name)) | values(k))))
    config = RunConfig(**settings)  # type: ignore[arg-type]
    return made_up.write_run(folder, [*said, made_up.finished(epochs, name)], config, name)


# HTML


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


# Names, notes and class names may hold anything.

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


# Markdown


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


# CSV and JSON


def test_csv_holds_every_value_exactly(tmp_path: Path) -> None:
    runs = [plain(tmp_path, 1, lr=0.5), plain(tmp_path, 2, epochs=3, hidden=(256, 128))]
    text = report(runs, "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 5 + 3
    told = [(one, epoch) for one in map(Facts.of, runs) for epoch in one.history.epochs]
    for row, (one, epoch) in zip(rows, told, strict=True):
        assert row["run"] == one.run.name
        assert row["config.lr"] == f"{one.config.lr:g}"
        assert row["config.hidden"] == " ".join(map(str, one.config.hidden))
        for name in ("epoch", "train_loss", "val_loss", "train_acc", "val_acc", "lr", "seconds"):
            assert float(row[name]) == getattr(epoch, name)
    loaded = np.genfromtxt(io.StringIO(text), delimiter=",", names=True)
    assert loaded["val_loss"].tolist() == [epoch.val_loss for _, epoch in told]


def test_json_of_one_run_and_of_several(run: Run, tmp_path: Path) -> None:
    told = json.loads(report([run], "json"))
    assert told["best"]["epoch"] == BEST
    assert [one["val_loss"] for one in told["log"]] == [
        epoch.val_loss for epoch in Facts.of(run).history.epochs
    ]
    both = json.loads(report([run, plain(tmp_path, 1, lr=0.5)], "json"))
    assert both["runs"][0] == told
    assert both["differing"] == {"lr": ["0.1", "0.5"]}


# Several runs


def test_runs_are_compared_on_one_page(run: Run, tmp_path: Path) -> None:
    other = plain(tmp_path, 1, epochs=10, lr=0.5, optimizer="sgd")
    text = report([run, other], "html")
    page = read_html(text)
    assert page.all("h1")[0].text == "2 runs compared"
    head, *rows = table_of(page.all("table")[0])
    assert head[:4] == ["", "run", "optimizer", "learning rate"]
    assert head[4:] == ["best epoch", "val acc at best (95%)", "val loss at best"]
    assert [[cell.strip() for cell in row[:5]] for row in rows] == [
        ["a", "high rate", "manual", "0.1", "20"],
        ["b", "calm-otter", "sgd", "0.5", "9"],
    ]
    assert len(charts(text)) == 4
    for chart, field, percent in zip(
        charts(text),
        ("val_loss", "val_acc", "train_loss", "train_acc"),
        (False, True, False, True),
        strict=True,
    ):
        for place, one in enumerate((run, other)):
            values = [getattr(epoch, field) for epoch in Facts.of(one).history.epochs]
            assert read_off(chart, f"line-{place}", percent) == pytest.approx(values, abs=0.006)
        ends = [t.text for t in chart.iter(f"{SVG}text") if "letter" in t.get("class", "")]
        assert sorted(map(str, ends)) == ["a", "b"]
    common = page.section("What they have in common").text
    assert "batch size" in common
    assert "learning rate" not in common


def test_two_runs_on_the_same_images_are_tested_for_chance(tmp_path: Path) -> None:
    runs = [plain(tmp_path, number, epochs=epochs) for number, epochs in ((1, 3), (2, 8))]
    text = report(runs, "markdown")
    assert re.search(r"a alone gets 0 validation images right, b alone \d+: if both", text)
    assert "(McNemar's exact test)" in text
    assert "Their settings are all the same" in text


def test_json_of_two_runs_has_the_test_for_chance_that_the_page_has(tmp_path: Path) -> None:
    runs = [plain(tmp_path, number, epochs=epochs) for number, epochs in ((1, 3), (2, 8))]
    found = json.loads(report(runs, "json"))["comparison"]
    assert found["epochs"] == [2, 7]
    text = " ".join(report(runs, "markdown").split())
    assert f"a alone gets {found['only_first']} validation images right" in text
    assert f"b alone {found['only_second']}: if both" in text
    assert f"with probability {found['mcnemar_p']:.2g}" in text
    assert json.loads(report([*runs, runs[0]], "json"))["comparison"] is None


def test_json_of_a_run_has_the_precision_and_the_message_that_the_page_has(
    run: Run, tmp_path: Path
) -> None:
    told = json.loads(report([run], "json"))
    counts = np.array(told["confusion"]["counts"])
    assert told["confusion"]["precision"][3] == pytest.approx(counts[3, 3] / counts[:, 3].sum())
    assert told["message"] == ""


def test_more_runs_than_letters_are_refused_but_not_as_data(tmp_path: Path) -> None:
    runs = [plain(tmp_path, number, epochs=1) for number in range(27)]
    with pytest.raises(RunError, match="27 runs are too many for one report"):
        report(runs, "html")
    assert len(report(runs, "csv").splitlines()) == 28
    letters = [row[0] for row in table_of(read_markdown(report(runs[:26], "markdown")))]
    assert letters[1:27] == [chr(ord("a") + place) for place in range(26)]


def test_an_epoch_that_is_not_there_is_told(run: Run) -> None:
    with pytest.raises(RunError, match="has epochs 0 to 29, not 30"):
        report([run], "html", EPOCHS)


def test_a_second_report_in_a_folder_leaves_the_first(run: Run, tmp_path: Path) -> None:
    first, second = write_report([run], tmp_path), write_report([run], tmp_path)
    assert first.name == f"mnistop-{run.name}.html"
    assert second.name == f"mnistop-{run.name}-2.html"
    assert first.read_text("utf-8") == second.read_text("utf-8") == report([run], "html")
