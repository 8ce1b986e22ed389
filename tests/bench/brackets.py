"""The bracket of each image, proven safe below and shown fooled above, against simpler ways.

    python -m tests.bench.brackets [images] [repetitions]

One thread; every way does the same work in turn, and medians of the rates are printed.
"""

import importlib.util
import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from mnistop.engine.attacks import FGSM, PGD
from mnistop.engine.attacks.crown import certified_radius
from mnistop.engine.attacks.exact_fgsm import smallest_epsilon
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load
from mnistop.engine.model import MLP
from tests.engine.attacks.bracketed import interval_radius
from tests.helpers.small_runs import trained

GRID = torch.linspace(0, 1, 1001)


def by_grid(model: MLP, images: Tensor, labels: Tensor) -> Tensor:
    """The first of 1,001 ε at which FGSM succeeds, image by image."""
    found = torch.full((len(images),), torch.inf)
    for row in range(len(images)):
        image, label = images[row].expand(len(GRID), -1), labels[row].expand(len(GRID))
        success = FGSM()(model, image, label, GRID).success
        if success.any():
            found[row] = GRID[success.int().argmax()]
    return found


def by_halving(model: MLP, images: Tensor, labels: Tensor) -> Tensor:
    """FGSM's ε by 20 halvings of [0, 1], all images at once: wrong where one comes back."""
    low, high = torch.zeros(len(images)), torch.ones(len(images))
    for _ in range(20):
        middle = (low + high) / 2
        success = FGSM()(model, images, labels, middle).success
        low, high = torch.where(success, low, middle), torch.where(success, middle, high)
    return high


def by_pgd(model: MLP, images: Tensor, labels: Tensor) -> Tensor:
    """The ε of PGD by 8 halvings below FGSM's."""
    high = smallest_epsilon(model, images, labels).clamp(max=1)
    low = torch.zeros_like(high)
    for _ in range(8):
        middle = (low + high) / 2
        success = PGD(steps=20, starts=2)(model, images, labels, middle).success
        low, high = torch.where(success, low, middle), torch.where(success, middle, high)
    return high


def by_foolbox(model: MLP, images: Tensor, labels: Tensor) -> Tensor:
    """The first k/255 at which foolbox's FGSM succeeds; it searches for no ε itself."""
    import foolbox

    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    levels = [level / 255 for level in range(256)]
    attack = foolbox.attacks.LinfFastGradientAttack()
    _, _, success = attack(wrapped, images, labels, epsilons=levels)
    found = success.int().argmax(0).float() / 255
    return torch.where(success.any(0), found, torch.inf)


def median_rates(
    ways: dict[str, Callable[[], Tensor]], images: int, repetitions: int
) -> dict[str, tuple[float, Tensor]]:
    """Images a second of each way, taken in turn, and what it found."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, Tensor] = {}
    for _ in range(repetitions):
        for name, way in ways.items():
            started = time.process_time()
            found[name] = way()
            seconds[name].append(time.process_time() - started)
    return {name: (images / statistics.median(seconds[name]), found[name]) for name in ways}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    repetitions = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    torch.set_num_threads(1)
    dataset = load("bundled")
    images = torch.from_numpy(dataset.images[1000 : 1000 + count]).flatten(1)
    labels = torch.from_numpy(dataset.labels[1000 : 1000 + count])
    print(f"torch {torch.__version__}, 1 thread, {count} images, median of {repetitions} in turn")
    for name, settings in {
        "the notebook's model": {},
        "trained against FGSM, ε = 0.3": {"adversarial_epsilon": 0.3, "epochs": 15},
        "hidden layers of 128 and 64": {"hidden": (128, 64), "epochs": 30},
    }.items():
        training, _ = trained(RunConfig(samples=1000, device="cpu", **settings))
        _report(name, training.model.eval(), images, labels, repetitions)


def _report(name: str, model: MLP, images: Tensor, labels: Tensor, repetitions: int) -> None:
    with torch.no_grad():
        right = model(images).argmax(1) == labels
    data = model, images[right], labels[right]
    ways = {
        "smallest ε, exact": lambda: smallest_epsilon(*data),
        "  halving [0, 1]": lambda: by_halving(*data),
        "  1,001 ε an image": lambda: by_grid(*data),
        "proven by CROWN": lambda: certified_radius(*data),
        "  by intervals": lambda: interval_radius(*data),
        "PGD, 8 halvings": lambda: by_pgd(*data),
    }
    if importlib.util.find_spec("foolbox"):
        ways["  foolbox, k/255"] = lambda: by_foolbox(*data)
    rates = median_rates(ways, len(data[1]), repetitions)
    exact, pgd = rates["smallest ε, exact"][1], rates["PGD, 8 halvings"][1]
    print(f"\n{name}: {len(data[1])} right\n{'':22}images/s  median ε  of PGD's    late")
    for way, (rate, found) in rates.items():
        share = (found / pgd).median()
        late = f"{int((found > exact + 1 / 200).sum()):>8}" if "PGD" not in way else ""
        print(f"{way:22}{rate:8.0f}{found.median():10.4f}{share:10.2f}{late}")


if __name__ == "__main__":
    main()
