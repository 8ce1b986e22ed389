"""The fast step of a training on a GPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from mnistop.engine.training.state import TrainState

WARM_UP = 3
"""Steps before one is captured, in which cuBLAS and autograd allocate their buffers."""


class CudaGraphStep:
    """The textbook's steps on a GPU, each by one launch of a CUDA graph.

    A step of a small model is dozens of kernels of a few µs each, and Python takes longer to launch
    one than the GPU to run it. A graph is the whole step, captured once and launched as one. It
    does the same with the same memory each time; so everything that changes from step to step is in
    tensors on the GPU: the rows of the batch, the learning rate, the number of the step, the
    weights, the optimizer's buffers and the position of the random numbers. Nothing here waits for
    the GPU but the capture, once for each size of batch: the usual one and the last one's.

    Args:
        training: the state to continue.
        step: makes a step with rows and a learning rate, both on the GPU, and returns the logits.
    """

    def __init__(self, training: TrainState, step: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._training, self._step = training, step
        optimizer, device = training.optimizer, training.device
        self._rate_set = training.lr
        self._rate = torch.tensor(training.lr, device=device)
        optimizer.steps = self._steps = torch.tensor(int(optimizer.steps), device=device)
        self._graphs: dict[int, tuple[Tensor, CudaGraph]] = {}

    def step(self, rows: Tensor) -> Tensor:
        """Update the weights on a batch of training images.

        Args:
            rows: their rows, on the GPU, `(batch,)`.

        Returns:
            Their logits before the update, `(batch, classes)`.
        """
        if self._training.lr != self._rate_set:
            self._rate_set = self._training.lr
            self._rate.fill_(self._rate_set)
        batch = len(rows)
        if batch not in self._graphs:
            self._graphs[batch] = self._captured(batch)
        its_rows, graph = self._graphs[batch]
        its_rows.copy_(rows)
        return graph.replay().clone()

    def _captured(self, batch: int) -> "tuple[Tensor, CudaGraph]":
        rows = torch.zeros(batch, dtype=torch.int64, device=self._training.device)
        with self._state_restored():
            graph = CudaGraph(lambda: self._step(rows, self._rate), self._training.noise)
        return rows, graph

    @contextmanager
    def _state_restored(self) -> Iterator[None]:
        """Restore weights, optimizer and random generators on leaving."""
        optimizer, noise = self._training.optimizer, self._training.noise
        tensors = [self._steps, *optimizer.parameters]
        for buffers in optimizer.buffers:
            tensors += buffers
        values = [tensor.detach().clone() for tensor in tensors]
        position = noise.get_state()
        yield
        noise.set_state(position)
        with torch.no_grad():
            for tensor, value in zip(tensors, values, strict=True):
                tensor.copy_(value)


class CudaGraph:
    """Work on a GPU, captured once.

    Args:
        work: launches the same kernels each time, waits for none, and returns a tensor.
        generator: source of its random numbers, which goes on from one replay to the next.
    """

    def __init__(self, work: Callable[[], Tensor], generator: torch.Generator) -> None:
        main = torch.cuda.current_stream()
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(main)
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                work()
        main.wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        self._graph.register_generator_state(generator)
        with torch.cuda.graph(self._graph):
            self._result = work()

    def replay(self) -> Tensor:
        """Repeat the work, and overwrite its previous result."""
        self._graph.replay()
        return self._result
