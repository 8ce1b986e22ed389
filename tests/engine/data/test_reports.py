"""Public reports of people whose files did not load as they thought, each by a small file."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from sklearn.datasets import dump_svmlight_file

from mnistop.engine.data.sources import load
from mnistop.engine.errors import PixelRangeError, SizesError
from tests.helpers.data_files import idx_bytes, some_images, some_labels, write_idx

IMAGES, LABELS = some_images(30), some_labels(30, 10)
SCALED = IMAGES / np.float32(255)


def test_emnist_is_flipped_and_rotated__pytorch_vision_8783(tmp_path: Path) -> None:
    """The images of EMNIST() are flipped and rotated 90 degrees anticlockwise by default."""
    lying = np.rot90(IMAGES[:, :, ::-1], axes=(1, 2))
    write_idx(tmp_path / "emnist-byclass-train-images-idx3-ubyte", lying)
    write_idx(tmp_path / "emnist-byclass-train-labels-idx1-ubyte", LABELS)
    dataset = load(str(tmp_path))
    assert np.array_equal(dataset.images, SCALED)
    assert "turned upright" in dataset.notes[0]


@pytest.mark.process
@pytest.mark.fast
def test_emnist_letters_go_to_26__johnkorn_distillation_1(tmp_path: Path) -> None:
    """IndexError: index 26 is out of bounds for axis 1 with size 26, of emnist-letters.mat."""
    labels = np.arange(30)[:, None] % 26 + 1
    train = {"images": IMAGES.transpose(0, 2, 1).reshape(30, -1), "labels": labels}
    savemat(tmp_path / "emnist-letters.mat", {"dataset": {"train": train}}, do_compression=True)
    dataset = load(str(tmp_path / "emnist-letters.mat"))
    assert np.array_equal(dataset.images, SCALED)
    assert (dataset.labels.min(), dataset.labels.max()) == (0, 25)
    assert dataset.class_names[0] == "A"


@pytest.mark.process
@pytest.mark.fast
def test_svhn_has_a_label_10__kaiyangzhou_dassl_37(tmp_path: Path) -> None:
    """The default label setting of SVHN gives label 10 to digit 0."""
    images = np.zeros((32, 32, 3, 10), np.uint8)
    images[0] = 255
    savemat(
        tmp_path / "train_32x32.mat",
        {"X": images, "y": np.arange(1, 11)[:, None]},
        do_compression=True,
    )
    assert load(str(tmp_path / "train_32x32.mat")).labels.tolist() == [*range(1, 10), 0]


def test_libsvm_skips_the_last_zeros__yoshoku_rumale_27(tmp_path: Path) -> None:
    """In the MNIST file there are skipped zero values: the shape is 60000 × 781."""
    images = np.zeros((30, 784))
    images[:, 100:780] = np.random.default_rng(0).integers(0, 256, (30, 680))
    images[0, 779] = 255
    dump_svmlight_file(images, LABELS, str(tmp_path / "mnist"), zero_based=False)
    dataset = load(str(tmp_path / "mnist"))
    assert np.array_equal(dataset.images.reshape(30, -1), (images / 255).astype(np.float32))


def test_qmnist_has_eight_labels_an_image__facebookresearch_qmnist_1(tmp_path: Path) -> None:
    """I can't relate the class to 7: the label file has eight columns of big-endian integers."""
    table = np.random.default_rng(0).integers(0, 4000, (30, 8), np.int32)
    table[:, 0] = LABELS
    write_idx(tmp_path / "qmnist-train-images-idx3-ubyte.gz", IMAGES)
    images = tmp_path / "qmnist-train-images-idx3-ubyte.gz"
    write_idx(tmp_path / "qmnist-train-labels-idx2-int.gz", table)
    assert load(str(images)).labels.tolist() == LABELS.tolist()


def test_usps_goes_from_minus_1_to_1__slp_ntua_patrec_labs_7(tmp_path: Path) -> None:
    """Why are the pixel values from -1.0 to 1.0 and not from 0 to 1?"""
    dump_svmlight_file(IMAGES.reshape(30, -1) / 127.5 - 1, LABELS + 1, str(tmp_path / "usps"))
    with pytest.raises(PixelRangeError, match=r'often -1 and 1.*--pixel-range "-1 1"'):
        load(str(tmp_path / "usps"))
    dataset = load(str(tmp_path / "usps"), pixel_range=(-1, 1))
    assert np.allclose(dataset.images, SCALED, atol=1e-6)
    assert dataset.class_names == tuple(map(str, range(1, 11)))


def test_openml_has_texts_as_labels__ageron_handson_ml_397(tmp_path: Path) -> None:
    """The number of classes has to be greater than one: y == 3 is false where y is '3'."""
    np.savez(tmp_path / "mnist.npz", data=IMAGES, target=LABELS.astype(str))
    assert load(str(tmp_path / "mnist.npz")).labels.tolist() == LABELS.tolist()


def test_one_hot_labels__pytorch_3670(tmp_path: Path) -> None:
    """RuntimeError: multi-target not supported."""
    np.savez(tmp_path / "some.npz", images=IMAGES, labels=np.eye(10)[LABELS])
    dataset = load(str(tmp_path / "some.npz"))
    assert dataset.labels.tolist() == LABELS.tolist()
    assert "Labels are one-hot" in dataset.notes[0]


def test_a_download_is_still_gzipped__tolstikhin_adagan_3(tmp_path: Path) -> None:
    """ValueError: cannot reshape array of size 9912406, which is the size of the .gz file."""
    (tmp_path / "train-images-idx3-ubyte").write_bytes(gzip.compress(idx_bytes(IMAGES)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(gzip.compress(idx_bytes(LABELS)))
    assert np.array_equal(load(str(tmp_path)).images, SCALED)


def test_pixels_are_negative_whole_numbers__johnarevalo_gmu_mmimdb_6(tmp_path: Path) -> None:
    """I found negative and positive values as pixels, of type int32."""
    np.savez(tmp_path / "some.npz", images=IMAGES.astype(np.int32) - 104, labels=LABELS)
    with pytest.raises(PixelRangeError, match=r'int32 from -104 to 151.*--pixel-range "-104 151"'):
        load(str(tmp_path / "some.npz"))
    dataset = load(str(tmp_path / "some.npz"), pixel_range=(-104, 151))
    assert np.allclose(dataset.images, SCALED)


def save_pictures(folder: Path, images: dict[str, Any]) -> None:
    for name, image in images.items():
        (folder / name).mkdir()
        Image.fromarray(image).save(folder / name / "1.png")


def test_gray_pictures_stay_gray__pytorch_vision_198(tmp_path: Path) -> None:
    """ImageFolder is not working with grayscale images: MNIST as PNG has three channels."""
    save_pictures(tmp_path, {"0": IMAGES[0], "1": IMAGES[1]})
    assert load(str(tmp_path)).image_shape == (4, 4)


def test_folders_by_number_keep_their_names__pytorch_vision_714(tmp_path: Path) -> None:
    """The labels for images in folders 1 to 100 become 1, 10, 100, 11, 12, which is not right."""
    save_pictures(tmp_path, {str(at): IMAGES[at] for at in range(1, 13)})
    dataset = load(str(tmp_path))
    for image, label in zip(dataset.images, dataset.labels, strict=True):
        assert np.array_equal(image, SCALED[int(dataset.class_names[label])])


def test_pictures_of_different_sizes__milesial_pytorch_unet_63(tmp_path: Path) -> None:
    """Could not broadcast input array: the size of my images is arbitrary, not the same."""
    save_pictures(tmp_path, {"0": IMAGES[0], "1": IMAGES[1, 1:]})
    with pytest.raises(SizesError, match=r"have 2 sizes, .*: set resize, as in --resize"):
        load(str(tmp_path))
    assert load(str(tmp_path), resize=(4, 4)).images.shape == (2, 4, 4)


def test_a_table_has_a_header__huwcampbell_grenade_91(tmp_path: Path) -> None:
    """Failed reading: the CSV files on Kaggle have a line label,1x1,1x2, …"""
    places = [f"{row}x{column}" for row in range(1, 5) for column in range(1, 5)]
    header = ",".join(["label", *places])
    rows = np.column_stack([LABELS, IMAGES.reshape(30, -1)])
    np.savetxt(tmp_path / "train.csv", rows, "%d", ",", header=header, comments="")
    dataset = load(str(tmp_path / "train.csv"))
    assert np.array_equal(dataset.images, SCALED)
    assert dataset.labels.tolist() == LABELS.tolist()
