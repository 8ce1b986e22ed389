"""Python's pickles: never opened, as any code in them would run. How to convert them instead."""

import re
import shlex
from pathlib import Path

_PAIR = "i, l = pickle.load({open}({path!r}{mode})); numpy.savez({to!r}, images=i, labels=l)"
_CIFAR = (
    "d = pickle.load({open}({path!r}{mode}), encoding='bytes'); "
    "numpy.savez({to!r}, images=d[b'data'].reshape(-1, 3, 32, 32), labels=d[b'labels'])"
)
_THREE_PAIRS = (  # as deeplearning.net has MNIST
    "(i, l), (vi, vl), (ti, tl) = pickle.load({open}({path!r}{mode}), encoding='latin1'); "
    "numpy.savez({to!r}, train_images=i, train_labels=l, val_images=vi, val_labels=vl, "
    "test_images=ti, test_labels=tl)"
)


def how_to_convert(path: Path) -> str:
    """Return a command that converts a pickle to an `.npz`, by what files of its name hold."""
    if re.fullmatch(r"data_batch_\d|test_batch", path.name):
        line = _CIFAR
    elif re.fullmatch(r"mnist.*\.pkl(\.gz)?", path.name.lower()):
        line = _THREE_PAIRS
    else:
        line = _PAIR
    packed = path.suffix == ".gz"
    line = line.format(
        open="gzip.open" if packed else "open",
        path=str(path),
        mode="" if packed else ", 'rb'",
        to=str(path.with_name(re.sub(r"(\.p(kl|ickle)?)?(\.gz)?$", ".npz", path.name, count=1))),
    )
    program = f"import {'gzip, ' if packed else ''}numpy, pickle; {line}"
    is_plain = not set(program) & set('"$`\\!')
    quoted = f'"{program}"' if is_plain else shlex.quote(program)
    return f"python -c {quoted}"
