"""Screenshots of the real program."""

from pathlib import Path

from textual.pilot import Pilot

FOLDER = Path(__file__).parent


async def picture(pilot: Pilot[int], name: str, seconds: float) -> None:
    """Saves what is shown after some seconds."""
    await pilot.pause(seconds)
    pilot.app.save_screenshot(f"{name}.svg", str(FOLDER))
