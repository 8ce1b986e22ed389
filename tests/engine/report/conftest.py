import pytest

from mnistop.engine.runs.entry import About, write_about
from mnistop.engine.runs.run_folder import Run
from tests.engine.report.made_up_runs import EPOCHS
from tests.helpers import made_up, recorded_predictions


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A made-up run of 30 epochs, the best of which is epoch 20."""
    told = [*made_up.story(EPOCHS), made_up.finished(EPOCHS)]
    made = recorded_predictions.write_run(tmp_path_factory.mktemp("runs"), told)
    write_about(made, About("high rate", "it <swings> | a *lot*"))
    return made
