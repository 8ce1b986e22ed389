"""The index of runs: it says what the folders say, and can be lost."""

import json
import os
from pathlib import Path

import pytest

from mnistop.engine.config import RunConfig
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.entry import LONGEST_NAME, About, read_about, write_about
from mnistop.engine.runs.event_log import EventTail
from mnistop.engine.runs.index import FILE, Index, list_all
from mnistop.engine.runs.run_folder import Run
from tests.helpers import made_up
from tests.helpers.selection import one_in


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path))
    return tmp_path


def add(store: Path, number: int, epochs: int = 3, ends: bool = True, **values: object) -> Run:
    name = f"20260101-1200{number:02}-quiet-otter"
    said = made_up.story(epochs, name) + ([made_up.finished(epochs, name)] if ends else [])
    return made_up.write_run(store, said, RunConfig(epochs=10, **values), name)  # type: ignore[arg-type]


def test_it_lists_runs_newest_first_with_what_they_have_come_to(store: Path) -> None:
    for number in (2, 0, 1):
        add(store, number, epochs=number + 1, lr=0.5)
    found = list_all().runs
    assert [one.run for one in found] == run_folder.list_runs()
    newest = found[0]
    assert (newest.state, newest.overview.epochs, newest.overview.planned) == ("finished", 3, 10)
    assert newest.overview.best_epoch == 2
    assert newest.overview.best_val_acc == made_up.epoch(2).val_acc
    assert newest.overview.val_loss == made_up.epoch(2).val_loss
    assert newest.overview.seconds == pytest.approx(0.03)
    assert newest.differences() == "epochs 10, lr 0.5"
    assert newest.config() == newest.run.config()
    images = f"{store}/far/away/digits/x.npy,/y.npy"
    add(store, 9, source=images)
    newest = list_all().runs[0]
    assert newest.differences() == "source digits/x.npy,/y.npy, epochs 10"
    assert newest.config().source == images


def test_what_has_been_read_is_not_read_again(store: Path) -> None:
    add(store, 0)
    list_all()
    (store / FILE).chmod(0o600)
    kept = json.loads((store / FILE).read_text())
    [entry] = kept["runs"].values()
    entry["overview"]["val_acc"] = 0.123
    (store / FILE).write_text(json.dumps(kept))
    assert list_all().runs[0].overview.val_acc == 0.123


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"version": 1}', b"\xff" * 100, b'{"version": 99, "runs": {}}']
)
def test_a_lost_or_damaged_index_is_made_again(store: Path, content: bytes) -> None:
    add(store, 0)
    before = list_all().runs
    (store / FILE).write_bytes(content)
    assert list_all().runs == before
    (store / FILE).unlink()
    assert list_all().runs == before
    assert (store / FILE).exists()


def test_an_index_of_other_defaults_is_not_believed(store: Path) -> None:
    add(store, 0)
    list_all()
    kept = json.loads((store / FILE).read_text())
    kept["defaults"]["lr"] = "7"
    [entry] = kept["runs"].values()
    entry["overview"]["val_acc"] = 0.123
    (store / FILE).write_text(json.dumps(kept))
    assert list_all().runs[0].overview.val_acc != 0.123


def test_a_changed_run_is_read_anew(store: Path) -> None:
    run = add(store, 0, epochs=2, ends=False)
    index = list_all()
    assert [one.state for one in index.runs] == ["interrupted"]
    made_up.say(run, [made_up.epoch(2, run.name), made_up.stopped(3, run.name)])
    assert index.look()
    assert [(one.state, one.overview.epochs) for one in index.runs] == [("stopped", 3)]
    assert [(one.state, one.overview.epochs) for one in list_all().runs] == [("stopped", 3)]


def test_a_running_run_is_followed(store: Path) -> None:
    run = add(store, 0, epochs=1, ends=False)
    add(store, 1)
    with made_up.training(run):
        index = list_all()
        assert [one.state for one in index.runs] == ["finished", "running"]
        for epoch in range(1, 4):
            made_up.say(run, [made_up.epoch(epoch, run.name)])
            index.look_at_live()
            assert index.runs[1].overview.epochs == epoch + 1
            assert index.runs[1].overview.best_epoch == epoch
    index.look_at_live()
    assert index.runs[1].state == "interrupted"


def du(run: Run) -> int:
    """Return the disk usage of a run's files by `du`, without the folder itself."""
    return sum(512 * path.stat().st_blocks for path in run.path.rglob("*") if path.is_file())


def test_the_size_of_a_run_is_kept_and_measured_anew_when_its_files_change(store: Path) -> None:
    run = add(store, 0)
    (run.path / "checkpoint.pt").write_bytes(b"x" * 300_000)
    assert list_all().runs[0].bytes == du(run) > 300_000
    kept = json.loads((store / FILE).read_text())
    kept["runs"][run.name]["bytes"] = 7
    (store / FILE).write_text(json.dumps(kept))
    assert list_all().runs[0].bytes == 7  # believed, since nothing has changed
    (run.path / "best.pt").write_bytes(b"x" * 100_000)
    index = list_all()
    assert index.runs[0].bytes == du(run) > 400_000
    (run.path / "checkpoint.pt").unlink()
    index.look()
    assert index.runs[0].bytes == du(run) < 200_000


def test_a_run_in_training_grows(store: Path) -> None:
    run = add(store, 0, ends=False)
    with made_up.training(run):
        index = list_all()
        before = index.runs[0].bytes
        with (run.path / "events.jsonl").open("ab") as log:
            log.write(b"\n" * 100_000)
        index.look()
        assert before is not None
        assert index.runs[0].bytes == du(run) > before + 90_000


def test_a_rewritten_run_is_read_from_its_start(store: Path) -> None:
    run = add(store, 0, epochs=5, ends=False)
    index = list_all()
    (run.path / "events.jsonl").unlink()
    made_up.say(run, made_up.story(2, run.name))
    index.look()
    assert index.runs[0].overview.epochs == 2


def test_new_and_deleted_runs_are_noticed(store: Path) -> None:
    first = add(store, 0)
    index = list_all()
    add(store, 1)
    index.look_at_live()
    assert len(index.runs) == 2
    first.delete()
    index.look_at_live()
    assert [one.run.name for one in index.runs] == ["20260101-120001-quiet-otter"]


def test_reading_stops_when_time_is_up_and_goes_on_later(store: Path) -> None:
    for number in range(5):
        add(store, number)
    index = Index()
    assert not index.look(seconds=0)
    assert (len(index.runs), index.unread) == (1, 4)
    assert index.look()
    assert (len(index.runs), index.unread) == (5, 0)


def test_a_damaged_run_is_told_and_hides_no_other(store: Path) -> None:
    add(store, 0)
    damaged = add(store, 1)
    (damaged.path / "config.json").write_text("{")
    index = list_all()
    assert [one.run.name for one in index.runs] == ["20260101-120000-quiet-otter"]
    assert index.problems == {damaged: f"Run {damaged.name} has a damaged config.json."}


def test_a_store_that_cannot_be_written_is_listed(store: Path) -> None:
    add(store, 0)
    (store / FILE).mkdir()
    assert len(list_all().runs) == 1
    assert [path.name for path in store.iterdir() if path.name.startswith(f"{FILE}.")] == []


def test_no_folder_is_no_runs(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTOP_RUNS", str(store / "none"))
    index = list_all()
    assert (list(index.runs), index.problems) == ([], {})
    assert not (store / "none").exists()


def test_a_name_and_a_note_are_kept_with_the_run(store: Path) -> None:
    run = add(store, 0)
    index = list_all()
    assert index.runs[0].title == "quiet-otter"
    write_about(run, About("too\x1b[31m high\n", "x" * 10_000))
    assert read_about(run).name == "too [31m high"
    index.look()
    assert index.runs[0].title == "too [31m high"
    write_about(run, About("y" * 100))
    assert read_about(run) == About("y" * LONGEST_NAME)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"name": 7}', b'{"name": "' + b"x" * 99])
def test_damaged_words_on_a_run_say_nothing(store: Path, content: bytes) -> None:
    run = add(store, 0)
    (run.path / "about.json").write_bytes(content)
    assert read_about(run) == About()
    os.mkfifo(store / "pipe")
    (run.path / "about.json").unlink()
    (run.path / "about.json").symlink_to(store / "pipe")
    assert read_about(run) == About()


def test_the_index_is_private_whatever_the_folder_is_and_whoever_made_it_open(store: Path) -> None:
    add(store, 0)
    store.chmod(0o755)
    before = os.umask(0)
    try:
        list_all()
    finally:
        os.umask(before)
    assert (store / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["group may write", "all may read", "link", "hard link", "pipe"])
def test_an_index_that_is_not_private_is_not_believed(kind: str, store: Path) -> None:
    add(store, 0)
    honest = list_all().runs[0].overview
    index, elsewhere = store / FILE, store / "elsewhere"
    kept = json.loads(index.read_text())
    [entry] = kept["runs"].values()
    entry["overview"]["val_acc"] = 0.123
    index.write_text(json.dumps(kept))
    assert list_all().runs[0].overview.val_acc == 0.123
    match kind:
        case "group may write":
            index.chmod(0o620)
        case "all may read":
            index.chmod(0o644)
        case "link":
            index.rename(elsewhere)
            index.symlink_to(elsewhere)
        case "hard link":
            os.link(index, elsewhere)
        case "pipe":
            index.unlink()
            os.mkfifo(index)
    assert list_all().runs[0].overview == honest
    assert index.stat().st_mode & 0o777 == 0o600
    assert index.is_file()
    assert not index.is_symlink()


def test_no_file_is_overwritten_by_way_of_a_link_that_somebody_has_laid(store: Path) -> None:
    precious = store / "precious"
    precious.write_text("kept")
    for name in (FILE, f"{FILE}.{os.getpid()}", f"{FILE}.{os.getpid()}.new", f"{FILE}.new"):
        (store / name).symlink_to(precious)
    add(store, 0)
    list_all()
    assert precious.read_text() == "kept"


SPARSE = 60 << 30


def test_a_sparse_log_of_60_gigabytes_is_leapt_over_and_said(store: Path) -> None:
    run = add(store, 0)
    os.truncate(run.events_path, SPARSE)
    for _ in range(2):  # also when it was read before
        index = list_all()
        [listed] = index.runs
        assert (listed.state, listed.overview.epochs) == ("finished", 3)
        assert "events.jsonl is damaged: it has holes of 64,4" in index.problems[run]


def test_what_is_said_behind_a_hole_is_read(store: Path) -> None:
    run = add(store, 0, ends=False)
    os.truncate(run.events_path, SPARSE)
    with open(run.events_path, "ab") as log:
        log.write(b"\n" + made_up.finished(3, run.name).to_json().encode() + b"\n")
    assert list_all().runs[0].state == "finished"


@pytest.mark.parametrize("junk", one_in(5, [b"\0", b"x", b"x\n", b"\n", b'{"event": "Nothing"}\n']))
def test_of_a_log_full_of_junk_a_part_is_read_and_that_is_said(store: Path, junk: bytes) -> None:
    run = add(store, 0)
    with open(run.events_path, "ab") as log:
        for _ in range(100):
            log.write(junk * ((1 << 20) // len(junk)))
    size = run.events_path.stat().st_size
    index = Index()
    index.look()
    [listed] = index.runs
    assert (listed.state, listed.overview.epochs) == ("finished", 3)
    assert "without events it is not read" in index.problems[run]
    tail = EventTail(run)
    while tail.read():
        pass
    assert tail._offset < size
    assert index.look()
    assert run in index.problems


@pytest.mark.parametrize("name", ["config.json", "about.json", FILE])
def test_a_huge_file_of_another_kind_hinders_nobody(store: Path, name: str) -> None:
    run, other = add(store, 0), add(store, 1)
    path = store / name if name == FILE else run.path / name
    path.touch()
    os.truncate(path, SPARSE)
    index = list_all()
    assert other in [listed.run for listed in index.runs]
    assert (run in index.problems) == (name == "config.json")
