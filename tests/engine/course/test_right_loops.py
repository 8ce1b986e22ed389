"""Unusual loops that are right, none of which may be called wrong."""

# ruff: noqa: E501

from collections.abc import Callable

import pytest

from mnistop.engine.course.findings import Finding
from tests.engine.course.loops import (
    EVALUATE,
    LAYERS,
    LOSS,
    MAIN,
    MODEL,
    SGD,
    STEP,
    UPDATE,
    file_of,
)
from tests.helpers.selection import one_in

Check = Callable[..., list[Finding]]

OPTIMIZERS = {
    name: STEP.replace(
        UPDATE,
        SGD.replace("SGD", name) + "    optimizer.step()\n    optimizer.zero_grad()\n",
    )
    for name in ("SGD", "Adam", "AdamW", "RMSprop")
}

STEPS = OPTIMIZERS | {
    "the textbook": STEP,
    "torch.func": """\
from torch.func import functional_call, grad_and_value

def train_step(model, x_batch, y_batch, learning_rate):
    weights = {name: p.detach() for name, p in model.named_parameters()}
    def loss_of(weights):
        logits = functional_call(model, weights, (x_batch,))
        return F.cross_entropy(logits, y_batch), logits
    grads, (loss, logits) = grad_and_value(loss_of, has_aux=True)(weights)
    with torch.no_grad():
        for name, param in model.named_parameters():
            param -= learning_rate * grads[name]
    return loss.item(), (logits.argmax(dim=1) == y_batch).sum().item()
""",
    "the chain rule by hand": """\
@torch.no_grad()
def train_step(model, x_batch, y_batch, learning_rate):
    before = model.linear_1(x_batch)
    hidden = before.clamp(min=0)
    logits = model.linear_2(hidden)
    p = logits.softmax(1)
    at = range(len(y_batch)), y_batch
    loss, correct = -p[at].log().mean(), (logits.argmax(1) == y_batch).sum()
    p[at] -= 1
    p /= len(y_batch)
    back = (p @ model.linear_2.weight) * (before > 0)
    for layer, delta, inputs in (model.linear_2, p, hidden), (model.linear_1, back, x_batch):
        layer.weight -= learning_rate * delta.T @ inputs
        layer.bias -= learning_rate * delta.sum(0)
    return loss.item(), correct.item()
""",
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
    "one-hot labels": STEP.replace(LOSS, "F.cross_entropy(logits, F.one_hot(y_batch, 10).float())"),
    "log-softmax before cross-entropy": STEP.replace(LOSS, "F.cross_entropy(F.log_softmax(logits, 1), y_batch)"),
    "nll of the logarithm of softmax": STEP.replace(LOSS, "F.nll_loss(torch.log(F.softmax(logits, 1)), y_batch)"),
    "backward under no_grad": STEP.replace("    loss.backward()\n", "    with torch.no_grad():\n        loss.backward()\n"),
    "two half batches": STEP.replace("    loss.backward()\n", "    n = len(x_batch)\n    for part in (slice(0, n // 2), slice(n // 2, n)):\n"
        "        out = model(x_batch[part])\n        (F.cross_entropy(out, y_batch[part], reduction='sum') / n).backward()\n"),
    "momentum by hand": "kept = {}\n\n\n" + STEP.replace("param -= learning_rate * param.grad",
        "kept[param] = 0.9 * kept.get(param, 0) + param.grad\n            param -= learning_rate * kept[param]"),
    "Adam by hand": "m, s = {}, {}\n\n\n" + STEP.replace("param -= learning_rate * param.grad",
        "m[param] = 0.9 * m.get(param, 0) + 0.1 * param.grad\n            s[param] = 0.999 * s.get(param, 0) + 0.001 * param.grad ** 2\n"
        "            param -= 0.01 * learning_rate * m[param] / (s[param].sqrt() + 1e-8)"),
    "Adam at a smaller rate": OPTIMIZERS["Adam"].replace("lr=learning_rate", "lr=learning_rate / 100"),
    "a penalty on the weights": STEP.replace(LOSS, LOSS + " + 1e-4 * sum(p.square().sum() for p in model.parameters())"),
    "an optimizer for each layer": STEP.replace(UPDATE, "    for layer in (model.linear_1, model.linear_2):\n"
        "        optimizer = torch.optim.SGD(layer.parameters(), lr=learning_rate)\n        optimizer.step()\n        optimizer.zero_grad()\n"),
    "a closure": OPTIMIZERS["SGD"].replace("    loss.backward()\n", "").replace("    optimizer.step()\n", "    def closure():\n        optimizer.zero_grad()\n"
        "        again = F.cross_entropy(model(x_batch), y_batch)\n        again.backward()\n        return again\n\n    optimizer.step(closure)\n"),
    "functional_call": STEP.replace("model(x_batch)", "torch.func.functional_call(model, dict(model.named_parameters()), (x_batch,))"),
    "clipped values": OPTIMIZERS["SGD"].replace("    optimizer.step()", "    nn.utils.clip_grad_value_(model.parameters(), 0.01)\n    optimizer.step()"),
    "gather": STEP.replace(LOSS, "-torch.log_softmax(logits, 1).gather(1, y_batch[:, None]).mean()"),
    "nesterov": OPTIMIZERS["SGD"].replace("lr=", "momentum=0.9, nesterov=True, lr="),
    "retain_graph": STEP.replace("backward()", "backward(retain_graph=True)"),
    "autograd.backward": STEP.replace("loss.backward()", "torch.autograd.backward(loss)"),
    "defaults and types": STEP.replace("y_batch, learning_rate)", "y_batch: torch.Tensor, learning_rate: float = 0.1) -> tuple[float, int]"),
    "NumPy": STEP.replace("loss.item(), correct.item()", "loss.detach().numpy(), correct.numpy()"),
    "an object that updates": "class Update:\n    def __init__(self, lr):\n        self.lr = lr\n\n    def __call__(self, params):\n        with torch.no_grad():\n"
        "            for p in params:\n                p.sub_(self.lr * p.grad)\n                p.grad = None\n\n\n"
        + STEP.replace(UPDATE, "    Update(learning_rate)(model.parameters())\n"),
    "one vector": STEP.replace(UPDATE, "    with torch.no_grad():\n        w = nn.utils.parameters_to_vector(model.parameters())\n"
        "        g = nn.utils.parameters_to_vector([p.grad for p in model.parameters()])\n"
        "        nn.utils.vector_to_parameters(w - learning_rate * g, model.parameters())\n    model.zero_grad()\n"),
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
    "GELU": MODEL.replace("nn.ReLU()", "nn.GELU()"),
    "a start of its own": MODEL.replace("num_classes)\n\n", "num_classes)\n        nn.init.kaiming_normal_(self.linear_1.weight)\n        nn.init.zeros_(self.linear_1.bias)\n\n"),
    "a shortcut": MODEL.replace(LAYERS, "self.linear_2(self.relu(self.linear_1(x)) + self.linear_1(x))"),
    "a ModuleList": MODEL.replace("self.linear_2 = nn.Linear(hidden_size, num_classes)", "self.last = nn.ModuleList([nn.Linear(hidden_size, num_classes)])").replace("self.linear_2(", "self.last[0]("),
    "layer norm": MODEL.replace("nn.ReLU()", "nn.Sequential(nn.LayerNorm(hidden_size), nn.ReLU())"),
    "the old super": MODEL.replace("super()", "super(MLP, self)"),
    "normalizes": MODEL.replace("self.linear_1(x)", "self.linear_1((x - 0.13) / 0.31)"),
    "without bias": MODEL.replace("_size)\n        self.relu", "_size, bias=False)\n"
        "        self.relu"),
    "a type with defaults": MODEL.replace("input_size, hidden_size, num_classes):",
        "input_size: int, hidden_size: int = 128, num_classes: int = 10) -> None:"),
}  # fmt: skip


MAINS = {
    "manual batches": MAIN.replace("in train_loader", "in zip(x[:96].split(32), y[:96].split(32))"),
    "drop_last": MAIN.replace("shuffle=True", "shuffle=True, drop_last=True"),
    "normalized images": MAIN.replace("    train_loader =", "    x = (x - 0.1307) / 0.3081\n    train_loader ="),
    "no evaluation": MAIN[: MAIN.index("        val_loss")],
    "both evaluations": MAIN + "        train_loss, train_acc = evaluate(model, train_loader)\n",
    "a model for each rate": MAIN.replace("    model = MLP(input_size, hidden_size, num_classes)\n", "    for rate in (0.01, 0.1):\n"
        "        model = MLP(input_size, hidden_size, num_classes)\n        train_step(model, x[:32], y[:32], rate)\n"),
}  # fmt: skip

WITH_MODES = {
    "dropout": MODEL.replace("self.relu(self", "nn.functional.dropout(self.relu(self").replace(
        "(x)))", "(x)), 0.2, self.training))"),
    "batch norm": MODEL.replace("nn.ReLU()", "nn.Sequential(nn.BatchNorm1d(hidden_size), nn.ReLU())"),
}  # fmt: skip


def assert_right(found: list[Finding], count: int = 9) -> None:
    assert len(found) == count
    assert [one for one in found if one.state != "right"] == []


@pytest.mark.parametrize("name", one_in(8, STEPS))
def test_an_unusual_training_step_is_right(name: str, check_here: Check) -> None:
    assert_right(check_here(file_of(step=STEPS[name]), "train_step"), 1)


@pytest.mark.parametrize("name", one_in(6, EVALUATIONS))
def test_an_unusual_evaluation_is_right(name: str, check_here: Check) -> None:
    assert_right(check_here(file_of(evaluate=EVALUATIONS[name]), "evaluate"), 1)


@pytest.mark.parametrize("name", one_in(6, MODELS))
def test_an_unusual_model_is_right(name: str, check_here: Check) -> None:
    assert_right(check_here(file_of(model=MODELS[name])))


@pytest.mark.parametrize("name", MAINS)
def test_an_unusual_loop_is_right(name: str, check_here: Check) -> None:
    assert_right(check_here(file_of(main=MAINS[name]), "loop"), 1)


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
