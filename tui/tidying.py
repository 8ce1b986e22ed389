"""Garbage collection that no key waits for.

Python's own full collection looks at all objects, some 12 ms here, whenever enough have been made.
Here what is loaded is left out, only young objects are looked at by themselves, and all others
when nobody has pressed a key for a while.
"""

import gc

SECONDS = 30.0
"""From one full collection to the next, at least."""
QUIET_SECONDS = 1.0
"""So long nobody has pressed a key when one begins."""
_NEVER = 1_000_000
"""Collections of younger objects until a full one, which thus does not come by itself."""


def wait() -> None:
    """Puts off all collections, while what is made stays."""
    gc.disable()


def begin() -> None:
    """Leaves out all that there is now, and looks at young objects only from now on."""
    gc.freeze()
    youngest, young, _ = gc.get_threshold()
    gc.set_threshold(youngest, young, _NEVER)
    gc.enable()


def collect() -> None:
    """Looks at all objects, but those that were there at the beginning."""
    gc.collect()
