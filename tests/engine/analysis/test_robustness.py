"""The validation set under attack: measured in parts, kept in the run folder, never trusted."""

import io
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mnistop.engine.analysis.attack_set import attack_all
from mnistop.engine.analysis.loading import load_snapshot
from mnistop.engine.analysis.robustness import EPSILONS, Robustness, robustness
from mnistop.engine.errors import RunError
from mnistop.engine.runs import checkpoint
from mnistop.engine.runs.run_folder import Run
from tests.helpers.finished_run import finished_run

pytestmark = pytest.mark.process


@pytest.fixture
def run(tmp_path: Path, finished: Run) -> Run:
    """A copy of the finished run without what was measured."""
    import shutil

    copied = Run(tmp_path / finished.name)
    shutil.copytree(finished.path, copied.path)
    return copied


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with finished_run(tmp_path_factory.mktemp("robust"), epochs=12) as run:
        yield run


def whole(run: Run, epochs: int | None = None) -> Robustness:
    known = robustness(run, epochs)
    while not known.is_complete:
        known = robustness(run, epochs)
    return known


def file_of(run: Run) -> Path:
    return run.path / "robustness" / "12.npz"


def same(one: Robustness, other: Robustness) -> bool:
    names = ("path", "found", "certified", "fgsm_right", "found_by", "deepfool")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


@pytest.mark.fast
def test_accuracies_are_those_of_the_attacks_themselves(run: Run) -> None:
    known = whole(run)
    assert known.total == known.done == 80
    for place in (0, 10, 25, 60):
        assert known.fgsm[place] == pytest.approx(attack_all(run, "fgsm", EPSILONS[place]).accuracy)
    assert known.clean == pytest.approx(attack_all(run, "fgsm", 0).accuracy)


def test_what_is_proven_lies_below_what_withstood_every_attack(run: Run) -> None:
    known = whole(run)
    assert (known.certified <= known.found).all()
    assert (known.found <= known.path).all()
    for place, epsilon in enumerate(EPSILONS):
        assert known.proven(epsilon) <= known.under_attack(epsilon) <= known.fgsm[place]
    median, proven = known.medians
    assert 0 < proven <= median < 1


def test_a_part_at_a_time_makes_the_same_whole(run: Run) -> None:
    at_once = whole(run)
    file_of(run).unlink()
    parts = [robustness(run, seconds=0)]
    while not parts[-1].is_complete:
        parts.append(robustness(run, seconds=0))
    assert [part.done for part in parts] == [50, 80]
    assert same(parts[-1], at_once)


@pytest.mark.fast
def test_what_is_measured_is_kept_and_read_again(run: Run) -> None:
    known = whole(run)
    before = file_of(run).stat()
    assert same(robustness(run, seconds=0), known)
    assert file_of(run).stat().st_mtime_ns == before.st_mtime_ns
    assert before.st_mode & 0o077 == 0


def test_what_was_measured_of_other_weights_is_measured_anew(run: Run) -> None:
    whole(run)
    checkpoint.save(run.path / "checkpoint.pt", load_snapshot(run, 8).state_dict())
    stale = file_of(run).rename(run.path / "robustness" / "8.npz")
    assert robustness(run, 8, seconds=0).done == 50
    assert stale.exists()


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("exploded"),))  # type: ignore[return-value]


@pytest.mark.parametrize("length", [0, 1, 100, 1000])
def test_a_torn_file_is_measured_anew(run: Run, length: int) -> None:
    known = whole(run)
    content = file_of(run).read_bytes()
    file_of(run).write_bytes(content[:length])
    assert same(whole(run), known)


def test_a_foreign_file_executes_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known = whole(run)
    stored = dict(np.load(file_of(run)))
    for content in (pickle.dumps(Bomb()), _npz(stored | {"found": np.array([Bomb()] * 80)})):
        file_of(run).write_bytes(content)
        assert same(whole(run), known)
    for name, wrong in (("found", np.zeros(3, np.float32)), ("path", np.zeros(80))):
        file_of(run).write_bytes(_npz(stored | {name: wrong}))
        assert same(whole(run), known)
    assert not Path("exploded").exists()


def _npz(arrays: dict[str, object]) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def test_a_folder_that_cannot_be_written_is_measured_all_the_same(run: Run) -> None:
    (run.path / "robustness").write_text("in the way")
    assert whole(run).is_complete


def test_a_run_without_weights_is_told(run: Run) -> None:
    for path in (run.path / "checkpoint.pt", run.path / "weights.f32"):
        path.unlink()
    with pytest.raises(RunError, match="has no weights yet"):
        robustness(run)


def test_saved_images_are_a_data_source(run: Run, tmp_path: Path) -> None:
    from mnistop.engine.data.sources import load

    found = attack_all(run, "pgd", 0.2)
    (tmp_path / "fooled.npz").write_bytes(found.to_npz())
    dataset = load(str(tmp_path / "fooled.npz"))
    assert np.array_equal(dataset.images, found.images)
    assert np.array_equal(dataset.labels, found.labels)
