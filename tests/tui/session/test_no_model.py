"""A recorded run whose model was not kept: each screen that asks the model says why."""

from pathlib import Path

import msgspec

from mnistop.engine import events
from tests.helpers import made_up
from tests.helpers.dashboard import Opened, Workers

REASON = "Conv2d is no part of an MLP"


async def test_attack_weights_and_pad_say_why_there_is_no_model(
    opened: Opened, workers: Workers, tmp_path: Path
) -> None:
    said = [
        msgspec.structs.replace(made_up.started(), layers=None, parameters=None, device=""),
        made_up.epoch(0),
        events.ModelNotKept(run=made_up.NAME, time=1.0, reason=REASON),
        events.RunFinished(run=made_up.NAME, time=1.0, epochs=1, reason="end of the loop"),
    ]
    run = made_up.write_run(tmp_path / "recorded", said)
    async with opened((140, 45)) as shown:
        shown.screen.session.watch(run)
        await shown.say(*said, run=run)
        for key in ("3", "4", "e"):
            await shown.press(key)
            await shown.until_shown(REASON)
            await shown.press("escape")
        assert workers.asked == []
