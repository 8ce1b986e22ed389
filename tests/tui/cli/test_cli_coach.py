import json
from collections.abc import Callable

import pytest

from tests.helpers.command_line import Answer, Finished, Place

pytestmark = [pytest.mark.process, pytest.mark.fast]


Call = Callable[..., Answer]


def test_show_prints_what_the_coach_says(call: Call, finished: Finished, without_weights: Place):
    coach = json.loads(call("show", "last", "--json", runs=finished.place.folder).out)["coach"]
    assert set(coach) == {"kind", "sentence", "remedy"}
    assert coach["sentence"].endswith(".")
    text = " ".join(call("show", "last", runs=without_weights.folder).out.split())
    said = f"{coach['sentence']} {coach['remedy']}".strip()
    assert f"COACH AFTER EPOCH 11 {said} CONFUSION MATRIX" in text


def test_of_another_epochs_matrix_too_the_coach_speaks_of_the_newest(
    call: Call, without_weights: Place
):
    text = call("show", "last", "--epoch", "0", runs=without_weights.folder).out
    assert "COACH AFTER EPOCH 11" in text
    assert "CONFUSION MATRIX AFTER EPOCH 0" in text
