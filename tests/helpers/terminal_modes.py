"""The modes that a terminal program switches on, and has to switch off again."""

from tests.helpers.pseudo_terminal import Terminal

ENTERED, LEFT = b"\x1b[?1004h", b"\x1b[?1004l"
"""The reports of focus, which are switched on as one of the last modes."""
GIVEN_BACK = {
    b"\x1b[?1049h": b"\x1b[?1049l",
    b"\x1b[?25l": b"\x1b[?25h",
    b"\x1b[?1000h": b"\x1b[?1000l",
    b"\x1b[?1002h": b"\x1b[?1002l",
    b"\x1b[?1006h": b"\x1b[?1006l",
    b"\x1b[?1004h": b"\x1b[?1004l",
    b"\x1b[?2004h": b"\x1b[?2004l",
    b"\x1b[?7l": b"\x1b[?7h",
}
"""What is switched on, and how it is switched off."""


def assert_given_back(shown: Terminal) -> None:
    """The terminal is set as it was, and the last word on every mode is the one that undoes it."""
    assert shown.settings() == shown.settings_before
    assert_modes_given_back(shown)


def assert_modes_given_back(shown: Terminal) -> None:
    """Every mode that was switched on is switched off."""
    for taken, undone in GIVEN_BACK.items():
        assert taken in shown.written
        assert shown.written.rindex(undone) > shown.written.rindex(taken)
