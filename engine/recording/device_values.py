"""Numbers on their way from a CUDA device, which the loop does not wait for.

A copy into pinned memory is queued behind the work that computes the number. It has arrived once
its place in memory no longer holds the mark, so that no call to CUDA is needed to find out: calls
from another thread would break a graph that the loop is capturing.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

SLOTS = 4096
"""Numbers that can be on their way at once."""
_MARK = np.int64(0x7FF8_DEAD_BEEF_CAFE)
"""The bits of a NaN that no arithmetic gives."""


class DeviceValues:
    """Pinned memory for numbers that are on their way."""

    def __init__(self) -> None:
        import torch

        self._torch = torch
        self._memory = torch.empty(SLOTS, dtype=torch.float64, pin_memory=True)
        self._values = self._memory.numpy()
        self._bits = self._values.view(np.int64)
        self._free = deque(range(SLOTS))

    def send(self, tensor: Any) -> int | None:
        """Start to copy a number; return its slot, or None where all slots are taken.

        Args:
            tensor: of one element, on a CUDA device.

        Raises:
            ValueError: it has more elements, or a CUDA graph is being captured.
        """
        if tensor.numel() != 1:
            raise ValueError(f"a tensor of shape {tuple(tensor.shape)}")
        if self._torch.cuda.is_current_stream_capturing():
            raise ValueError("a tensor in a CUDA graph that is being captured")
        try:
            slot = self._free.popleft()
        except IndexError:
            return None
        self._bits[slot] = _MARK
        number = tensor.detach().reshape(()).double()
        self._memory[slot].copy_(number, non_blocking=True)
        return slot

    def receive(self, slot: int) -> float | None:
        """Return the number in a slot and free it; None if it has not arrived."""
        if self._bits[slot] == _MARK:
            return None
        value = float(self._values[slot])
        self._free.append(slot)
        return value

    def wait(self) -> None:
        """Wait until all have arrived; for the thread of the loop."""
        self._torch.cuda.synchronize()
