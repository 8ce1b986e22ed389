"""All benchmarks: `python -m tests.bench`."""

from tests.bench import (
    attack_screen,
    attacks,
    brackets,
    browsing,
    commands,
    data,
    gpu,
    growth,
    interface,
    own_loops,
    processes,
    recording,
    runs,
    slow_lines,
    sweeps,
    threads,
    training,
    uneven,
    unseen,
)

training.main()
threads.main()
unseen.main()
uneven.main()
recording.main()
own_loops.main()
growth.main()
processes.main()
gpu.main()
commands.main()
data.main()
interface.main()
browsing.main()
runs.main()
slow_lines.main()
sweeps.main()
attacks.main()
brackets.main()
attack_screen.main()
