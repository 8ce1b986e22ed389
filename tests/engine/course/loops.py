"""Loops as students write them: the pieces of a right file, and wrong ones in their place."""

# ruff: noqa: E501

from dataclasses import dataclass

HEAD = """\
from importlib.resources import files

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset
"""

VALUES = """\
input_size = 784
hidden_size = 128
num_classes = 10
learning_rate = 0.1
"""

MODEL = """\
class MLP(nn.Module):
    def __init__(self, input_size, hidden_size, num_classes):
        super().__init__()
        self.linear_1 = nn.Linear(input_size, hidden_size)
        self.relu = nn.ReLU()
        self.linear_2 = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        return self.linear_2(self.relu(self.linear_1(x)))
"""

STEP = """\
def train_step(model, x_batch, y_batch, learning_rate):
    logits = model(x_batch)
    loss = F.cross_entropy(logits, y_batch)
    loss.backward()
    with torch.no_grad():
        for param in model.parameters():
            param -= learning_rate * param.grad
            param.grad = None
    correct = (logits.argmax(dim=1) == y_batch).sum()
    return loss.item(), correct.item()
"""

EVALUATE = """\
def evaluate(model, loader):
    total, correct, images = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            total += F.cross_entropy(logits, y).item()
            correct += (logits.argmax(dim=1) == y).sum().item()
            images += len(y)
    return total / len(loader), correct / images
"""

MAIN = """\
if __name__ == "__main__":
    with (files("mnistop.engine.data") / "bundled/mnist_784_first_4502.npz").open("rb") as file:
        mnist = np.load(file)
        x = torch.from_numpy(mnist["images"][:128].reshape(-1, 784) / np.float32(255))
        y = torch.from_numpy(mnist["labels"][:128].astype(np.int64))
    train_loader = DataLoader(TensorDataset(x[:96], y[:96]), batch_size=32, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[96:], y[96:]), batch_size=32)
    model = MLP(input_size, hidden_size, num_classes)
    for epoch in range(10):
        for x, y in train_loader:
            train_step(model, x, y, learning_rate)
        val_loss, val_acc = evaluate(model, val_loader)
"""

PIECES = {"values": VALUES, "model": MODEL, "step": STEP, "evaluate": EVALUATE, "main": MAIN}


def file_of(**pieces: str) -> str:
    """A right file with other pieces in place of some."""
    return "\n\n".join([HEAD, *(PIECES | pieces).values()])


@dataclass(frozen=True)
class Wrong:
    """A wrong loop: the place of the mistake, and words of its symptom and its cause."""

    name: str
    piece: str
    old: str
    new: str
    """What stands in place of `old`, which is a part of the right piece."""
    blank: str
    at: str
    """The code in the line that the message names."""
    says: tuple[str, ...]

    @property
    def text(self) -> str:
        piece = PIECES[self.piece]
        assert self.old in piece, self.name
        return file_of(**{self.piece: piece.replace(self.old, self.new)})


UPDATE = STEP[STEP.index("    with torch.no_grad()") : STEP.index("    correct")]
SGD = "    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)\n"
TOTAL = "total += F.cross_entropy(logits, y).item()"
LOSS = "F.cross_entropy(logits, y_batch)"
RETURN = "return total / len(loader), correct / images"
LAYERS = "self.linear_2(self.relu(self.linear_1(x)))"


def step(name: str, old: str, new: str, at: str, *says: str) -> Wrong:
    return Wrong(name, "step", old, new, "train_step", at, says)


def evaluation(name: str, old: str, new: str, at: str, *says: str) -> Wrong:
    return Wrong(name, "evaluate", old, new, "evaluate", at, says)


def forward(name: str, old: str, new: str, at: str, *says: str) -> Wrong:
    return Wrong(name, "model", old, new, "MLP.forward", at, says)


def layers(name: str, old: str, new: str, at: str, *says: str) -> Wrong:
    return Wrong(name, "model", old, new, "MLP.__init__", at, says)


def value(name: str, old: str, new: str, *says: str) -> Wrong:
    return Wrong(name, "values", old, new, new.split(" =")[0], new, says)


WRONG = (
    # Gradients and update
    step("never cleared", "            param.grad = None\n", "", "loss.backward()",
         "gradients of two steps add up", "nothing clears it"),
    step("never cleared, torch.optim", UPDATE, SGD + "    optimizer.step()\n", "loss.backward()",
         "gradients of two steps add up", "nothing clears it"),
    step("clears the loss's gradient", "            param.grad = None\n",
         "    loss.grad = None\n", "loss.backward()", "add up", "does not clear those of the model"),
    step("plus instead of minus", "param -=", "param +=", "param +=", "the loss rises", "sign"),
    step("negative loss", LOSS, "-" + LOSS, "-F.cross", "the loss rises", "negative loss"),
    step("maximizing optimizer", UPDATE,
         SGD.replace("lr=", "maximize=True, lr=") + "    optimizer.step()\n"
         "    optimizer.zero_grad()\n", "optimizer.step()", "the loss rises", "maximize"),
    step("the sign of the gradient", "* param.grad\n", "* param.grad.sign()\n", "param -=",
         "by the same amount", "as FGSM"),
    step("copies of the weights", "in model.parameters()", "in [p.clone() for p in model.parameters()]",
         "param -=", "None", "copies, which get no gradients"),
    step("times the weight", "param -= learning_rate * param.grad",
         "param *= 1 - learning_rate * param.grad", "param *=", "multiplied by its gradient"),
    step("a new tensor", "param -= learning_rate * param.grad\n            param.grad = None",
         "param = param - learning_rate * param.grad", "param = param -",
         "the same after the step", "new tensor"),
    step("a new tensor, then cleared", "param -= learning_rate * param.grad",
         "grad = param.grad\n            param = param - learning_rate * grad",
         "param = param -", "the same after the step", "new tensor"),
    step("no update", UPDATE, "    model.zero_grad()\n", "loss.backward()",
         "the same after the step", "never called"),
    step("no update and nothing else", UPDATE, "", "loss.backward()", "the same after the step",
         "nothing uses the gradients"),
    step("optimizer without step", UPDATE, SGD + "    optimizer.zero_grad()\n", "loss.backward()",
         "the same after the step", "`step()` is never called"),
    step("no backward", "    loss.backward()\n", "", "param -=", "None", "never called"),
    step("no backward, torch.optim", "    loss.backward()\n" + UPDATE,
         SGD + "    optimizer.zero_grad()\n    optimizer.step()\n", "F.cross_entropy",
         "no gradient is computed", "never called"),
    step("cleared before the update", UPDATE, "    model.zero_grad()\n" + SGD
         + "    optimizer.step()\n", "model.zero_grad()", "the same after the step",
         "cleared between"),
    step("cleared before the update, by hand", UPDATE,
         "    for param in model.parameters():\n        param.grad.zero_()\n"
         "        param.data -= learning_rate * param.grad\n", "param.grad.zero_()",
         "the same after the step", "cleared between"),
    step("step before backward", "    loss.backward()\n" + UPDATE,
         SGD + "    optimizer.zero_grad()\n    optimizer.step()\n    loss.backward()\n",
         "optimizer.step()", "the same after the step", "before `backward()`"),
    step("step before backward, not cleared", "    loss.backward()\n" + UPDATE,
         SGD + "    optimizer.step()\n    optimizer.zero_grad()\n    loss.backward()\n",
         "loss.backward()", "inplace operation", "the batch before"),
    step("update before backward", "    loss.backward()\n" + UPDATE, UPDATE
         + "    loss.backward()\n", "param -=", "None", "before `backward()`"),
    step("update outside of no_grad", UPDATE,
         "    for param in model.parameters():\n        param -= learning_rate * param.grad\n",
         "param -=", "leaf Variable", "torch.no_grad()"),
    step("copies of the weights", "for param in model.parameters():\n            param -=",
         "for param in model.parameters():\n            copy = param.clone()\n            copy -=",
         "copy -=", "the same after the step", "copies"),
    step("another model's optimizer", UPDATE,
         "    other = MLP(784, 128, 10)\n    optimizer = torch.optim.SGD(other.parameters(), "
         "lr=learning_rate)\n    optimizer.step()\n    model.zero_grad()\n", "torch.optim.SGD",
         "the same after the step", "another model"),
    step("only the last layer", "model.parameters()", "model.linear_2.parameters()", "param -=",
         "never changes", "`linear_1.weight`"),
    step("the update stands outside of its loop", UPDATE,
         "    with torch.no_grad():\n        for param in model.parameters():\n"
         "            gradient = param.grad\n        param -= learning_rate * gradient\n"
         "    model.zero_grad()\n", "param -=", "never changes", "outside of the loop"),
    step("rate times weights and gradient", "param -= learning_rate * param.grad",
         "param.copy_(learning_rate * (param - param.grad))", "param.copy_", "wrong factor",
         "multiplies the weights"),
    step("rate times weights", "param -= learning_rate * param.grad",
         "param.copy_(learning_rate * param - param.grad)", "param.copy_", "wrong factor"),
    step("weights instead of gradient", "learning_rate * param.grad", "learning_rate * param",
         "param -=", "weights shrink", "the gradient plays no part"),
    step("replaced by the step", "param -= learning_rate * param.grad",
         "param.copy_(-learning_rate * param.grad)", "param.copy_", "thrown away"),
    step("no rate", "learning_rate * param.grad", "param.grad", "param -=",
         "learning rate is not used"),
    step("a rate of its own", "learning_rate * param.grad", "0.01 * param.grad", "param -=",
         "argument learning_rate is not used", "0.01"),
    step("a rate of its own, torch.optim", UPDATE, SGD.replace("lr=learning_rate", "lr=0.01")
         + "    optimizer.step()\n    optimizer.zero_grad()\n", "torch.optim.SGD",
         "argument learning_rate is not used", "0.01"),
    step("divided by the rate", "learning_rate * param.grad", "param.grad / learning_rate",
         "param -=", "divided by the learning rate"),
    step("divided by the images", "learning_rate * param.grad",
         "learning_rate * param.grad / len(x_batch)", "param -=", "mean over them already"),
    step("updated twice", "param -= learning_rate * param.grad",
         "param -= learning_rate * param.grad\n            param -= learning_rate * param.grad",
         "param -=", "taken twice"),
    # The loss
    step("softmax twice", LOSS, "F.cross_entropy(logits.softmax(1), y_batch)", "softmax",
         "softmax twice", "1.46"),
    step("nll of logits", LOSS, "F.nll_loss(logits, y_batch)", "nll_loss", "negative",
         "log-probabilities"),
    step("summed over images", LOSS, "F.cross_entropy(logits, y_batch, reduction='sum')",
         "cross_entropy", "summed over the images", "too long"),
    step("not reduced", LOSS, "F.cross_entropy(logits, y_batch, reduction='none')",
         "loss.backward()", "scalar outputs", "mean"),
    step("squared error", LOSS, "F.mse_loss(logits, F.one_hot(y_batch, 10).float())", "mse_loss",
         "not the loss of the exercise"),
    step("its own predictions as labels", LOSS, "F.cross_entropy(logits, logits.argmax(1))",
         "F.cross_entropy", "says already", "its own predictions"),
    step("backward on a number", LOSS, LOSS + ".item()", "loss.backward()", "no attribute",
         "`.item()` came first"),
    step("forward under no_grad", "    logits = model(x_batch)\n",
         "    with torch.no_grad():\n        logits = model(x_batch)\n", "loss.backward()",
         "does not require grad", "no_grad"),
    step("class called like a function", LOSS, "nn.CrossEntropyLoss(logits, y_batch)",
         "nn.CrossEntropyLoss", "alue", "Make it first"),
    step("loss of labels as floats", LOSS, "F.cross_entropy(logits, y_batch[:, None].float())",
         "F.cross_entropy", "class numbers"),
    step("backward twice", "    loss.backward()\n", "    loss.backward()\n    loss.backward()\n",
         "loss.backward()", "second time"),
    step("parameters not called", "model.parameters()", "model.parameters", "for param in",
         "not iterable", "parentheses"),
    # What it returns
    step("nothing returned", "    return loss.item(), correct.item()\n", "", "def train_step",
         "nothing is returned"),
    step("only the loss", ", correct.item()", "", "return", "two numbers"),
    step("swapped results", "loss.item(), correct.item()", "correct.item(), loss.item()", "return",
         "swapped"),
    step("loss with its graph", "loss.item(),", "loss,", "return", "keeps the gradients' graphs",
         "loss.item()"),
    step("a share", ".sum()", ".float().mean()", "return", "share", "sum instead of the mean"),
    step("argmax along the batch", "argmax(dim=1)", "argmax(dim=0)", "argmax", "must match",
         "along the batch"),
    step("largest value, not its place", "logits.argmax(dim=1)", "logits.max(dim=1).values",
         ".max(", "counts 0 right", "place of the largest"),
    step("counts everything", "correct.item()", "len(y_batch)", "return", "counts all"),
    step("counts the wrong ones", "==", "!=", "return", "that are wrong"),
    # Evaluation
    evaluation("returns after a batch", "    " + RETURN, "            " + RETURN, "return",
               "the first batch's loss", "inside the loop"),
    evaluation("training images", "in loader", "in train_loader", "train_loader",
               "train_loader", "the loader that it is given"),
    evaluation("summed, not divided", "total / len(loader)", "total", "return",
               "summed and not divided"),
    evaluation("means divided by images", "total / len(loader)", "total / images", "return",
               "divides by the number of images", "len(loader)"),
    evaluation("sums divided by batches", TOTAL, TOTAL + " * len(y)", "return",
               "divides by the number of batches"),
    evaluation("last batch only", "total +=", "total =", "return", "last batch"),
    evaluation("return in the loop", f"    {RETURN}", f"            {RETURN.replace('len(loader)', '1')}",
               "return", "first batch only", "inside the loop"),
    evaluation("softmax twice", "(logits, y).item()", "(logits.softmax(1), y).item()", "softmax",
               "softmax twice"),
    evaluation("graphs kept", EVALUATE[EVALUATE.index("    with"):],
               "    for x, y in loader:\n        logits = model(x)\n"
               "        total += F.cross_entropy(logits, y)\n"
               "        correct += (logits.argmax(1) == y).sum().item()\n"
               "        images += len(y)\n    return (total / len(loader)).item(), correct / images\n",
               "total +=", "summed loss keeps", "loss.item()"),
    evaluation("it trains", EVALUATE[EVALUATE.index("    with"):],
               "    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n"
               "    for x, y in loader:\n        logits = model(x)\n"
               "        loss = F.cross_entropy(logits, y)\n        loss.backward()\n"
               "        optimizer.step()\n        total += loss.item()\n"
               "        correct += (logits.argmax(1) == y).sum().item()\n"
               "        images += len(y)\n    " + RETURN + "\n",
               "optimizer.step()", "it trains", "weights are different"),
    evaluation("swapped results", RETURN, "return correct / images, total / len(loader)", "return",
               "swapped"),
    evaluation("count instead of share", "correct / images", "correct", "return",
               "number of right images"),
    evaluation("divided by batches", "correct / images", "correct / len(loader)", "return",
               "number of batches"),
    evaluation("nothing returned", f"    {RETURN}\n", "", "def evaluate", "nothing is returned"),
    Wrong("validation on training images", "main", "evaluate(model, val_loader)",
          "evaluate(model, train_loader)", "loop", "train_loader)", ("evaluated on training images",)),
    Wrong("a new model each epoch", "main", "        val_loss",
          "        model = MLP(input_size, hidden_size, num_classes)\n        val_loss", "loop",
          "        model = MLP", ("new model", "lost")),
    # The model
    forward("no bend", LAYERS, "self.linear_2(self.linear_1(x))", "return", "no bend"),
    forward("the bend before the layers", LAYERS, "self.linear_2(self.linear_1(self.relu(x)))",
            "return", "no bend between the layers"),
    forward("the bend is not used", "return " + LAYERS,
            "x = self.linear_1(x)\n        self.relu(x)\n        return self.linear_2(x)",
            "return self.linear_2(x)", "no bend", "use its result"),
    forward("softmax", LAYERS, f"torch.softmax({LAYERS}, dim=1)", "softmax", "softmax twice"),
    forward("softmax over the batch", LAYERS, f"torch.softmax({LAYERS}, dim=0)", "softmax",
            "over the batch"),
    forward("sigmoid at the end", LAYERS, f"torch.sigmoid({LAYERS})", "sigmoid",
            "between -1 and 1", "sigmoid"),
    forward("ReLU at the end", LAYERS, f"self.relu({LAYERS})", "self.relu(", "ever negative",
            "after the last layer"),
    forward("last layer missing", LAYERS, "self.relu(self.linear_1(x))", "return",
            "hidden_size columns", "not used"),
    forward("swapped sizes", "nn.Linear(input_size, hidden_size)",
            "nn.Linear(hidden_size, input_size)", "", "shapes cannot be multiplied", "swapped"),
    forward("classes and hidden size swapped",
            "(input_size, hidden_size)\n        self.relu = nn.ReLU()\n"
            "        self.linear_2 = nn.Linear(hidden_size, num_classes)",
            "(input_size, num_classes)\n        self.relu = nn.ReLU()\n"
            "        self.linear_2 = nn.Linear(num_classes, hidden_size)", "return",
            "hidden_size columns", "swapped"),
    forward("nothing returned", "return " + LAYERS, LAYERS, "def forward", "no `return`"),
    forward("detached", LAYERS, LAYERS + ".detach()", "return", "no gradient", "detach"),
    forward("layers made in forward", "self.linear_2(", "nn.Linear(128, 10)(", "nn.Linear(128",
            "differ", "made anew"),
    layers("no super", "        super().__init__()\n", "", "self.linear_1 = ",
           "before Module.__init__()", "super().__init__()"),
    layers("layers in a list", MODEL[MODEL.index("        self.linear_1"):],
           "        self.layers = [nn.Linear(input_size, hidden_size), nn.ReLU(), "
           "nn.Linear(hidden_size, num_classes)]\n\n    def forward(self, x):\n"
           "        for layer in self.layers:\n            x = layer(x)\n        return x\n",
           "def __init__", "no weights", "list"),
    forward("the first layer twice", LAYERS, "self.linear_2(self.linear_1(self.linear_1(x)))",
            "return", "the first layer, used twice"),
    # The numbers
    value("side of an image", "input_size = 784", "input_size = 28", "784 numbers"),
    Wrong("swapped numbers", "values", "hidden_size = 128\nnum_classes = 10",
          "hidden_size = 10\nnum_classes = 128", "num_classes", "num_classes = 128",
          ("classes and hidden size are swapped",)),
    value("negative rate", "learning_rate = 0.1", "learning_rate = -0.1", "the loss rises"),
    value("rate too high", "learning_rate = 0.1", "learning_rate = 100", "too high"),
    value("rate of zero", "learning_rate = 0.1", "learning_rate = 0", "too low"),
)  # fmt: skip
