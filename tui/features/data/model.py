"""The images that the data screen pages through, and what is odd about them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from textual.dom import DOMNode

from mnistop.engine.analysis.label_doubts import FOLDS, as_finding
from mnistop.engine.analysis.samples import Samples, find_oddities, load_recorded, load_samples
from mnistop.engine.config import LOADED_BY, SPLIT_BY, RunConfig
from mnistop.engine.data.doctor import Finding
from mnistop.engine.data.sources import absolute
from mnistop.engine.errors import RunError
from mnistop.engine.fingerprint import changes
from mnistop.engine.process.doubt_search import DoubtSearch
from mnistop.engine.runs.run_folder import SPLIT_FORMAT, Run
from mnistop.tui.session.state import State
from mnistop.tui.toolkit.background import LatestAnswer

_SKIPPED = "Only the form's images are checked, not those of a recorded run: o shows them."


class DataModel:
    """The form's images, those of a finding on them, or those of a recorded run.

    Args:
        node: a part of the app, in whose name is asked.
        changed: called after each answer.
    """

    def __init__(self, node: DOMNode, changed: Callable[[], object]) -> None:
        self._of_form = LatestAnswer(node, load_samples, changed)
        self._of_run = LatestAnswer(node, load_recorded, changed)
        self._data: tuple[Hashable, ...] | None = None
        """Chooses the images, its first the name of the source; None for none."""
        self.check = DataCheck(node, changed)
        self.run: Run | None = None
        """The recorded run whose images they are; None if they are the form's."""
        self.finding: Finding | None = None
        """The finding whose images are shown; None for all images."""
        self.index = 0
        """The place of the chosen image among those shown."""
        self.sent: int | None = None
        """The image that a lesson is about, until it is shown."""

    @property
    def _answers(self) -> LatestAnswer[Samples]:
        return self._of_run if self.run else self._of_form

    @property
    def samples(self) -> Samples | None:
        """The page with the chosen image and those beside it; None while they are loaded."""
        return self._answers.answer

    @property
    def is_waiting(self) -> bool:
        """True while the first images are being read."""
        return self.samples is None and self._answers.waiting

    @property
    def error(self) -> str:
        """Why there are no images; empty if there are, or will be."""
        return self._answers.error

    @property
    def remark(self) -> str:
        """A few words on the chosen image from the finding that it belongs to."""
        return self.finding.remarks[self.index] if self.finding and self.finding.remarks else ""

    def want(self, source: RunConfig | Run, page: int) -> None:
        """Ask for the chosen image, and for the pages around it.

        Args:
            source: the configuration of the form, or a recorded run.
            page: the number of images of a page.
        """
        self.run = source if isinstance(source, Run) else None
        if isinstance(source, Run):
            self._choose(source.words, source)
            self._of_run.want(source, *self._rows(page))
            self.check.skipped = _SKIPPED
            return
        config = replace(source, source=absolute(source.source))
        self._choose(*_identity(config))
        rows, finding = self._rows(page), self.finding
        chosen = finding.images if finding else None
        key = (self._data, rows, id(finding))
        self._of_form.want(config, *rows, self._of_form.progress_file, chosen, key=key)
        if self.samples:
            self.check.want(config, self._data, self.samples)

    def _choose(self, *data: Hashable) -> None:
        """Forget what is shown if it is of other data."""
        if data != self._data:
            self.forget()
            self._data = data
        if self.sent is not None:
            self.show(None, self.sent)
            self.sent = None

    def _rows(self, page: int) -> tuple[int, int]:
        """Return the first image to ask for, and how many: those of three pages."""
        return max(self.index // page - 1, 0) * page, 3 * page

    def show(self, finding: Finding | None, index: int = 0) -> None:
        """Choose an image, of a finding or of all."""
        if finding is not self.finding:
            self._of_form.forget()
        self.finding, self.index = finding, index

    def show_all(self) -> None:
        """Go from an image of a finding to all images; from an unseen one to the first."""
        number = int(self.finding.images[self.index]) if self.finding else self.index
        self.show(None, number if number < self.check.images else 0)

    def forget(self) -> None:
        """Show nothing."""
        self._data, self.finding, self.index = None, None, 0
        self._of_form.forget()
        self._of_run.forget()
        self.check.forget()

    def begin(self, search: DoubtSearch) -> None:
        """Follow a search that has just begun, unless the data are others by now."""
        if _identity(search.config) == self._data:
            self.check.begin(search)
        else:
            search.stop()

    def ask_again(self) -> None:
        """Load the images once more: the file may have changed."""
        self._answers.ask_again()

    def waiting(self) -> str:
        """Return what is being loaded, and for how long."""
        assert self._data
        note = self._answers.progress(f"loading {self._data[0]}")
        seconds = self._answers.seconds
        return f"{note[0].upper()}{note[1:]}" + (f" ({seconds:.0f} s)" if seconds >= 1 else "")

    def difference(self, state: State) -> str:
        """Explain that a run was trained on other data than its source holds now, or return ""."""
        run, data = state.run, state.history.data
        if not (run and data and self.samples and self._data):
            return ""
        with contextlib.suppress(RunError):
            config = run.config()
            loaded = tuple(getattr(config, name) for name in LOADED_BY)
            if loaded == self._data[: len(loaded)] and (
                difference := changes(data, self.samples.fingerprint)
            ):
                is_old = run.format() < SPLIT_FORMAT
                read = "the data as an older mnistop read them" if is_old else "other data"
                return f"Run {run.words} was trained on {read}: {difference}. "
        return ""


def _identity(config: RunConfig) -> tuple[Hashable, ...]:
    """Return the hyperparameters that decide which images there are, and their split."""
    return tuple(getattr(config, name) for name in LOADED_BY + SPLIT_BY)


class DataCheck:
    """The findings on some data, and the search for labels that models doubt.

    Args:
        node: a part of the app, in whose name is asked.
        changed: called after each answer.
    """

    def __init__(self, node: DOMNode, changed: Callable[[], object]) -> None:
        self._odd = LatestAnswer(node, find_oddities, changed)
        self._doubted: Finding | None = None
        self._since = 0.0
        self.search: DoubtSearch | None = None
        """The search that is going on, or that has failed."""
        self._names: tuple[str, ...] = ()
        self.images = self.unseen = 0
        """The numbers of images and of test images that are checked; 0 before they are known."""
        self.skipped = ""
        """Why the images are not checked; empty if they are."""

    def want(self, config: RunConfig, data: Hashable, samples: Samples) -> None:
        """Ask for the findings on the data of a configuration, unless they are there.

        Args:
            config: the configuration.
            data: differs where the data do.
            samples: some of the data.
        """
        facts = samples.description
        self.images, self.unseen, self._names = facts.count, facts.unseen, facts.class_names
        self._odd.want(config, key=data)

    def forget(self) -> None:
        """Drop the findings, and end the search."""
        self.stop()
        self._odd.forget()
        self._doubted, self.images, self.unseen, self.skipped = None, 0, 0, ""

    @property
    def findings(self) -> Sequence[Finding]:
        """The findings, the worst first, and then the doubted labels."""
        doubted = [self._doubted] if self._doubted and len(self._doubted.images) else []
        return [*(self._odd.answer or ()), *doubted]

    @property
    def is_checked(self) -> bool:
        """True once the findings are there, but for doubted labels."""
        return self._odd.answer is not None

    @property
    def is_searching(self) -> bool:
        """True while models are trained."""
        return self.search is not None and not self.search.is_over

    @property
    def status(self) -> str:
        """What is being waited for, went wrong, or can be done next."""
        if self.search and self.search.error:
            return self.search.error
        if self.search and self.is_searching:
            seconds = time.monotonic() - self._since
            return f"Looking for doubted labels: {self.search.progress} ({seconds:.0f} s); s stops."
        if not self.is_checked:
            waiting = "Checking the images." if self._odd.waiting else ""
            return self._odd.error or self.skipped or waiting
        if self._doubted is None:
            return "d trains models to look for labels that they doubt."
        return "" if len(self._doubted.images) else self._doubted.sentence

    def begin(self, search: DoubtSearch) -> None:
        """Follow a search that has just begun, and end the one before."""
        self.stop()
        self.search, self._doubted, self._since = search, None, time.monotonic()

    def stop(self) -> None:
        """End the search."""
        if self.search:
            self.search.stop()
        self.search = None

    def read(self) -> bool:
        """Take what the search has found, and return whether it has found doubted labels."""
        if not (self.search and self.search.read() and self.search.doubts):
            return False
        self._doubted = as_finding(self.search.doubts, FOLDS, self._names)
        return len(self._doubted.images) > 0
