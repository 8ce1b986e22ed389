"""`metrics.bin`: what is written is read, whatever names, steps and torn ends there are."""

import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine.recording import metrics
from mnistop.engine.recording.metrics import MetricsReader, MetricsWriter


def read_all(folder: Path) -> MetricsReader:
    reader = MetricsReader(folder)
    while reader.read():
        pass
    return reader


def value(number: int, step: int, of: float, at: float = 0.0) -> bytes:
    return metrics.pack_value(metrics.key(number) | step, of, at)


def test_values_are_read_with_their_steps_times_and_epochs(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path)
    writer.append(metrics.name_records(1, "train/loss") + value(1, 0, 2.5, 10.0))
    writer.append(metrics.name_records(2, "größe µ") + value(2, 7, float("nan"), 11.0))
    writer.append(metrics.epoch_record(1) + value(1, 1 << 40, float("inf"), 12.0))
    writer.append(metrics.epoch_record(1 << 33) + value(1, 1, -0.0, 13.5))
    reader = read_all(tmp_path)
    assert reader.names == ["train/loss", "größe µ"]
    loss = reader.series("train/loss")
    assert loss.steps.tolist() == [0, 1 << 40, 1]
    assert loss.values.tolist() == [2.5, float("inf"), -0.0]
    assert loss.times.tolist() == [10.0, 12.0, 13.5]
    assert loss.epochs.tolist() == [0, 1, 1 << 33]
    assert np.isnan(reader.series("größe µ").values).tolist() == [True]
    assert reader.count("train/loss") == 3
    assert reader.count("nothing") == 0
    assert len(reader.series("nothing").steps) == 0


def test_a_reader_follows_a_file_that_grows(tmp_path: Path) -> None:
    reader = MetricsReader(tmp_path)
    assert not reader.read()
    writer = MetricsWriter(tmp_path)
    assert not reader.read()
    for step in range(1000):
        begin = metrics.name_records(1, "loss") if step == 0 else b""
        writer.append(begin + value(1, step, step / 2))
        if step % 100 == 0:
            assert reader.read()
            assert reader.count("loss") == step + 1
    assert reader.read()
    assert not reader.read()
    assert reader.series("loss").values.tolist() == [step / 2 for step in range(1000)]


@pytest.mark.parametrize("lost", range(1, 24))
def test_a_torn_end_is_no_value_and_the_next_writer_goes_on_before_it(
    tmp_path: Path, lost: int
) -> None:
    writer = MetricsWriter(tmp_path)
    writer.append(metrics.name_records(1, "loss") + value(1, 0, 1.0) + value(1, 1, 2.0))
    path = tmp_path / metrics.FILE
    os.truncate(path, path.stat().st_size - lost)
    reader = read_all(tmp_path)
    assert reader.series("loss").values.tolist() == [1.0]
    MetricsWriter(tmp_path).append(value(1, 1, 3.0))
    reader.read()
    assert reader.series("loss").values.tolist() == [1.0, 3.0]


@given(st.binary(max_size=300))
def test_no_content_upsets_a_reader(tmp_path_factory: pytest.TempPathFactory, rest: bytes) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    (folder / metrics.FILE).write_bytes(metrics.HEADER + rest)
    reader = read_all(folder)
    for name in reader.names:
        assert name.isprintable()
        assert reader.count(name) == len(reader.series(name).values)


def test_a_foreign_file_is_named(tmp_path: Path) -> None:
    (tmp_path / metrics.FILE).write_bytes(b"something else entirely, as long as this")
    reader = read_all(tmp_path)
    assert "holds no metrics" in reader.damage
    assert reader.names == []


def test_a_file_cut_short_is_read_from_its_beginning(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path)
    writer.append(metrics.name_records(1, "loss") + value(1, 0, 1.0) + value(1, 1, 2.0))
    reader = read_all(tmp_path)
    os.truncate(tmp_path / metrics.FILE, (tmp_path / metrics.FILE).stat().st_size - 24)
    assert reader.read()
    assert reader.series("loss").values.tolist() == [1.0]


@pytest.mark.slow
@given(st.text(max_size=250))
def test_every_name_becomes_one_printable_line(name: str) -> None:
    clean = metrics.clean_name(name)
    assert clean.isprintable()
    assert 0 < len(clean) <= metrics.LONGEST_NAME
    assert metrics.clean_name(clean) == clean


def test_long_names_that_begin_alike_stay_apart() -> None:
    one, other = (metrics.clean_name("x" * 10_000 + end) for end in "ab")
    assert one != other
    assert metrics.clean_name("a\x1b[31mb") == "a\\x1b[31mb"
    assert metrics.clean_name("a\nb") == "a\\nb"


def test_a_long_name_of_many_bytes_is_read_whole(tmp_path: Path) -> None:
    name = metrics.clean_name("数" * 300)
    MetricsWriter(tmp_path).append(metrics.name_records(5, name) + value(5, 0, 1.0))
    assert read_all(tmp_path).names == [name]


def test_five_thousand_names_of_which_each_has_its_values(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path)
    numbers = range(1, 5001)
    writer.append(b"".join(metrics.name_records(n, f"m{n}") + value(n, 0, n) for n in numbers))
    writer.append(b"".join(value(n, 1, -n) for n in numbers))
    reader = read_all(tmp_path)
    assert reader.names == [f"m{n}" for n in numbers]
    assert reader.series("m4321").values.tolist() == [4321, -4321]


def test_a_million_values_take_24_bytes_each_and_are_read_at_once(tmp_path: Path) -> None:
    records = np.empty(1_000_000, [("key", "<u8"), ("value", "<f8"), ("time", "<f8")])
    steps = np.arange(1_000_000, dtype=np.uint64)
    records["key"] = np.uint64(metrics.key(1)) + (steps % 2 << np.uint64(44)) + steps // 2
    records["value"], records["time"] = steps, 1e9
    writer = MetricsWriter(tmp_path)
    names = metrics.name_records(1, "loss") + metrics.name_records(2, "acc")
    writer.append(names + records.tobytes())
    assert (tmp_path / metrics.FILE).stat().st_size == 24 * 1_000_003
    started = time.thread_time()
    reader = read_all(tmp_path)
    print(f"{time.thread_time() - started:.3f} s")
    assert reader.count("loss") == reader.count("acc") == 500_000
    assert reader.series("acc").steps[-1] == 499_999
