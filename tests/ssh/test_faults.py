"""A short form of `python -m tests.faults`."""

import random
from pathlib import Path

import pytest

from tests.faults import files, kills, sweeps
from tests.helpers.dashboard import dashboard

pytestmark = [pytest.mark.process, pytest.mark.slow]


def test_no_damage_to_a_file_ends_a_command_hides_a_run_or_executes_anything(folder: Path) -> None:
    report = files.damage_everything(folder / "trace", step=149)
    assert report.failures == []
    assert report.tried.total() > 500
    assert not (folder / "trace").exists()


def test_what_is_killed_at_random_moments_and_resumed_ends_with_the_same_bits(
    folder: Path,
) -> None:
    tally = kills.kill_and_resume(kills=3, seed=1, epochs=300)
    assert tally.kills == 3
    assert tally.different == []
    assert tally.equal == tally.runs > 0


def test_a_sweep_killed_at_random_moments_leaves_each_member_trained_exactly_once(
    folder: Path,
) -> None:
    tally = sweeps.kill_and_resume(kills=4, seed=3, epochs=25)
    assert tally.kills == 4
    assert tally.wrong == []
    assert tally.equal == tally.members == sweeps.MEMBERS * tally.sweeps


async def test_the_app_opens_a_run_with_any_damage_and_goes_through_its_screens(
    folder: Path,
) -> None:
    run = files.small_run()
    damages = random.Random(11)
    for name in ("events.jsonl", "predictions.u8", "log_probabilities.f16", "labels.u8"):
        content = (run.path / name).read_bytes()
        for _ in range(3):
            (run.path / name).write_bytes(damaged(content, damages))
            async with dashboard(folder, run=run) as shown:
                for key in ("2", "3", "4", "5", "escape", "q"):
                    await shown.press(key)
                assert shown.app.fault == ""
                assert "fault of the program" not in " ".join([*shown.notices, shown.text])
        (run.path / name).write_bytes(content)


def damaged(content: bytes, damages: random.Random) -> bytes:
    """Several bytes changed, or cut off, or replaced by other ones of the file."""
    changed = bytearray(content)
    for _ in range(damages.randint(1, 8)):
        place = damages.randrange(len(changed))
        changed[place] = damages.choice([changed[damages.randrange(len(changed))], 0xFF, 0x39])
    return bytes(changed[: damages.choice([len(changed), damages.randrange(len(changed))])])
