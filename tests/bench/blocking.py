"""The command, noting how much processor time each turn of its event loop takes.

    python -m tests.bench.blocking FILE [arguments of mnistop]

What else the machine does makes no difference to that, unlike to the time until a key is answered.
At its end the command writes the milliseconds of all turns that took one or more to the file.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

_turns: list[float] = []


def _watch() -> None:
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> Any:
        started = time.thread_time()
        try:
            return run(handle)
        finally:
            if (took := 1000 * (time.thread_time() - started)) >= 1:
                _turns.append(took)

    asyncio.Handle._run = timed  # type: ignore[method-assign]


def main() -> None:
    path = Path(sys.argv.pop(1))
    _watch()
    from mnistop.__main__ import main

    try:
        main()
    finally:
        path.write_text(json.dumps(_turns))


if __name__ == "__main__":
    main()
