"""All benchmarks: `python -m tests.bench`."""

from tests.bench import interface, training

training.main()
interface.main()
