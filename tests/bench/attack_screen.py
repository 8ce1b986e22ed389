"""The attack screen: from a key to the changed picture, and the robustness of a validation set.

python -m tests.bench.attack_screen [step|curve]...
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.runs.run_folder import Run
from tests.bench.watched import screen, tell

_PRESSES = 100


def step() -> None:
    """Time from `+` or `-` to the picture of that ε at the pseudo-terminal, 120×40."""
    run = _trained(RunConfig())
    with screen("--run", run.name) as shown:
        shown.wait_for("Epoch log")
        shown.send("3")
        shown.wait_for("proven", 120)
        shown.wait_for(lambda text: "any attack" in text and "so far" not in text, 120)
        for key, what in (("+-", "one step of ε"), ("np", "the next image")):
            answers = []
            for press in range(_PRESSES):
                shown.settle()
                answers.append(shown.answer(key[press // 10 % 2], _other_than(_title(shown.text))))
            tell(f"key to picture, {what}", answers)


def _title(text: str) -> str:
    return text.partition("epoch")[0]


def _other_than(title: str) -> Callable[[str], bool]:
    return lambda text: _title(text) != title


def curve() -> None:
    """All that is measured of a set, beside FGSM and PGD of foolbox at the same ε."""
    import foolbox
    import torch

    from mnistop.engine.analysis.loading import load_model, use_one_thread, validation
    from mnistop.engine.analysis.robustness import EPSILONS, robustness

    use_one_thread()
    run = _trained(RunConfig(samples=None, val_fraction=0.23, epochs=30))
    model, _ = load_model(run)
    images, labels, _ = validation(run)
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")

    def ours() -> list[float]:
        known = robustness(run)
        while not known.is_complete:
            known = robustness(run)
        (run.path / "robustness" / f"{known.epochs}.npz").unlink()
        return [known.under_attack(epsilon) for epsilon in EPSILONS]

    def theirs() -> list[float]:
        epsilons = list(EPSILONS[1:])
        _, _, fgsm = foolbox.attacks.FGSM()(wrapped, images, labels, epsilons=epsilons)
        _, _, pgd = foolbox.attacks.LinfPGD()(wrapped, images, labels, epsilons=epsilons)
        clean = foolbox.accuracy(wrapped, images, labels)
        return [clean, *(1 - (fgsm | pgd).float().mean(1)).tolist()]

    print(f"torch {torch.__version__}, foolbox {foolbox.__version__}, 1 thread")
    print(f"robustness of {len(labels):,} images at {len(EPSILONS)} ε")
    accuracies = []
    for name, work in (("ours, with brackets", ours), ("foolbox, FGSM and PGD", theirs)):
        started = time.process_time()
        accuracies.append(work())
        spent = time.process_time() - started
        print(f"{name:24}{spent:7.2f} s of processor time, {len(labels) / spent:7,.0f} images/s")
    lower = [mine - other for mine, other in zip(*accuracies, strict=True)]
    print(f"accuracy under attack, ours less foolbox's: {min(lower):+.3f} to {max(lower):+.3f}")


def _trained(config: RunConfig) -> Run:
    run = worker.launch(config)
    while run.is_running():
        time.sleep(0.1)
    return run


PARTS = {"step": step, "curve": curve}


def main(*names: str) -> None:
    """Runs the parts of these names, all if there are none."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNISTOP_RUNS"] = str(Path(folder) / "runs")
        for name in names or PARTS:
            PARTS[name]()
        worker.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
