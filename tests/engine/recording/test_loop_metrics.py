"""The numbers that a loop logs: values, steps and names of all kinds."""

import threading
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mnistop.engine.recording.metric_log import MetricLog
from mnistop.engine.recording.metrics import LAYOUT, MetricsReader, name_ids
from mnistop.engine.recording.troubles import Troubles
from tests.helpers.loops import history_of, the_run
from tests.helpers.own_loop import SCORES, begin, series, small, warned, warns
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.usefixtures("alone")


BAD_VALUES: dict[str, tuple[dict[Any, Any], str]] = {
    "text": ({"a": "high"}, "a is 'high', not a number"),
    "none": ({"a": None}, "a is None, not a number"),
    "array": ({"a": np.zeros(3)}, "a is an ndarray of shape (3,), not a number"),
    "tensor": ({"a": torch.zeros(2, 2)}, "a is a Tensor of shape (2, 2), not a number"),
    "complex": ({"a": 1j}, "a is a complex, not a number"),
    "huge": ({"a": 10**400}, "a is an int, not a number"),
    "object": ({"a": object()}, "a is an object, not a number"),
    "meta": ({"a": torch.zeros((), device="meta")}, "a is a Tensor, not a number"),
}


@pytest.mark.parametrize("case", BAD_VALUES)
def test_values_that_are_no_numbers_are_named_once_and_left_out(case: str) -> None:
    values, words = BAD_VALUES[case]
    run = begin()
    with warns("") as caught:
        for _ in range(3):
            run.log(values | {"b": 1.0})
    run.finish()
    assert [words in str(each.message) for each in caught] == [True]
    assert caught[0].filename == __file__
    assert series(the_run(), "a").values.tolist() == []
    assert series(the_run(), "b").values.tolist() == [1, 1, 1]


def test_numbers_of_all_kinds_are_numbers() -> None:
    run = begin()
    values = [
        True,
        3,
        np.float32(0.5),
        np.int8(-4),
        np.array([2.5]),
        torch.tensor(1.5, requires_grad=True),
        torch.tensor([[4]]),
        nn.Parameter(torch.tensor(0.25)),
    ]
    for value in values:
        run.log({"x": value})
    run.finish()
    assert series(the_run(), "x").values.tolist() == [1, 3, 0.5, -4, 2.5, 1.5, 4, 0.25]
    assert warned(the_run()) == ""


def test_a_tensor_is_read_before_it_changes_in_place() -> None:
    run, loss = begin(), torch.tensor(1.0)
    for _ in range(3):
        run.log({"x": loss})
        loss += 1
    run.finish()
    assert series(the_run(), "x").values.tolist() == [1, 2, 3]


def test_infinite_and_nan_are_recorded_and_named() -> None:
    run = begin()
    for value in (1.0, float("nan"), float("inf")):
        run.log({"train/loss": value, "b": 1.0})
    run.log_predictions(SCORES)
    run.finish()
    assert np.isnan(series(the_run(), "train/loss").values[1])
    (epoch,) = history_of(the_run()).epochs
    assert epoch.train_loss is None
    assert epoch.metrics == {"b": 1.0}
    assert "train/loss is not a number (NaN)" in warned(the_run())


def test_steps_that_go_back_are_recorded_and_named() -> None:
    run = begin()
    with warns("Steps go back: a was logged at step 3"):
        for step in (5, 3, 2):
            run.log({"a": 1.0}, step=step)
    run.log({"a": 2.0})
    run.log({"a": 3.0}, step=1 << 41)
    run.finish()
    assert series(the_run(), "a").steps.tolist() == [5, 3, 2, 3, 1 << 41]


@pytest.mark.parametrize("step", [-1, 1.5, "five", 1 << 60, float("nan")])
def test_steps_that_are_none_are_named_and_counted(step: Any) -> None:
    run = begin()
    with warns("is no step"):
        run.log({"a": 1.0}, step=step)
    with warns("is no epoch"):
        run.log({"a": 1.0}, epoch=step)
    run.finish()
    assert series(the_run(), "a").steps.tolist() == [0, 1]


def test_steps_and_epochs_may_be_given() -> None:
    run = begin()
    run.log({"a": 1.0}, step=np.int64(7), epoch=3)
    run.log({"a": 1.0}, step=torch.tensor(8), epoch=4.0)  # type: ignore[arg-type]
    run.log({"a": 1.0})
    run.finish()
    assert series(the_run(), "a").steps.tolist() == [7, 8, 9]
    assert series(the_run(), "a").epochs.tolist() == [3, 4, 0]


def test_odd_names_are_shown_as_one_line_and_stay_apart() -> None:
    run = begin()
    odd = ["a/b/c", "/", "", "\x1b[2J", "new\nline", "x" * 10_000, "x" * 9_999, "ä", "\ud800", 7]
    with warns("name"):
        for number, name in enumerate(odd):
            run.log({name: number})  # type: ignore[dict-item]
    run.log({"group": {"inner": {"x": 1.0}, "y": 2.0}})
    run.finish()
    reader = MetricsReader(the_run().path)
    while reader.read():
        pass
    assert len(reader.names) == len(odd) + 2
    assert all(name.isprintable() and 0 < len(name) <= 200 for name in reader.names)
    assert reader.names[-2:] == ["group/inner/x", "group/y"]
    assert reader.series("a/b/c").values.tolist() == [0]


def test_five_thousand_names_are_recorded_and_the_mistake_is_named() -> None:
    run = begin()
    with warns("More than 1,000 different names"):
        for number in range(5000):
            run.log({f"loss {number}": number})
    run.log_predictions(SCORES)
    run.finish()
    assert series(the_run(), "loss 4999").values.tolist() == [4999]
    assert len(history_of(the_run()).epochs[0].metrics) == 64


@pytest.mark.parametrize("metrics", [None, 3.0, [("a", 1)], "a"])
def test_log_without_a_dict_is_named(metrics: Any) -> None:
    run = begin()
    with warns("as a dict"):
        run.log(metrics)
    run.finish()


def test_warnings_as_errors_do_not_end_a_loop(capsys: pytest.CaptureFixture[str]) -> None:
    run = begin()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run.log({"a": "text"})
    run.finish()
    assert "a is 'text'" in capsys.readouterr().err


def test_many_threads_may_log() -> None:
    run = begin()

    def loop(number: int) -> None:
        for step in range(500):
            run.log({"shared": 1.0, f"own {number}": step})

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    assert sorted(series(the_run(), "shared").steps.tolist()) == list(range(4000))
    for number in range(8):
        assert series(the_run(), f"own {number}").values.tolist() == list(range(500))


def test_what_is_logged_is_on_disk_within_a_second_or_so() -> None:
    run = begin()
    run.log({"a": 1.0})
    wait_until(lambda: series(the_run(), "a").values.tolist() == [1.0])
    run.finish()


class Sent:
    """Stands for a number on a device, and for the pinned memory that it is on its way to."""

    is_cuda = True

    def __init__(self) -> None:
        self.there: dict[int, float] = {}
        self.slots = self.asked = 0

    def send(self, tensor: Any) -> int:
        self.slots += 1
        return self.slots

    def receive(self, slot: int) -> float | None:
        self.asked += 1
        return self.there.pop(slot, None)

    def wait(self) -> None:
        self.there.setdefault(2, 4.0)


def test_numbers_that_come_late_from_a_device_keep_their_place() -> None:
    run, sent = begin(), Sent()
    assert run._recording
    run._recording._log.device_values = sent
    run.log({"loss": sent, "b": 1.0})
    run.log_predictions(SCORES)
    run.log({"loss": 3.0})
    wait_until(lambda: sent.asked > 1)
    assert series(the_run(), "b").values.tolist() == [], "what came later waits as well"
    sent.there[1] = 2.0
    wait_until(lambda: series(the_run(), "loss").values.tolist() == [2, 3])
    run.log({"loss": sent})
    run.finish()
    assert series(the_run(), "loss").values.tolist() == [2, 3, 4]
    assert series(the_run(), "loss").steps.tolist() == [0, 1, 2]
    assert history_of(the_run()).epochs[0].train_loss == 2


def test_the_thread_is_woken_once_when_very_much_waits() -> None:
    log, woken = MetricLog(Troubles()), []
    log.wake = lambda: woken.append(True)
    for steps in (range(12_000), range(12_000, 24_000)):
        woken.clear()
        for step in steps:
            log.log({"loss": float(step)}, None, 0)
        assert len(woken) == 1
        found = np.frombuffer(bytes(log.take().records), LAYOUT)
        values = found["value"][name_ids(found) > 0]
        assert values.tolist() == [*steps]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_numbers_and_models_on_a_cuda_device() -> None:
    run = begin()
    model = small().cuda()
    torch.cuda.manual_seed(1)
    expected = torch.rand(1, device="cuda")
    torch.cuda.manual_seed(1)
    for _ in run.epochs(2):
        loss = torch.full((), 1.0, device="cuda")
        for _ in range(5000):
            run.log({"train/loss": loss})
            loss += 1
        run.evaluate(model)
    assert torch.equal(torch.rand(1, device="cuda"), expected)
    with warns("not a number"):
        run.log({"bad": torch.zeros(3, device="cuda")})
    run.finish(model=model)
    assert series(the_run(), "train/loss").values.tolist() == [*range(1, 5001)] * 2
    assert history_of(the_run()).kept
