"""Input from the terminal, cut into keys and replies, wherever the line has cut it.

A terminal answers questions, also those of the program before on a slow line. Textual takes a
reply that it does not know for keys: one that ends in `r` would start a training. Here complete
control sequences that are neither keys nor known to Textual are left out, as are those cut short.
Control functions are those of ECMA-48; the replies are xterm's (Control Sequences, ctlseqs).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

from textual import constants, events

from mnistop.tui.terminal.textual_hooks import ANSI_SEQUENCES_KEYS

STATUS = "\x1b[0n"
"""The answer to a status request, as `pieces` hands it on."""

_ESCAPE_SECONDS = 0.1
"""How long an Esc may be the beginning of something, as Textual has it."""
_REST_SECONDS = 1.0
"""How long the rest of a sequence may take to come."""

_PASTE_SECONDS = 5.0
"""How long a pasted text may pause."""

_PASTE, _PASTE_END = "\x1b[200~", "\x1b[201~"
_TOKEN = re.compile(
    r"(?P<mouse>\x1b\[M[^\x1b]{3})|(?P<begun_mouse>\x1b\[M[^\x1b]{0,2}\Z)"
    r"|(?P<csi>\x1b\[[0-?]*[ -/]*[@-~])"
    r"|(?P<string>\x1b(?:\][0-9lLI]|P[0-9;$+>|!?=<]|[X^_][^\x1b])"
    r"[^\x1b\x07\x9c\x18\x1a]*(?:\x07|\x1b\\|\x9c|[\x18\x1a]))"
    r"|(?P<ss3>\x1bO[A-Za-z])"
    r"|(?P<begun>\x1b(?:\[[0-?]*[ -/]*|O"
    r"|(?:\][0-9lLI]|P[0-9;$+>|!?=<]|[X^_][^\x1b])[^\x1b\x07\x9c\x18\x1a]*\x1b?|[\]PX^_]?)\Z)"
    r"|(?P<escape>\x1b)"
    r"|(?P<text>[^\x1b]+)",
    re.DOTALL,
)
_KNOWN = re.compile(
    r"\x1b\[(?:[IO]"  # focus
    r"|<\d{1,6};-?\d{1,6};-?\d{1,6}[Mm]"  # the mouse
    r"|\?(?:2026|2048);\d\$y"  # modes that Textual asks for
    r"|48;\d{1,5}(?::\d*)*;\d{1,5}(?::\d*)*;\d{1,5}(?::\d*)*;\d{1,5}(?::\d*)*t)"  # the size
)
_KEY = re.compile(r"\x1b\[(?P<fields>[\d:;]{0,40})(?P<final>[u~ABCDEFHPQRS])")
_LONGEST = 1 << 16
"""Characters of a begun sequence that is still waited for."""


class Replies:
    """The parser of input, with the part that is incomplete.

    Args:
        clock: tells the seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._begun = ""
        self._since = 0.0
        self._pasted: list[str] | None = None
        """What has come of a text that is being pasted."""

    def pieces(self, text: str) -> Iterator[str | events.Event]:
        """Parse text, and yield its meaning piece by piece.

        Args:
            text: what has come; empty to look whether something begun has been given up.

        Yields:
            Text and sequences for Textual's parser, events that it would have to wait for, and
            `STATUS`.
        """
        now = self._clock()
        if self._begun and now - self._since > self._patience():
            begun, self._begun = self._begun, ""
            yield from self._given_up(begun)
        if self._pasted is not None and now - self._since > _PASTE_SECONDS:  # its end was lost
            yield self._paste()
        if text:
            self._since = now
        text, self._begun = (self._begun + text, "") if text else ("", self._begun)
        at = 0
        while at < len(text):
            if self._pasted is not None:
                at = self._rest_of_paste(text, at)
                if self._pasted and self._pasted[-1] == _PASTE_END:
                    yield self._paste()
                continue
            token = _TOKEN.match(text, at)
            assert token
            at = token.end()
            if token.lastgroup in ("begun", "begun_mouse") and len(token[0]) < _LONGEST:
                self._begun = token[0]
            elif token.lastgroup == "ss3" and token[0] not in ANSI_SEQUENCES_KEYS:
                at = token.start() + 1
                yield _escape()
            elif token[0] == _PASTE:
                self._pasted = []
            else:
                yield from self._meaning(token)

    @staticmethod
    def _meaning(token: re.Match[str]) -> Iterator[str | events.Event]:
        text = token[0]
        match token.lastgroup:
            case "escape":
                yield _escape()
            case "text" | "ss3":
                yield text
            case "csi" if text in (STATUS, "\x1b[3n"):
                yield STATUS
            case "csi" if text in ANSI_SEQUENCES_KEYS:
                yield text
            case "csi" if _KNOWN.fullmatch(text):
                yield text
            case "csi" if key := _key(text):
                yield key

    def _patience(self) -> float:
        if self._pasted is not None:
            return _PASTE_SECONDS
        return _ESCAPE_SECONDS if self._begun in _KEYS_BEHIND_ESCAPE else _REST_SECONDS

    @staticmethod
    def _given_up(begun: str) -> Iterator[str | events.Event]:
        """Yield keys that looked like the beginning of a sequence; drop any other beginning."""
        if begun in _KEYS_BEHIND_ESCAPE:
            yield _escape()
            if begun[1:]:
                yield begun[1:]

    def _rest_of_paste(self, text: str, at: int) -> int:
        """Read pasted text, and return where it ends; a split end comes with the rest."""
        assert self._pasted is not None
        end = text.find(_PASTE_END, at)
        if end >= 0:
            self._pasted += [text[at:end], _PASTE_END]
            return end + len(_PASTE_END)
        cut = text.rfind("\x1b", at)
        if cut >= 0 and _PASTE_END.startswith(text[cut:]):
            self._begun = text[cut:]
        else:
            cut = len(text)
        self._pasted.append(text[at:cut])
        return len(text)

    def _paste(self) -> events.Paste:
        assert self._pasted is not None
        text = "".join(self._pasted).removesuffix(_PASTE_END)
        self._pasted = None
        return events.Paste(text.replace("\0", ""))


_KEYS_BEHIND_ESCAPE = frozenset({"\x1b", *(f"\x1b{key}" for key in "[]OPX^_")})
"""Esc and a key in one packet; a sequence would have gone on at once."""


def _escape() -> events.Key:
    return events.Key("escape", "\x1b")


def _key(sequence: str) -> str:
    """Return a key in kitty's or xterm's notation, as Textual reads it; empty for a released one.

    Textual takes no alternate keys (`97:65`) and no kinds of events (`;1:3`, 3 for letting go).
    """
    match = _KEY.fullmatch(sequence)
    if not match or constants.DISABLE_KITTY_KEY:
        return ""
    fields = [field.split(":") for field in match["fields"].split(";")]
    numbers = [int(number) for field in fields for number in field if number]
    if any(number > 0x10FFFF or 0xD800 <= number < 0xE000 for number in numbers):
        return ""
    if match["final"] in "u~R" and not fields[0][0]:
        return ""
    if fields[1:] and fields[1][1:] == ["3"]:
        return ""
    plain = [field[0] for field in fields[:2]] + [":".join(field) for field in fields[2:3]]
    return f"\x1b[{';'.join(plain)}{match['final']}"
