"""Modules that the engine and the drawing process may load."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.small_runs import ROOT

pytestmark = pytest.mark.process


def loaded_after(code: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after some code, with the two of mnistop."""
    show = (
        "\nimport json, sys; names = [m.removeprefix('mnistop.') for m in sys.modules]"
        "\nprint(json.dumps(sorted({name.partition('.')[0] for name in names})), flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code + show], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_the_engine_needs_no_interface() -> None:
    """The interpreter cannot import any; scikit-learn would import Rich if it found it."""
    modules = sorted(
        "mnistop."
        + ".".join(path.with_suffix("").relative_to(ROOT).parts).removesuffix(".__init__")
        for path in (ROOT / "engine").rglob("*.py")
        if path.parent.name != "public"
    )
    assert {
        "mnistop.engine.training.loop",
        "mnistop.engine.process.job",
        "mnistop.engine.attacks.gradient",
        "mnistop.engine.worker",
    } <= set(modules)
    interfaces = ("mnistop.tui", "textual", "plotext", "rich", "click")
    with_dask = ["mnistop.engine.sweep.cluster", "mnistop.engine.sweep.cluster_member"]
    loaded = loaded_after(
        f"import sys\nsys.modules |= dict.fromkeys({interfaces})\n"
        + "".join(f"import {module}\n" for module in modules if module not in with_dask)
        + "del sys.modules['click']\n"  # which Dask has for commands of its own
        + "".join(f"import {module}\n" for module in with_dask)
    )
    assert "torch" in loaded


@pytest.mark.slow
@pytest.mark.fast
def test_what_the_drawing_process_imports_loads_no_torch_and_no_scikit_learn() -> None:
    rooms = {
        "": ("config", "events", "errors", "evaluate", "formatting", "worker"),
        "analysis.": (
            *("fragility", "network", "robustness", "samples", "comparison", "line_by_line"),
        ),
        "data.": ("dataset", "notes"),
        "export.": ("code_files", "training_code"),
        "report.": ("of_runs",),
        "training.": ("update_rule",),
        "runs.": ("run_folder", "sweep_folder", "history", "index", "lookup"),
    }
    loaded = loaded_after(
        "".join(f"import mnistop.engine.{room}{name}\n" for room in rooms for name in rooms[room])
    )
    assert loaded & {"torch", "sklearn", "scipy", "joblib", "tui", "textual"} == set()


def test_a_dask_worker_needs_no_torch_beside_its_server() -> None:
    loaded = loaded_after("import mnistop.engine.sweep.cluster_member")
    assert loaded & {"torch", "sklearn", "scipy", "joblib"} == set()


def test_what_training_processes_are_forked_from_loads_no_scikit_learn() -> None:
    """Its import would make people wait half as long again as PyTorch's."""
    loaded = loaded_after("import mnistop.engine.preload")
    assert "torch" in loaded
    assert loaded & {"sklearn", "scipy", "tui", "textual", "rich", "click"} == set()


def test_no_garbage_is_collected_while_pytorch_loads() -> None:
    """It would take a fifth of the time."""
    code = """if True:
        import gc
        def collections():
            return sum(generation["collections"] for generation in gc.get_stats())
        before = collections()
        import mnistop.engine.preload
        print(collections() - before < 50, gc.isenabled(), gc.get_freeze_count() > 100_000,
              flush=True)
        """
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True", "True"]


def test_the_fork_server_ends_without_taking_apart_what_it_has_loaded() -> None:
    """Whoever reads what the program prints would wait for that."""
    code = """if True:
        import mnistop.engine.preload
        class Loaded:
            def __del__(self):
                print("taken apart")
        loaded = Loaded()
        """
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


def test_launching_and_following_a_run_load_no_torch_in_the_launching_process(
    runs_folder: Path,
) -> None:
    code = """if True:
        import asyncio
        from mnistop.engine.analysis import fragility
        from mnistop.engine import worker
        from mnistop.engine.config import RunConfig

        async def main():
            run = worker.launch(RunConfig(source="digits", samples=100, epochs=2, hidden=()))
            async for batch in worker.follow(run):
                pass
            await worker.ask(fragility.attack_image, run, 0, 0.1)
            worker.close()

        asyncio.run(main())
        """
    loaded = loaded_after(code)
    assert loaded & {"torch", "sklearn", "scipy"} == set()
