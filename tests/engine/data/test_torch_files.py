"""PyTorch's files: tensors of every form, alone, in tuples, lists and dictionaries."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mnistop.engine.data.sources import load
from mnistop.engine.errors import DataError
from tests.helpers.data_files import some_images, some_labels, unseen_of

IMAGES, LABELS = some_images(6), some_labels(6)
SCALED = IMAGES / np.float32(255)
TENSORS = torch.tensor(IMAGES), torch.tensor(LABELS)
SEEN, UNSEEN = [tensor[:4] for tensor in TENSORS], [tensor[4:] for tensor in TENSORS]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("more", [(), (["a", "b"],), (torch.tensor(3),)])
def test_a_tuple_is_images_and_labels(tmp_path: Path, zipped: bool, more: tuple[Any, ...]) -> None:
    content = (*TENSORS, *more)
    torch.save(content, tmp_path / "training.pt", _use_new_zipfile_serialization=zipped)
    dataset = load(str(tmp_path / "training.pt"))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.labels.tolist() == LABELS.tolist()


UNIT = TENSORS[0] / 255
FORMS: dict[str, Callable[[], Any]] = {
    "pairs": lambda: [(image, int(label)) for image, label in zip(*TENSORS, strict=True)],
    "lists": lambda: {"train": [[image, label] for image, label in zip(*TENSORS, strict=True)]},
    "plain labels": lambda: (TENSORS[0], LABELS.tolist()),
    "targets": lambda: {"data": TENSORS[0], "targets": LABELS.tolist()},
    "sparse": lambda: (UNIT.to_sparse(), TENSORS[1]),
    "sparse rows": lambda: (UNIT.reshape(6, 16).to_sparse_csr(), TENSORS[1]),
    "quantized": lambda: (
        torch.quantize_per_tensor(UNIT, 1 / 255, 0, torch.quint8),
        TENSORS[1],
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("ignore")
def test_tensors_of_every_form_are_read(tmp_path: Path, form: str) -> None:
    torch.save(FORMS[form](), tmp_path / "a.pt")
    dataset = load(str(tmp_path / "a.pt"))
    assert np.allclose(dataset.images, SCALED)
    assert dataset.labels.tolist() == LABELS.tolist()
    assert not dataset.notes


@pytest.mark.parametrize("kind", ["float8_e4m3fn", "float8_e5m2", "bfloat16"])
def test_short_floats_become_longer(tmp_path: Path, kind: str) -> None:
    short = (TENSORS[0] / 255).to(getattr(torch, kind))
    torch.save((short, TENSORS[1]), tmp_path / "a.pt")
    assert np.array_equal(load(str(tmp_path / "a.pt")).images, short.float().numpy())


def test_what_an_unnamed_tensor_is_taken_for_is_told(tmp_path: Path) -> None:
    torch.save((*SEEN, *UNSEEN, UNSEEN[0]), tmp_path / "a.pt")
    assert load(str(tmp_path / "a.pt")).notes == (
        f"The tensors in {tmp_path}/a.pt have no names, and are taken in order: train, then test.",
        f"Not used in {tmp_path}/a.pt: tensors after those of images and labels.",
    )


@pytest.mark.parametrize(
    "content",
    [
        (*SEEN, *UNSEEN),
        (SEEN, UNSEEN),
        (SEEN[0], UNSEEN[0], SEEN[1], UNSEEN[1]),
        {"train": SEEN, "test": UNSEEN},
        {"train": {"x": SEEN[0], "y": SEEN[1]}, "test": {"x": UNSEEN[0], "y": UNSEEN[1]}},
    ],
)
def test_nested_tensors_have_their_parts(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "both.pth")
    dataset = load(str(tmp_path / "both.pth"))
    assert len(dataset) == 4
    assert np.array_equal(unseen_of(dataset)[0], SCALED[4:])


def test_a_tensor_of_images_and_one_of_labels_are_a_pair(tmp_path: Path) -> None:
    images, labels = tmp_path / "train_images.pt", tmp_path / "train_labels.pt"
    torch.save(TENSORS[0], images)
    torch.save(TENSORS[1], labels)
    for source in (f"{images},{labels}", str(images)):
        assert np.array_equal(load(source).images, SCALED)
        assert load(source).labels.tolist() == LABELS.tolist()
    torch.save(TENSORS, tmp_path / "both.pt")
    with pytest.raises(DataError, match=r"both\.pt is not a single tensor: name this file alone"):
        load(f"{images},{tmp_path / 'both.pt'}")


WITHIN_ITSELF: dict[str, Any] = {}
WITHIN_ITSELF["images"] = WITHIN_ITSELF


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            torch.nn.Linear(2, 2).state_dict(),
            r"the weights of a model \(weight, bias\), not images",
        ),
        ([1, 2, 3], "has no tensors of images and labels: save the tensors themselves"),
        ({"a": TENSORS[0]}, "only tensors of unknown names, a: save"),
        (
            torch.utils.data.TensorDataset(*TENSORS),
            r"object, torch\.utils\.data\.dataset\.TensorDat",
        ),
        ([], "has no tensors of images and labels"),
        ((list(TENSORS), 5), "has no tensors of images and labels"),
        (WITHIN_ITSELF, "is damaged or not of a known kind"),
        ([*TENSORS[0]], "has no tensors of images and labels"),
        ((TENSORS[0].to("meta"), TENSORS[1]), "images in .* of a kind that is not read .*meta"),
        ((TENSORS[0][:1].expand(2**40, 4, 4), TENSORS[1]), "as images never do"),
        ([(TENSORS[0][0], 0), (TENSORS[0][1, :2], 1)], "have 2 sizes"),
        ({"images": IMAGES}, r"has NumPy arrays, .* not opened: .* by numpy\.savez\(FILE"),
    ],
)
def test_other_contents_are_named_with_a_remedy(tmp_path: Path, content: Any, says: str) -> None:
    torch.save(content, tmp_path / "some.pt")
    with pytest.raises(DataError, match=says):
        load(str(tmp_path / "some.pt"))


def test_a_trap_does_not_spring(tmp_path: Path) -> None:
    torch.save({"images": Trap(tmp_path / "sprung")}, tmp_path / "some.pt")
    with pytest.raises(DataError, match="any code in it would run, and is not opened"):
        load(str(tmp_path / "some.pt"))
    assert not (tmp_path / "sprung").exists()
