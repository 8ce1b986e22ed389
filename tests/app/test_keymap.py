"""The user's own keys, from the configuration file."""

from pathlib import Path

import pytest
from textual.binding import Binding

from engine.errors import MnistopError
from tui.keymap import read_keymap

KEYS = [
    [Binding("r", "train", id="train"), Binding("space", "pause", id="pause")],
    [Binding("left,h", "move(-1)", id="charts.earlier"), Binding("s", "log", id="charts.log")],
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
    ("content", "complaint"),
    [
        (b"[keys\n", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
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


def test_a_file_that_may_not_be_read_gets_a_sentence(config: Path) -> None:
    config.mkdir()
    with pytest.raises(MnistopError, match="cannot be read"):
        read_keymap(known)
