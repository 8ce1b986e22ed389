"""The openml source, with OpenML's answers kept in a folder or served on this machine."""

import gzip
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import _openml as scikit_learn

from mnistop.engine.data.readers import openml
from mnistop.engine.data.sources import load, loads_quickly
from mnistop.engine.errors import DataError
from tests.helpers.data_files import (
    ARFF_PATH,
    openml_answers,
    some_images,
    some_labels,
    unseen_of,
    write_openml_cache,
)

IMAGES, LABELS = some_images(6), some_labels(6)
SEARCH = "api/v1/json/data/list/data_name/mnist_784/limit/2/data_version/1"


def point_scikit_learn_at(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_SEARCH_NAME", "_DATA_INFO", "_DATA_FEATURES", "_DATA_QUALITIES"):
        _, _, _, path = getattr(scikit_learn, name).split("/", 3)
        monkeypatch.setattr(scikit_learn, name, f"{server}/{path}")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache, no network, and no patience."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("MNISTOP_CACHE", str(folder))
    monkeypatch.setattr(openml, "TIMEOUT", 0.2)
    monkeypatch.setattr(openml, "PROGRESS_INTERVAL", 0.01)
    monkeypatch.setattr(scikit_learn.time, "sleep", lambda seconds: None)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed_port = unused.getsockname()[1]
    point_scikit_learn_at(f"http://127.0.0.1:{closed_port}", monkeypatch)
    yield folder
    for thread in threading.enumerate():
        if thread.name == "fetch mnist_784":
            thread.join()  # before the network is there again


class Server(ThreadingHTTPServer):
    """Answers as OpenML does, or as badly as `status`, `stalls` and `breaks_off` say."""

    daemon_threads = True
    answers: dict[str, bytes]
    status = 200
    stalls = False
    breaks_off = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.answers = openml_answers(IMAGES, LABELS, self.url)
        self.ended = threading.Event()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, path = self.server, self.path.lstrip("/")
        content = gzip.compress(server.answers[path])
        self.send_response(server.status)
        self.send_header("Content-Encoding", "gzip")
        bad = path == ARFF_PATH and (server.stalls or server.breaks_off)
        self.send_header("Content-Length", str(len(content) + (1_000_000 if bad else 0)))
        self.end_headers()
        if bad:
            self.wfile.write(content[:60] if server.breaks_off else bytes(300_000))
            if server.stalls:
                server.ended.wait(100)
        else:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server() as server:
        point_scikit_learn_at(server.url, monkeypatch)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()


# --- with OpenML's answers already there ---------------------------------------------------------


def test_what_scikit_learn_has_fetched_is_read_without_network(cache: Path) -> None:
    write_openml_cache(cache, openml_answers(IMAGES, LABELS))
    assert not loads_quickly("openml")
    lines: list[str] = []
    dataset = load("openml", progress=lines.append)
    assert np.array_equal(dataset.images, IMAGES / np.float32(255))
    assert dataset.labels.tolist() == LABELS.tolist()
    assert lines[0] == "loading openml"
    assert lines[1].startswith("reading mnist_784, about half a minute and only this once")


def test_the_second_time_only_the_kept_arrays_are_read(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_openml_cache(cache, openml_answers(IMAGES, LABELS))
    first = load("openml")
    assert loads_quickly("openml")
    monkeypatch.setattr(openml, "_fetch", None)
    again = load("openml", 2)
    assert np.array_equal(again.images, first.images[:2])
    assert "LeCun" in again.provenance
    assert [path.name for path in cache.iterdir() if path.is_file()] == ["mnist_784.npz"]


def test_it_is_split_as_mnist_is(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_openml_cache(cache, openml_answers(IMAGES, LABELS))
    monkeypatch.setattr(openml, "_TRAINING", 4)
    dataset = load("openml")
    assert dataset.labels.tolist() == LABELS[:4].tolist()
    assert unseen_of(dataset)[1].tolist() == LABELS[4:].tolist()
    assert load("openml", split="random").labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("length", [0, 1, 100, 400, -1])
def test_a_torn_kept_file_is_made_anew(cache: Path, length: int) -> None:
    write_openml_cache(cache, openml_answers(IMAGES, LABELS))
    first = load("openml")
    kept = cache / "mnist_784.npz"
    whole = kept.read_bytes()
    kept.write_bytes(whole[:length])
    assert np.array_equal(load("openml").images, first.images)
    assert len(kept.read_bytes()) == len(whole)


def test_a_kept_file_with_a_flipped_pixel_is_made_anew(cache: Path) -> None:
    write_openml_cache(cache, openml_answers(IMAGES, LABELS))
    first = load("openml")
    kept = cache / "mnist_784.npz"
    kept.write_bytes(kept.read_bytes().replace(IMAGES.tobytes(), bytes(IMAGES.nbytes)))
    assert np.array_equal(load("openml").images, first.images)


@pytest.mark.slow
def test_a_flipped_byte_anywhere_in_the_kept_file_is_no_matter(cache: Path) -> None:
    """Three bytes of a zip archive's end say where its list of members begins."""
    write_openml_cache(cache, openml_answers(IMAGES, LABELS))
    load("openml")
    kept = cache / "mnist_784.npz"
    whole = kept.read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        kept.write_bytes(damaged)
        stored = openml._read_kept(kept)
        assert stored is None or np.array_equal(stored.parts[0].images.ravel(), IMAGES.ravel())


def test_a_kept_file_with_a_list_of_members_nowhere_is_made_anew(cache: Path) -> None:
    write_openml_cache(cache, openml_answers(IMAGES, LABELS))
    first = load("openml")
    kept = cache / "mnist_784.npz"
    damaged = bytearray(kept.read_bytes())
    damaged[-4] ^= 0xFF
    kept.write_bytes(damaged)
    assert np.array_equal(load("openml").images, first.images)


def test_a_torn_kept_file_is_not_at_hand(cache: Path) -> None:
    cache.mkdir()
    (cache / "mnist_784.npz").write_bytes(b"PK\x03\x04 torn")
    assert not loads_quickly("openml")


def test_a_damaged_download_is_not_taken_for_data(cache: Path) -> None:
    write_openml_cache(cache, openml_answers(IMAGES, LABELS))
    (cache / "openml" / "openml.org" / f"{ARFF_PATH}.gz").write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(DataError, match="bundled source needs no network"):
        load("openml")


def test_answers_that_make_no_sense_say_which_folder_to_delete(cache: Path) -> None:
    write_openml_cache(cache, {SEARCH: b'{"error": "maintenance"}'})
    with pytest.raises(DataError, match=f"{cache}/openml make no sense: delete that folder"):
        load("openml")


def test_a_cache_that_cannot_be_written_says_how_to_choose_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MNISTOP_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError, match="set MNISTOP_CACHE to a folder that can be written"):
        load("openml")


def test_arrays_that_cannot_be_kept_are_used_all_the_same(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(part: object, kept: object) -> None:
        raise OSError(28, "No space left on device")

    write_openml_cache(cache, openml_answers(IMAGES, LABELS))
    monkeypatch.setattr(openml, "_keep", full)
    lines: list[str] = []
    assert len(load("openml", progress=lines.append)) == 6
    assert "No space left on device" in lines[-1]


# --- over the network ----------------------------------------------------------------------------


def test_the_data_set_is_fetched_once(server: Server) -> None:
    assert len(load("openml")) == 6
    server.status = 404
    assert len(load("openml")) == 6


def test_waiting_for_an_answer_is_shown() -> None:
    assert openml._state([], 3.4) == "asking OpenML for mnist_784: 3 s"


def test_no_network_is_told_with_what_works_without() -> None:
    with pytest.raises(DataError, match=r"cannot be reached.*bundled source needs no network"):
        load("openml")


def test_a_missing_page_is_told(server: Server) -> None:
    server.status = 404
    with pytest.raises(DataError, match="OpenML answered 404 Not Found: try again later"):
        load("openml")


def test_a_withdrawn_data_set_is_told(server: Server) -> None:
    server.status = 412
    server.answers |= {f"{SEARCH}/status/deactivated": b""}
    with pytest.raises(DataError, match="OpenML says that it has no mnist_784"):
        load("openml")


def test_a_download_that_stalls_shows_how_far_it_is_and_then_gives_up(
    server: Server, cache: Path
) -> None:
    server.stalls = True
    leftover = cache / "openml" / "openml.org" / "data" / "tmpleft" / "mnist_784.arff.gz"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(bytes(5_000_000))
    lines: list[str] = []
    with pytest.raises(DataError, match=r"OpenML did not answer for 0\.2 s"):
        load("openml", progress=lines.append)
    assert any(line.startswith("fetching mnist_784 from OpenML: 0.3 MB at") for line in lines)


def test_a_download_that_breaks_off_is_told(server: Server) -> None:
    server.breaks_off = True
    with pytest.raises(DataError, match="download from OpenML broke off: try again"):
        load("openml")


def test_another_content_than_described_is_told(server: Server) -> None:
    server.answers[ARFF_PATH] = server.answers[ARFF_PATH].replace(b"255", b"254")
    with pytest.raises(DataError, match="is not mnist_784, by its checksum"):
        load("openml")


def test_fetching_can_be_interrupted_and_leaves_the_timeout_as_it_was(server: Server) -> None:
    class InterruptedByTestError(Exception):
        pass

    def interrupt(text: str) -> None:
        if text.startswith(("asking", "fetching")):
            raise InterruptedByTestError

    server.status = 404
    with pytest.raises(InterruptedByTestError):
        load("openml", progress=interrupt)
    assert socket.getdefaulttimeout() is None
