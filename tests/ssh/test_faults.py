"""A short form of `python -m tests.faults`."""

from pathlib import Path

from tests.faults import files, kills


def test_no_damage_to_a_file_ends_a_command_hides_a_run_or_executes_anything(folder: Path) -> None:
    report = files.damage_everything(folder / "trace", step=149)
    assert report.failures == []
    assert report.tried.total() > 500
    assert not (folder / "trace").exists()


def test_what_is_killed_at_random_moments_and_resumed_ends_with_the_same_bits(
    folder: Path,
) -> None:
    tally = kills.kill_and_resume(kills=3, seed=1, epochs=25)
    assert tally.kills == 3
    assert tally.different == []
    assert tally.equal == tally.runs > 0
