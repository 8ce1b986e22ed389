"""The random states that a recording leaves alone."""

from __future__ import annotations

import _random
import contextlib
import ctypes
import functools
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

Restore = Callable[[], object]
_TWISTER = "MT19937"


@contextlib.contextmanager
def random_states_kept(loader: Any = None) -> Iterator[None]:
    """Set all random states back at the end: Python's, NumPy's and torch's on every device.

    Args:
        loader: a DataLoader whose own generators are set back too.
    """
    restores = _states()
    if loader is not None:
        restores += _states_of_loader(loader)
    try:
        yield
    finally:
        for restore in restores:
            restore()


def _states() -> list[Restore]:
    restores: list[Restore] = [_python_state.kept()]
    if numpy := sys.modules.get("numpy.random"):
        restores.append(_numpy_state.kept(numpy))
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "default_generator"):
        return restores
    restores.append(_state_of(torch.default_generator))
    if torch.cuda.is_initialized():
        restores += map(_state_of, torch.cuda.default_generators)
    for device in _other_devices(torch):
        restores.append(functools.partial(device.set_rng_state, device.get_rng_state()))
    return restores


@functools.cache
def _other_devices(torch: Any) -> list[Any]:
    """Return the modules of torch for the devices that this machine has besides CUDA's."""
    found = [getattr(torch, name, None) for name in ("mps", "xpu")]
    return [device for device in found if device is not None and device.is_available()]


class _PythonState:
    """The state of Python's global generator, read and set no more often than needed.

    Its 625 numbers take 20 µs each time. CPython keeps them behind the header of the object, which
    shows in one whether anybody has drawn since.
    """

    def __init__(self) -> None:
        self._generator: Any = random.random.__self__  # type: ignore[attr-defined]
        start, end = object.__basicsize__, _random.Random.__basicsize__
        address = id(self._generator) + start
        self._view = (ctypes.c_char * (end - start)).from_address(address)
        self._state: Any = None
        self._memory: tuple[bytes, object] | None = None

    def kept(self) -> Restore:
        """Keep the state, and return what sets it back."""
        if self._memory_now() != self._memory:
            self._state, self._memory = random.getstate(), self._memory_now()
        state, memory = self._state, self._memory

        def restore() -> None:
            if self._memory_now() != memory:
                random.setstate(state)

        return restore

    def _memory_now(self) -> tuple[bytes, object]:
        return bytes(self._view), self._generator.gauss_next


_python_state = _PythonState()


class _NumpyState:
    """The state of NumPy's global generator, read and set no more often than needed.

    NumPy takes 30 µs for each, as much as a tenth of a small evaluation. The memory of its Mersenne
    Twister shows in one whether anybody has drawn from it since. (It does not show whether the
    second of a pair of normal deviates waits: then the state is read and set anyway.)
    """

    def __init__(self) -> None:
        self._generator: Any = None
        self._view: Any = None
        self._state: dict[str, Any] = {}
        self._memory = b""

    def kept(self, numpy: Any) -> Restore:
        """Keep the state, and return what sets it back."""
        if self._state.get("has_gauss") or self._memory_now(numpy) != self._memory:
            self._state = numpy.get_state(legacy=False)
            twister = self._state["state"]
            self._memory = b""
            if self._state["bit_generator"] == _TWISTER:
                place = int(twister["pos"]).to_bytes(4, sys.byteorder)
                self._memory = twister["key"].tobytes() + place
        state, memory = self._state, self._memory

        def restore() -> None:
            if state["has_gauss"] or self._memory_now(numpy) != memory:
                numpy.set_state(state)

        return restore

    def _memory_now(self, numpy: Any) -> bytes | None:
        """Return the words of the Mersenne Twister and its place in them; None if it is none."""
        generator = numpy.get_bit_generator()
        if generator is not self._generator:
            self._generator, self._view = generator, None
            if type(generator).__name__ == _TWISTER:
                memory = ctypes.c_char * (624 * 4 + 4)
                self._view = memory.from_address(generator.ctypes.state_address)
        return bytes(self._view) if self._view else None


_numpy_state = _NumpyState()


def _state_of(generator: Any) -> Restore:
    return functools.partial(generator.set_state, generator.get_state())


def _states_of_loader(loader: Any) -> Iterator[Restore]:
    holders = [loader, getattr(loader, "sampler", None)]
    holders += [getattr(getattr(loader, "batch_sampler", None), "sampler", None)]
    generators = [getattr(holder, "generator", None) for holder in holders]
    for generator in {id(one): one for one in generators}.values():
        if hasattr(generator, "set_state"):
            yield _state_of(generator)
