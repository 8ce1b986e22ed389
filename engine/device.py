"""Where to compute."""

import torch

from mnistop.engine.errors import ConfigError


def find_device(name: str) -> torch.device:
    """The device of a configuration: `auto` is the best that this machine has.

    Raises:
        ConfigError: this machine has no such device.
    """
    has = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(device for device in has if has[device])
    if not has[name]:
        raise ConfigError(
            {"device": f"PyTorch finds no {name} device here: choose auto or cpu instead."}
        )
    return torch.device(name)
