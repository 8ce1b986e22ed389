"""The language in which runs are asked for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine.config import RunConfig
from mnistop.engine.filter_grammar import FilterError
from mnistop.engine.runs.entry import About, Overview, RunEntry
from mnistop.engine.runs.filters import GRAMMAR, ORDERS, complete, parse
from mnistop.engine.runs.run_folder import Run

RATES = st.sampled_from((0.001, 0.01, 0.1, 0.3, 1.0))


def listed(
    config: RunConfig | None = None,
    state: str = "finished",
    best: float | None = 0.9,
    about: About | None = None,
    number: int = 0,
    test: float | None = None,
) -> RunEntry:
    overview = Overview(
        changes=(config or RunConfig()).changes(),
        planned=100,
        if_alive=state,
        if_dead=state,
        epochs=100 if best is not None else 0,
        val_loss=0.7 if best is not None else None,
        val_acc=best,
        best_val_acc=best,
        best_val_loss=0.5 if best is not None else None,
        test_acc=test,
        test_images=3502 if test is not None else None,
        best_epoch=42 if best is not None else None,
        seconds=12.0,
        about=about or About(),
    )
    return RunEntry(Run(Path(f"/runs/20260101-1200{number:02}-quiet-otter")), overview, state)


runs = st.builds(
    listed,
    st.builds(
        RunConfig,
        lr=RATES,
        hidden=st.sampled_from(((), (128,), (256, 128))),
        optimizer=st.sampled_from(("manual", "adam")),
        samples=st.sampled_from((500, 1000, None)),
    ),
    st.sampled_from(("running", "finished", "stopped")),
    st.none() | st.floats(0, 1),
)


def passes(text: str, run: RunEntry) -> bool:
    return parse(text)(run)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", True),
        ("lr:0.1", True),
        ("lr>0.1", False),
        ("lr >= 0.1  val_acc > 0.85", True),
        ("val_acc>90%", False),
        ("val_acc:90%", True),
        ("hidden:128", True),
        ("hidden:256,128", False),
        ("hidden:none", False),
        ("state:finished", True),
        ("state:live", False),
        ("name:OTTER", True),
        ("name:20260101", True),
        ("name:birch", False),
        ("optimizer:adam", False),
        ("source:bund", True),
        ("samples:1000 seed:0 batch_size<=32", True),
        ("samples:all", False),
        ("best:42 trained>=100 seconds<60 val_loss<0.6 last_loss>0.6", True),
        ("test_acc>0", False),
        ("pixel_range:auto", True),
        ("pixel_range:0,16", False),
        ("resize:off", True),
        ("resize:28,28", False),
        ("val_fraction:20% adversarial_epsilon<1%", True),
    ],
)
def test_words_say_which_runs_pass(text: str, wanted: bool) -> None:
    assert passes(text, listed()) is wanted


def test_the_users_words_are_found() -> None:
    run = listed(about=About("Too High", "the loss swings"))
    assert passes("name:too note:SWING", run)
    assert not passes("note:calm", run)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lx>1", '"lx>1" is not known'),
        ("otter", '"otter" compares nothing: say name:otter, or as in lr>0.1.'),
        ("zzz>1", '"zzz>1" is not known; there are name:'),
        ("hiden:128", "did you mean hidden:256,128?"),
        ("lr", '"lr": a number is missing, as in lr>0.1.'),
        ("lr>", '"lr>": a number is missing, as in lr>0.1.'),
        ("lr>fast", "a number is missing"),
        ("stopped", '"stopped": say state:stopped.'),
        ("state:stoped", "did you mean stopped?"),
        ("state>stopped", "state is not larger or smaller; say state:stopped."),
        (
            "optimizer:lbfgs",
            "there is no optimizer lbfgs; they are manual, sgd, adam, adamw,",
        ),
        ("hidden:many", "hidden is whole numbers with commas between, or none"),
        ("pixel_range:dark", "pixel_range is two numbers with a comma between, or auto"),
        ("adam", '"adam": say optimizer:adam.'),
        ("val_acc>90", "val_acc is from 0 to 1, or a percentage as in val_acc>90%."),
        ("lr>1 lr<0.1", '"lr>1" and "lr<0.1" exclude each other: leave one out.'),
        ("state:live state:stopped", "exclude each other"),
    ],
)
def test_nonsense_is_told_with_its_remedy(text: str, said: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert said in str(caught.value)


@given(runs, RATES)
def test_comparisons_agree_with_numbers(run: RunEntry, rate: float) -> None:
    lr = run.config().lr
    assert passes(f"lr>{rate}", run) == (lr > rate)
    assert passes(f"lr>={rate}", run) == (lr >= rate)
    assert passes(f"lr<{rate}", run) == (lr < rate)
    assert passes(f"lr<={rate}", run) == (lr <= rate)
    assert passes(f"lr:{rate}", run) == (lr == rate)


@given(runs, st.floats(0, 1))
def test_what_is_not_known_yet_passes_no_comparison(run: RunEntry, accuracy: float) -> None:
    best = run.overview.best_val_acc
    above, below = (passes(f"val_acc{sign}{accuracy!r}", run) for sign in (">=", "<"))
    assert (above, below) == (
        (False, False) if best is None else (best >= accuracy, best < accuracy)
    )


@given(runs, st.lists(st.sampled_from(("lr<0.5", "hidden:128", "state:stopped", "val_acc>0.5"))))
def test_all_words_must_hold_in_any_order(run: RunEntry, words: list[str]) -> None:
    together = passes(" ".join(words), run)
    assert together == all(passes(word, run) for word in words)
    assert together == passes(" ".join(reversed(words)), run)


WORDS = [*GRAMMAR.fields, ">", ":", "0.1", " ", "e"]


@given(st.text(max_size=30) | st.lists(st.sampled_from(WORDS)))
def test_any_text_is_a_filter_or_told_in_one_line(text: str | list[str]) -> None:
    text = text if isinstance(text, str) else "".join(text)
    try:
        parse(text)(listed())
    except FilterError as error:
        told = str(error)
        assert len(told) > 10
    for line in complete(text):
        assert line.startswith(text)


def test_completions_are_understood() -> None:
    assert complete("st")[0] == "state:"
    assert complete("lr>0.1 state:st") == ["lr>0.1 state:starting", "lr>0.1 state:stopped"]
    assert complete("lr>0.1 ") == []
    assert complete("optimizer:a") == ["optimizer:adam", "optimizer:adamw"]
    for field in GRAMMAR.fields:
        assert any(line.startswith(field) for line in complete(field[:1])), field


@given(st.lists(runs, max_size=6), st.sampled_from(ORDERS))
def test_an_order_keeps_all_runs_and_sorts_them(found: list[RunEntry], order: object) -> None:
    assert order in ORDERS
    kept = sorted(found, key=order.key)  # type: ignore[arg-type]
    assert sorted(map(id, kept)) == sorted(map(id, found))
    keys = [order.key(run) for run in kept]  # type: ignore[attr-defined]
    assert keys == sorted(keys)
    assert sorted(kept, key=order.key) == kept  # type: ignore[arg-type]


def test_the_accuracy_on_unseen_images_is_asked_for() -> None:
    tested = listed(test=0.878)
    assert passes("test_acc>0.87 test_acc<88% test_acc:87.8%", tested)
    assert not passes("test_acc>88%", tested)


@pytest.mark.parametrize("field", GRAMMAR.fields.values(), ids=GRAMMAR.fields)
def test_the_example_of_a_field_is_a_filter_and_completed_from_its_beginning(field: object) -> None:
    name, example = field.name, field.example  # type: ignore[attr-defined]
    assert GRAMMAR.parse(example).keys() == {name}
    assert example[: len(name) + 1] in complete(name)
