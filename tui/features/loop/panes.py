"""The panes of the loop screen: code, numbers, the chosen image, and losses."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textual.geometry import Size

from mnistop.engine.analysis.line_by_line import LINES, LoopState
from mnistop.engine.formatting import loss as loss_text
from mnistop.tui.draw import image
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import PLAIN, Strip, line, shorten
from mnistop.tui.draw.chart import chart
from mnistop.tui.draw.image import picture
from mnistop.tui.draw.series import Series
from mnistop.tui.features.loop.words import (
    CodeLine,
    code_lines,
    image_name,
    sections,
    weight_name,
)
from mnistop.tui.toolkit.pane import ContentPane
from mnistop.tui.toolkit.pane_host import Mode, Pane, PaneHost
from mnistop.tui.toolkit.scrolled_pane import ScrolledPane

_MARK = 4
"""Cells before the code: a mark and the number of the line."""
_COMMENTS = 48
"""Cells of code from which on comments stand at its end, not in a column."""
_LEAST_CHART = 5
"""Lines from which on the losses are drawn as a chart."""


def _next(state: LoopState) -> int:
    """Return the line of the loop that comes next, from 1."""
    return state.line % len(LINES) + 1


class Code(ContentPane[LoopState], can_focus=True):
    """The code of a step; the line that comes next is marked, and done ones show their results."""

    EXPLANATION = (
        "The five lines of the training loop in plain PyTorch, for the settings in the form. Every "
        "faster step of this program is tested against this one."
    )

    EMPTY_TITLE = "The training loop"

    def heading(self, content: LoopState) -> str:
        """The step, counted in all epochs, and the chosen weight."""
        step = max(content.lines_run - 1, 0) // len(LINES) + 1
        weight = f"{weight_name(content)} = {content.weight.value:.5g}"
        return f"Loop: step {step}, w {weight}"

    def draw(self, content: LoopState, width: int, height: int) -> list[Strip]:
        """The lines in sight, the next one among them."""
        lines = code_lines(content)
        column = min(max(len(each.text) for each in lines), _COMMENTS)
        drawn = [self._code_line(each, content, column, width) for each in lines]
        end = 1 + max(place for place, each in enumerate(lines) if each.number <= _next(content))
        first = max(0, end - height)
        return drawn[first : first + height]

    def _code_line(self, code: CodeLine, content: LoopState, column: int, width: int) -> Strip:
        """Draw a line of code, with its comment in a column if that fits."""
        is_next = code.number == _next(content) and not content.ended
        arrow = "▸" if self.terminal.unicode else ">"
        number = code.number if code.starts else ""
        mark = f"{arrow if is_next and code.starts else ' '}{number:<{_MARK - 1}}"
        text = shorten(code.text, width - _MARK, self.terminal)
        comments = [f"{'':{max(column - len(text), 0)}}  # {code.comment}", f"  # {code.comment}"]
        room = width - _MARK - len(text)
        comment = next((each for each in comments if len(each) <= room and code.comment), "")
        is_done = code.number <= content.line
        style = self.palette.strong if is_next else PLAIN if is_done else self.palette.muted
        pieces = [(mark, self.palette.train), (text, style), (comment, self.palette.muted)]
        return line(pieces, width)

    def needed(self) -> int:
        """Return the lines that the code takes, with the title."""
        return 1 + (len(code_lines(self.content)) if self.content else 9)


class Numbers(ScrolledPane, ContentPane[LoopState], can_focus=True):
    """The numbers of the present step's lines: all of them, or the last one."""

    EXPLANATION = (
        "The numbers behind each line: the shapes of the batch, the logits of one image, the loss, "
        "the gradients, and one weight before and after its update."
    )

    EMPTY_TITLE = "What each line computes"
    _shown = 0
    """The lines run when it was drawn last."""

    def heading(self, content: LoopState) -> str:
        """The last line that was run."""
        return f"What it did: {LINES[content.line - 1]}" if content.line else self.EMPTY_TITLE

    def lines(self, width: int, height: int) -> Sequence[Strip]:
        """The lines in sight, from the top after every line of the loop."""
        if self.content and self.content.lines_run != self._shown:
            self._shown, self._first = self.content.lines_run, 0
        return super().lines(width, height)

    def draw(self, content: LoopState, width: int, height: int) -> list[Strip]:
        """All sections if they fit, else the last one."""
        if not content.line:
            return self.say(
                f"A batch of {content.outputs[0].shape[0]} images is ready. Enter runs the first "
                "line, and its numbers appear here. s runs a whole step, t ten.",
                width,
            )
        drawn = self._sections(content, width, 0)
        return drawn if len(drawn) <= height else self._sections(content, width, content.line - 1)

    def _sections(self, content: LoopState, width: int, first: int) -> list[Strip]:
        drawn: list[Strip] = []
        made = sections(content)
        for number, section in enumerate(made[first:], start=first + 1):
            if drawn:
                drawn.append(Strip.blank(width))
            style = self.palette.strong if number == len(made) else self.palette.train
            drawn += self.say(section.title, width, style)
            for row in section.rows:
                drawn.append(line([(shorten(row, width, self.terminal), PLAIN)], width))
            for sentence in section.sentences:
                drawn += self.say(sentence, width, PLAIN)
        return drawn


class BatchPicture(ContentPane[LoopState], can_focus=True):
    """The chosen image of the batch, as the model gets it."""

    EXPLANATION = "The image whose numbers are shown, shifted or attacked if the settings say so."

    EMPTY_TITLE = "An image of the batch"

    mode: image.Mode = "auto"

    def heading(self, content: LoopState) -> str:
        """The image's place in the batch, and its class."""
        name = image_name(content)
        return name[0].upper() + name[1:]

    def draw(self, content: LoopState, width: int, height: int) -> Sequence[Strip]:
        """The image as large as it fits."""
        return picture(content.image.pixels, width, height, self.terminal, self.mode)


class Losses(ContentPane[LoopState], can_focus=True):
    """The loss of every batch so far."""

    EXPLANATION = (
        "The loss of each batch so far, from before its update, and the validation loss after each "
        "epoch. Batches differ, so the curve is rough; it falls if the loop learns."
    )

    EMPTY_TITLE = "Losses"

    def heading(self, content: LoopState) -> str:
        """The first loss and the last."""
        losses = content.losses
        if not losses:
            return self.EMPTY_TITLE
        if len(losses) == 1:
            return f"Losses: {loss_text(losses[0])}"
        return f"Losses: {loss_text(losses[0])} to {loss_text(losses[-1])}"

    def draw(self, content: LoopState, width: int, height: int) -> Sequence[Strip]:
        """A chart over the steps, or the last numbers where there is little room."""
        losses, classes = content.losses, len(content.class_names)
        if not losses:
            return self.say("The loss of every batch will appear here.", width)[:height]
        if height < _LEAST_CHART:
            numbers = [loss_text(loss) for loss in losses]
            most = max(width * height // 7, 1)
            return self.say(" ".join(numbers[-most:]), width)[-height:]
        series = [Series("batch", losses, "train")]
        if content.validation:
            ends = [content.steps * (epoch + 1) for epoch in range(len(content.validation))]
            values = [loss for loss, _ in content.validation]
            series.append(Series("validation", values, "val", ends))
        return chart(
            series,
            width,
            height,
            self.terminal,
            x0=1,
            x_max=10,
            reference=(f"ln {classes}", math.log(classes)),
            x_label="step",
        )


_LEAST_HIGH = 20
"""Lines from which on the code and another pane are shown."""


class LoopPanes(PaneHost):
    """Code, numbers, image and losses: all at once, the code and another one, or one.

    Args:
        terminal: what the terminal can show.
    """

    WIDE = Size(110, 32)

    DEFAULT_CSS = """
    LoopPanes > .panes > * { height: 1fr; }
    LoopPanes.wide > .panes { layout: grid; grid-size: 3; grid-gutter: 0 1; }
    LoopPanes.wide Code { column-span: 2; }
    LoopPanes.wide Numbers { row-span: 2; }
    """

    def __init__(self, terminal: Terminal) -> None:
        self.code = Code(terminal)
        self.numbers = Numbers(terminal)
        self.picture = BatchPicture(terminal)
        self.losses = Losses(terminal)
        panes = {"Numbers": self.numbers, "Image": self.picture, "Losses": self.losses}
        super().__init__(
            terminal,
            [
                Pane("Code", self.code, self.code, always=True),
                *(Pane(name, pane, pane) for name, pane in panes.items()),
            ],
        )

    def show(self, state: LoopState | None, status: str) -> None:
        """Show the state of the loop, or a status in its place."""
        for pane in (self.code, self.numbers, self.picture, self.losses):
            pane.show(state, status)
        self.fit()

    def mode_for(self, size: Size) -> Mode:
        """Return whether all panes fit a terminal of some size, the code and another, or one."""
        mode = super().mode_for(size)
        return "medium" if mode == "small" and size.height >= _LEAST_HIGH else mode

    def fit(self) -> None:
        """Show what fits the terminal, and the code as high as it needs and has room."""
        super().fit()
        width, height = self.app.size
        code = self.code.needed()
        if self.mode == "wide":
            room = height - 3
            numbers = max(58, width * 2 // 5)
            picture = 56 if width - numbers >= 100 and room - code > 29 else 28
            self._body.styles.grid_columns = f"{picture} 1fr {numbers}"
            self._body.styles.grid_rows = f"{min(code, room - 12)} 1fr"
        self.code.styles.height = min(code, (height - 4) // 2) if self.mode == "medium" else "1fr"
