"""`mnistop course`: lessons with questions, on the course screen, as a list, and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mnistop.engine.files import expanded
from mnistop.engine.lessons.answers import AnswerBook, Answers, count_states, note_on
from mnistop.engine.lessons.course import Course, Step
from mnistop.engine.lessons.parser import bundled_course, load_course
from mnistop.engine.runs.lookup import find_run
from mnistop.engine.safe_write import check_file, write_out
from mnistop.tui.cli.completion import complete_run
from mnistop.tui.cli.opening import app_options, open_app
from mnistop.tui.cli.output import Printer, print_note, waiting
from mnistop.tui.text.table import Column, Table
from mnistop.tui.toolkit.bars import PANES

_MARKS = {"right": "✓", "answered": "•", "wrong": "✗", "open": "○"}
_WORDS = {
    "right": "right",
    "answered": "answered",
    "wrong": "not right yet",
    "open": "open",
}


@click.command(
    epilog="""
\b
Examples:
  mnistop course                                 open the lessons
  mnistop course mine.md                         open a course of your own
  mnistop course --list                          the steps, and what is done
  mnistop course --hand-in ada.html --name Ada   a page to hand in
"""
)
@app_options
@click.option("--list", "as_list", is_flag=True, help="List the steps and what is answered.")
@click.option("--json", "as_json", is_flag=True, help="With --list, print JSON.")
@click.option(
    "--hand-in",
    metavar="FILE.html",
    help="Write all questions and answers, and the figures of your run, as one page.",
)
@click.option("--name", metavar="NAME", help="Your name on that page; it is kept.")
@click.option(
    "--run",
    metavar="RUN",
    shell_complete=complete_run,
    help="Whose figures the page shows.  [default: the notebook's run]",
)
@click.option("--force", is_flag=True, help="Replace an existing page.")
@click.argument("file", required=False, metavar="[FILE.md]", type=click.Path(path_type=Path))
def course(
    as_list: bool,
    as_json: bool,
    hand_in: str | None,
    name: str | None,
    run: str | None,
    force: bool,
    file: Path | None,
    **app: Any,
) -> int:
    """Open the lessons of the notebook, or those of FILE.md, and keep your answers.

    Each step asks one question and opens the screen that it is about. Numbers, shapes and choices
    are checked, some of them against your own runs; answers in your own words are kept beside a
    model answer. A course is a Markdown file, and this prints all mistakes in one with their lines.
    """
    if hand_in is None and (name is not None or run is not None or force):
        raise click.UsageError("--name, --run and --force belong to --hand-in.")
    app["ascii"] |= bool(click.get_current_context().find_root().params.get("ascii"))
    out = Printer.detect(app["ascii"], as_json)
    opened = load_course(expanded(str(file)), PANES) if file else bundled_course(PANES)
    if hand_in is not None:
        _hand_in(out, opened, hand_in, name, run, force)
    elif as_list or as_json:
        _print_list(out, opened)
    else:
        return open_app({}, course=opened, **app)
    return 0


def _print_list(out: Printer, course: Course) -> None:
    book = AnswerBook(course.id, course.title)
    answers = book.read()
    _print_notice(book, answers, course)
    out.print_json(_as_json(course, answers))
    counts = count_states(answers, [step.id for step in course.steps])
    done = counts["right"] + counts["answered"]
    out.paragraph(f"{course.title}: {done} of {len(course.steps)} steps done")
    columns: tuple[Column[tuple[int, Step]], ...] = (
        Column("", lambda row: _MARKS[answers.of(row[1].id).state]),
        Column("step", lambda row: str(row[0]), gap=1),
        Column("title", lambda row: row[1].title, left=True),
        Column("", lambda row: _WORDS[answers.of(row[1].id).state], left=True),
    )
    rows = list(enumerate(course.steps, 1))
    out.print(*Table(columns, out.width, rows).lines(rows))


def _print_notice(book: AnswerBook, answers: Answers, course: Course) -> None:
    if notice := book.notice or note_on(answers, course):
        print_note(notice)


def _as_json(course: Course, answers: Answers) -> list[dict[str, Any]]:
    rows = []
    for number, step in enumerate(course.steps, 1):
        kept = answers.of(step.id)
        rows.append(
            {
                "number": number,
                "id": step.id,
                "title": step.title,
                "check": step.kind,
                "screen": step.place.screen or None,
                "state": kept.state,
                "answer": kept.best.text if kept.best else None,
                "attempts": len(kept.attempts),
                "revealed": kept.revealed,
            }
        )
    return rows


def _hand_in(
    out: Printer, course: Course, output: str, name: str | None, run: str | None, force: bool
) -> None:
    """Write the page.

    Raises:
        MnistopError: it exists, or cannot be written; there is no such run.
    """
    path = expanded(output).absolute()
    check_file(path, force)
    chosen = find_run(run) if run else None
    book = AnswerBook(course.id, course.title)
    _print_notice(book, book.read(), course)
    answers = book.keep_name(name) if name is not None else book.read()
    with waiting(out) as progress:
        progress("loading PyTorch and drawing the figures")
        from mnistop.engine.lessons.hand_in import hand_in_page

        page = hand_in_page(course, answers, chosen)
    write_out(path, page.encode("utf-8", "backslashreplace"), force)
    out.print(f"Written to {path}")
