"""Garbage collection that nobody waits for.

Python looks at all objects whenever enough have been made, 12 ms each time here. So nothing is
collected while a command loads, and what is loaded is left out later. In the app only young
objects are looked at by themselves, and all others when nobody has pressed a key for a while.
"""

import gc

SECONDS = 30.0
"""From one full collection of the app to the next, at least."""
QUIET_SECONDS = 1.0
"""So long nobody has pressed a key when one begins."""
_NEVER = 1_000_000
"""Collections of younger objects until a full one, which thus does not come by itself."""


def put_off() -> None:
    """Collect nothing until one of the next two is called."""
    gc.disable()


def go_on() -> None:
    """Exempt all present objects, and collect as Python does from now on."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def go_on_between_keys() -> None:
    """Exempt all present objects, and collect only young ones unasked."""
    if not gc.isenabled():
        go_on()
        youngest, young, _ = gc.get_threshold()
        gc.set_threshold(youngest, young, _NEVER)


def collect() -> None:
    """Collect all objects but the exempt ones."""
    gc.collect()
