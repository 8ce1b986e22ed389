"""Loading 60,000 images of 28 × 28 from every form that mnistop reads, beside other libraries.

    python -m tests.bench.data [images]

The images are those in this package, repeated. Each measurement is a process of its own, taken in
turns: the seconds from a path to arrays in memory, without imports; the seconds of CPU time, which
others on the machine disturb less; and the memory that this takes at its peak, as a multiple of the
images' size as float32 (188 MB), as which mnistop trains on them. It needs Linux.
"""

import gzip
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.data.sources import load
from tests.helpers.data_files import write_idx

REPETITIONS = 3

Images = NDArray[np.uint8]


def write_files(folder: Path, count: int) -> dict[str, Path]:
    """Write the images in each form, by the libraries that people use; return the paths."""
    bundled = load("bundled")
    images = np.resize((bundled.images * 255).round().astype(np.uint8), (count, 28, 28))
    labels = np.resize(bundled.labels.astype(np.uint8), count)
    paths = {}
    for form, write in WRITERS.items():
        place = folder / form.replace(" ", "_")
        place.mkdir()
        paths[form] = write(place, images, labels)
    return paths


def _idx(folder: Path, images: Images, labels: Images) -> Path:
    write_idx(folder / "train-images-idx3-ubyte.gz", images)
    write_idx(folder / "train-labels-idx1-ubyte.gz", labels)
    return folder


def _npz(folder: Path, images: Images, labels: Images) -> Path:
    np.savez_compressed(folder / "mnist.npz", images=images, labels=labels)
    return folder / "mnist.npz"


def _csv(folder: Path, images: Images, labels: Images) -> Path:
    import pandas

    frame = pandas.DataFrame(images.reshape(len(images), -1)).add_prefix("pixel")
    frame.insert(0, "label", labels)
    frame.to_csv(folder / "train.csv", index=False)
    return folder / "train.csv"


def _csv_gz(folder: Path, images: Images, labels: Images) -> Path:
    plain = _csv(folder, images, labels)
    (folder / "train.csv.gz").write_bytes(gzip.compress(plain.read_bytes(), 6))
    plain.unlink()
    return folder / "train.csv.gz"


def _pictures(folder: Path, images: Images, labels: Images) -> Path:
    from PIL import Image

    for label in range(10):
        (folder / str(label)).mkdir()
    for at, (image, label) in enumerate(zip(images, labels, strict=True)):
        Image.fromarray(image).save(folder / str(label) / f"{at}.png")
    return folder


def _parquet(folder: Path, images: Images, labels: Images) -> Path:
    import pyarrow
    from PIL import Image
    from pyarrow.parquet import write_table

    pictures = []
    for image in images:
        content = io.BytesIO()
        Image.fromarray(image).save(content, "PNG")
        pictures.append({"bytes": content.getvalue(), "path": None})
    table = pyarrow.table({"image": pictures, "label": labels})
    write_table(table, folder / "train.parquet", row_group_size=1000)
    return folder / "train.parquet"


def _mat(folder: Path, images: Images, labels: Images) -> Path:
    from scipy.io import savemat

    rows = images.reshape(len(images), -1)
    arrays = {"data": rows.T, "label": labels[None].astype(float)}
    savemat(folder / "mnist.mat", arrays, do_compression=True)
    return folder / "mnist.mat"


def _hdf5(folder: Path, images: Images, labels: Images) -> Path:
    import h5py

    with h5py.File(folder / "mnist.h5", "w") as file:
        file.create_dataset("train/data", data=images, compression="gzip")
        file.create_dataset("train/target", data=labels)
    return folder / "mnist.h5"


def _libsvm(folder: Path, images: Images, labels: Images) -> Path:
    from sklearn.datasets import dump_svmlight_file

    rows = images.reshape(len(images), -1).astype(np.float32)
    dump_svmlight_file(rows, labels, str(folder / "mnist"), zero_based=False)
    return folder / "mnist"


def _arff(folder: Path, images: Images, labels: Images) -> Path:
    plain = _csv(folder, images, labels)
    header = ["@RELATION mnist", "@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}"]
    header += [f"@ATTRIBUTE pixel{at} INTEGER" for at in range(784)]
    content = plain.read_bytes().partition(b"\n")[2]
    (folder / "mnist.arff").write_bytes("\n".join([*header, "@DATA", ""]).encode() + content)
    plain.unlink()
    return folder / "mnist.arff"


def _torch(folder: Path, images: Images, labels: Images) -> Path:
    import torch

    torch.save((torch.tensor(images), torch.tensor(labels)), folder / "training.pt")
    return folder / "training.pt"


WRITERS: dict[str, Callable[[Path, Images, Images], Path]] = {
    "IDX gz": _idx,
    "npz": _npz,
    "CSV": _csv,
    "CSV gz": _csv_gz,
    "PNG by class": _pictures,
    "Parquet": _parquet,
    "MATLAB": _mat,
    "HDF5": _hdf5,
    "LIBSVM": _libsvm,
    "ARFF": _arff,
    "PyTorch": _torch,
}


def _mnistop(path: str) -> object:
    return load(path).images


def _loadtxt(path: str) -> object:
    return np.loadtxt(path, np.uint8, delimiter=",", skiprows=1)


def _pandas(path: str) -> object:
    import pandas

    return pandas.read_csv(path)


def _pandas_parquet(path: str) -> object:
    import pandas
    from PIL import Image

    frame = pandas.read_parquet(path)
    return np.stack([np.asarray(Image.open(io.BytesIO(cell["bytes"]))) for cell in frame["image"]])


def _image_folder(path: str) -> object:
    from torchvision.datasets import ImageFolder

    return np.stack([np.asarray(image) for image, _ in ImageFolder(path)])


def _scipy_arff(path: str) -> object:
    from scipy.io.arff import loadarff

    return loadarff(path)


def _svmlight(path: str) -> object:
    from sklearn.datasets import load_svmlight_file

    return load_svmlight_file(path)[0].toarray()


LOADERS: dict[str, Callable[[str], object]] = {
    "mnistop": _mnistop,
    "numpy.loadtxt": _loadtxt,
    "pandas.read_csv": _pandas,
    "pandas.read_parquet": _pandas_parquet,
    "torchvision ImageFolder": _image_folder,
    "scipy loadarff": _scipy_arff,
    "scikit-learn": _svmlight,
}
OTHERS = {
    "CSV": ("numpy.loadtxt", "pandas.read_csv"),
    "CSV gz": ("numpy.loadtxt", "pandas.read_csv"),
    "PNG by class": ("torchvision ImageFolder",),
    "Parquet": ("pandas.read_parquet",),
    "LIBSVM": ("scikit-learn",),
    "ARFF": ("scipy loadarff",),
}
NEEDED = {"torchvision ImageFolder": "torchvision"}


def measure(loader: str, path: str, warm_up: str) -> None:
    """Print seconds, seconds of CPU time and bytes; a small file before imports what is needed."""
    LOADERS[loader](warm_up)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _peak()
    started, used = time.perf_counter(), time.process_time()
    found: Any = LOADERS[loader](path)
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    assert found is not None
    print(json.dumps([seconds, cpu, _peak() - before]))


def _peak() -> int:
    """Return the most memory that this process has had, in bytes, as Linux tells."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main() -> None:
    from tests.bench.timing import print_machine  # not by those measured: it imports PyTorch

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
    print_machine(REPETITIONS)
    with tempfile.TemporaryDirectory() as large, tempfile.TemporaryDirectory() as small:
        paths, warm_ups = write_files(Path(large), count), write_files(Path(small), 100)
        contests = [
            (form, loader)
            for form in WRITERS
            for loader in ("mnistop", *OTHERS.get(form, ()))
            if find_spec(NEEDED.get(loader, "numpy"))
        ]
        found: dict[tuple[str, str], list[list[float]]] = {contest: [] for contest in contests}
        for _ in range(REPETITIONS):
            for form, loader in contests:
                command = [sys.executable, "-m", "tests.bench.data", "measure", loader]
                command += [str(paths[form]), str(warm_ups[form])]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                found[form, loader].append(json.loads(output))
                print(form, loader, output.strip(), file=sys.stderr)
    print(f"\n{'form':16}{'loaded by':26}{'seconds':>8}{'of CPU':>8}{'memory':>9}")
    for (form, loader), measured in found.items():
        seconds, cpu, memory = map(statistics.median, zip(*measured, strict=True))
        times = memory / (count * 784 * 4)
        print(f"{form:16}{loader:26}{seconds:8.2f}{cpu:8.2f}{times:8.1f}×")


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(*sys.argv[2:])
    else:
        main()
