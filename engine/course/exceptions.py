"""Explaining the exceptions that a student's code raises."""

from __future__ import annotations

import ast
import builtins
import re
import traceback

from mnistop.engine.course.findings import ERROR, Finding, at_line
from mnistop.engine.course.lines import call_line, line_before, rebinding_line, update_lines
from mnistop.engine.course.source import Source

_PIXELS = 784
_EXPLANATIONS: tuple[tuple[str, str], ...] = (
    (
        r"before Module\.__init__\(\) call",
        "`super().__init__()` has to be the first line of `__init__`, before any layer.",
    ),
    (
        r"does not require grad and does not have a grad_fn",
        "the loss is not connected to the weights, so `backward()` has nothing to follow: {cut}. "
        "Compute the loss from the logits themselves.",
    ),
    (
        r"a leaf Variable that requires grad is being used in an in-place operation",
        "the weights are changed in place while autograd is recording. Put the update under "
        "`with torch.no_grad():`.",
    ),
    (
        r"'(?:float|int)' object has no attribute 'backward'",
        "the loss is a plain number here, because `.item()` came first. Call `backward()` on the "
        "loss tensor, and `.item()` only for the number that is returned.",
    ),
    (
        r"modified by an inplace operation",
        "the weights have changed{update} between the forward pass and `backward()`, so each "
        "update would use old gradients, as of the batch before. The order is forward, loss, "
        "backward, update.",
    ),
    (
        r"backward through the graph a second time",
        "`backward()` runs a second time through the same graph. Compute logits and loss anew for "
        "every batch, and call `backward()` once for each; do not call it on a running sum of "
        "losses.",
    ),
    (
        r"grad can be implicitly created only for scalar outputs",
        "`backward()` needs one number, and gets a tensor of several: the loss is one per image "
        '(`reduction="none"`), or it is called on the logits. Take the mean first.',
    ),
    (
        r"Boolean value of Tensor with more than one value|bool value of Tensor",
        "`nn.CrossEntropyLoss(logits, y)` makes a loss function with the logits as its settings. "
        "Make it first and then call it, `nn.CrossEntropyLoss()(logits, y)`, or use "
        "`F.cross_entropy(logits, y)`. (An `if` on a whole tensor gives the same error.)",
    ),
    (
        r"for target with class probabilities, got Long",
        "the scores and the labels have the same shape, but cross-entropy takes scores of shape "
        "(batch, classes), not their argmax, and class numbers of shape (batch,), not one-hot "
        "rows.",
    ),
    (
        r"multi-target not supported",
        "the labels have two dimensions, but cross-entropy takes class numbers of shape (batch,), "
        "not one-hot rows and not a column.",
    ),
    (
        r"log_softmax.*not implemented for 'Long'",
        "the two arguments are swapped: cross-entropy takes first the logits, then the labels.",
    ),
    (
        r"Invalid learning rate",
        "the learning rate has to be positive: the optimizer itself subtracts the step.",
    ),
    (
        r"assigned grad (?:expected|has data)|be a Tensor or None",
        "a gradient is cleared by `param.grad = None` or `param.grad.zero_()`.",
    ),
    (
        r"too many values to unpack",
        "there are fewer names than values, or more: `model.parameters()` gives the weights alone "
        "(`named_parameters()` their names, too), and a loader pairs of images and labels.",
    ),
    (
        r"must be Tensor, not \w+|'(?:ReLU|Tanh|Sigmoid|Linear|Softmax)' object",
        "`nn.ReLU(x)` makes a layer with x as its setting. Make it in `__init__` and call it, "
        "`self.relu(x)`, or use `torch.relu(x)`.",
    ),
    (
        r"CUDA|NVIDIA|cuda",
        "this machine has no GPU that PyTorch can use: leave out `.cuda()` and `.to('cuda')`, or "
        "use `torch.device('cuda' if torch.cuda.is_available() else 'cpu')`. The exercise needs "
        "none.",
    ),
    (
        r"EOF when reading a line",
        "nobody can answer `input()` during a check: write the value into the file.",
    ),
    (
        r"expected scalar type Long|expected target to have dtype|nll_loss.*not implemented for",
        "cross-entropy takes labels as whole numbers: `y.long()`, not floats.",
    ),
    (
        r"Expected input batch_size|batch_size \(\d+\) to match target",
        "logits and labels count different numbers of images: the batch dimension was lost by a "
        "reshape, or only a part of the batch was used.",
    ),
    (
        r"size of tensor a \((?P<a>\d+)\) must match the size of tensor b \((?P<b>\d+)\)",
        "there are {a} values on one side and {b} on the other. If these are predictions and "
        "labels, `argmax` ran along the batch instead of the classes: use `argmax(dim=1)`.",
    ),
    (
        r"'(?:method|builtin_function_or_method)'",
        "a method is used without calling it: `model.parameters()` and `loss.item()` need their "
        "parentheses.",
    ),
    (
        r"optimizer got an empty parameter list",
        "the model has no parameters: its layers must be attributes (`self.linear_1 = ...`), not "
        "elements of a plain list.",
    ),
    (
        r"Target -\d+ is out of bounds",
        "the labels are class numbers from 0 to 9, and one is negative: use them as they are.",
    ),
    (
        r"Target \d+ is out of bounds",
        "the logits have fewer columns than there are digits: the last layer needs 10 outputs.",
    ),
    (
        r"'\w+' object is not iterable",
        "a loop or an optimizer goes through the parameters: `model.parameters()`.",
    ),
    (
        r"tuple indices must be|'list' object has no attribute|'tuple' object has no attribute",
        "a batch of the loader is a pair: write `for x, y in loader:`.",
    ),
    (
        r"unsupported operand type\(s\) for .*'NoneType'|'NoneType' object is not callable",
        "one of the values is None: a function without `return`, or a blank.",
    ),
)


class StillRunningError(BaseException):
    """Raised in the student's code when its time is over."""

    is_outside = False
    """True if the time went by outside of functions, while the file was loaded."""


def line_of(error: BaseException, source: Source) -> int | None:
    """Return the last line of the student's file that an exception has passed."""
    if isinstance(error, SyntaxError) and error.filename == source.path:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == source.path]
    return lines[-1] if lines else None


def explain(blank: str, error: BaseException, source: Source, part: ast.AST | None) -> Finding:
    """Return the finding for an exception of the student's code.

    Args:
        blank: the name of the blank.
        error: the exception.
        source: the file.
        part: the function that was called, if it is known.
    """
    line = line_of(error, source) or getattr(part, "lineno", None)
    symptom = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, StillRunningError):
        symptom = str(error)
    symptom = re.split(r"\n|\. ", symptom)[0].rstrip(".")
    cause = _cause(error, str(error), source, line, part or source.around(line))
    return Finding(blank, ERROR, at_line(line, f"{symptom}. {_capital(cause)}".strip()), line)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text[:1].isalpha() else text


def _cause(error: BaseException, text: str, source: Source, line: int | None, part: ast.AST) -> str:
    if isinstance(error, StillRunningError) and error.is_outside:
        return (
            "Code outside of functions takes too long, and every check begins with it: put it "
            'under `if __name__ == "__main__":`.'
        )
    if isinstance(error, StillRunningError):
        return "It did not come to an end in time: look for a loop that never stops."
    if isinstance(error, SystemExit):
        return "The code ends Python itself here, and nothing after it runs."
    if isinstance(error, FileNotFoundError):
        return "A path begins in the folder of the file."
    if isinstance(error, UnboundLocalError):
        return (
            "a name is used before it gets its value in this function. If it is meant to be the "
            "global one, pass it in as an argument; a sum needs a start, such as `total = 0`."
        )
    if isinstance(error, NameError):
        return _unknown_name(text)
    code = source.line(line)
    if isinstance(error, TypeError) and "NoneType" in text and ".grad" in code:
        return _missing_gradient(part, line)
    if "grad" in code and isinstance(error, AttributeError) and "NoneType" in text:
        backward = call_line(part, "backward")
        if backward is None or (line and backward > line):
            return (
                "`.grad` is None before the first `backward()`. Clear it after the update, or use "
                "`model.zero_grad()`, which skips missing gradients."
            )
        return _missing_gradient(part, line)
    if found := re.search(r"\((\d+)x(\d+) and (\d+)x(\d+)\)", text):
        return _shapes(*map(int, found.groups()))
    if "positional argument" in text or "unexpected keyword" in text:
        return _arguments(text, line_of(error, source))
    if "inplace" in text and "retain_graph" in code:
        text = "backward through the graph a second time"
    for pattern, cause in _EXPLANATIONS:
        if match := re.search(pattern, text):
            early = [at for at in update_lines(part) if at < (line or 0)]
            update = f" (line {early[-1]})" if early else ""
            return cause.format(cut=_cut(part), update=update, **match.groupdict())
    return ""


def _arguments(text: str, line: int | None) -> str:
    if re.search(r"takes \d positional arguments? but \d (?:was|were) given", text) and not line:
        return (
            "`self` has to be the first argument of a method; the others are those of the exercise."
        )
    if line is None:
        return "the function is called as the exercise says: keep the names of its arguments."
    if "out_features" in text:
        return "`nn.Linear` takes the number of inputs and the number of outputs."
    return "This call has too few or too many arguments."


def _cut(part: ast.AST) -> str:
    """Return what has cut the loss off from the weights, with its line."""
    for node in ast.walk(part):
        if isinstance(node, ast.Assign) and ".requires_grad" in ast.unparse(node.targets[0]):
            return f"`requires_grad` is set in line {node.lineno}"
    backward = call_line(part, "backward")
    for name in ("no_grad", "inference_mode", "set_grad_enabled"):
        if line := line_before(part, backward, name):
            return f"`{name}` in line {line} keeps the forward pass without gradients"
    for name in ("detach", "tensor", "Variable", "argmax", "item", "numpy"):
        if line := line_before(part, backward, name):
            return f"`{name}(...)` in line {line} cuts it off"
    return "`no_grad`, `.detach()` or `.item()` has cut it off, or no weight requires a gradient"


def _unknown_name(text: str) -> str:
    found = re.search(r"'(\w+)'", text)
    name = found.group(1) if found else "the name"
    if "train" in name and "loader" in name:
        return (
            f"`{name}` is not an argument of the function, and holds the training images: the "
            "function has to go through the loader that it is given."
        )
    if name in ("F", "nn", "torch", "np"):
        return f"`{name}` has not been imported."
    if hasattr(builtins, name):
        return ""
    return f"`{name}` is neither an argument of the function nor made in it, nor imported."


def _missing_gradient(part: ast.AST, line: int | None) -> str:
    backward = call_line(part, "backward", "grad")
    if backward is None:
        return "`.grad` is None, because `backward()` is never called: it computes the gradients."
    if line and backward > line:
        return (
            f"`.grad` is None, because the update comes before `backward()` (line {backward}), "
            "which computes the gradients."
        )
    if new := line_before(part, backward, "tensor", "Variable", "requires_grad_"):
        return (
            f"`.grad` is None, because the loss is a new tensor or cut off from the model (line "
            f"{new}); `requires_grad=True` only hides that. Use the loss as it is."
        )
    if rebinding := rebinding_line(part):
        return (
            f"`.grad` is None, because line {rebinding} makes a new tensor that is no weight of "
            "the model. Change the weight itself, in place: `param -= ...` under `torch.no_grad()`."
        )
    if copies := line_before(part, line + 1 if line else None, "clone", "deepcopy", "detach"):
        return (
            f"`.grad` is None, because line {copies} makes copies, which get no gradients. Go "
            "through `model.parameters()` itself."
        )
    return (
        "`.grad` is None: it was cleared between `backward()` and the update, or this weight takes "
        "no part in the loss."
    )


def _shapes(rows: int, columns: int, inputs: int, outputs: int) -> str:
    said = f"a layer with {inputs} inputs gets {columns} numbers per image"
    if inputs == _PIXELS and outputs == columns:
        return f"{said}: it is the first layer, used twice or after another one."
    if outputs == columns:
        return (
            f"{said}, and has {outputs} outputs: its two sizes are swapped. "
            "`nn.Linear` takes the number of inputs first."
        )
    if columns == 28:
        return f"{said}: flatten the images to rows of 784 first."
    return f"{said}: each layer's inputs are the outputs of the one before it."
