"""`mnistop attack`: the table, and one image."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import numpy as np
import pytest

from mnistop.engine.analysis.methods import METHODS
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.text.attack_outcome import at_least, at_most
from tests.helpers.command_line import Finished
from tests.helpers.selection import one_in
from tests.tui.cli.attacking import EPSILONS, Call, as_json, run_folder

pytestmark = [pytest.mark.process, pytest.mark.fast]


@pytest.mark.slow
def test_the_table_tells_clean_fgsm_pgd_and_certified_accuracy(
    attack: Call, finished: Finished
) -> None:
    told = as_json(attack("--epsilon", EPSILONS, "--json"))
    assert told["run"] == finished.name
    assert told["epochs"] == 12
    assert [row["epsilon"] for row in told["table"]] == [0, 0.02, 0.05, 0.1, 0.3]
    *_, clean = (one["val_acc"] for one in finished.place.events(finished.name) if "epoch" in one)
    for row in told["table"]:
        assert row["clean"] == pytest.approx(clean)
        assert row["certified"] <= row["pgd"] <= row["fgsm"] <= row["clean"]
    for name in ("fgsm", "pgd", "certified"):
        shares = [row[name] for row in told["table"]]
        assert shares[0] == pytest.approx(clean)
        assert shares == sorted(shares, reverse=True)
    images = told["images"]
    assert [image["index"] for image in images] == list(range(80))
    right = [image for image in images if image["smallest_epsilon"] != 0]
    assert len(right) == round(clean * 80)
    assert np.median([one["smallest_epsilon"] for one in right]) == told["median_smallest_epsilon"]
    for row in told["table"]:
        safe = sum(image["certified_epsilon"] > row["epsilon"] for image in images)
        assert row["certified"] == pytest.approx(safe / 80)

    lines = attack("--epsilon", EPSILONS).out.splitlines()
    start = next(place for place, line in enumerate(lines) if line.split()[:1] == ["ε"])
    for row, line in zip(told["table"], lines[start + 1 :], strict=False):
        assert line.split() == [
            f"{row['epsilon']:g}",
            *(share_of_80(row[name]) for name in ("clean", "fgsm", "pgd", "certified")),
        ]


def share_of_80(fraction: float) -> str:
    """Round the exact share of a count, whatever float has made of it."""
    return f"{Decimal(round(80 * fraction)) * 100 / 80:.1f}%"


@pytest.mark.slow
def test_the_table_stands_in_80_columns_and_says_what_it_means(
    attack: Call, finished: Finished
) -> None:
    answer = attack()
    assert answer.code == 0
    assert max(map(len, answer.out.splitlines())) <= 80
    text = " ".join(answer.out.split())
    assert f"run {finished.name}, epoch 11: 80 validation images" in text
    assert re.search(r"fooled by ε 0\.\d{4} or less \(the median of the smallest ε found\)", text)
    assert re.search(r"half are proven safe below 0\.\d{4}", text)
    assert attack("--ascii").out.isascii()


@pytest.mark.slow
def test_the_real_command_says_the_same_and_keeps_standard_output_clean(
    attack: Call, finished: Finished
) -> None:
    done = finished.place.run("attack", "last", "--epsilon", "0.1", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == as_json(attack("--epsilon", "0.1", "--json"))


def first_right(attack: Call) -> int:
    images = as_json(attack("--epsilon", "0", "--json"))["images"]
    return next(image["index"] for image in images if image["smallest_epsilon"])


@pytest.mark.parametrize("method", one_in(4, METHODS))
def test_one_image_by_every_method(attack: Call, finished: Finished, method: str) -> None:
    row = first_right(attack)
    told = as_json(attack("--index", str(row), "--method", method, "--json"))
    assert told["label"] == told["prediction"] == str(Run(run_folder(finished)).labels()[row])
    assert told["method"] == method
    assert told["success"] == (told["adversarial_prediction"] != told["label"])
    assert 0 < told["certified_epsilon"] <= told["smallest_epsilon"]
    assert told["smallest_epsilon"] <= told["fgsm_epsilon"] <= told["fgsm_level"] / 255
    norm = METHODS[method].norm
    assert told[norm] <= told["epsilon"] * (1 + 1e-3)
    assert told[norm] >= told["epsilon"] * (1 - 1e-3) or norm == "l2"  # pixels end at 0 and 1
    assert told["epsilon"] == METHODS[method].usual or METHODS[method].seeks
    assert told["smallest_by_method"][method] > 0

    text = " ".join(attack("--index", str(row), "--method", method).out.split())
    title = f"attacked by {METHODS[method].title} ({METHODS[method].norm_name})"
    assert f"validation image {row}, a {told['label']}, {title}" in text
    assert "adversarial: " in text
    assert f"safe below ε {at_least(told['certified_epsilon'])}: proven" in text
    assert f"fooled from ε {at_most(told['smallest_epsilon'])}" in text
    assert f"L∞ {at_most(round(told['linf'], 6))}" in text


def test_towards_a_target(attack: Call) -> None:
    row = first_right(attack)
    plain = as_json(attack("--index", str(row), "--json"))
    target = str((int(plain["label"]) + 5) % 10)
    how = ("--index", str(row), "--target", target, "--epsilon", "0.5", "--method", "pgd")
    told = as_json(attack(*how, "--json"))
    assert told["target"] == told["adversarial_prediction"] == target
    assert told["success"]
    assert told["smallest_epsilon"] >= plain["smallest_epsilon"] - 1e-4
    text = " ".join(attack(*how).out.split())
    assert f"target {target} reached" in text
    assert "target reached from ε" in text


def test_an_image_that_is_wrong_needs_nothing(attack: Call) -> None:
    images = as_json(attack("--epsilon", "0", "--json"))["images"]
    row = next(one["index"] for one in images if one["smallest_epsilon"] == 0)
    told = as_json(attack("--index", str(row), "--json"))
    assert told["prediction"] != told["label"]
    assert told["smallest_epsilon"] == told["certified_epsilon"] == 0
    text = " ".join(attack("--index", str(row)).out.split())
    assert "misclassified without any perturbation: there is nothing to fool" in text
    assert "safe below" not in text


def test_no_change_at_all_and_the_largest_one(attack: Call) -> None:
    row = str(first_right(attack))
    told = as_json(attack("--index", row, "--epsilon", "0", "--json"))
    assert (told["linf"], told["l0"], told["success"]) == (0, 0, False)
    told = as_json(attack("--index", row, "--epsilon", "1", "--json"))
    assert told["linf"] == 1


def test_earlier_weights(attack: Call) -> None:
    told = as_json(attack("--index", "0", "--epoch", "3", "--json"))
    assert told["epochs"] <= 4
