"""A model as a file that plain PyTorch loads, with all that is needed to build it."""

from __future__ import annotations

import io

from mnistop.engine.export.trained import Trained


def to_pytorch(trained: Trained) -> bytes:
    """The content of a file for `torch.load(…, weights_only=True)`, a dictionary.

    `state_dict` fits the `nn.Sequential` of `modules`, each given as its class in `torch.nn` and
    its arguments; `Architecture.in_pytorch` has the lines. The model takes flat images with pixels
    in [0, 1] and gives logits.
    """
    import torch

    architecture = trained.architecture
    weights = {}
    for place, layer in enumerate(trained.layers):
        for name, values in zip(("weight", "bias"), layer, strict=True):
            weights[f"{2 * place}.{name}"] = torch.from_numpy(values)
    content = {
        "state_dict": weights,
        "modules": architecture.modules,
        "class_names": list(architecture.class_names),
        "image_shape": architecture.image_shape,
        "run": trained.run,
        "epoch": trained.epoch,
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
