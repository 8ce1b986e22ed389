"""The examples of `docs/recording.md` record what the text beside them says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mnistop.engine.runs.run_folder import list_runs
from tests.helpers.loops import history_of, state_of

pytestmark = [pytest.mark.process, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
EXAMPLES = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "docs/recording.md").read_text(), re.MULTILINE | re.DOTALL
)
EPOCHS = {"a PyTorch loop": 3, "scikit-learn": 3, "metrics only": 0}


@pytest.mark.parametrize(
    ("example", "epochs"), list(zip(EXAMPLES, EPOCHS.values(), strict=True)), ids=EPOCHS
)
def test_an_example_of_the_page_on_recording_runs(
    example: str, epochs: int, runs_folder: Path, tmp_path: Path
) -> None:
    script = tmp_path / "train.py"
    script.write_text(example)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    (run,) = list_runs()
    history = history_of(run)
    assert state_of(run) == "finished"
    assert len(history.epochs) == epochs
    assert (history.kept is not None) == ("finish(model=model)" in example)
    assert all(epoch.val_acc is not None for epoch in history.epochs)
