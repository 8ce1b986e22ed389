"""What the fork server loads first: from then on no hang-up ends it, and its own end is quick.

While PyTorch loads, starts of runs wait in its socket. A dropped line would take them with it:
the server is one of the processes that a terminal sends SIGHUP to when it goes, and a batch system
sends a warning before the end of a job, often SIGUSR1, to every process of the job. It is started
with these signals blocked, and ends when the last process that can ask it for something does.
Whoever reads what the program prints waits for that: to take PyTorch apart would be a fifth of a
second.

It prints nothing: where it fails, for lack of memory or of processes, whoever has asked it for
something says so in a sentence, and a traceback would land in the middle of a screen.
"""

import atexit
import os
import signal

from mnistop.engine.process.fork_server import OUTLIVED
from mnistop.engine.process.stdio import HELPER, set_title

for number in OUTLIVED:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_UNBLOCK, OUTLIVED)
atexit.register(os._exit, 0)
set_title(HELPER)
if not os.environ.get("MNISTOP_DEBUG"):
    _null = os.open(os.devnull, os.O_RDWR)
    os.dup2(_null, 2)
    os.close(_null)
