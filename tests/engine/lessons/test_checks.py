"""Students' answers, right, nearly right and wrong."""

import math

import pytest

from mnistop.engine.lessons.checks import Choice, Number, Shape, Words
from mnistop.engine.lessons.typed import read_number, read_shape


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("784", 784),
        (" 784 pixels", 784),
        ("the loss is 2.303", 2.303),
        ("2,303", 2.303),
        ("101,770", 101_770),
        ("101 770", 101_770),
        ("101.770", 101_770),
        ("1,234,567.5", 1_234_567.5),
        ("1.234.567,5", 1_234_567.5),
        (".125", 0.125),
        ("1e-1", 0.1),
        ("1.25E-1", 0.125),
        ("−2.3", -2.3),
        ("10%", 0.1),
        ("10 percent", 0.1),
        ("12,5 %", 0.125),
        ("1/10", 0.1),
        ("1 in 10", 0.1),
        ("1 out of 10", 0.1),
        ("28*28", 784),
        ("28 x 28 + 1", 785),
        ("784 × 128 + 128", 100_480),
        ("28 × 28 = 784", 784),
        ("10 × 28 + 5 = 285", 285),
        ("ln 10", math.log(10)),
        ("ln(10)", math.log(10)),
        ("log(10)", math.log(10)),
        ("-ln(0.1)", -math.log(0.1)),
        ("ln 10 = 2.3026", 2.3026),
        ("ln(10) ≈ 2.303", 2.303),
        ("-np.log(0.1)", -math.log(0.1)),
        ("-ln(1/10)", math.log(10)),
        ("-log(.1)", math.log(10)),
        ("±0.125", 0.125),
        ("+/- 0.125", 0.125),
        ("100k", 100_000),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, value: float) -> None:
    typed = read_number(text)
    assert typed is not None
    assert any(math.isclose(each, value) for each in typed.values), typed


@pytest.mark.parametrize(
    "text",
    ["", "?", "no idea", "0.1 and 2.3", "linear_2", "2**9**9**9", "1/0", "(", "9" * 70 + "*2"],
)
def test_what_is_no_number_or_several_is_none(text: str) -> None:
    typed = read_number(text)
    assert typed is None or all(map(math.isnan, typed.values))


@pytest.mark.parametrize("text", ["10%", "0.1", "10", "1e-1", "10 %", "1/10", "0,1", "10 percent"])
def test_a_share_is_right_as_a_fraction_and_in_percent(text: str) -> None:
    assert Number(0.1, 0.002, ("%",)).check(text).right


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0.1%", "factor of 100"),
        ("1000", "factor of 100"),
        ("-10%", "sign"),
        ("30%", "too large"),
        ("3%", "too small"),
    ],
)
def test_a_wrong_number_gets_a_hint(text: str, part: str) -> None:
    verdict = Number(0.1, 0.002, ("%",)).check(text)
    assert verdict.right is False
    assert part in verdict.message
    assert "0.1" not in verdict.message


@pytest.mark.parametrize("text", ["22/200", "22 of 200", "11%"])
def test_a_share_in_place_of_a_count_is_named(text: str) -> None:
    assert "not a share" in Number(22).check(text).message
    assert "not a share" not in Number(0.5).check(text).message


def test_a_hint_of_the_course_comes_first() -> None:
    check = Number(math.log(10), 0.012, hints={"0.1": "That is the accuracy; asked is the loss."})
    for text in ("0.1", "10%", "1e-1", "1/10"):
        assert check.check(text).message == "That is the accuracy; asked is the loss.", text
    assert check.check("2.3").right
    assert check.check("2.31").right
    assert not check.check("2.32").right


def test_a_unit_must_be_one_of_those_asked_for() -> None:
    check = Number(25, units=("updates", "steps"))
    assert check.check("25").right
    assert check.check("25 update").right
    assert check.check("25 steps").right
    wrong = check.check("25 images")
    assert wrong.right is False
    assert "unit" in wrong.message


def test_a_text_without_a_number_is_no_attempt() -> None:
    for text in ("", "many", "1 or 2"):
        assert not Number(1).check(text).counts


@pytest.mark.parametrize(
    "text",
    ["(64, 784)", "64x784", "64 × 784", "64 784", "[64,784]", "torch.Size([64, 784])", "64 by 784"],
)
def test_a_shape_is_read_as_people_write_it(text: str) -> None:
    assert Shape((64, 784)).check(text).right


def test_of_shapes_with_an_arrow_the_last_one_counts() -> None:
    assert read_shape("(28, 28) -> (784,)") == (784,)
    assert read_shape("(28, 28) → (784,)") == (784,)
    assert read_shape("(32, 10) because 32 images have 10 classes") == (32, 10)
    assert read_shape("(32, 10) because batch = 32 and classes = 10") == (32, 10)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("(784, 64)", "order"),
        ("64", "1 number"),
        ("(64, 28, 28)", "3 numbers"),
        ("(32, 784)", "first number"),
        ("(64, 10)", "second number"),
        ("(1, 2)", "Not yet"),
    ],
)
def test_a_wrong_shape_gets_a_hint(text: str, part: str) -> None:
    verdict = Shape((64, 784)).check(text)
    assert verdict.right is False
    assert verdict.counts
    assert part in verdict.message


def test_a_text_without_a_shape_is_no_attempt() -> None:
    assert not Shape((64, 784)).check("no idea").counts


@pytest.mark.parametrize(
    "text",
    [
        *("b", "B", " b ", "b)", "(b)", "b.", "'b'", "b) because", "b because it is", "b - so"),
        *("About a tenth", "b about a tenth", "b: about a tenth", "a tenth", "tenth."),
        *("answer b", "The answer is b.", "it's (b)", "I think b", "option: b"),
    ],
)
def test_a_choice_is_a_letter_or_its_words(text: str) -> None:
    choices = {"a": "none of them", "b": "about a tenth", "c": "about half"}
    assert Choice("b", choices).check(text).right, text


def test_a_wrong_choice_gets_its_hint_and_another_word_is_no_attempt() -> None:
    check = Choice("b", {"a": "none", "b": "some"}, {"a": "Look again."})
    assert check.check("a").message == "Look again."
    for text in ("", "c", "because of that", "a or b", "a, b", "it is a tenth", "om", "no"):
        assert not check.check(text).counts, text


def test_own_words_are_kept_and_never_right_or_wrong() -> None:
    assert Words().check("It is surer now.").right is None
    assert Words().check("它更有把握。").right is None
    for text in ("", "?", "no idea", "它"):
        assert not Words().check(text).counts
