import signal

from hypothesis import settings

settings.register_profile("searching", deadline=None)
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
"""The same examples each time; `--hypothesis-profile searching` looks for ones that fail."""

signal.signal(signal.SIGINT, signal.default_int_handler)
"""Also in a shell's background job, where it is ignored: the programs under test inherit that."""
