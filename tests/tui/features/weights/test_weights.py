"""Pages of weight images, drawn from made-up answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mnistop.engine.analysis.network import FirstLayer
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.weights.model import Neurons
from mnistop.tui.features.weights.neurons import WeightGallery
from tests.helpers import made_up
from tests.helpers.dashboard import Opened
from tests.helpers.weights_screen import LARGE, SMALL, WIDE, Answers, images_of, open_weights


async def test_before_a_run_it_says_what_will_be_there_and_which_keys_start_that(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await shown.press("4")
        await shown.until_shown("The weights of the first layer, an image a neuron: Esc, then r")
        assert [name for name, *_ in answers.asked] == ["first way"]


@pytest.mark.parametrize(("size", "pixels"), [(SMALL, 10), (WIDE, 16), (LARGE, 28)])
async def test_a_page_has_16_images_reduced_where_they_would_not_fit_otherwise(
    opened: Opened, answers: Answers, size: tuple[int, int], pixels: int
) -> None:
    async with opened(size) as shown:
        await open_weights(shown, answers)
        assert "page 1 of 8, weights of epoch 76" in shown.text
        assert all(f" {neuron} → {neuron % 10} " in shown.text for neuron in range(1, 16))
        assert "-0.1" in shown.text
        assert "+0.1" in shown.text
        assert shown.app.screen.query_one(WeightGallery).tiles.pixels == (pixels, pixels)


async def test_a_short_key_bar_shows_of_the_panes_keys_those_that_still_fit(
    opened: Opened, answers: Answers
) -> None:
    async with opened(SMALL) as shown:
        await open_weights(shown, answers)
        await shown.until_shown("⏎ Large n/p Page tab Pane [ ] Epoch o Order q Quit")


async def test_a_terminal_too_small_for_16_shows_as_many_as_can_be_made_out(
    opened: Opened, answers: Answers
) -> None:
    async with opened((60, 16)) as shown:
        await open_weights(shown, answers)
        tiles = shown.app.screen.query_one(WeightGallery).tiles
        assert f"page 1 of {-(-128 // tiles.count)}" in shown.text
        assert 1 < tiles.count < 16
        assert min(tiles.pixels) >= 10


def test_reduced_weights_are_means_on_a_scale_of_their_own() -> None:
    fine = np.tile(np.array([[1, -0.5], [-0.5, 1]], np.float32), (3, 14, 14))
    layer = FirstLayer(5, (784, 3), fine, np.zeros(3), np.ones(3), np.eye(3, dtype=np.float32))
    neurons = Neurons(layer, ("a", "b", "c"))
    reduced = neurons.reduced((14, 14))
    assert np.allclose(reduced.layer.weights[:, 1:-1, 1:-1], 0.25, atol=0.02)
    assert neurons.scale == 1.0
    assert 0.25 < reduced.scale <= 0.5
    assert neurons.reduced((28, 28)) is neurons


async def test_long_numbers_leave_room_for_what_the_order_goes_by(
    opened: Opened, answers: Answers
) -> None:
    async with opened(SMALL) as shown:
        await open_weights(shown, answers)
        await shown.press("o", "o", "end")
        await shown.until_shown("▸119→9 +0.50")


async def test_n_and_p_turn_the_pages_and_arrows_go_on_to_the_next_one(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        for key, page, neuron in (
            ("n", 2, 16),
            ("n", 3, 32),
            ("p", 2, 16),
            ("left", 1, 15),
            ("right", 2, 16),
            ("up", 1, 10),
            ("down", 2, 16),
            ("end", 8, 127),
            ("n", 8, 127),
            ("home", 1, 0),
            ("p", 1, 0),
        ):
            await shown.press(key)
            await shown.until_shown(f"page {page} of 8", f"neuron {neuron}: norm")
            assert f"▸{neuron} → {neuron % 10}" in shown.text


async def test_o_sorts_by_norm_then_by_class(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.press("o")
        await shown.until_shown("by norm", "73 → 3 128.00", "norm 128.00, bias", "18 → 8 127.00")
        await shown.press("o")
        await shown.until_shown("by class", "▸0 → 0 +0.50", "10 → 0 +0.50", "20 → 0 +0.50")
        await shown.press("o")
        await shown.until_shown("1 → 1", "2 → 2")
        assert "by class" not in shown.text


async def test_enter_shows_one_large_with_its_weights_to_the_classes_and_escape_returns(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.press("right", "right", "right", "enter")
        await shown.until_shown("Neuron 3, 4 of 128", "Bias +0.030", "Its weights to the classes")
        bars = [line for line in shown.lines if line.rstrip().endswith("-0.25")]
        assert len(bars) == 9
        assert all("█│" in line for line in bars)
        assert any("│█" in line and "+0.50" in line for line in shown.lines)
        await shown.press("n")
        await shown.until_shown("Neuron 4, 5 of 128")
        await shown.press("escape")
        await shown.until_shown("page 1 of 8", "▸4 → 4")
        await shown.press("escape")
        await shown.until_shown("Epoch log")


async def test_a_single_layer_model_names_each_image_by_its_class(
    opened: Opened, answers: Answers
) -> None:
    answers.hidden = ()
    async with opened(LARGE) as shown:
        await open_weights(shown, answers)
        captions = next(line.split() for line in shown.lines if line.startswith("▸0 "))
        assert captions[:4] == ["▸0", "1", "2", "3"]
        await shown.press("right", "enter")
        await shown.until_shown("Class 1, 2 of 10", "everything the model knows about 1")


async def test_new_weights_are_asked_for_when_they_are_saved_and_not_before(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.until(lambda: len(answers.asked) == 2)
        await shown.say(made_up.epoch(12))
        assert answers.asked == [("weights", None), ("way", 0, None)]
        await shown.say(made_up.saved(13))
        await shown.until(lambda: len(answers.asked) == 4)
        assert answers.asked[2:] == [("weights", None), ("way", 0, None)]


async def test_brackets_go_to_the_nearest_kept_weights_of_an_epoch(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.press("left_square_bracket")
        await shown.until_shown("weights of epoch 7, last kept before epoch 10")
        await shown.press("right_square_bracket")
        await shown.until_shown("weights of epoch 76")


async def test_without_colour_and_unicode_all_is_ascii(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE, Terminal(colors=0, unicode=False)) as shown:
        await open_weights(shown, answers)
        await shown.until_shown(">0 -> 0", "-0.1", "+0.1", "(32, 784) -> linear_1 (32, 128)")
        await shown.press("enter")
        await shown.until_shown("Neuron 0, 1 of 128")
        assert any("|####" in line for line in shown.lines)
        assert any("----|" in line for line in shown.lines)
        await shown.press("tab", "z")
        await shown.until_shown("784x128 + 128")
        assert shown.text.isascii()


@pytest.mark.slow
async def test_it_can_be_left_and_opened_again_as_it_was(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.press("n", "escape")
        await shown.until_shown("Epoch log")
        await shown.press("4")
        await shown.until_shown("page 2 of 8")
        await shown.press("question_mark")
        await shown.press("escape", "right")
        await shown.until_shown("▸17 → 7")


async def test_v_changes_how_the_weights_are_drawn(opened: Opened, answers: Answers) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        await shown.press("v")
        await shown.until_shown("page 1 of 16")
        assert shown.app.screen.query_one(WeightGallery).tiles.pixels == (28, 28)
        assert "'''''" not in shown.text
        await shown.press("v")
        await shown.until(lambda: "####" in shown.text and "====" in shown.text)
        await shown.press("v")
        await shown.until_shown("page 1 of 8", "▀▀▀▀▀")


async def test_over_a_slow_line_the_most_changed_images_give_way_first(
    opened: Opened, answers: Answers
) -> None:
    async with opened(WIDE) as shown:
        await open_weights(shown, answers)
        gallery = shown.app.screen.query_one(WeightGallery)
        older = gallery.neurons
        assert older
        before = images_of(gallery)
        weights = older.layer.weights.copy()
        weights[1, 5] += 0.05
        weights[6] *= -1
        for newest in (1, 2):
            newer = replace(older, layer=replace(older.layer, weights=weights.copy()))
            gallery.show(newer, 0, "", "", at_once=1)
            changed = [now != then for now, then in zip(images_of(gallery), before, strict=True)]
            assert np.flatnonzero(changed).tolist() == [[6], [1, 6]][newest - 1]
        gallery.show(replace(older), 0, "", "")
        gallery.show(replace(older, layer=replace(older.layer)), 0, "", "")
        assert images_of(gallery) == before
