"""The installed packages, their names, and that they import in one direction only."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mnistop.engine
import mnistop.tui

pytestmark = [pytest.mark.process, pytest.mark.slow]


ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_folder_of_the_source_is_installed() -> None:
    folders = {path.parent for top in ("engine", "tui") for path in (ROOT / top).rglob("*.py")}
    names = {f"mnistop.{'.'.join(path.relative_to(ROOT).parts)}" for path in folders}
    names = names - {"mnistop.engine.public"} | {"mnistop"}
    assert sorted(names) == sorted(PROJECT["tool"]["setuptools"]["packages"])


def test_nothing_but_mnistop_is_put_where_a_user_s_own_modules_may_be(tmp_path: Path) -> None:
    names = ["engine", "tui", "mnistop"]
    code = f"from importlib.util import find_spec; print([bool(find_spec(n)) for n in {names}])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[False, False, True]"


def test_a_script_with_modules_of_the_same_names_beside_it_can_use_the_library(
    tmp_path: Path,
) -> None:
    for name in ("engine", "tui"):
        (tmp_path / f"{name}.py").write_text("mine = True\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import engine, tui\n"
        "from mnistop.engine.config import RunConfig\n"
        "import mnistop.tui.session.state\n"
        "print(engine.mine, tui.mine, RunConfig().lr)\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True", "0.1"]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package as it is installed, with the contracts beside it."""
    package = tmp_path / "mnistop"
    without = shutil.ignore_patterns("__pycache__", "public")
    shutil.copytree(ROOT / "engine" / "public", package)
    for module in (mnistop.engine, mnistop.tui):
        (path,) = module.__path__
        shutil.copytree(path, package / Path(path).name, ignore=without)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("engine/errors.py", "import mnistop.tui.session.state"),
        ("engine/config.py", "import textual.app"),
        ("engine/training/loop.py", "import mnistop.__main__"),
    ],
)
def test_an_import_against_the_arrows_is_found(copied: Path, file: str, line: str) -> None:
    def check() -> subprocess.CompletedProcess[str]:
        program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
        return subprocess.run(
            [sys.executable, "-c", program, "--no-cache"],
            cwd=copied,
            capture_output=True,
            text=True,
        )

    with (copied / "mnistop" / file).open("a") as source:
        source.write(f"\n{line}\n")
    done = check()
    assert done.returncode == 1
    assert "broken" in done.stdout
