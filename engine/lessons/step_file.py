"""A step in the file of a course: its check, and the screen that it opens."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from mnistop.engine.config import PRESETS, RunConfig
from mnistop.engine.errors import ConfigError, MnistopError
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.lessons import own_runs
from mnistop.engine.lessons.checks import Choice, Number, Shape, Words
from mnistop.engine.lessons.course import KINDS, Check, Place
from mnistop.engine.lessons.own_runs import EPSILON, FACTS, VERDICTS, OwnNumber, RunWanted
from mnistop.engine.lessons.sections import Section, near
from mnistop.engine.lessons.typed import read_number, read_shape

KEYS = {
    "id": "",
    "screen": "",
    "run": "",
    "epoch": "",
    "image": "",
    "images": "",
    "pane": "",
    "form": "",
    "check": "",
    "answer": "number, shape or choice",
    "tolerance": "number",
    "unit": "number",
    "verdict": "run",
}
"""The keys of a step's header, and the kinds of check that those of one kind only belong to."""
_OF_SCREENS = {
    "epoch": (),
    "image": ("attack", "weights", "data"),
    "images": ("mistakes",),
    "pane": (),
    "form": (),
}
"""The keys that need a screen, and the screens that they are for; none for all."""

Screens = Mapping[str, Collection[str]]
"""The names of the screens that a step can open, and of the panes of each."""


# The check


def read_check(step: Section) -> Check:
    """Read the check of a step; what is wrong is noted."""
    kind, answer = step.value("check", "text"), step.value("answer")
    if kind in ("number", "shape", "choice") and not answer:
        step.add_problem(f"A check of kind {kind} needs a key answer.")
    if "choices" in step.parts and kind != "choice":
        step.parts["choices"].add_problem("Choices are for check: choice only.")
    if "hints" in step.parts and kind in ("text", "run"):
        step.parts["hints"].add_problem(
            f"Hints are for answers that are checked, which those of kind {kind} are not."
        )
    match kind:
        case "number":
            return _number(step, answer)
        case "shape":
            hints = _hints(step, lambda key: bool(read_shape(key)), "no shape")
            if answer and not read_shape(answer):
                step.add_problem(f"The answer {answer!r} is no shape like (64, 784).", "answer")
            return Shape(read_shape(answer), hints)
        case "choice":
            return _choice(step, answer)
        case "run":
            return _run(step)
        case "text":
            return Words()
    step.add_problem(f"There is no check {kind!r}: use one of {', '.join(KINDS)}.", "check")
    return Words()


def _hints(step: Section, is_right: Callable[[str], bool], what: str) -> dict[str, str]:
    notes = step.notes("hints")
    for key, (_, line) in notes.items():
        if not is_right(key):
            step.problems.append((line, f"The hint {key!r} is for {what}."))
    return {key: text for key, (text, _) in notes.items()}


def _number(step: Section, answer: str) -> Number | OwnNumber:
    units = tuple(unit.strip() for unit in step.value("unit").split(",") if unit.strip())
    tolerance = _tolerance(step)
    hints = _hints(step, lambda key: read_number(key) is not None, "no number")
    if answer.startswith("run."):
        fact = answer.removeprefix("run.")
        known = (*FACTS, EPSILON)
        if fact not in known:
            sentence = f"A run has no {fact!r}{near(fact, known)} Known: {', '.join(known)}."
            step.add_problem(sentence, "answer")
        if fact == EPSILON and "image" not in step:
            step.add_problem(f"The answer run.{EPSILON} needs a key image.", "answer")
        return OwnNumber(fact, tolerance, units, hints)
    typed = read_number(answer)
    if answer and typed is None:
        step.add_problem(
            f"The answer {answer!r} is neither one number nor run. and a name.", "answer"
        )
    value = typed.values[0] if typed else 0.0
    if typed and typed.is_percent and not units:
        units = ("%",)
    return Number(value, tolerance, units, hints)


def _tolerance(step: Section) -> float:
    typed = read_number(step.value("tolerance"))
    if typed and typed.values[0] >= 0:
        return typed.values[0]
    if "tolerance" in step:
        text = step.value("tolerance")
        step.add_problem(f"The tolerance {text!r} is not a number like 0.01 or 0.5%.", "tolerance")
    return 1e-9


def _choice(step: Section, answer: str) -> Choice:
    choices = {letter: text for letter, (text, _) in step.notes("choices").items()}
    part = step.parts.get("choices", step)
    if len(choices) < 2:
        part.add_problem("A choice needs a part Choices with two lines or more: - a: text.")
    elif any(not re.fullmatch("[a-z]", letter) for letter in choices):
        part.add_problem("Each choice has a small letter: - a: text.")
    elif answer and answer not in choices:
        known = ", ".join(choices)
        step.add_problem(f"The answer {answer!r} is none of the choices {known}.", "answer")
    return Choice(answer, choices, _hints(step, choices.__contains__, "none of the choices"))


def _run(step: Section) -> RunWanted:
    filters = step.value("run")
    if not filters:
        step.add_problem("A check of kind run needs a key run: a filter, as lr>0.1.", "run")
    verdicts = [one.strip() for one in step.value("verdict").split(",") if one.strip()]
    for one in verdicts:
        if one not in VERDICTS:
            step.add_problem(f"There is no verdict {one!r}: use {', '.join(VERDICTS)}.", "verdict")
    return RunWanted(filters.split("|")[0].strip(), tuple(verdicts))


# The screen


def read_place(step: Section, screens: Screens) -> Place:
    """Read what a step opens; what is wrong is noted."""
    screen = step.value("screen")
    if screen and screen not in screens:
        known = ", ".join(screens)
        step.add_problem(
            f"There is no screen {screen!r}{near(screen, screens)} Known: {known}.", "screen"
        )
    for key, others in _OF_SCREENS.items():
        if key in step and not screen:
            step.add_problem(f"The key {key} needs a key screen.", key)
        elif key in step and others and screen in screens and screen not in others:
            step.add_problem(f"The key {key} is for screen: {' or '.join(others)}.", key)
    runs = tuple(one.strip() for one in step.value("run").split("|") if one.strip())
    for one in runs:
        _check_filter(step, "run", one, own_runs.parse)
    if screen == "compare" and len(runs) < 2:
        step.add_problem(
            "The screen compare needs a key run: two filters with | between.", "screen"
        )
    _check_filter(step, "images", step.value("images"), _image_filter)
    return Place(
        screen,
        runs,
        _whole(step, "epoch"),
        _whole(step, "image"),
        step.value("images"),
        _pane(step, screen, screens),
        _form(step),
    )


def _check_filter(step: Section, key: str, text: str, read: Callable[[str], Any]) -> None:
    try:
        read(text)
    except MnistopError as error:
        step.add_problem(f"The key {key} is no filter: {error}", key)


def _image_filter(text: str) -> object:
    from mnistop.engine.analysis.image_filters import parse  # which needs NumPy

    return parse(text, tuple(map(str, range(10)))) if text else None


def _whole(step: Section, key: str) -> int | None:
    text = step.value(key)
    if key == "epoch" and text in ("newest", "start"):
        return -1 if text == "start" else None
    if text.isascii() and text.isdecimal() and len(text) < 8:
        return int(text)
    if text:
        words = ", start or newest" if key == "epoch" else ""
        step.add_problem(f"The {key} {text!r} is not a whole number from 0 up{words}.", key)
    return None


def _pane(step: Section, screen: str, screens: Screens) -> str:
    name, panes = step.value("pane"), screens.get(screen, ())
    for pane in panes:
        if pane.casefold() == name.casefold():
            return pane
    if name and screen in screens:
        known = f"use one of {', '.join(panes)}." if panes else "it has none to choose."
        step.add_problem(f"The screen {screen} has no pane {name!r}: {known}", "pane")
    return ""


def _form(step: Section) -> Mapping[str, str] | None:
    text = step.value("form")
    if not text:
        return None
    if text in PRESETS:
        return {name: as_text(value) for name, value in PRESETS[text].items()}
    values = {}
    for word in re.split(r",\s+", text):
        name, between, value = word.partition("=")
        if not between:
            step.add_problem(
                f"The form has no {word!r}: write a preset ({', '.join(PRESETS)}), or values as in "
                "lr=0.5, epochs=20.",
                "form",
            )
            return None
        values[name.strip()] = value.strip()
    try:
        RunConfig.from_values(values)
    except ConfigError as error:
        step.add_problem(f"The key form is wrong: {error}", "form")
    return values
