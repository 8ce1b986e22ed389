"""The hyperparameters as flags, made from their declaration in `mnistop.engine.config`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from mnistop.engine.config import HYPERPARAMETERS, NAMES, PRESETS, RunConfig
from mnistop.engine.errors import ConfigError
from mnistop.engine.files import expanded
from mnistop.engine.hyperparameters import as_text

Command = TypeVar("Command", bound=Callable[..., Any])

_SECTIONS = {
    "Data": "source samples pixel_range val_fraction split_seed shift",
    "Model": "hidden activation dropout",
    "Training": "epochs batch_size optimizer lr momentum weight_decay schedule clip_norm "
    "early_stopping adversarial_epsilon seed",
}
"""The sections of the help; `Machine` has the other hyperparameters."""


class _Setting(click.Option):
    """The flag of a hyperparameter, with its section of the help."""

    def __init__(self, *args: Any, section: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class SettingsCommand(click.Command):
    """A command with hyperparameters, whose help lists them by section."""

    allow_extra_args = True

    def parse_args(self, context: click.Context, words: list[str]) -> list[str]:
        """Refuse an argument that belongs to no flag, with a hint."""
        rest = super().parse_args(context, words)
        if rest:
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
            section = getattr(parameter, "section", "Options")
            if record := parameter.get_help_record(context):
                sections.setdefault(section, []).append(record)
        width = max(len(flag) for records in sections.values() for flag, _ in records)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl([(flag.ljust(width), line) for flag, line in records])


class _PresetName(click.Choice[str]):
    """The name of a preset, with spaces or with dashes."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__([_dashed(name) for name in names])

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> str:
        """Return the name with dashes."""
        return super().convert(_dashed(str(value)), parameter, context)


def setting_options(
    hidden: bool = False, presets: Iterable[str] = PRESETS
) -> Callable[[Command], Command]:
    """Add `--preset`, `--config` and a flag for each hyperparameter to a command.

    Args:
        hidden: True to leave them out of the help.
        presets: the names accepted by `--preset`.
    """
    options = [
        click.option(
            "--preset",
            type=_PresetName(presets),
            metavar="NAME",
            help=f"Start from {', '.join(map(_dashed, presets))}; flags override it.",
            hidden=hidden,
        ),
        click.option(
            "--config",
            "config_file",
            metavar="FILE",
            help="Read hyperparameters from a JSON file, such as the config.json of a run.",
            hidden=hidden,
        ),
        *(_flag(name, section, hidden) for section, names in _by_section() for name in names),
    ]

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


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
    """Add to each problem of a `ConfigError` the flag or the file that it came from.

    Raises:
        ConfigError: the one raised inside, with the origins.
    """
    try:
        yield
    except ConfigError as error:
        problems = {}
        for name, sentence in error.problems.items():
            origin = config_file if flags.get(name) is None else _flag_of(name)
            problems[name] = f"{origin}: {sentence}" if origin else sentence
        raise ConfigError(problems) from None


def _by_section() -> list[tuple[str, list[str]]]:
    sections = [(section, names.split()) for section, names in _SECTIONS.items()]
    listed = {name for _, names in sections for name in names}
    others = [name for name in NAMES if name not in listed]
    return [*sections, ("Machine", others)]


def _flag(name: str, section: str, hidden: bool) -> Callable[[Command], Command]:
    def complete(
        context: click.Context, parameter: click.Parameter, start: str
    ) -> list[CompletionItem]:
        texts = map(as_text, HYPERPARAMETERS[name].usual)
        return [CompletionItem(text) for text in texts if text.startswith(start)]

    usual = as_text(HYPERPARAMETERS[name].default)
    others = ", ".join(choice for choice in HYPERPARAMETERS[name].choices if choice != usual)
    values = f"default: {usual}; others: {others}" if others else f"default: {usual}"
    return click.option(
        _flag_of(name),
        name,
        cls=_Setting,
        section=section,
        metavar="NAME" if others else _METAVARS.get(name, "N"),
        help=f"{HYPERPARAMETERS[name].explanation}  [{values}]",
        shell_complete=complete,
        hidden=hidden,
    )


_METAVARS = {
    "source": "NAME|PATH",
    "samples": "N|all",
    "pixel_range": "RANGE",
    "hidden": "SIZES",
    "threads": "N|auto",
}


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
        values = values["config"]
    if not isinstance(values, dict):
        raise ConfigError(
            {"config": f'{file} must hold hyperparameters by name, as in {{"lr": 0.5}}.'}
        )
    return values
