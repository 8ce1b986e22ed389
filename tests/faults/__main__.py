"""`python -m tests.faults`: prints how many faults were tried, and how many were survived."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from mnistop.engine import worker
from tests.faults import files, kills, sweeps


def main() -> None:
    """Tries all faults, in a runs folder of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="how many trainings are killed")
    parser.add_argument("--sweep-kills", type=int, default=100, help="how many in sweeps")
    parser.add_argument("--step", type=int, default=1, help="try every so many-th offset only")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNISTOP_RUNS"] = str(Path(folder, "runs"))
        started = time.monotonic()
        files.damage_everything(Path(folder, "trace"), chosen.step).tell()
        print(f"({time.monotonic() - started:.0f} s)\n", flush=True)
        started = time.monotonic()
        tally = kills.kill_and_resume(chosen.kills, chosen.seed)
        print(
            f"kill -9: {tally.kills} at random moments, {tally.while_writing} of them while a file "
            f"was being replaced\nresumed to the same bits: {tally.equal} of {tally.runs} runs "
            f"({time.monotonic() - started:.0f} s)"
        )
        for run in tally.different:
            print(f"  DIFFERENT: {run}")
        started = time.monotonic()
        swept = sweeps.kill_and_resume(chosen.sweep_kills, chosen.seed)
        print(
            f"\nsweeps: {swept.kills_of_sweeps} killed at random moments, and "
            f"{swept.kills_of_members} of their members\ntrained to the end exactly once, with "
            f"the same bits: {swept.equal} of {swept.members} members of {swept.sweeps} sweeps "
            f"({time.monotonic() - started:.0f} s)"
        )
        for problem in swept.wrong:
            print(f"  WRONG: {problem}")
        worker.close()


if __name__ == "__main__":  # the processes that it starts import it too
    main()
