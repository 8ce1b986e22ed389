"""The settings of the form as code: shown, and written on request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from textual.widget import Widget

from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import absolute
from mnistop.engine.errors import RunError
from mnistop.engine.export.code_files import code_of
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import PLAIN, Strip, line, shorten
from mnistop.tui.session.view import WRONG_FORM, ViewScreen
from mnistop.tui.toolkit.background import LatestAnswer
from mnistop.tui.toolkit.bindings import bindings, declared, key
from mnistop.tui.toolkit.dialogs import Section
from mnistop.tui.toolkit.pane import ContentPane
from mnistop.tui.toolkit.scrolled_pane import LINE_BY_LINE, ScrolledPane


class CodeText(ScrolledPane, ContentPane[str], can_focus=True):
    """A script, line by line."""

    BINDINGS = bindings("text", *LINE_BY_LINE)

    EXPLANATION = (
        "The training with the settings in the form as a script in plain PyTorch. Without mnistop, "
        "it trains the same run and prints the same log."
    )

    EMPTY_TITLE = "The settings as code"

    about = ""
    """Whose code it is."""

    def heading(self, content: str) -> str:
        """The run or settings whose code it is."""
        return f"{self.about} as code"

    def draw(self, content: str, width: int, height: int) -> list[Strip]:
        """All lines, comments less bright."""
        drawn = []
        for text in content.splitlines():
            code, mark, comment = text.partition("#")
            pieces = [(code, PLAIN), (mark + comment, self.palette.muted)]
            if len(text) > width:
                pieces = [(shorten(text, width, self.terminal), PLAIN)]
            drawn.append(line(pieces, width))
        return drawn

    def text(self) -> str:
        """Return all of the code."""
        return self.content or self.status


class CodeScreen(ViewScreen):
    """A script that can be scrolled and written.

    Args:
        terminal: what the terminal can show.
    """

    NAME = "train"

    BINDINGS = bindings(
        "code",
        key("write", "w", "write", "Write script", "Write the script and its images here"),
        key("notebook", "n", "notebook", "Write notebook", "Write a notebook and its images here"),
    )

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._text = CodeText(terminal)
        self._shown = LatestAnswer(self, code_of, self._on_code)
        self._written = LatestAnswer(self, code_of, self._on_written)

    def panes(self) -> Iterable[Widget]:
        """The script."""
        yield self._text

    def on_mount(self) -> None:
        """Focus the script."""
        self._text.focus()

    def enter(self, about: None) -> None:
        """Show the code of the form's settings, perhaps of data that have changed."""
        self._shown.forget()
        self._text.content = None

    def _training(self) -> tuple[RunConfig, Run | None] | None:
        """Return the settings of the form, and the shown run if it has been trained with them."""
        config, run = self.form(), self.state.run
        if config is None:
            return None
        try:
            is_of_run = run is not None and (run.is_recorded() or run.config() == config)
        except RunError:  # it has just been deleted
            is_of_run = False
        return replace(config, source=absolute(config.source)), run if is_of_run else None

    def redraw(self) -> None:
        """Ask for the code of the form's settings."""
        training = self._training()
        if training is None:
            self._text.show(None, WRONG_FORM)
            return
        run = training[1]
        self._text.about = f"Run {run.words}" if run else "The settings"
        if self._text.content is None:
            self._text.show(None, self._text.status or "Loading PyTorch and the images")
        self._shown.want(*training, "script", None, self._shown.progress_file)

    def _on_code(self) -> None:
        code = self._shown.answer
        self._text.show_new(code.text if code else None, self._shown.error)
        self.refresh_bindings()

    def action_write(self) -> None:
        """Write the script and its images."""
        self._write("script")

    def action_notebook(self) -> None:
        """Write a notebook and its images."""
        self._write("notebook")

    def _write(self, format: str) -> None:
        if training := self._training():
            self._written.forget()
            self._written.want(*training, format, Path.cwd(), None)

    def _on_written(self) -> None:
        if (answer := self._written.answer) is None:
            self.notify(self._written.error, severity="error", markup=False)
            return
        assert answer.path
        assert answer.images
        command = "python" if answer.path.suffix == ".py" else "jupyter lab"
        self.notify(
            f"Written to {answer.path}, with its images in {answer.images.name}. "
            f"To run it: {command} {answer.path.name}",
            markup=False,
            timeout=15,
        )

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action in ("write", "notebook") and self._text.content is None:
            return self._text.status or "There is no code yet."
        return super().why_not(action, parameters)

    def sections(self) -> Sequence[Section]:
        """Return the screen's purpose and keys."""
        return [
            Section("The settings as code", CodeText.EXPLANATION, declared(CodeScreen, CodeText))
        ]
