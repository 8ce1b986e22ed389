"""Reports of several runs, and data for other programs."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from mnistop.engine.errors import RunError
from mnistop.engine.report.facts import Facts
from mnistop.engine.report.of_runs import report
from mnistop.engine.runs.run_folder import Run
from tests.engine.report.made_up_runs import BEST, plain
from tests.engine.report.pages import SVG, charts, read_html, read_markdown, read_off, table_of


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
