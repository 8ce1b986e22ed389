"""The state that a recording leaves alone: random states, and the modes of a model."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

Restore = Callable[[], object]


@contextlib.contextmanager
def random_states_kept(loader: Any = None) -> Iterator[None]:
    """Set all random states back at the end: Python's, NumPy's and torch's on every device.

    Args:
        loader: a DataLoader whose own generators are set back too.
    """
    restores = [*_states(), *_states_of_loader(loader)]
    try:
        yield
    finally:
        for restore in restores:
            restore()


def _states() -> Iterator[Restore]:
    state = random.getstate()
    yield lambda: random.setstate(state)
    if numpy := sys.modules.get("numpy.random"):
        of_numpy = numpy.get_state(legacy=False)
        yield lambda: numpy.set_state(of_numpy)
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "default_generator"):
        return
    yield _state_of(torch.default_generator)
    if torch.cuda.is_initialized():
        for generator in torch.cuda.default_generators:
            yield _state_of(generator)
    for name in ("mps", "xpu"):
        device = getattr(torch, name, None)
        if device is not None and device.is_available():
            yield _state_of_device(device)


def _state_of(generator: Any) -> Restore:
    state = generator.get_state()
    return lambda: generator.set_state(state)


def _state_of_device(device: Any) -> Restore:
    state = device.get_rng_state()
    return lambda: device.set_rng_state(state)


def _states_of_loader(loader: Any) -> Iterator[Restore]:
    holders = [loader, getattr(loader, "sampler", None)]
    holders += [getattr(getattr(loader, "batch_sampler", None), "sampler", None)]
    generators = [getattr(holder, "generator", None) for holder in holders]
    for generator in {id(one): one for one in generators}.values():
        if hasattr(generator, "set_state"):
            yield _state_of(generator)


@contextlib.contextmanager
def evaluation_mode(model: Any) -> Iterator[None]:
    """Switch all modules of a model to evaluation mode, and back to their own modes at the end.

    `Module.train` and `Module.eval` are not called: some models override them to change weights.
    """
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
