"""More wrong loops, as public questions on PyTorch show them, in functions and in one piece.

Each is the right code with pieces of it replaced: the pairs of old and new text, the code in the line
that the message names, and words of its symptom and its cause.
"""

# ruff: noqa: E501

from dataclasses import dataclass

from tests.engine.course.loops import (
    EVALUATE,
    LAYERS,
    LOSS,
    MAIN,
    MODEL,
    RETURN,
    SGD,
    STEP,
    UPDATE,
    file_of,
)

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Question:
    """A wrong loop: the verdict that it must get."""

    name: str
    text: str
    blank: str
    at: str
    says: tuple[str, ...]


def replaced(text: str, pairs: Pairs) -> str:
    """The text with pieces replaced, each of which is in it."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def by_hand(name: str, at: str, says: tuple[str, ...], *pairs: tuple[str, str]) -> Question:
    return Question(name, file_of(step=replaced(STEP, pairs)), "train_step", at, says)


OPTIMIZER = STEP.replace(UPDATE, SGD + "    optimizer.step()\n    optimizer.zero_grad()\n")


def by_sgd(name: str, at: str, says: tuple[str, ...], *pairs: tuple[str, str]) -> Question:
    return Question(name, file_of(step=replaced(OPTIMIZER, pairs)), "train_step", at, says)


def of_evaluate(name: str, at: str, says: tuple[str, ...], *pairs: tuple[str, str]) -> Question:
    return Question(name, file_of(evaluate=replaced(EVALUATE, pairs)), "evaluate", at, says)


def of_model(
    name: str, blank: str, at: str, says: tuple[str, ...], *pairs: tuple[str, str]
) -> Question:
    return Question(name, file_of(model=replaced(MODEL, pairs)), f"MLP.{blank}", at, says)


def of_main(name: str, at: str, says: tuple[str, ...], *pairs: tuple[str, str]) -> Question:
    return Question(name, file_of(main=replaced(MAIN, pairs)), "loop", at, says)


MADE = "        self.linear_2 = nn.Linear(hidden_size, num_classes)\n"
CUT = "    loss = torch.tensor(loss.item(), requires_grad=True)\n    loss.backward()"
DROPOUT = MODEL.replace("nn.ReLU()", "nn.Sequential(nn.ReLU(), nn.Dropout(0.5))")
WHOLE = f"    logits = model(x_batch)\n    loss = {LOSS}\n    loss.backward()\n{UPDATE}"
TWO_STEPS = "    for _ in range(2):\n" + "".join(f"    {line}\n" for line in WHOLE.splitlines())

QUESTIONS = (
    # The update
    by_sgd("ten times the rate", "torch.optim.SGD", ("10 times as long",), ("lr=learning_rate", "lr=learning_rate * 10")),
    by_hand("ten times the rate, by hand", "param -=", ("10 times as long",), ("learning_rate *", "10 * learning_rate *")),
    by_sgd("two steps", "optimizer.step()", ("taken twice", "called twice"), ("    optimizer.step()\n", "    optimizer.step()\n    optimizer.step()\n")),
    by_hand("two whole steps", "param -=", ("taken twice", "two updates"), (WHOLE, TWO_STEPS)),
    by_sgd("zero_grad between", "optimizer.zero_grad()", ("the same after", "cleared between"),
           ("    optimizer.step()\n    optimizer.zero_grad()\n", "    optimizer.zero_grad()\n    optimizer.step()\n")),
    by_sgd("step without parentheses", "optimizer.step", ("the weights stay the same", "parentheses"), ("optimizer.step()", "optimizer.step")),
    by_sgd("zero_grad without parentheses", "optimizer.zero_grad", ("add up", "parentheses"), ("zero_grad()", "zero_grad")),
    by_sgd("a frozen layer", "requires_grad = False", ("never changes", "`linear_1.weight`"),
           ("    logits = model", "    model.linear_1.weight.requires_grad = False\n    logits = model")),
    by_sgd("everything frozen", "loss.backward()", ("does not require grad", "`requires_grad` is set"),
           ("    logits = model", "    for p in model.parameters():\n        p.requires_grad = False\n    logits = model")),
    by_sgd("a new model", "model = MLP", ("the same after", "a new model is made"), ("    logits = model", "    model = MLP(784, 128, 10)\n    logits = model")),
    by_sgd("a negative rate", "torch.optim.SGD", ("Invalid learning rate", "positive"), ("lr=", "lr=-")),
    by_sgd("the model for its parameters", "torch.optim.SGD", ("not iterable", "`model.parameters()`"), ("model.parameters()", "model")),
    by_hand("the loss for the gradient", "param -=", ("by the same number", "subtracts the loss"), ("learning_rate * param.grad", "learning_rate * loss")),
    by_hand("an early update", "p.data -=", ("the batch before", "between the forward pass"),
            ("    loss.backward()\n" + UPDATE, "    for p in model.parameters():\n        if p.grad is not None:\n"
             "            p.data -= learning_rate * p.grad\n            p.grad = None\n    loss.backward()\n")),
    by_hand("a gradient of 0", "param.grad = 0", ("assigned grad", "cleared by"), ("param.grad = None", "param.grad = 0")),
    by_hand("names of parameters", "for name", ("too many values", "named_parameters"), ("for param in", "for name, param in")),
    # The loss
    by_hand("half the loss", "/ 2", ("0.5 times",), (LOSS, LOSS + " / 2")),
    by_sgd("divided by the images", "len(x_batch)", ("divided by the number of images", "too small"), (LOSS, LOSS + " / len(x_batch)")),
    by_hand("backward without parentheses", "loss.backward", ("no gradient is computed", "parentheses"), ("backward()", "backward")),
    by_hand("detached logits", "loss.backward()", ("does not require grad", "`detach(...)` in line"), ("logits = model(x_batch)", "logits = model(x_batch).detach()")),
    by_hand("a tensor of the loss", "loss.backward()", ("does not require grad", "`tensor(...)` in line"), ("    loss.backward()", "    loss = torch.tensor(loss)\n    loss.backward()")),
    by_sgd("a tensor of the loss with a gradient", "torch.tensor", ("the same after", "only hides the error"), ("    loss.backward()", CUT)),
    by_hand("a tensor of the loss with a gradient, by hand", "param -=", ("is None", "only hides that"), ("    loss.backward()", CUT)),
    by_hand("ReLU of the logits", "F.relu", ("falls slowly", "a ReLU"), ("logits = model(x_batch)", "logits = F.relu(model(x_batch))")),
    by_hand("sigmoid of the logits", "torch.sigmoid", ("falls slowly", "a sigmoid"), ("logits = model(x_batch)", "logits = torch.sigmoid(model(x_batch))")),
    by_hand("softmax along the batch", "F.softmax", ("falls slowly", "dim=0"), (LOSS, "F.cross_entropy(F.softmax(logits, dim=0), y_batch)")),
    by_hand("log-softmax along the batch", "F.log_softmax", ("falls slowly", "dim=0"), (LOSS, "F.nll_loss(F.log_softmax(logits, dim=0), y_batch)")),
    by_hand("nll of probabilities", "F.nll_loss", ("negative", "without their logarithm"), (LOSS, "F.nll_loss(F.softmax(logits, dim=1), y_batch)")),
    by_hand("squared error by hand", ".mean()", ("not the loss", "squared error of probabilities"), (LOSS, "((logits.softmax(1) - F.one_hot(y_batch, 10)) ** 2).mean()")),
    by_hand("binary cross-entropy", "F.binary", ("not the loss", "binary"), (LOSS, "F.binary_cross_entropy_with_logits(logits, F.one_hot(y_batch, 10).float())")),
    by_hand("mixed pixels", "view(784", ("not that of these images", "reshape"), ("model(x_batch)", "model(x_batch.view(784, -1).T)")),
    by_hand("swapped arguments", "F.cross_entropy(y_batch", ("not implemented", "arguments are swapped"), (LOSS, "F.cross_entropy(y_batch, logits)")),
    by_hand("labels from -1", "y_batch - 1", ("out of bounds", "negative"), (LOSS, "F.cross_entropy(logits, y_batch - 1)")),
    by_hand("shuffled labels", "randperm", ("falls slowly", "different orders"), (LOSS, "F.cross_entropy(logits, y_batch[torch.randperm(len(y_batch))])")),
    by_hand("one image of the batch", "logits[:1]", ("first image",), (LOSS, "F.cross_entropy(logits[:1], y_batch[:1])")),
    by_hand("divided by 255 again", "/ 255", ("not that of these images", "divided once more"), ("model(x_batch)", "model(x_batch / 255)")),
    by_hand("a running sum", "total.backward", ("second time", "running sum"), ("def train_step", "total = 0\n\n\ndef train_step"),
            ("    loss.backward()", "    global total\n    total = total + loss\n    total.backward()")),
    by_hand("a GPU that is not there", "x_batch.to(", ("CUDA", "has no GPU"), ("model(x_batch)", "model(x_batch.to('cuda'))")),
    by_hand("item without parentheses", "return", ("a method instead of a number", "parentheses"), ("loss.item()", "loss.item")),
    # Evaluation
    of_evaluate("the last batch is left out", "return", ("2.08", "last batch is left out"),
                ("in loader", "in list(loader)[:-1]"), ("/ len(loader)", "/ (len(loader) - 1)")),
    of_evaluate("small batches are skipped", "return", ("left out of the sum",), ("            logits = model(x)\n", "            if len(x) < 32:\n                continue\n            logits = model(x)\n")),
    of_evaluate("one batch too few", "return", ("one batch too few",), ("/ len(loader)", "/ (len(loader) - 1)")),
    of_evaluate("accuracy of the last batch", "return", ("accuracy of the last batch",), ("correct +=", "correct ="), ("images +=", "images =")),
    of_evaluate("it calls train_step", "train_step(", ("it trains",), ("            total +=", "            train_step(model, x, y, 0.1)\n            total +=")),
    of_evaluate("a dictionary", "return", ("two numbers",), (RETURN, "return {'loss': total / len(loader), 'accuracy': correct / images}")),
    Question("dropout goes on", file_of(model=DROPOUT), "evaluate", "def evaluate", ("from call to call", "model.eval()")),
    Question("dropout stays off", file_of(model=DROPOUT, evaluate=replaced(EVALUATE, (("    total,", "    model.eval()\n    total,"),))),
             "evaluate", "model.eval()", ("stays in evaluation mode", "model.train()")),
    # The model
    of_model("a layer in a list", "forward", "return", ("never learns", "plain list"), (MADE, "        self.rest = [nn.Linear(hidden_size, num_classes)]\n"), ("self.linear_2(", "self.rest[0](")),
    of_model("zeros", "__init__", "zeros_", ("start at the same number", "random start"), (MADE, MADE + "        for p in self.parameters():\n            nn.init.zeros_(p)\n")),
    of_model("ReLU of x", "forward", "nn.ReLU(", ("must be Tensor", "x as its setting"), (LAYERS, "self.linear_2(nn.ReLU(self.linear_1(x)))")),
    of_model("one size", "__init__", "nn.Linear(input_size)", ("out_features", "number of outputs"), ("nn.Linear(input_size, hidden_size)", "nn.Linear(input_size)")),
    of_model("without self", "forward", "def forward", ("positional argument", "`self`"), ("def forward(self, x)", "def forward(x)")),
    of_model("mixed pixels", "forward", "view(784", ("other images", "reshape"), (LAYERS, LAYERS.replace("(x)", "(x.view(784, -1).T)"))),
    of_model("the predicted digit", "forward", "argmax", ("(6,)", "not its predicted digit"), (LAYERS, LAYERS + ".argmax(1)")),
    Question("softmax in a file that logs", file_of(model=MODEL.replace(LAYERS, f"{LAYERS}.softmax(1)"), main=MAIN + "        run.log({})\n"),
             "MLP.forward", "softmax", ("softmax twice", "1.46")),
    of_model("a frozen layer", "__init__", "requires_grad_", ("requires_grad=False", "no gradient"), (MADE, MADE + "        self.linear_1.requires_grad_(False)\n")),
    # The loop
    of_main("trained on validation images", "in val_loader", ("trained on validation images",), ("in train_loader", "in val_loader")),
    of_main("validation images that are trained on", "evaluate(model", ("evaluated on training images",), ("x[96:], y[96:]", "x[:32], y[:32]")),
    of_main("only the images are shuffled", "randperm", ("stays near 2.3", "own label"), ("    train_loader =", "    x = x[torch.randperm(len(x))]\n    train_loader =")),
    of_main("255 twice", "x / 255", ("hardly falls", "255 twice"), ("    train_loader =", "    x = x / 255\n    train_loader =")),
    of_main("nothing is trained", "if __name__", ("train_step is never called",), ("train_step(model, x, y, learning_rate)", "pass")),
    of_main("an unknown name", "valloader", ("NameError", "`valloader`"), ("model, val_loader", "model, valloader")),
)  # fmt: skip
