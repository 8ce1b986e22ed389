"""Loops in one piece, as the notebook's cell is: wrong ones and right ones."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mnistop.engine.course.findings import Finding

Check = Callable[[str], list[Finding]]

BEGINNING = """\
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import fetch_openml
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

X, y = fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False)
X = torch.tensor(X[:500] / 255, dtype=torch.float32)
y = torch.tensor(y[:500].astype(int))
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=42)
train_loader = DataLoader(TensorDataset(X_train, y_train), batch_size=32, shuffle=True)
val_loader = DataLoader(TensorDataset(X_val, y_val), batch_size=32)
fig, ax = plt.subplots(4, 4)
for a, image in zip(ax.flat, X):
    a.imshow(image.reshape(28, 28))

model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss()
lr = 0.1
val_losses = []
"""

CELL = """\
for epoch in range(20):
    train_loss = 0.0
    for xb, yb in train_loader:
        logits = model(xb)
        loss = criterion(logits, yb)
        loss.backward()
        with torch.no_grad():
            for param in model.parameters():
                param -= lr * param.grad
                param.grad = None
        train_loss += loss.item()
    val_loss = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            val_loss += criterion(model(xb), yb).item()
    val_losses.append(val_loss / len(val_loader))
"""

SCRIPT = BEGINNING + CELL

WRONG = {
    "never cleared": ("                param.grad = None\n", "", "loss.backward()", "add up"),
    "cleared once per epoch": (
        CELL,
        CELL.replace("                param.grad = None\n", "").replace(
            "    train_loss = 0.0", "    model.zero_grad()\n    train_loss = 0.0"
        ),
        "loss.backward()",
        "add up",
    ),
    "sign": ("param -=", "param +=", "param +=", "the loss rises"),
    "new tensor": (
        "param -= lr * param.grad\n                param.grad = None",
        "param = param - lr * param.grad",
        "param = param",
        "new tensor",
    ),
    "softmax twice": ("criterion(logits, yb)", "criterion(logits.softmax(1), yb)", "softmax",
                      "softmax twice"),
    "softmax layer": ("nn.Linear(64, 10))", "nn.Linear(64, 10), nn.Softmax(dim=1))", "Softmax",
                      "softmax twice"),
    "no bend": ("nn.ReLU(), ", "", "nn.Sequential", "no bend"),
    "no update": ("param -= lr * param.grad", "pass", "loss.backward()", "the same after"),
    "no backward": ("        loss.backward()\n", "", "param -=", "never called"),
    "graph kept": ("train_loss += loss.item()", "train_loss += loss", "train_loss += loss",
                   "keeps the gradients' graphs"),
    "trained images": ("in val_loader:", "in train_loader:", "in train_loader:",
                       "evaluated on training images"),
    "not divided": ("val_loss / len(val_loader)", "val_loss", "val_losses", "not divided"),
    "divided by images": ("val_loss / len(val_loader)", "val_loss / len(X_val)", "val_losses",
                          "divides by the number of images"),
    "rate too high": ("lr = 0.1", "lr = 1e9", "", "too high"),
    "not flattened": ("model(xb)\n        loss", "model(xb.reshape(-1, 28, 28))\n        loss",
                      "model(xb.resh", "flatten"),
    "half a loop": ("loss.backward()", "...", "...", "not filled in"),
}  # fmt: skip

OPTIMIZER = """\
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""

RIGHT = {
    "the notebook's": SCRIPT,
    "torch.optim": SCRIPT.replace(
        CELL[CELL.index("        loss.backward()") : CELL.index("        train_loss +=")],
        OPTIMIZER,
    ).replace("lr = 0.1", "optimizer = torch.optim.Adam(model.parameters(), lr=0.001)"),
    "gathered over four batches": SCRIPT.replace(
        CELL[CELL.index("        loss.backward()") : CELL.index("        train_loss +=")],
        "        (loss / 4).backward()\n        steps += 1\n        if steps % 4 == 0:\n"
        "            optimizer.step()\n            optimizer.zero_grad()\n",
    ).replace("lr = 0.1", "steps = 0\noptimizer = torch.optim.SGD(model.parameters(), lr=0.1)"),
    "tensors without a module": SCRIPT.replace(
        'model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))',
        "w = torch.zeros(784, 10, requires_grad=True)\nb = torch.zeros(10, requires_grad=True)\n"
        "def model(x):\n    return x @ w + b\n",
    ).replace("model.parameters()", "(w, b)"),
    "autograd.grad": SCRIPT.replace("        loss.backward()\n",
        "        grads = torch.autograd.grad(loss, model.parameters())\n"
    ).replace("param in model.parameters()", "param, grad in zip(model.parameters(), grads)"
    ).replace("lr * param.grad", "lr * grad").replace("                param.grad = None\n", ""),
    "a loss that becomes a number": SCRIPT.replace(
        "train_loss += loss.item()", "loss = loss.item()\n        train_loss += loss"
    ),
    "a validation loss under inference_mode": SCRIPT.replace(
        "    with torch.no_grad():\n        for xb, yb in val_loader:\n"
        "            val_loss += criterion(model(xb), yb).item()",
        "    with torch.inference_mode():\n        for xb, yb in val_loader:\n"
        "            loss = criterion(model(xb), yb)\n            val_loss += loss",
    ),
    "a validation loss with gradients off": SCRIPT.replace(
        "    with torch.no_grad():\n        for xb, yb in val_loader:\n"
        "            val_loss += criterion(model(xb), yb).item()",
        "    with torch.set_grad_enabled(False):\n        for xb, yb in val_loader:\n"
        "            loss = criterion(model(xb), yb)\n            val_loss += loss",
    ),
    "predicted values of the training images": SCRIPT[: SCRIPT.index("    val_loss = 0.0")]
    + "    hits = 0\n    with torch.no_grad():\n        for xb, yb in train_loader:\n"
    "            values = model(xb).argmax(1)\n            hits += (values == yb).sum().item()\n",
    "in a function": BEGINNING
    + "\n\ndef main():\n"
    + "".join(f"    {line}\n" for line in CELL.splitlines())
    + "\n\nif __name__ == '__main__':\n    main()\n",
    "the cell alone": CELL.replace("val_losses.append", "print"),
    "sum over images": SCRIPT.replace("yb).item()", "yb).item() * len(yb)").replace(
        "val_loss / len(val_loader)", "val_loss / len(X_val)"
    ),
    "an accuracy on the training images, too": SCRIPT.replace(
        "    val_loss = 0.0\n",
        "    hits = sum((model(a).argmax(1) == b).sum().item() for a, b in train_loader)\n"
        "    val_loss = 0.0\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_script_is_named_with_line_and_symptom(name: str, check_here: Check) -> None:
    old, new, at, says = WRONG[name]
    assert old in SCRIPT
    text = SCRIPT.replace(old, new)
    bad = [one for one in check_here(text) if one.state != "right"]
    assert bad
    finding = next((one for one in bad if says in one.message), None)
    assert finding, bad
    assert finding.line
    assert at in text.splitlines()[finding.line - 1]


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_script_is_right(name: str, check_here: Check) -> None:
    found = check_here(RIGHT[name])
    assert "training step" in [one.blank for one in found]
    assert [one for one in found if one.state != "right"] == []


def test_the_documented_loop_is_right(check_here: Check) -> None:
    text = (Path(__file__).parents[3] / "docs/own_loop.py").read_text(encoding="utf-8")
    assert [one.state for one in check_here(text)] == ["right"] * 2
