"""Options and arguments of several commands: RUN, --json, --notify, the hyperparameters."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from mnistop.engine.config import HYPERPARAMETERS, NAMES, PRESETS, RunConfig, split_before
from mnistop.engine.errors import ConfigError
from mnistop.engine.files import expanded
from mnistop.engine.hyperparameters import as_text
from mnistop.tui.cli.completion import complete_run, complete_run_or_filter
from mnistop.tui.cli.output import Printer, print_error

if TYPE_CHECKING:
    from mnistop.engine.runs.run_folder import Run
    from mnistop.engine.runs.sweep_folder import Sweep

Command = TypeVar("Command", bound=Callable[..., Any])

run_argument = click.argument("run", metavar="RUN", shell_complete=complete_run)
runs_argument = click.argument(
    "names", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run
)
several_argument = click.argument(
    "words", metavar="[RUN|FILTER]...", nargs=-1, shell_complete=complete_run_or_filter
)


def with_output(json: str = "") -> Callable[[Command], Command]:
    """Add `--ascii` to a command, and pass it its `Printer` as `out`.

    Args:
        json: the help text of `--json`; empty for a command without it.
    """

    def add(command: Command) -> Command:
        @functools.wraps(command)
        def wrapped(force_ascii: bool, as_json: bool = False, **options: Any) -> Any:
            in_ascii = force_ascii or click.get_current_context().find_root().params.get("ascii")
            return command(out=Printer.detect(bool(in_ascii), as_json), **options)

        if json:
            click.option("--json", "as_json", is_flag=True, help=json)(wrapped)
        ascii = click.option("--ascii", "force_ascii", is_flag=True, help="Print plain ASCII only.")
        return ascii(wrapped)  # type: ignore[return-value]

    return add


def named(found: Run | Sweep) -> str:
    """Return a kind and a name, as in `run 20261123-142501-quiet-otter`."""
    return f"{type(found).__name__.lower()} {found.name}"


@dataclass(frozen=True)
class EndNotice:
    """The command and the bell for the end of a run or a sweep."""

    command: str = ""  # for the shell; empty for none
    bell: bool = False

    def send(self, found: Run | Sweep) -> None:
        """Ring and run the command now; a failure is only printed on stderr."""
        if not (self.command or self.bell):
            return
        from mnistop.tui.session.notification import Outcome, attention, run_command

        outcome = Outcome.of(found)
        if self.bell:
            _ring(attention(Printer.detect().clean(outcome.sentence), os.environ))
        if self.command:
            try:
                if problem := run_command(self.command, outcome):
                    print_error(problem)
            except KeyboardInterrupt:
                print_error(f"--notify was interrupted: {self.command}")

    def leave_watcher(self, found: Run | Sweep) -> None:
        """Start a process that runs the command at the end, as this one exits before."""
        if self.command:
            from mnistop.tui.session import notification

            try:
                notification.leave_watcher(found, self.command)
            except OSError as error:
                print_error(f"--notify cannot be run at the end: {error.strerror}.")


def _ring(sequence: str) -> None:
    for stream in filter(None, (sys.stderr, sys.stdout)):
        with suppress(OSError, ValueError):
            if stream.isatty():
                stream.write(sequence)
                stream.flush()
                return


def with_ending(command: Command) -> Command:
    """Add `--notify` and `--bell` to a command, passed as `ending`."""

    @click.option(
        "--notify",
        metavar="COMMAND",
        help="Run this shell command at the end, with MNISTOP_RUN, MNISTOP_STATE, "
        "MNISTOP_ACCURACY and MNISTOP_MESSAGE set.",
    )
    @click.option(
        "--bell",
        is_flag=True,
        help="Ring the bell at the end, or show a notification if the terminal can.",
    )
    @functools.wraps(command)
    def wrapped(notify: str | None, bell: bool, **options: Any) -> Any:
        return command(ending=EndNotice(notify or "", bell), **options)

    return wrapped  # type: ignore[return-value]


_SECTIONS = {
    "Data": "source samples pixel_range resize split val_fraction split_seed stratify sampler "
    "shift",
    "Model": "hidden activation dropout",
    "Training": "epochs batch_size optimizer lr momentum weight_decay schedule clip_norm "
    "early_stopping class_weights adversarial_epsilon seed",
    "Machine": "threads device",
}
_SECTION_OF = {name: section for section, names in _SECTIONS.items() for name in names.split()}
"""The section of the help by hyperparameter; the others are in Training."""

_METAVARS = {
    "source": "NAME|PATH",
    "samples": "N|all",
    "pixel_range": "RANGE",
    "resize": "SIZE",
    "hidden": "SIZES",
    "threads": "N|auto",
}


class SettingsCommand(click.Command):
    """A command with hyperparameters, whose help lists them by section."""

    allow_extra_args = True

    def parse_args(self, context: click.Context, words: list[str]) -> list[str]:
        """Refuse an argument that belongs to no flag, with a hint."""
        if rest := super().parse_args(context, words):
            raise click.UsageError(
                f"Unexpected argument {rest[0]}: a value with a space needs quotes, as in "
                '--hidden "256 128".',
                context,
            )
        return rest

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the hyperparameters by section."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(context):
            name = parameter.name or ""
            section = _SECTION_OF.get(name, "Training" if name in NAMES else "Options")
            if record := parameter.get_help_record(context):
                sections.setdefault(section, []).append(record)
        width = max(len(flag) for records in sections.values() for flag, _ in records)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl([(flag.ljust(width), line) for flag, line in records])


class _PresetName(click.Choice[str]):
    """The name of a preset, with spaces or with dashes."""

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> str:
        return super().convert(_dashed(str(value)), parameter, context)


def setting_options(
    hidden: bool = False, presets: Iterable[str] = PRESETS
) -> Callable[[Command], Command]:
    """Add `--preset`, `--config` and a flag for each hyperparameter to a command.

    Args:
        hidden: True to leave them out of the help.
        presets: the names accepted by `--preset`.
    """
    names = [_dashed(name) for name in presets]
    options = [
        click.option(
            "--preset",
            type=_PresetName(names),
            metavar="NAME",
            help=f"Start from {', '.join(names)}; flags override it.",
            hidden=hidden,
        ),
        click.option(
            "--config",
            "config_file",
            metavar="FILE",
            help="Read hyperparameters from a JSON file, such as the config.json of a run.",
            hidden=hidden,
        ),
        *(setting_flag(name, hidden) for name in dict.fromkeys((*_SECTION_OF, *NAMES))),
    ]

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def setting_flag(name: str, hidden: bool = False) -> Callable[[Command], Command]:
    """Return the option of a hyperparameter."""
    declared = HYPERPARAMETERS[name]

    def complete(
        context: click.Context, parameter: click.Parameter, start: str
    ) -> list[CompletionItem]:
        texts = map(as_text, declared.usual)
        return [CompletionItem(text) for text in texts if text.startswith(start)]

    default = as_text(declared.default)
    others = ", ".join(choice for choice in declared.choices if choice != default)
    values = f"default: {default}; others: {others}" if others else f"default: {default}"
    return click.option(
        _flag_of(name),
        name,
        metavar="NAME" if others else _METAVARS.get(name, "N"),
        help=f"{declared.explanation}  [{values}]",
        shell_complete=complete,
        hidden=hidden,
    )


def given_settings(
    preset: str | None, config_file: str | None, flags: Mapping[str, str | None]
) -> tuple[RunConfig, frozenset[str]]:
    """Return the configuration, and the names that were given; flags override the file.

    Args:
        preset: the name of `--preset`, with dashes.
        config_file: the path of `--config`.
        flags: the texts of the flags by hyperparameter, None for those not given.

    Raises:
        ConfigError: a sentence for each invalid value, with its origin.
    """
    presets = {_dashed(name): values for name, values in PRESETS.items()}
    from_preset = presets[preset] if preset else {}
    from_file = _read(config_file) if config_file else {}
    values = {**from_preset, **from_file, **given(flags)}
    with naming_origin(flags, config_file):
        return RunConfig.from_values(values), frozenset(values)


def given(flags: Mapping[str, str | None]) -> dict[str, str]:
    """Return the values of the flags that were given."""
    return {name: text for name, text in flags.items() if text is not None}


@contextmanager
def naming_origin(
    flags: Mapping[str, str | None], config_file: str | None = None
) -> Iterator[None]:
    """Add to each problem of a `ConfigError` the flag or the file that it came from."""
    try:
        yield
    except ConfigError as error:
        problems = {}
        for name, sentence in error.problems.items():
            origin = config_file if flags.get(name) is None else _flag_of(name)
            problems[name] = f"{origin}: {sentence}" if origin else sentence
        raise ConfigError(problems) from None


def _flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")


def _dashed(name: str) -> str:
    return "-".join(name.lower().split())


def _read(file: str) -> dict[str, Any]:
    try:
        values = json.loads(expanded(file).read_text("utf-8"))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError({"config": f"{file} cannot be read: {reason}."}) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError({"config": f"{file} is not a JSON file: {error}."}) from None
    if isinstance(values, dict) and isinstance(values.get("config"), dict):
        values = {"split": split_before(values["config"].get("source", "")), **values["config"]}
    if not isinstance(values, dict):
        raise ConfigError(
            {"config": f'{file} must hold hyperparameters by name, as in {{"lr": 0.5}}.'}
        )
    return values
