import signal

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

signal.signal(signal.SIGINT, signal.default_int_handler)
"""Also where it is ignored, as in a shell's background job: the programs under test inherit that."""
