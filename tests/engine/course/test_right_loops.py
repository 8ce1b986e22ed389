"""Unusual loops that are right, none of which may be called wrong."""

# ruff: noqa: E501

from collections.abc import Callable

import pytest

from mnistop.engine.course.findings import Finding
from tests.engine.course.loops import EVALUATE, LAYERS, LOSS, MODEL, SGD, STEP, UPDATE, file_of

Check = Callable[[str], list[Finding]]

OPTIMIZERS = {
    name: STEP.replace(
        UPDATE,
        SGD.replace("SGD", name) + "    optimizer.step()\n    optimizer.zero_grad()\n",
    )
    for name in ("SGD", "Adam", "AdamW", "RMSprop")
}

STEPS = OPTIMIZERS | {
    "the textbook": STEP,
    "other names": STEP.replace("logits", "z").replace("param ", "w ")
    .replace("param.", "w.").replace("correct", "hits"),
    "zero_grad before": STEP.replace(
        "    logits = model", "    model.zero_grad()\n    logits = model"
    ).replace("            param.grad = None\n", ""),
    "zero_grad just before backward": STEP.replace(
        "    loss.backward()", "    model.zero_grad(set_to_none=False)\n    loss.backward()"
    ).replace("            param.grad = None\n", ""),
    "gradients set to zero in place": STEP.replace("param.grad = None", "param.grad.zero_()"),
    "data, without no_grad": STEP.replace(
        UPDATE,
        "    for param in model.parameters():\n"
        "        param.data = param.data - learning_rate * param.grad.data\n"
        "        param.grad = None\n",
    ),
    "copy_": STEP.replace(
        "param -= learning_rate * param.grad", "param.copy_(param - learning_rate * param.grad)"
    ),
    "sub_ with alpha": STEP.replace(
        "param -= learning_rate * param.grad", "param.sub_(param.grad, alpha=learning_rate)"
    ),
    "add_ of the negative step": STEP.replace(
        "param -= learning_rate * param.grad", "param.add_(-learning_rate * param.grad)"
    ),
    "a list of parameters": STEP.replace(
        "for param in model.parameters()", "params = list(model.parameters())\n"
        "        for param in [params[0], params[1], params[2], params[3]]"
    ),
    "layer by layer": STEP.replace(
        UPDATE,
        "    with torch.no_grad():\n        for layer in (model.linear_1, model.linear_2):\n"
        "            layer.weight -= learning_rate * layer.weight.grad\n"
        "            layer.bias -= learning_rate * layer.bias.grad\n    model.zero_grad()\n",
    ),
    "autograd.grad": STEP.replace(
        "    loss.backward()\n" + UPDATE,
        "    grads = torch.autograd.grad(loss, list(model.parameters()))\n"
        "    with torch.no_grad():\n        for p, g in zip(model.parameters(), grads):\n"
        "            p -= learning_rate * g\n",
    ),
    "foreach": STEP.replace(
        UPDATE,
        "    params = list(model.parameters())\n    with torch.no_grad():\n"
        "        torch._foreach_add_(params, [p.grad for p in params], alpha=-learning_rate)\n"
        "    model.zero_grad()\n",
    ),
    "a new optimizer's parameters in groups": OPTIMIZERS["SGD"].replace(
        "model.parameters()", "[{'params': [p]} for p in model.parameters()]"
    ),
    "weight decay": OPTIMIZERS["SGD"].replace("lr=", "weight_decay=1e-4, lr="),
    "momentum": OPTIMIZERS["SGD"].replace("lr=", "momentum=0.9, lr="),
    "clipped gradients": STEP.replace(
        "    loss.backward()\n",
        "    loss.backward()\n    nn.utils.clip_grad_norm_(model.parameters(), 0.5)\n",
    ),
    "loss.item() early": STEP.replace(
        "    loss.backward()", "    value = loss.item()\n    loss.backward()"
    ).replace("return loss.item()", "return value"),
    "a loss object": STEP.replace(LOSS, "nn.CrossEntropyLoss()(logits, y_batch)"),
    "log_softmax and nll": STEP.replace(
        LOSS, "F.nll_loss(F.log_softmax(logits, dim=1), y_batch)"
    ),
    "cross-entropy by hand": STEP.replace(
        LOSS, "-(F.log_softmax(logits, 1) * F.one_hot(y_batch, 10)).sum(1).mean()"
    ),
    "logsumexp by hand": STEP.replace(
        LOSS,
        "(logits.logsumexp(1) - logits[torch.arange(len(y_batch)), y_batch]).mean()",
    ),
    "sum, and the rate divided by the images": STEP.replace(
        LOSS, "F.cross_entropy(logits, y_batch, reduction='sum')"
    ).replace("learning_rate * param.grad", "learning_rate / len(x_batch) * param.grad"),
    "sum over images, divided": STEP.replace(
        LOSS, "F.cross_entropy(logits, y_batch, reduction='sum') / len(y_batch)"
    ),
    "label smoothing": STEP.replace(
        LOSS, "F.cross_entropy(logits, y_batch, label_smoothing=0.05)"
    ).replace("return loss.item()", "return F.cross_entropy(logits, y_batch).item()"),
    "counted by a loop": STEP.replace(
        "(logits.argmax(dim=1) == y_batch).sum()",
        "torch.tensor(sum(int(a == b) for a, b in zip(logits.argmax(1).tolist(), y_batch)))",
    ),
    "max with two results": STEP.replace(
        "    correct = (logits.argmax(dim=1) == y_batch).sum()",
        "    _, predicted = torch.max(logits.data, 1)\n    correct = (predicted == y_batch).sum()",
    ),
    "a value that is thrown away": STEP.replace(
        "    correct = (logits.argmax(dim=1) == y_batch).sum()",
        "    __, predicted = torch.max(logits, 1)\n    correct = (predicted == y_batch).sum()",
    ),
    "counted before the update": STEP.replace("    loss.backward()", "    correct = (logits.argmax(1)"
        " == y_batch).sum()\n    loss.backward()"),
    "counted from probabilities": STEP.replace("logits.argmax(dim=1)", "logits.softmax(1).argmax(-1)"),
    "train mode": STEP.replace("    logits = model", "    model.train()\n    logits = model"),
    "sum of losses over images": STEP.replace("loss.item(),", "loss.item() * len(x_batch),"),
    "loss as a detached tensor": STEP.replace("loss.item(),", "loss.detach(),"),
    "a helper function": "def forward_and_loss(net, a, b):\n    out = net(a)\n"
    "    return out, nn.functional.cross_entropy(out, b)\n\n\n"
    + STEP.replace(f"    logits = model(x_batch)\n    loss = {LOSS}\n",
                   "    logits, loss = forward_and_loss(model, x_batch, y_batch)\n"),
    "the update in a helper": STEP.replace(UPDATE, "    sgd(model.parameters(), learning_rate)\n")
    + "\n\n@torch.no_grad()\ndef sgd(params, lr):\n    for p in params:\n        p -= lr * p.grad\n"
    "        p.grad = None\n",
    "a set_grad_enabled block": STEP.replace("torch.no_grad()", "torch.set_grad_enabled(False)"),
    "inference of the count under no_grad": STEP.replace(
        "    correct = (", "    with torch.no_grad():\n        correct = ("),
}  # fmt: skip

EVALUATIONS = {
    "over images": EVALUATE.replace(".item()\n            correct", ".item() * len(y)\n"
        "            correct").replace("total / len(loader)", "total / images"),
    "as a decorator": "@torch.no_grad()\n" + EVALUATE.replace("with torch.no_grad()", "if True"),
    "inference_mode and eval": EVALUATE.replace("torch.no_grad()", "torch.inference_mode()")
    .replace("    total,", "    model.eval()\n    total,"),
    "without no_grad, but with item": EVALUATE.replace("with torch.no_grad()", "if True"),
    "lists of batches": "def evaluate(model, loader):\n    losses, hits = [], []\n"
    "    for x, y in loader:\n        with torch.no_grad():\n            z = model(x)\n"
    "        losses.append(F.cross_entropy(z, y).item())\n"
    "        hits.extend((z.argmax(1) == y).tolist())\n"
    "    return sum(losses) / len(losses), sum(hits) / len(hits)\n",
    "all at once": "def evaluate(model, loader):\n    xs, ys = zip(*loader)\n"
    "    x, y = torch.cat(xs), torch.cat(ys)\n    with torch.no_grad():\n        z = model(x)\n"
    "    return F.cross_entropy(z, y).item(), (z.argmax(1) == y).float().mean().item()\n",
    "mean of batches' shares": EVALUATE.replace(".sum().item()\n            images += len(y)",
        ".float().mean().item()\n            images += 1"),
    "summed loss over the data set": EVALUATE.replace("(logits, y).item()",
        "(logits, y, reduction='sum').item()").replace("total / len(loader)",
        "total / len(loader.dataset)"),
    "the data set's tensors": "def evaluate(model, loader):\n    x, y = loader.dataset.tensors\n"
    "    with torch.no_grad():\n        z = model(x)\n"
    "    return F.cross_entropy(z, y).item(), (z.argmax(1) == y).float().mean().item()\n",
    "in percent": EVALUATE.replace("correct / images", "100 * correct / images"),
    "tensors": EVALUATE.replace(".item()", ""),
}  # fmt: skip

MODELS = {
    "other names": MODEL.replace("linear_1", "fc1").replace("relu", "act"),
    "Sequential": "class MLP(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size, num_classes):\n        super().__init__()\n"
    "        self.net = nn.Sequential(nn.Linear(input_size, hidden_size), nn.Tanh(),\n"
    "            nn.Linear(hidden_size, num_classes))\n\n"
    "    def forward(self, x):\n        return self.net(x)\n",
    "functional": MODEL.replace("self.relu(", "F.relu(").replace("        self.relu = nn.ReLU()\n", ""),
    "sigmoid between, with small weights": MODEL.replace("nn.ReLU()", "nn.Sigmoid()").replace(
        "hidden_size, num_classes)\n\n", "hidden_size, num_classes)\n"
        "        nn.init.normal_(self.linear_2.weight, std=0.01)\n\n"),
    "clamp": MODEL.replace("self.relu(self.linear_1(x))", "self.linear_1(x).clamp(min=0)"),
    "parameters by hand": "class MLP(nn.Module):\n"
    "    def __init__(self, n, h, k):\n        super().__init__()\n"
    "        self.w1 = nn.Parameter(torch.randn(n, h) * 0.03)\n"
    "        self.b1 = nn.Parameter(torch.zeros(h))\n"
    "        self.w2 = nn.Parameter(torch.randn(h, k) * 0.1)\n"
    "        self.b2 = nn.Parameter(torch.zeros(k))\n\n"
    "    def forward(self, x):\n"
    "        return (x @ self.w1 + self.b1).relu() @ self.w2 + self.b2\n",
    "flattens": MODEL.replace("self.linear_1(x)", "self.linear_1(x.reshape(x.shape[0], -1))"),
    "three layers": MODEL.replace("nn.ReLU()", "nn.Sequential(nn.ReLU(), nn.Linear(hidden_size, 32),"
        " nn.ReLU())").replace("nn.Linear(hidden_size, num_classes)", "nn.Linear(32, num_classes)"),
    "without bias": MODEL.replace("_size)\n        self.relu", "_size, bias=False)\n"
        "        self.relu"),
    "a type with defaults": MODEL.replace("input_size, hidden_size, num_classes):",
        "input_size: int, hidden_size: int = 128, num_classes: int = 10) -> None:"),
}  # fmt: skip


WITH_MODES = {
    "dropout": MODEL.replace("self.relu(self", "nn.functional.dropout(self.relu(self").replace(
        "(x)))", "(x)), 0.2, self.training))"),
    "batch norm": MODEL.replace("nn.ReLU()", "nn.Sequential(nn.BatchNorm1d(hidden_size), nn.ReLU())"),
}  # fmt: skip


def assert_right(found: list[Finding]) -> None:
    assert len(found) == 9
    assert [one for one in found if one.state != "right"] == []


@pytest.mark.parametrize("name", STEPS)
def test_an_unusual_training_step_is_right(name: str, check_here: Check) -> None:
    assert_right(check_here(file_of(step=STEPS[name])))


@pytest.mark.parametrize("name", EVALUATIONS)
def test_an_unusual_evaluation_is_right(name: str, check_here: Check) -> None:
    assert_right(check_here(file_of(evaluate=EVALUATIONS[name])))


@pytest.mark.parametrize("name", MODELS)
def test_an_unusual_model_is_right(name: str, check_here: Check) -> None:
    assert_right(check_here(file_of(model=MODELS[name])))


@pytest.mark.parametrize("name", WITH_MODES)
def test_a_model_that_is_switched_to_evaluation_and_back_is_right(
    name: str, check_here: Check
) -> None:
    evaluate = EVALUATE.replace("    total,", "    model.eval()\n    total,")
    step = STEP.replace("    logits = model", "    model.train()\n    logits = model")
    assert_right(check_here(file_of(model=WITH_MODES[name], step=step, evaluate=evaluate)))


def test_a_model_and_a_step_that_share_the_softmax_are_right(check_here: Check) -> None:
    model = MODEL.replace(LAYERS, f"F.log_softmax({LAYERS}, dim=1)")
    step = STEP.replace("cross_entropy", "nll_loss")
    evaluate = EVALUATE.replace("cross_entropy", "nll_loss")
    assert_right(check_here(file_of(model=model, step=step, evaluate=evaluate)))
