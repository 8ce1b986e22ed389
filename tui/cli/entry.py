"""The `mnistop` command: its arguments, its sub-commands, its errors and its exit codes."""

from __future__ import annotations

import atexit
import importlib
import os
import sys
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from mnistop.engine.errors import MnistopError, host_error
from mnistop.engine.hyperparameters import as_text
from mnistop.tui.cli import completion
from mnistop.tui.cli.opening import app_options, open_app
from mnistop.tui.cli.options import given_settings, setting_options
from mnistop.tui.cli.output import OutputClosedError, OutputError, print_error, print_note
from mnistop.tui.draw.capabilities import prefer_real_size
from mnistop.tui.terminal import garbage_collection

COMMANDS = {
    "train": ("train", "Train a model without the app."),
    "sweep": ("sweep", "Train many combinations of values and compare them."),
    "runs": ("runs", "List all runs, newest first."),
    "show": ("show", "Show a run or a sweep: settings, log, charts, mistakes."),
    "report": ("export", "Write a report on a run, or a comparison of several."),
    "export": ("export", "Export a model to PyTorch or ONNX, or curves to TensorBoard."),
    "follow": ("train", "Watch a run or a sweep until it ends."),
    "stop": ("stop", "Stop runs and sweeps and save them."),
    "wait": ("stop", "Wait until runs have ended, and exit as they did."),
    "resume": ("train", "Resume a stopped, interrupted or paused run or sweep."),
    "delete": ("runs", "Delete runs and sweeps with all their files."),
    "share": ("runs", "Let other users of this machine read a run or a sweep."),
    "unshare": ("runs", "Undo share."),
    "attack": ("attack", "Measure how robust a run's model is to adversarial images."),
    "rates": ("rates", "Find learning rates that are too low, good and too high."),
    "course": ("course", "Work through the lessons, and hand in your answers."),
    "exercise": ("exercise", "Write the training loop yourself, and check it."),
    "data": ("data", "Describe a data source; openml is downloaded first."),
}
"""Each command's module in `mnistop.tui.cli`, with a function of its name, and its line of help."""


class _LazyGroup(click.Group):
    """A group that imports only the command that is called."""

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"mnistop.tui.cli.{COMMANDS[name][0]}")
        garbage_collection.go_on()
        command: click.Command = getattr(module, name)
        return command

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands, without importing them, and the options."""
        commands = [
            CompletionItem(name, help=line)
            for name, (_, line) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, context, incomplete)]

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = words[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib

            near = difflib.get_close_matches(name, COMMANDS, n=1)
            known = f"did you mean {near[0]}?" if near else f"use one of {', '.join(COMMANDS)}."
            raise click.UsageError(f"There is no command {name}: {known}", context)
        return super().resolve_command(context, words)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _print_version(context: click.Context, parameter: click.Parameter, is_asked: bool) -> None:
    if not is_asked or context.resilient_parsing:
        return
    from importlib import metadata

    def version_of(distribution: str) -> str:
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            return "unknown"

    python = sys.version.split()[0]
    click.echo(
        f"mnistop {version_of('mnistop')} (PyTorch {version_of('torch')}, "
        f"Textual {version_of('textual')}, Python {python})"
    )
    context.exit()


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="[COMMAND]",
    epilog="""
\b
Examples:
  mnistop                                 open the app
  mnistop --lr 0.5 --hidden "256 128"     open it with these values in the form
  mnistop --run last                      open it with the newest run
  mnistop train --preset adam             train here, without the app
  mnistop sweep --lr 0.01,0.1,1           train three runs and compare them
  mnistop runs                            list all runs

\b
RUN is the name of a run or a sweep, or the start of one, its two words, the
name you gave it, or last; or the path of its folder, even another user's.

\b
Shell completion of commands, flags, runs and filters:
  eval "$(mnistop --completion bash)"     in ~/.bashrc
  eval "$(mnistop --completion zsh)"      in ~/.zshrc, after compinit
  mnistop --completion fish | source      in ~/.config/fish/config.fish

\b
If set, $MNISTOP_RUNS is where runs are kept, and $MNISTOP_CACHE data.
Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 130 stopped by Ctrl+C.
""",
)
@click.option("--run", metavar="RUN", help="Open this run, which may be training.")
@app_options
@completion.completion_option
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the versions and exit.",
)
@setting_options(hidden=True)
@click.pass_context
def mnistop(
    context: click.Context,
    /,
    run: str | None,
    ascii: bool,
    slow: bool,
    mouse: bool | None,
    light: bool | None,
    preset: str | None,
    config_file: str | None,
    **flags: str | None,
) -> int | None:
    """Train a classifier of handwritten digits, watch it learn, and break it.

    Without a command, the app opens. Hyperparameters such as --lr 0.5 fill in its form; mnistop
    train --help lists them all.
    """
    if context.invoked_subcommand:
        _refuse_app_options(context, context.invoked_subcommand)
        return None
    config, given = given_settings(preset, config_file, flags)
    texts = {name: as_text(getattr(config, name)) for name in given}
    return open_app(texts, run, ascii=ascii, slow=slow, mouse=mouse, light=light)


def _refuse_app_options(context: click.Context, command: str) -> None:
    """Refuse options of the app before a command, which would ignore all but `--ascii`."""
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name != "ascii" and value not in (None, False):
            flag = parameter.opts[0]
            raise click.UsageError(
                f"{flag} before {command} is an option of the app: write it after the command, as "
                f"in mnistop {command} {flag} ...",
                context,
            )


DONE, FAILED, WRONG_USAGE, INTERRUPTED, CLOSED_PIPE = 0, 1, 2, 130, 141
"""The exit codes; 141 is what a shell reports for a process ended by SIGPIPE."""


def run() -> None:
    """Run the command of `sys.argv` and end the process with its exit code.

    Skips the interpreter's own shutdown, which takes 10 ms and more.
    """
    # After `ssh host 'command >&- 2>&-'` the first files opened would become the standard streams.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    code = INTERRUPTED

    def end() -> None:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)

    atexit.register(end)  # before what the command registers: it is called after that
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    code = exit_code_of(sys.argv[1:])
    sys.exit(code)


def exit_code_of(arguments: list[str]) -> int:
    """Run a command, print its error, if any, on stderr, and return the exit code.

    Args:
        arguments: everything after `mnistop` on the command line.
    """
    prefer_real_size()
    if completion.VARIABLE in os.environ:
        completion.register()
    try:
        code = mnistop.main(arguments, prog_name="mnistop", standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except SystemExit as ended:  # click has completed a word for a shell
        return ended.code if isinstance(ended.code, int) else DONE
    except click.ClickException as error:
        print_error(error.format_message())
        if isinstance(error, click.UsageError) and error.ctx:
            print_note(f"Try {error.ctx.command_path} --help.")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except (OutputClosedError, OutputError) as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # takes what is still buffered
        if isinstance(error, OutputClosedError):
            return CLOSED_PIPE
        print_error(str(error))
        return FAILED
    except MnistopError as error:
        for sentence in error.sentences:
            print_error(sentence)
        return WRONG_USAGE
    except Exception as error:
        return _print_fault(error)


def _print_fault(error: Exception) -> int:
    """Print an error of the machine or a bug, and return the exit code."""
    import traceback

    try:
        if isinstance(error, FileNotFoundError):
            os.getcwd()
    except FileNotFoundError:
        print_error("The current folder has been deleted: cd to another one.")
        return WRONG_USAGE
    if os.environ.get("MNISTOP_DEBUG"):
        traceback.print_exception(error)
        return FAILED
    if lack := host_error(error):
        print_error(str(lack))
        return WRONG_USAGE
    frame = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    print_error(
        f"This is a fault of the program, {what} ({Path(frame.filename).name}, line "
        f"{frame.lineno}). MNISTOP_DEBUG=1 prints the traceback."
    )
    return FAILED
