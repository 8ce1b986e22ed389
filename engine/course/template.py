"""The exercise's script: a training loop with blanks, for a student to fill in."""

from __future__ import annotations

from pathlib import Path

from mnistop.engine.safe_write import write_out

TEMPLATE = '''"""Train a classifier of handwritten digits: the exercise.

Replace every ... with code of your own, as many lines as you need. Then check it and run it:

    mnistop exercise check {name}
    python {name}

Where mnistop is installed, the training is recorded: watch it with the command mnistop in another
terminal. Without it the script trains as well, and prints its progress.
"""

from importlib.resources import files

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

try:
    import mnistop
except ImportError:
    mnistop = None

# Sizes. Each image has 28 x 28 pixels, flattened to a row of numbers; the digits are 0 to 9.
input_size = ...
hidden_size = ...  # neurons in the hidden layer: you choose
num_classes = ...

learning_rate = ...  # length of a step: you choose


class MLP(nn.Module):
    """Two linear layers with a nonlinearity between them."""

    def __init__(self, input_size, hidden_size, num_classes):
        super().__init__()
        self.linear_1 = ...
        self.relu = ...
        self.linear_2 = ...

    def forward(self, x):
        """Take images (batch, 784) and return logits (batch, 10): scores, not probabilities."""
        ...


def train_step(model, x_batch, y_batch, learning_rate):
    """Take one step of gradient descent on a batch.

    Write forward pass, loss, backward pass and update; gradients must not add up from step to
    step. Return two Python numbers: the batch's loss, and how many of its images were right.
    """
    logits = ...
    loss = ...
    ...
    correct = ...
    return loss, correct


def evaluate(model, loader):
    """Return the mean loss and the accuracy, from 0 to 1, on all batches of a loader.

    The model must stay as it is, and no gradients are needed.
    """
    ...
    return loss, accuracy


def load_images(count):
    """Return the first images of MNIST, (count, 784) from 0 to 1, and their labels (count,)."""
    if mnistop is None:
        from sklearn.datasets import fetch_openml

        images, labels = fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False)
    else:  # they come with mnistop
        data = files("mnistop.engine.data") / "bundled/mnist_784_first_4502.npz"
        with data.open("rb") as file:
            mnist = np.load(file)
            images, labels = mnist["images"], mnist["labels"]
    x = torch.from_numpy(images[:count].reshape(count, 784) / np.float32(255)).float()
    return x, torch.from_numpy(labels[:count].astype(np.int64))


if __name__ == "__main__":
    torch.manual_seed(0)
    x, y = load_images(1000)
    x_train, x_val, y_train, y_val = x[:800], x[800:], y[:800], y[800:]
    train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
    val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=32)

    model = MLP(input_size, hidden_size, num_classes)
    run = None
    if mnistop:
        run = mnistop.init(config={{"lr": learning_rate}}, validation=(x_val, y_val))
    epochs = 100
    for epoch in run.epochs(epochs) if run else range(epochs):
        for x_batch, y_batch in train_loader:
            loss, correct = train_step(model, x_batch, y_batch, learning_rate)
            if run:
                run.log({{"train/loss": loss, "train/acc": correct / len(y_batch)}})
        val_loss, val_acc = evaluate(model, val_loader)
        if run:
            run.evaluate(model)
        if epoch % 10 == 0 or epoch == epochs - 1:
            print(f"epoch {{epoch:3}}  val loss {{val_loss:.3f}}  val accuracy {{val_acc:.1%}}")
    if run:
        run.finish(model=model)
'''


def write_exercise(path: Path, replace: bool = False) -> None:
    """Write the script with its blanks.

    Args:
        path: the file.
        replace: True to replace an existing one.

    Raises:
        MnistopError: it exists, or cannot be written.
    """
    write_out(path, TEMPLATE.format(name=path.name).encode(), replace)
