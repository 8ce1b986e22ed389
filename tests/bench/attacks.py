"""Our attacks beside foolbox's on the same work.

    python -m tests.bench.attacks [repetitions]

Both on one model trained as the notebook's, on the same unseen images, one thread, in turn; prints
images a second and the median of the ratios of processor time.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import foolbox
import torch
from torch import Tensor

from mnistop.engine.attacks import FAB, FGSM, PGD, DeepFool
from tests.engine.attacks.attacked import some_right

CURVE = torch.linspace(0.01, 0.2, 20).tolist()
Work = Callable[[], Any]


def works() -> dict[str, tuple[int, Work, Work]]:
    """The work to time: by this package and by foolbox."""
    model, images, labels = some_right("plain", 1000)
    few = images[:200], labels[:200]
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    attacks = foolbox.attacks

    def theirs(attack: Any, images: Tensor, labels: Tensor, epsilons: Any = None) -> Work:
        return lambda: attack(wrapped, images, labels, epsilons=epsilons)

    def fgsm_curve() -> None:
        for epsilon in CURVE:
            FGSM()(model, images, labels, epsilon)

    return {
        "FGSM, 20 ε": (
            len(CURVE) * len(images),
            fgsm_curve,
            theirs(attacks.FGSM(), images, labels, CURVE),
        ),
        "PGD L∞, 40 steps, ε 0.05": (
            len(images),
            lambda: PGD(steps=20, starts=2)(model, images, labels, 0.05),
            theirs(attacks.LinfPGD(steps=40), images, labels, 0.05),
        ),
        "DeepFool L∞": (
            200,
            lambda: DeepFool("linf")(model, *few),
            theirs(attacks.LinfDeepFoolAttack(), *few),
        ),
        "DeepFool L2": (
            200,
            lambda: DeepFool("l2")(model, *few),
            theirs(attacks.L2DeepFoolAttack(), *few),
        ),
        "FAB L∞ beside FMN": (
            200,
            lambda: FAB("linf")(model, *few),
            theirs(attacks.LInfFMNAttack(), *few),
        ),
        "FAB L2 beside FMN": (
            200,
            lambda: FAB("l2")(model, *few),
            theirs(attacks.L2FMNAttack(), *few),
        ),
    }


def seconds(work: Work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, foolbox {foolbox.__version__}, 1 thread, ", end="")
    print(f"{repetitions} pairs, medians of processor time")
    print(f"{'':26}{'ours, images/s':>16}{'foolbox, images/s':>19}{'ratio':>8}")
    for name, (images, ours, theirs) in works().items():
        ours(), theirs()
        pairs = [(seconds(ours), seconds(theirs)) for _ in range(repetitions)]
        mine, other = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{name:26}{images / mine:16.0f}{images / other:19.0f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
