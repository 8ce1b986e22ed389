import signal

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

signal.signal(signal.SIGINT, signal.default_int_handler)
"""Also in a shell's background job, where it is ignored: the programs under test inherit that."""
