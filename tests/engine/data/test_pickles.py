"""Pickles are never opened: the sentence has a command that converts them, which works."""

import gzip
import pickle
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images, some_labels, unseen_of

IMAGES, LABELS = some_images(6), some_labels(6)
PAIR = IMAGES, LABELS


def converted(path: Path) -> str:
    """Run the command in the sentence on a pickle; return the file that it writes."""
    with pytest.raises(DataError, match="is a Python pickle, in which any code would run") as told:
        load(str(path))
    command = str(told.value).partition("if you trust it, convert it by ")[2].removesuffix(".")
    python, flag, line = shlex.split(command)
    assert (python, flag) == ("python", "-c")
    before = set(path.parent.iterdir())
    exec(line, {})
    (made,) = set(path.parent.iterdir()) - before
    assert made.name == f"{path.name.partition('.')[0]}.npz"
    return str(made)


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("name", ["digits.pkl", "digits.pickle.gz"])
def test_a_pair_is_converted(tmp_path: Path, name: str, protocol: int) -> None:
    content = pickle.dumps(PAIR, protocol)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert load(converted(tmp_path / name)).labels.tolist() == LABELS.tolist()


def test_mnist_in_three_pairs_is_converted(tmp_path: Path) -> None:
    content = pickle.dumps((PAIR, PAIR, PAIR), 2)
    (tmp_path / "mnist.pkl.gz").write_bytes(gzip.compress(content))
    dataset = load(converted(tmp_path / "mnist.pkl.gz"))
    assert (dataset.given_validation, len(unseen_of(dataset)[0])) == (6, 6)


def test_a_batch_of_cifar_10_is_converted(tmp_path: Path) -> None:
    content: dict[bytes, Any] = {b"data": np.zeros((6, 3072), np.uint8), b"labels": [0, 1] * 3}
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(content, 2))
    with np.load(converted(tmp_path / "data_batch_1")) as arrays:
        assert arrays["images"].shape == (6, 3, 32, 32)
        assert arrays["labels"].tolist() == [0, 1] * 3


def test_a_name_with_signs_of_the_shell_is_quoted(tmp_path: Path) -> None:
    name = 'a$(touch pwned)`".pkl'
    (tmp_path / name).write_bytes(pickle.dumps(PAIR))
    with pytest.raises(DataError) as told:
        load(str(tmp_path / name))
    command = str(told.value).partition("convert it by ")[2].removesuffix(".")
    _, _, program = shlex.split(command)
    assert repr(str(tmp_path / name)) in program
    assert command.partition(" -c ")[2].startswith("'")


def test_a_pickle_in_a_folder_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({}, 2))
    with pytest.raises(
        DataError, match=r"in it is a Python pickle.*if you trust it, convert it by"
    ):
        load(str(tmp_path))
