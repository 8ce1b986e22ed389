"""Loops in one piece, as the notebook's cell is: wrong ones with their verdicts, and right ones."""

# ruff: noqa: E501

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

OPTIMIZER = """\
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""

BY_HAND = CELL[CELL.index("        loss.backward()") : CELL.index("        train_loss +=")]
SGD = "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)"
WITH_SGD = SCRIPT.replace(BY_HAND, OPTIMIZER).replace("lr = 0.1", SGD)
MODEL = "nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))"
LOSS = "criterion(logits, yb)"
IN_LIST = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(784, 64)
        self.rest = [nn.ReLU(), nn.Linear(64, 10)]

    def forward(self, x):
        x = self.first(x)
        for one in self.rest:
            x = one(x)
        return x


model = Net()"""

Case = tuple[str, str, tuple[str, ...]]
"""The script, the code in the line that the message names, and words of the message."""


def replaced(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    """The text with pieces replaced, each of which is in it."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1) if old == LOSS else text.replace(old, new)
    return text


def by_hand(at: str, says: tuple[str, ...], *pairs: tuple[str, str]) -> Case:
    return replaced(SCRIPT, pairs), at, says


def by_sgd(at: str, says: tuple[str, ...], *pairs: tuple[str, str]) -> Case:
    return replaced(WITH_SGD, pairs), at, says


WRONG: dict[str, Case] = {
    'never cleared': by_hand('loss.backward()', ('add up',), ('                param.grad = None\n', '')),
    "cleared once per epoch": by_hand("loss.backward()", ("add up", "does not clear"), ("                param.grad = None\n", ""), ("    train_loss = 0.0", "    model.zero_grad()\n    train_loss = 0.0")),
    'sign': by_hand('param +=', ('the loss rises',), ('param -=', 'param +=')),
    'new tensor': by_hand('param = param', ('new tensor',), ('param -= lr * param.grad\n                param.grad = None', 'param = param - lr * param.grad')),
    'softmax twice': by_hand('softmax', ('softmax twice',), ('criterion(logits, yb)', 'criterion(logits.softmax(1), yb)')),
    'softmax layer': by_hand('Softmax', ('softmax twice',), ('nn.Linear(64, 10))', 'nn.Linear(64, 10), nn.Softmax(dim=1))')),
    'no bend': by_hand('nn.Sequential', ('no bend',), ('nn.ReLU(), ', '')),
    'no update': by_hand('loss.backward()', ('the same after',), ('param -= lr * param.grad', 'pass')),
    'no backward': by_hand('param -=', ('never called',), ('        loss.backward()\n', '')),
    'graph kept': by_hand('train_loss += loss', ("keeps the gradients' graphs",), ('train_loss += loss.item()', 'train_loss += loss')),
    'trained images': by_hand('in train_loader:', ('evaluated on training images',), ('in val_loader:', 'in train_loader:')),
    'not divided': by_hand('val_losses', ('not divided',), ('val_loss / len(val_loader)', 'val_loss')),
    'divided by images': by_hand('val_losses', ('divides by the number of images',), ('val_loss / len(val_loader)', 'val_loss / len(X_val)')),
    'rate too high': by_hand('', ('too high',), ('lr = 0.1', 'lr = 1e9')),
    'not flattened': by_hand('model(xb.resh', ('flatten',), ('model(xb)\n        loss', 'model(xb.reshape(-1, 28, 28))\n        loss')),
    'half a loop': by_hand('...', ('not filled in',), ('loss.backward()', '...')),
    # Steps
    "negative loss": by_hand("-criterion", ("the loss rises", "negative loss"), (LOSS, "-" + LOSS)),
    "negative loss, torch.optim": by_sgd("-criterion", ("the loss rises", "negative loss"), (LOSS, "-" + LOSS)),
    "negative rate": by_hand("param -=", ("the loss rises", "sign"), ("lr = 0.1", "lr = -0.1")),
    "negative rate, torch.optim": by_sgd("lr=-0.1", ("Invalid learning rate", "positive"), ("lr=0.1", "lr=-0.1")),
    "step before backward": by_sgd("loss.backward()", ("inplace", "the batch before"), (OPTIMIZER, "        optimizer.step()\n        optimizer.zero_grad()\n        loss.backward()\n")),
    "update before backward": by_hand("p.data -=", ("the batch before", "between the forward pass"), (BY_HAND,
        "        for p in model.parameters():\n            if p.grad is not None:\n                p.data -= lr * p.grad\n                p.grad = None\n        loss.backward()\n")),
    "two steps": by_sgd("optimizer.step()", ("taken twice", "without a new"), ("        optimizer.step()\n", "        optimizer.step()\n        optimizer.step()\n")),
    "steps in the validation": by_sgd("            optimizer.step()", ("without a new `backward()`",), ("yb).item()\n", "yb).item()\n            optimizer.step()\n")),
    "never cleared, torch.optim": by_sgd("loss.backward()", ("add up", "nothing clears it"), ("        optimizer.zero_grad()\n", "")),
    "cleared before the step": by_sgd("optimizer.zero_grad()", ("the same after", "cleared between"), (OPTIMIZER, "        loss.backward()\n        optimizer.zero_grad()\n        optimizer.step()\n")),
    "a step per epoch": by_sgd("optimizer.step()", ("for many batches", "outside of the loop"), ("        optimizer.step()\n", ""), ("    val_loss = 0.0", "    optimizer.step()\n    val_loss = 0.0")),
    "no step": by_sgd("loss.backward()", ("the same after", "`step()` is never called"), ("        optimizer.step()\n", "")),
    "backward without parentheses": by_hand("loss.backward", ("no gradient", "parentheses"), ("backward()", "backward")),
    "step without parentheses": by_sgd("optimizer.step", ("the weights stay the same", "parentheses"), ("step()", "step")),
    "zero_grad without parentheses": by_sgd("zero_grad", ("add up", "parentheses"), ("zero_grad()", "zero_grad")),
    "item without parentheses": by_hand("loss.item", ("builtin", "parentheses"), ("loss.item()", "loss.item")),
    "no rounds": by_hand("loss.backward()", ("no gradient", "never reached"), ("range(20)", "range(0)")),
    "one batch an epoch": by_hand("break", ("only the first batch",), ("        train_loss += loss.item()", "        train_loss += loss.item()\n        break")),
    "weights that shrink": by_hand("param -=", ("weights shrink", "plays no part"), ("lr * param.grad", "lr * param")),
    "the loss for the gradient": by_hand("param -=", ("by the same number", "subtracts the loss"), ("lr * param.grad", "lr * loss")),
    "rate too low": by_hand("param -=", ("2.3", "too low"), ("lr = 0.1", "lr = 1e-7")),
    "rate of 30": by_hand("param -=", ("2.3", "too high, about 30"), ("lr = 0.1", "lr = 30")),
    # The loss
    "detached": by_hand("loss.backward()", ("does not require grad", "`detach(...)` in line 26"), ("logits = model(xb)", "logits = model(xb).detach()")),
    "without gradients": by_hand("loss.backward()", ("does not require grad", "`no_grad` in line 26"), ("        logits = model(xb)", "        with torch.no_grad():\n            logits = model(xb)")),
    "a tensor of the loss": by_sgd("torch.tensor(loss", ("the same after", "only hides the error"), ("        loss.backward()", "        loss = torch.tensor(loss.item(), requires_grad=True)\n        loss.backward()")),
    "a running sum": by_hand("train_loss.backward", ("second time", "running sum"), ("        loss.backward()", "        train_loss = train_loss + loss\n        train_loss.backward()")),
    "kept in a list": by_hand("kept.append", ("graphs of all batches", "loss.item()"), ("lr = 0.1", "lr = 0.1\nkept = []"), ("train_loss += loss.item()", "kept.append(loss)")),
    "ReLU of the logits": by_hand("torch.relu", ("falls slowly", "a ReLU"), (LOSS, "criterion(torch.relu(logits), yb)")),
    "softmax along the batch": by_hand("softmax(0)", ("falls slowly", "dim=0"), (LOSS, "criterion(logits.softmax(0), yb)")),
    "nll of logits": by_hand("criterion(logits", ("negative", "gets logits"), ("CrossEntropyLoss", "NLLLoss")),
    "nll of probabilities": by_hand("criterion(logits", ("negative", "without their logarithm"), ("CrossEntropyLoss", "NLLLoss"), ("nn.Linear(64, 10))", "nn.Linear(64, 10), nn.Softmax(dim=1))")),
    "its own predictions": by_hand("argmax", ("says already", "own predictions"), (LOSS, "criterion(logits, logits.argmax(1))")),
    "one-hot integers": by_hand("one_hot", ("floating point", "class numbers"), (LOSS, "criterion(logits, nn.functional.one_hot(yb, 10))")),
    "summed over images": by_hand("criterion(logits", ("summed over the images", "too long"), ("nn.CrossEntropyLoss()", "nn.CrossEntropyLoss(reduction='sum')"), ("val_loss / len(val_loader)", "val_loss / len(X_val)")),
    # The model
    "a model per batch": by_hand("        model = ", ("made anew in the loop",), ("        logits = ", f"        model = {MODEL}\n        logits = ")),
    "a model per epoch": by_hand("    model = ", ("made anew in the loop",), ("    train_loss = 0.0", f"    model = {MODEL}\n    train_loss = 0.0")),
    "the optimizer of another model": by_sgd("torch.optim.SGD", ("the same after", "another model"), ("val_losses = []", f"model = {MODEL}\nval_losses = []")),
    "a sigmoid layer": by_hand("nn.Sigmoid", ("between -1 and 1", "sigmoid"), ("nn.Linear(64, 10))", "nn.Linear(64, 10), nn.Sigmoid())")),
    "a ReLU layer": by_hand("nn.ReLU())", ("ever negative", "after the last layer"), ("nn.Linear(64, 10))", "nn.Linear(64, 10), nn.ReLU())")),
    "zeros": by_hand("zero_()", ("start at the same number", "random start"), ("lr = 0.1", "for p in model.parameters():\n    p.data.zero_()\nlr = 0.1")),
    "a layer in a list": by_hand("return x", ("never learns", "plain list"), (f"model = {MODEL}", IN_LIST)),
    "everything frozen": by_sgd("loss.backward()", ("does not require grad", "no weight requires"), ("val_losses = []", "for p in model.parameters():\n    p.requires_grad = False\nval_losses = []")),
    # The data
    "shuffled labels": by_hand("y_train[torch.randperm", ("stays near 2.3", "own label"), ("train_loader =", "y_train = y_train[torch.randperm(len(y_train))]\ntrain_loader =")),
    "shuffled images": by_hand("permutation", ("stays near 2.3", "own label"), ("train_loader =", "X_train = X_train[np.random.permutation(len(X_train))]\ntrain_loader =")),
    "labels shuffled in each batch": by_hand("randperm", ("stays near 2.3", "own label"), (LOSS, "criterion(logits, yb[torch.randperm(len(yb))])")),
    "mixed pixels": by_hand("view(784", ("hardly falls", "reshape"), ("logits = model(xb)", "logits = model(xb.view(784, -1).T)")),
    "255 twice": by_hand("/ 255", ("hardly falls", "255 twice"), ("dtype=torch.float32)", "dtype=torch.float32) / 255")),
    "pixels up to 255": by_hand("param -=", ("2.3", "divide the images by 255"), ("X[:500] / 255", "X[:500]")),
    "trained on validation images": by_hand("in val_loader", ("trained on validation images",), ("in train_loader", "in val_loader")),
    "trained in the validation": by_sgd("in val_loader", ("trained on validation images",), (
        "    with torch.no_grad():\n        for xb, yb in val_loader:\n            val_loss += criterion(model(xb), yb).item()\n",
        "    for xb, yb in val_loader:\n        loss = criterion(model(xb), yb)\n        loss.backward()\n        optimizer.step()\n        val_loss += loss.item()\n")),
    # The loop
    "trained on the last batch of an epoch": by_sgd("loss.backward()", ("only the last batch", "outside of the loop"), (OPTIMIZER + "        train_loss += loss.item()\n",
        "    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\n")),
    "an optimizer per batch": by_sgd("        optimizer = ", ("made anew for every batch", "averages"), ("        optimizer.zero_grad()\n",
        "        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)\n        optimizer.zero_grad()\n")),
    "a rate of zero at first": by_hand("param -=", ("stay the same over the first", "is 0 there"), ("lr * param.grad", "lr * epoch * param.grad")),
    "a rate that halves at every batch": by_hand("param -=", ("shrink to nothing", "once an epoch"), ("        train_loss += loss.item()", "        train_loss += loss.item()\n        lr *= 0.5")),
    "one batch an epoch, again and again": by_hand("next(iter(", ("13 times in a row", "the next batch at every step"),
        ("    for xb, yb in train_loader:", "    xb, yb = next(iter(train_loader))\n    for _ in range(len(train_loader)):")),
    "trained in evaluation mode": by_hand("model.eval()", ("dropout does nothing", "`model.train()`"), ("nn.ReLU(), ", "nn.ReLU(), nn.Dropout(0.5), "), ("    train_loss = 0.0", "    model.eval()\n    train_loss = 0.0")),
    # The validation
    "never set back": by_hand("val_losses", ("adds up over the epochs", "back to 0"), ("    val_loss = 0.0\n", ""), ("val_losses = []", "val_losses = []\nval_loss = 0.0")),
    "a sum of shares in a tensor": by_hand("val_acc +=", ("the validation accuracy is wrong", "not divided by their number"), ("    val_losses.append", "    val_acc = 0\n    for xb, yb in val_loader:\n"
        "        z = model(xb)\n        criterion(z, yb)\n        val_acc += (z.argmax(1) == yb).float().mean()\n    val_losses.append")),
    "dropout in the validation": by_hand("val_loss +=", ("in training mode", "model.eval()"), ("nn.ReLU(), ", "nn.ReLU(), nn.Dropout(0.5), ")),
    "one batch too few": by_hand("val_losses.append", ("1.98", "one batch too few"), ("/ len(val_loader)", "/ (len(val_loader) - 1)")),
    "accuracy divided by batches": by_hand("val_acc =", ("the mean is", "number of batches"), ("    val_losses.append", "    hits = 0\n    with torch.no_grad():\n        for xb, yb in val_loader:\n            z = model(xb)\n            criterion(z, yb)\n"
        "            hits += (z.argmax(1) == yb).sum().item()\n    val_acc = hits / len(val_loader)\n    val_losses.append")),
    # What a check cannot give
    "a GPU that is not there": by_hand("model.cuda()", ("CUDA", "has no GPU"), ("val_losses = []", "model.cuda()\nval_losses = []")),
    "an early exit": by_hand("sys.exit", ("SystemExit", "nothing after it runs"), ("lr = 0.1", "import sys; sys.exit(1)")),
    "a missing file": by_hand("np.load", ("FileNotFoundError", "folder of the file"), ("lr = 0.1", "z = np.load('none.npz')")),
}  # fmt: skip

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
    "Adam": replaced(WITH_SGD, (("SGD(model.parameters(), lr=0.1)", "Adam(model.parameters(), lr=1e-3)"),)),
    "zero_grad after the step": replaced(WITH_SGD, ((OPTIMIZER, "        loss.backward()\n        optimizer.step()\n        optimizer.zero_grad()\n"),)),
    "gradients gathered over an epoch": replaced(WITH_SGD, ((OPTIMIZER, "        (loss / len(train_loader)).backward()\n"),
        ("    val_loss = 0.0", "    optimizer.step()\n    optimizer.zero_grad()\n    val_loss = 0.0"))),
    "one batch of all images": replaced(SCRIPT, (("in train_loader", "in [(X_train, y_train)]"),)),
    "one-hot labels": replaced(SCRIPT, ((LOSS, "criterion(logits, nn.functional.one_hot(yb, 10).float())"),)),
    "a forward pass before the step": replaced(WITH_SGD, (("        optimizer.step()\n", "        hits = model(xb).argmax(1) == yb\n        optimizer.step()\n"),)),
    "a slow rate": replaced(SCRIPT, (("lr = 0.1", "lr = 0.001"),)),
    "a single layer that starts at zero": replaced(SCRIPT, ((MODEL, "nn.Linear(784, 10)"), ("lr = 0.1", "nn.init.zeros_(model.weight)\nlr = 0.1"))),
    "a summed loss at a small rate": replaced(SCRIPT, (("nn.CrossEntropyLoss()", "nn.CrossEntropyLoss(reduction='sum')"), ("lr = 0.1", "lr = 0.003"),
        ("val_loss / len(val_loader)", "val_loss / len(X_val)"))),
    "dropout": replaced(SCRIPT, (("nn.ReLU(), ", "nn.ReLU(), nn.Dropout(0.3), "), ("    train_loss = 0.0", "    model.train()\n    train_loss = 0.0"),
        ("    val_loss = 0.0", "    model.eval()\n    val_loss = 0.0"))),
    "batch norm": replaced(SCRIPT, (("nn.ReLU(), ", "nn.BatchNorm1d(64), nn.ReLU(), "), ("    train_loss = 0.0", "    model.train()\n    train_loss = 0.0"),
        ("    val_loss = 0.0", "    model.eval()\n    val_loss = 0.0"))),
    "noise on the images": replaced(SCRIPT, (("logits = model(xb)", "logits = model(xb + 0.1 * torch.randn_like(xb))"),)),
    "mixed images and labels": replaced(SCRIPT, ((f"        logits = model(xb)\n        loss = {LOSS}", "        at = torch.randperm(len(xb))\n"
        "        logits = model(0.7 * xb + 0.3 * xb[at])\n        loss = 0.7 * criterion(logits, yb) + 0.3 * criterion(logits, yb[at])"),)),
    "standardized images": replaced(SCRIPT, (("X_train, X_val,", "X = (X - X.mean()) / X.std()\nX_train, X_val,"),)),
    "random images": replaced(SCRIPT, (("X_train, X_val,", "X = torch.randn(500, 784)\ny = torch.randint(0, 10, (500,))\nX_train, X_val,"),)),
    "batches by hand": replaced(SCRIPT, (("    for xb, yb in train_loader:\n", "    order = torch.randperm(len(X_train))\n    for i in range(0, len(order), 32):\n"
        "        xb, yb = X_train[order[i:i+32]], y_train[order[i:i+32]]\n"),)),
    "a convolution": replaced(SCRIPT, ((MODEL, "nn.Sequential(nn.Unflatten(1, (1, 28, 28)), nn.Conv2d(1, 4, 5), nn.ReLU(), nn.Flatten(), nn.Linear(2304, 10))"),)),
    "early stopping": SCRIPT + "    if val_losses[-1] < 0.1:\n        break\n",
    "two rates": BEGINNING + f"for lr in (0.01, 0.1):\n    model = {MODEL}\n" + "".join(f"    {line}\n" for line in CELL.replace("20", "2").splitlines()),
    "a scaler": replaced(WITH_SGD, (("        loss.backward()\n        optimizer.step()\n", "        scaler.scale(loss).backward()\n        scaler.step(optimizer)\n"
        "        scaler.update()\n"), ("val_losses = []", "scaler = torch.amp.GradScaler('cpu')\nval_losses = []"))),
    "a copy of averages": replaced(WITH_SGD, (("        optimizer.step()\n", "        optimizer.step()\n        with torch.no_grad():\n"
        "            for a, b in zip(ema.parameters(), model.parameters()):\n                a.lerp_(b, 0.1)\n"), ("val_losses = []", "import copy\nema = copy.deepcopy(model)\nval_losses = []"))),
    "squared error": replaced(SCRIPT, (("CrossEntropyLoss", "MSELoss"), ("logits, yb)", "logits, nn.functional.one_hot(yb, 10).float())"),
        ("model(xb), yb)", "model(xb), nn.functional.one_hot(yb, 10).float())"))),
    "a compiled model": replaced(WITH_SGD, ((SGD, f"model = torch.jit.script(model)\n{SGD}"),)),
    "a GAN": BEGINNING[: BEGINNING.index("model =")] + """\
G = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 784), nn.Sigmoid())
D = nn.Sequential(nn.Linear(784, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1), nn.Sigmoid())
bce = nn.BCELoss()
g_opt = torch.optim.Adam(G.parameters(), lr=2e-4)
d_opt = torch.optim.Adam(D.parameters(), lr=2e-4)
for epoch in range(20):
    for xb, _ in train_loader:
        ones, zeros = torch.ones(len(xb), 1), torch.zeros(len(xb), 1)
        fake = G(torch.randn(len(xb), 32))
        d_loss = bce(D(xb), ones) + bce(D(fake.detach()), zeros)
        d_opt.zero_grad()
        d_loss.backward()
        d_opt.step()
        g_loss = bce(D(fake), ones)
        g_opt.zero_grad()
        g_loss.backward()
        g_opt.step()
""",
    "an autoencoder": replaced(SCRIPT, (("CrossEntropyLoss", "MSELoss"), (MODEL, "nn.Sequential(nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 784), nn.Sigmoid())"),
        (LOSS, "criterion(logits, xb)"), ("model(xb), yb)", "model(xb), xb)"))),
    "a frozen layer": replaced(WITH_SGD, (("val_losses = []", "for p in model[0].parameters():\n    p.requires_grad_(False)\nval_losses = []"),)),
    "an encoder and a head": replaced(WITH_SGD, ((MODEL, "nn.Sequential(nn.Linear(784, 64), nn.ReLU())\nhead = nn.Linear(64, 10)"),
        ("logits = model(xb)", "logits = head(model(xb))"), ("criterion(model(xb), yb)", "criterion(head(model(xb)), yb)"),
        ("SGD(model.parameters()", "SGD([*model.parameters(), *head.parameters()]"))),
    "distillation": replaced(WITH_SGD, ((LOSS, "criterion(logits, yb) + nn.functional.kl_div(logits.log_softmax(1), teacher(xb).detach().softmax(1))"),
        ("val_losses = []", f"teacher = {MODEL}\nval_losses = []"))),
    "adversarial training": replaced(WITH_SGD, (("        logits = model(xb)", "        xb = xb.clone().requires_grad_()\n        criterion(model(xb), yb).backward()\n"
        "        xb = (xb + 0.1 * xb.grad.sign()).clamp(0, 1).detach()\n        logits = model(xb)"),)),
    "the loss of a whole epoch": replaced(WITH_SGD, ((OPTIMIZER + "        train_loss += loss.item()\n",
        "        train_loss = train_loss + loss / len(train_loader)\n    optimizer.zero_grad()\n    train_loss.backward()\n    optimizer.step()\n"),)),
    "two models in turn": replaced(SCRIPT, (("        logits = model(xb)", "        model, second = second, model\n        logits = model(xb)"),
        ("val_losses = []", f"second = {MODEL}\nval_losses = []"))),
}  # fmt: skip
