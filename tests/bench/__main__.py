"""All benchmarks: `python -m tests.bench`."""

from tests.bench import brackets, interface, training

training.main()
interface.main()
brackets.main()
