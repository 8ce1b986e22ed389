"""The user's own keys, from the configuration file."""

import os
from pathlib import Path

import pytest
from textual.binding import Binding

from mnistop.engine.errors import MnistopError
from mnistop.tui.features.mistakes.screen import MistakesScreen
from mnistop.tui.toolkit.bindings import bindings, declared, key
from mnistop.tui.toolkit.list_pane import ListPane
from mnistop.tui.toolkit.preferences import RENAMED, read_keymap, takes_mouse

KEYS = [
    [Binding("r", "train", id="train"), Binding("space", "pause", id="pause")],
    [Binding("left,h", "move(-1)", id="charts.earlier"), Binding("s", "log", id="charts.log")],
    [Binding("up,k", "move(-1)", id="list.up")],
]


def known() -> list[list[Binding]]:
    return KEYS


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration file, which is not there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "mnistop" / "config.toml"
    path.parent.mkdir()
    return path


def test_without_a_file_all_keys_are_as_they_are(config: Path) -> None:
    assert read_keymap(known) == {}


def test_a_file_without_keys_changes_none(config: Path) -> None:
    config.write_text("slow = true\n")
    assert read_keymap(known) == {}


@pytest.mark.parametrize("name", ["charts.earlier", '"charts.earlier"'])
def test_keys_are_read_by_the_id_of_what_they_do(config: Path, name: str) -> None:
    config.write_text(f'[keys]\ntrain = "t"\n{name} = "comma"\n')
    assert read_keymap(known) == {"train": "t", "charts.earlier": "comma"}


def test_keys_may_change_places(config: Path) -> None:
    config.write_text('[keys]\ntrain = "space"\npause = "r"\ncharts.log = "r"\n')
    assert read_keymap(known) == {"train": "space", "pause": "r", "charts.log": "r"}


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ('"mistakes.up" = "w"\n', {"list.up": "w"}),
        ('mistakes.up = "w"\ntrain = "t"\n', {"list.up": "w", "train": "t"}),
        ('list.up = "x"\nmistakes.up = "w"\n', {"list.up": "x"}),
    ],
)
def test_an_id_of_an_earlier_version_works_and_its_new_name_is_told(
    config: Path, content: str, keys: dict[str, str]
) -> None:
    config.write_text(f"[keys]\n{content}")
    told: list[str] = []
    assert read_keymap(known, told.append) == keys
    assert told == [f"{config}: mistakes.up is now list.up; the old names still work."]


def test_ids_of_this_version_are_taken_without_a_word(config: Path) -> None:
    config.write_text('[keys]\nlist.up = "w"\n')
    told: list[str] = []
    assert read_keymap(known, told.append) == {"list.up": "w"}
    assert told == []


def test_all_new_ids_are_in_use_and_the_old_ones_are_not() -> None:
    ids = {binding.id for binding in declared(ListPane, MistakesScreen)}
    assert ids.issuperset(RENAMED.values())
    assert ids.isdisjoint(RENAMED)


def test_a_row_takes_characters_for_keys_and_the_name_of_its_table() -> None:
    [row] = bindings("charts", key("smoother", "+,=,/,pageup,R", "smooth(1)", "Smooth", "Smooth"))
    assert isinstance(row, Binding)
    assert row.id == "charts.smoother"
    assert row.key == "plus,equals_sign,slash,pageup,R"
    assert bindings("", key("train", "r", "train", "Train", "Train")) == [
        Binding("r", "train", "Train", id="train", tooltip="Train")
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"[keys\n", "cannot be read"),
        (b"\xff\xfe", "line 1 is not UTF-8"),
        (b"[keys]\ntrain = '\xe4'\n", "line 2 is not UTF-8"),
        (b"x = " + b"[" * 100_000 + b"]" * 100_000, "more than 64 kilobytes"),
        (b"x = " + b"[\n" * 10_000 + b"]\n" * 10_000, "nested too deeply"),
        (b"[keys" + b".a" * 10_000 + b"]\nb = 't'\n", "a line of more than 1,000 bytes"),
        (b"[keys" + b".a" * 400 + b"]\nb = 't'\n", r"no key is called a\.a\.a.*\.\.\.:"),
        (b'[keys]\ntrain = "\\u0001"\n', r'train cannot be the key "\\x01"'),
        (b'[keys]\ntrain = "ctrl+\\u009b"\n', r'train cannot be the key "ctrl\+\\x9b"'),
        (b'[keys]\ntrain = "t,\\n"\n', r'train cannot be the key "\\n"'),
        (b'[keys]\ntrain = " "\n', 'train cannot be the key " "'),
        (b'[keys]\n"x\\u001b[2J" = "t"\n', r"no key is called x\\x1b\[2J"),
        (b'mouse = "no"\n', "mouse must be true or false"),
        (b"[keys]\ntrain = 1\n", "train must be a key"),
        (b'[keys]\ntrain = ""\n', "train must be a key"),
        (b"keys = 5\n", "must be a table"),
        (b'[keys]\ntrian = "t"\n', r"trian: did you mean train\?"),
        (b"[keys]\nxyz = 't'\n", "no key is called xyz"),
        (b'[keys]\ntrain = "t, space"\n', "space would be both train and pause"),
        (b'[keys]\ntrain = "t"\npause = "t"\n', "t would be both train and pause"),
    ],
)
def test_a_file_that_cannot_be_used_gets_a_sentence(
    config: Path, content: bytes, complaint: str
) -> None:
    config.write_bytes(content)
    with pytest.raises(MnistopError, match=complaint) as caught:
        read_keymap(known)
    assert str(config) in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_file_with_a_byte_order_mark_is_read(config: Path) -> None:
    config.write_bytes(b'\xef\xbb\xbf[keys]\r\ntrain = "t"\r\n')
    assert read_keymap(known) == {"train": "t"}


def test_a_pipe_in_the_place_of_the_file_is_not_waited_for(config: Path) -> None:
    os.mkfifo(config)
    with pytest.raises(MnistopError, match="cannot be read: it is not a file of text"):
        read_keymap(known)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_the_right_to_read_it_gets_a_sentence(config: Path) -> None:
    config.write_text("mouse = false\n")
    config.chmod(0)
    with pytest.raises(MnistopError, match="cannot be read: permission denied"):
        read_keymap(known)


def test_the_mouse_is_left_alone_where_the_file_says_so(config: Path) -> None:
    assert takes_mouse()
    config.write_text("mouse = false\n")
    assert not takes_mouse()
    config.write_text("mouse = [\n")
    assert takes_mouse()


def test_a_file_that_may_not_be_read_gets_a_sentence(config: Path) -> None:
    config.mkdir()
    with pytest.raises(MnistopError, match="cannot be read"):
        read_keymap(known)
