"""The module that the fork server loads, so that processes forked off it start at once.

First the server is made to survive its terminal. While PyTorch loads, starts of runs wait in its
socket, and would be lost with it: a terminal that goes sends SIGHUP to all its processes, and a
batch system sends a warning before the end of a job, often SIGUSR1, to all processes of the job.
The server is started with these signals blocked, and ends with the last process that can ask it
for something. That end is quick: whoever reads the program's output waits for it, and to take
PyTorch apart would need a fifth of a second.

The server prints nothing: a traceback would land in the middle of a screen, and where it fails for
lack of memory or of processes, whoever needs it says so in a sentence.

No garbage is collected while PyTorch loads: there is next to none, and the search takes a fifth of
the time. Nothing loaded here is examined later either, else the first collection in each forked
process would copy all that memory.
"""

import gc

gc.disable()

import atexit  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402

from mnistop.engine.process.child import HELPER, set_title  # noqa: E402
from mnistop.engine.process.fork_server import IGNORED_SIGNALS  # noqa: E402

for number in IGNORED_SIGNALS:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED_SIGNALS)
atexit.register(os._exit, 0)
set_title(HELPER)
if not os.environ.get("MNISTOP_DEBUG"):
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 2)
    os.close(null)

import mnistop.engine.analysis.loading  # noqa: E402
import mnistop.engine.data.preparation  # noqa: E402
import mnistop.engine.data.readers.files  # noqa: E402
import mnistop.engine.process.job  # noqa: E402
import mnistop.engine.sweep.job  # noqa: E402, F401

gc.freeze()
gc.enable()
