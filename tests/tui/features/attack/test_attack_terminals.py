"""The attack screen on terminals of all kinds, its help, and what it writes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mnistop.tui.draw.capabilities import Terminal
from tests.helpers import made_up
from tests.helpers.attack_screen import LARGE, SMALL, WIDE, open_attack, panes, until_told
from tests.helpers.dashboard import Opened
from tests.helpers.made_up_attacks import Answers, certified
from tests.helpers.selection import one_in


@pytest.mark.slow
@pytest.mark.parametrize("size", one_in(3, [(60, 16), SMALL, (100, 34), (117, 60), WIDE, LARGE]))
@pytest.mark.parametrize(("classes", "shape"), [(10, (28, 28)), (100, (8, 8)), (2, (1, 3))])
async def test_every_size_shows_the_outcome_with_the_bracket(
    opened: Opened,
    answers: Answers,
    size: tuple[int, int],
    classes: int,
    shape: tuple[int, int],
) -> None:
    answers.classes, answers.shape = classes, shape
    async with opened(size) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "✓ still 0", "adversarial: 0 91%")
        await until_told(shown, f"safe below ε {certified(0):.4f}: proven", "fooled from ε 0.1840")
        await shown.press("m")
        await until_told(shown, "✗ 0 is taken for")
        for _ in range(4):
            await shown.press("tab")
            await shown.settle()
            assert all(len(line) == size[0] for line in shown.lines)


async def test_at_80_columns_the_keys_of_the_screen_are_named(
    opened: Opened, answers: Answers
) -> None:
    async with opened(SMALL) as shown:
        await open_attack(shown, answers)
        keys = shown.lines[-1]
        for named in ("+-0 ε", "m Smallest", "x Method", "t Target", "n/p Image", "o Order"):
            assert named in keys
        assert "q Quit" in keys


@pytest.mark.slow
async def test_without_colour_and_unicode_all_is_ascii(opened: Opened, answers: Answers) -> None:
    for size in (WIDE, SMALL):
        async with opened(size, Terminal(colors=0, unicode=False)) as shown:
            await open_attack(shown, answers)
            await until_told(shown, "FGSM Linf eps 0.125", "right: still 0")
            await until_told(shown, "safe below eps", "=")
            await shown.press("m")
            await until_told(shown, "WRONG: 0 is taken for 3", "adversarial: 3 91% WRONG")
            for _ in range(4):
                await shown.press("tab")
                await shown.settle()
                assert shown.text.isascii()


@pytest.mark.slow
async def test_w_writes_each_pane_to_a_file_of_its_own(
    opened: Opened, answers: Answers, tmp_path: Path
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "fooled from ε", "any attack")
        for _ in range(4):
            await shown.press("w", "tab")
        written = sorted(path.name for path in tmp_path.glob("mnistop-*.txt"))
        assert [name.removeprefix(f"mnistop-{made_up.NAME}-") for name in written] == [
            "accuracy-chart.txt",
            "attack-view.txt",
            "fragile-list.txt",
            "proof.txt",
        ]
        assert "fooled from ε" in (tmp_path / written[3]).read_text()


async def test_v_changes_how_the_pictures_are_drawn(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await until_told(shown, "fooled from ε")
        assert "*****" not in shown.text
        await shown.press("v")
        await shown.until(lambda: "*****" in shown.text)


@pytest.mark.slow
async def test_help_explains_every_pane_with_the_focused_one_first(
    opened: Opened, answers: Answers
) -> None:
    async with opened((120, 300)) as shown:
        await open_attack(shown, answers)
        await shown.press("tab", "tab", "question_mark")
        await until_told(shown, "The smallest ε that fools the model here")
        titles = [line.strip() for line in shown.lines]
        assert titles.index("Accuracy") < titles.index("Images")
        assert titles.index("Accuracy") < titles.index("How little it takes")


@pytest.mark.slow
async def test_a_resized_terminal_keeps_the_image_and_the_pane(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_attack(shown, answers)
        await shown.press("n", "tab")
        await until_told(shown, "Image 1")
        for size in (SMALL, WIDE, (60, 16), LARGE):
            await shown.resize(*size)
            await asyncio.sleep(0)
            await shown.settle()
            assert panes(shown).active.name == "How little it takes"
            await until_told(shown, "safe below ε")
