"""How many processor threads train a model where `threads` is `auto`.

Nearly all the time of a training goes into matrix products. More threads make a large one shorter,
but after each they wait for one another, which costs more than a small product takes. Both are
constants here, not measured at the start: the number decides the bits, and is to be the same
whenever a run is trained on the same machine. `python -m tests.bench.threads` prints the choice
beside what is fastest.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

MULTIPLICATIONS_PER_SECOND = 60e9
"""Of one core, in float32."""
WAIT_SECONDS = 80e-6
"""After a product, for each thread beside the first. An idle machine needs some 15; on one that is
shared, threads wait for others that are not running, and several are soon slower than one."""
EVALUATION_ROWS = 4096
"""Images that are evaluated at once."""
_WORTH = 1.1
"""A training may take this much longer than at best if that takes fewer threads."""


def choose_threads(
    layers: Sequence[int], batch_size: int, training: int, validation: int, cores: int
) -> int:
    """Return how many threads train a model well.

    Args:
        layers: numbers of inputs, hidden neurons and outputs, in order.
        batch_size: images of a step.
        training: images to train on.
        validation: images to evaluate after each epoch.
        cores: as many may be used.
    """
    products = list(_products(layers, batch_size, training, validation))
    seconds = [
        sum(
            count * (size / threads / MULTIPLICATIONS_PER_SECOND + (threads - 1) * WAIT_SECONDS)
            for size, count in products
        )
        for threads in range(1, max(1, cores) + 1)
    ]
    return next(i for i, each in enumerate(seconds, 1) if each <= _WORTH * min(seconds))


def _products(
    layers: Sequence[int], batch_size: int, training: int, validation: int
) -> Iterator[tuple[int, float]]:
    """The multiplications of each matrix product of an epoch, and how often it is computed."""
    batch, rows = min(batch_size, training), min(EVALUATION_ROWS, validation)
    for number, (inputs, outputs) in enumerate(pairwise(layers)):
        passes = 3 if number else 2  # no gradient of the images is needed
        yield batch * inputs * outputs, passes * training / batch
        yield rows * inputs * outputs, validation / rows
