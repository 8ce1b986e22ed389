"""From the arguments to the exit code: no traceback for what is not a fault of the program."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistop.engine.errors import ConfigError, MnistopError, host_error
from mnistop.tui.cli.group import mnistop
from mnistop.tui.cli.output import OutputClosedError, OutputError, complain, remark, silence
from mnistop.tui.draw.capabilities import prefer_real_size

if TYPE_CHECKING:
    from traceback import FrameSummary

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
"""The exit codes, as `mnistop --help` tells them."""

CLOSED_PIPE = 141
"""The exit code in a shell of a process that SIGPIPE has ended."""


def run() -> None:
    """Run the command of `sys.argv` and end the process with its exit code.

    Python would then take all modules apart, which takes 10 ms and more and is of use to nobody.
    """
    _open_closed_descriptors()
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


def _open_closed_descriptors() -> None:
    """Point standard descriptors that were closed, as by `ssh host 'command >&- 2>&-'`, nowhere.

    The first files and sockets that are opened would take their numbers, and what is meant for the
    terminal would be written into them.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def exit_code_of(arguments: list[str]) -> int:
    """Run a command and print on stderr what went wrong, if anything did.

    Args:
        arguments: all that follows `mnistop` on the command line.
    """
    prefer_real_size()
    if "_MNISTOP_COMPLETE" in os.environ:
        from mnistop.tui.cli import completion

        completion.register()
    try:
        code = mnistop.main(arguments, prog_name="mnistop", standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except SystemExit as ended:  # as by what has answered a shell that completes a word
        return ended.code if isinstance(ended.code, int) else DONE
    except click.ClickException as error:
        complain(error.format_message())
        if isinstance(error, click.UsageError) and error.ctx:
            remark(f"{error.ctx.command_path} --help lists what there is.")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except OutputClosedError:
        silence()
        return CLOSED_PIPE
    except OutputError as error:
        silence()
        complain(str(error))
        return FAILED
    except ConfigError as error:
        for sentence in error.problems.values():
            complain(sentence)
        return WRONG_USE
    except MnistopError as error:
        complain(str(error))
        return WRONG_USE
    except Exception as error:
        if isinstance(error, FileNotFoundError) and not _has_working_directory():
            complain("The folder that you are in has been deleted: cd to another one.")
            return WRONG_USE
        import traceback

        if os.environ.get("MNISTOP_DEBUG"):
            traceback.print_exc()
        elif lack := host_error(error):
            complain(str(lack))
            return WRONG_USE
        else:
            complain(_fault(error, traceback.extract_tb(error.__traceback__)[-1]))
        return FAILED


def _has_working_directory() -> bool:
    try:
        return bool(os.getcwd())
    except FileNotFoundError:
        return False


def _fault(error: Exception, frame: FrameSummary) -> str:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return (
        f"This is a fault of the program, {what} ({Path(frame.filename).name}, line "
        f"{frame.lineno}). With MNISTOP_DEBUG=1 it shows where it came from."
    )
