"""The page that a student hands in: all questions with their answers, and the figures of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from mnistop.engine.errors import MnistopError
from mnistop.engine.formatting import count
from mnistop.engine.lessons.answers import Answers, StepAnswers, count_states
from mnistop.engine.lessons.course import Block, Course, Step, plain
from mnistop.engine.lessons.figures import figures
from mnistop.engine.lessons.own_runs import matching
from mnistop.engine.report.document import (
    Code,
    Document,
    Listing,
    Paragraph,
    Part,
    Quote,
    Section,
)
from mnistop.engine.report.facts import Facts
from mnistop.engine.report.html import as_html
from mnistop.engine.report.of_run import settings
from mnistop.engine.runs.entry import RunEntry
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.run_folder import Run

_STATES = {
    "right": "✓ Right",
    "answered": "• In own words",
    "wrong": "✗ Not right yet",
    "open": "○ Not answered",
}


def hand_in_page(course: Course, answers: Answers, run: Run | None = None) -> str:
    """Return the page as the text of an HTML file. It takes PyTorch.

    Args:
        course: the course.
        answers: the student's answers.
        run: whose figures are shown; None for the newest of the notebook's settings, else the
            newest with a model of all.
    """
    runs = list_all().runs
    run = run or _best_run(runs)
    single = next((one.run for one in matching(runs, "single layer")), None)
    sections = [_section(number, step, answers) for number, step in enumerate(course.steps, 1)]
    if run:
        sections.append(Section("The run", tuple(_about(run))))
        try:
            sections += figures(run, single)
        except MnistopError as error:
            sections.append(Section("Figures", (Paragraph(str(error)),)))
    else:
        sections.append(Section("Figures", (Paragraph("There is no run yet."),)))
    name = answers.name or "without a name"
    title = f"{course.title}: {name}"
    return as_html(Document(title, tuple(_summary(course, answers)), tuple(sections)))


def _best_run(runs: Sequence[RunEntry]) -> Run | None:
    usual = matching(runs, "notebook")
    others = [one for one in runs if one.overview.epochs and not one.overview.script]
    return next((one.run for one in (*usual, *others)), None)


def _summary(course: Course, answers: Answers) -> Iterator[Part]:
    counts = count_states(answers, [step.id for step in course.steps])
    yield Paragraph(f"Handed in by {answers.name or 'a student who gave no name'}", strong=True)
    yield Paragraph(
        f"{time.strftime('%F %H:%M')}. {count(len(course.steps), 'question')}: {counts['right']} "
        f"right, {counts['answered']} answered in own words, {counts['wrong']} not right yet, "
        f"{counts['open']} not answered."
    )


def _section(number: int, step: Step, answers: Answers) -> Section:
    return Section(f"{number}. {step.title}", tuple(_parts(step, answers.of(step.id))))


def _parts(step: Step, kept: StepAnswers) -> Iterator[Part]:
    yield from _text(step.question)
    for letter, text in step.choices.items():
        yield Paragraph(f"{letter}) {plain(text)}")
    best = kept.best
    tries = sum(bool(attempt.text.strip()) for attempt in kept.attempts)  # a run is found without
    remarks = [f"{count(tries, 'attempt')}"] if tries > 1 else []
    if kept.revealed:
        remarks.append("after seeing the model answer")
    state = ", ".join([_STATES[kept.state], *remarks])
    if best and best.text.strip():
        text = best.text.strip()
        if step.choices and text.casefold() in step.choices:
            text = f"{text}: {plain(step.choices[text.casefold()])}"
        yield Quote(state, text)
    else:
        yield Paragraph(state)
    if best and step.kind == "run" and best.right is not None:
        yield Paragraph(best.message)
    if kept.draft.strip() and kept.draft.strip() != (best.text.strip() if best else ""):
        yield Quote("Typed, but not handed in", kept.draft.strip())
    answer = " ".join(plain(block.text) for block in step.model_answer if block.kind != "code")
    if kept.attempts:
        yield Quote("Model answer", answer, "model")


def _text(blocks: Sequence[Block]) -> Iterator[Part]:
    for block in blocks:
        if block.kind == "code":
            yield Code(block.text, "python")
        else:
            yield Paragraph(plain(block.text))


def _about(run: Run) -> Iterator[Part]:
    facts = Facts.of(run)
    best = facts.history.best
    yield Paragraph(f"The figures below are of the run {run.name}, {facts.state}.")
    if best:
        yield Paragraph(f"Best epoch {best.epoch}.")
    yield Listing(tuple(settings(facts.config)))
