"""Input from the terminal: keys are keys, and its replies are none, wherever the line is cut."""

import codecs
import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from textual import events
from textual.message import Message

from mnistop.tui.terminal.replies import STATUS, Replies
from mnistop.tui.terminal.textual_hooks import KeyParser


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def typed(*packets: str, pause: float = 0.0) -> list[str]:
    """The keys that the app gets for what comes in these packets."""
    clock = Clock()
    replies, parser = Replies(clock), KeyParser()
    messages: list[Message] = []
    for packet in (*packets, ""):
        clock.now += pause if packet else 10
        for piece in replies.pieces(packet):
            if piece == STATUS:
                continue
            if isinstance(piece, str):
                parser.feed(piece, messages.append)
            else:
                messages.append(piece)
    return [
        each.key if isinstance(each, events.Key) else f"paste {each.text}"
        for each in messages
        if isinstance(each, events.Key | events.Paste)
    ]


REPLIES = [
    "\x1b[0n",
    "\x1b[3n",
    "\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
    "\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
    "\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
    "\x1b[?62;1;6c",
    "\x1b[>41;354;0c",
    "\x1bP>|xterm(354)\x1b\\",
    "\x1bP1$r0m\x1b\\",
    "\x1bP!|00000000\x1b\\",
    "\x1bP1+r544e=787465726d\x1b\\",
    "\x1b]lterminal\x1b\\",
    "\x1b[8;40;120t",
    "\x1b[4;800;1200t",
    "\x1b[?1u",
    "\x1b[?2031;1$y",
    "\x1b[?997;1n",
    "\x1b_Gi=1;OK\x1b\\",
    "\x1b[12;40R",
    "\x1b[M !!",
]


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_of_the_terminal_is_no_key_wherever_it_is_split(reply: str) -> None:
    for cut in range(1, len(reply)):
        if reply[:cut] not in ("\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b_"):
            assert typed(reply[:cut], reply[cut:], pause=0.3) == [], cut
        assert typed(f"a{reply[:cut]}", f"{reply[cut:]}b", pause=0.01) == ["a", "b"], cut


@pytest.mark.parametrize("reply", REPLIES)
def test_what_is_left_of_a_reply_that_was_cut_short_is_no_key(reply: str) -> None:
    for cut in range(3, len(reply)):
        keys = typed(reply[:cut], "q", pause=5)
        assert keys in (["q"], ["escape", "q"]), cut  # of ESC O, ESC _ and such there is no telling


def test_escape_and_a_key_in_one_packet_are_both() -> None:
    for key in "qr1][OP_X^":
        name = typed(key)
        assert typed(f"\x1b{key}") == ["escape", *name]
    assert typed("\x1b\x1b[A") == ["escape", "up"]
    assert typed("\x1bqq") == ["escape", "q", "q"]
    assert typed("\x1b") == ["escape"]


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("\x1b[A", "up"),
        ("\x1bOA", "up"),
        ("\x1b[5~", "pageup"),
        ("\x1b[1;5D", "ctrl+left"),
        ("\x1b[Z", "shift+tab"),
        ("\x1bOP", "f1"),
        ("\x1b[97;5u", "ctrl+a"),
        ("\x1b[97:65;1:1u", "a"),
        ("\x1b[113;;113u", "q"),
        ("é", "é"),
    ],
)
def test_keys_of_every_notation_are_keys_wherever_they_are_split(sent: str, key: str) -> None:
    (expected,) = typed(sent)
    assert expected == key or sent == "é"
    for cut in range(1, len(sent)):
        assert typed(sent[:cut], sent[cut:], pause=0.01) == [expected]


@pytest.mark.parametrize(
    "sent", ["\x1b[97;1:3u", "\x1b[99999999999u", "\x1b[55296u", "\x1b[1114112;;1114112u"]
)
def test_a_released_key_and_one_that_cannot_be_are_none(sent: str) -> None:
    assert typed(sent, "q") == ["q"]


def test_a_pasted_text_comes_whole_with_its_escapes() -> None:
    text = "\x1b[200~0.1 \x1b[31m\x1b[0n\x1b[201~"
    for first, second in itertools.combinations(range(1, len(text)), 2):
        if first < 3:
            continue
        keys = typed(text[:first], text[first:second], text[second:], "q", pause=0.01)
        assert keys == ["paste 0.1 \x1b[31m\x1b[0n", "q"]
    assert typed("\x1b[200~0.1", "q", pause=10) == ["paste 0.1", "q"]  # its end was lost


noise = st.lists(
    st.sampled_from(
        [*REPLIES, "\x1b", "[", "]", "0", "n", ";", "\x1b[200~", "\x1b[201~", "~", "\x07"]
    )
    | st.text(max_size=3),
    max_size=12,
).map("".join)


@given(noise, st.lists(st.integers(0, 60), max_size=6), st.sampled_from([0.0, 0.2, 3.0]))
@example("\x1b[97:65;2u", [], 0.0)
def test_nothing_that_comes_in_any_pieces_is_a_fault(
    text: str, cuts: list[int], pause: float
) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    packets = [text[start:end] for start, end in itertools.pairwise(edges) if start < end]
    typed(*packets, pause=pause)


@given(
    st.lists(st.sampled_from(REPLIES) | st.sampled_from("rdyqs1é文"), max_size=10),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_among_replies_in_any_pieces_only_the_keys_that_were_pressed_are_keys(
    sent: list[str], cuts: list[int]
) -> None:
    data = "".join(sent).encode()
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    decode = codecs.getincrementaldecoder("utf-8")("ignore").decode
    packets = [decode(data[start:end]) for start, end in itertools.pairwise(edges)]
    pressed = [key for each in sent if each not in REPLIES for key in typed(each)]
    assert typed(*filter(None, packets), pause=0.001) == pressed


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_no_bytes_in_any_pieces_are_a_fault(data: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    decode = codecs.getincrementaldecoder("utf-8")("ignore").decode
    typed(*(decode(data[start:end]) for start, end in itertools.pairwise(edges)), pause=0.2)
