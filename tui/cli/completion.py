"""Completion of commands, flags, values, runs and filters in bash, zsh and fish.

click asks the command itself how a word can be completed; the scripts here replace those of click.
They take a filter such as `state:stopped` for one word, although bash splits it at the colon; they
quote a value with a space or a `>`, add no space after `state:`, and offer files where nothing else
is known, as after `--config`.
"""

from __future__ import annotations

import os
from typing import ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

VARIABLE = "_MNISTOP_COMPLETE"
"""The environment variable by which the scripts ask, in click's spelling."""


def _print_script(context: click.Context, parameter: click.Parameter, shell: str | None) -> None:
    if shell and not context.resilient_parsing:
        script = _CLASSES[shell](context.command, {}, "mnistop", VARIABLE).source()
        click.echo(script, nl=False)
        context.exit()


completion_option = click.option(
    "--completion",
    type=click.Choice(("bash", "zsh", "fish")),
    metavar="SHELL",
    is_eager=True,
    expose_value=False,
    callback=_print_script,
    help="Print the completion script for bash, zsh or fish; see below.",
)


def register() -> None:
    """Make click answer the scripts of this module."""
    for kind in _CLASSES.values():
        add_completion_class(kind)


def complete_run(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    """Complete the name or the path of a run or a sweep."""
    from mnistop.engine.runs.lookup import is_path
    from mnistop.engine.runs.run_folder import list_runs
    from mnistop.engine.runs.sweep_folder import list_sweeps

    if is_path(start):
        return [CompletionItem(start, type="dir")]
    found = [one for one in (*list_sweeps(), *list_runs()) if one.name == one.path.name]
    names = ["last", *(one.name for one in found)]
    if start:  # or each would be there twice
        names += [one.words for one in found]
    return [CompletionItem(name) for name in names if name.startswith(start)]


def complete_filter(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    """Complete a condition of a run filter."""
    from mnistop.engine.runs.filters import complete

    return [CompletionItem(line) for line in complete(start)]


def complete_run_or_filter(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    """Complete a run or a filter."""
    filters = complete_filter(context, parameter, start)
    return [*complete_run(context, parameter, start), *filters]


def _line(item: CompletionItem) -> str:
    """Return a word as the scripts read it; empty for one that could pass for another line."""
    if not item.value.isprintable():
        return ""
    return f"{item.type},{item.value}\t{' '.join((item.help or '').split())}"


class _Bash(BashComplete):
    source_template: ClassVar[str] = r"""
%(complete_func)s() {
    local type value before= typed="${COMP_LINE:0:COMP_POINT}" word="${COMP_WORDS[COMP_CWORD]}"
    local line="$typed"
    typed="${typed##*[[:space:]]}"
    case "$word" in
        [\"\']*) ;;
        *) case "$COMP_WORDBREAKS" in *:*) before="${typed%%"${typed##*[:=]}"}" ;; esac ;;
    esac
    COMPREPLY=()
    while IFS=, read -r type value; do
        [ "$type" = plain ] || continue
        value="${value%%%%$'\t'*}"
        value="${value#"$before"}"
        case "$value" in *[:=\<\>]) compopt -o nospace 2>/dev/null ;; esac
        case "$word" in [\"\']*) ;; *) printf -v value %%q "$value" ;; esac
        COMPREPLY+=("$value")
    done < <(COMP_WORDS="$line" %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -o bashdefault -o default -F %(complete_func)s %(prog_name)s 2>/dev/null ||
    complete -o bashdefault -o default -F %(complete_func)s %(prog_name)s
"""

    def source(self) -> str:
        """Return the script without click's check of bash: the bash of macOS understands it too."""
        return ShellComplete.source(self)

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words after the command, and the incomplete one at the cursor."""
        words = split_arg_string(os.environ["COMP_WORDS"] + "x")
        names = [os.path.basename(word) for word in words]
        first = names.index(self.prog_name) + 1 if self.prog_name in names[:-1] else 1
        return words[first:-1], words[-1][:-1] if len(words) > first else ""

    def format_completion(self, item: CompletionItem) -> str:
        return _line(item)


class _Zsh(ZshComplete):
    source_template: ClassVar[str] = r"""#compdef %(prog_name)s
%(complete_func)s() {
    local line value
    local -a whole shown open
    for line in "${(@f)$(COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT - 1)) \
        %(complete_var)s=zsh_complete ${~words[1]} 2>/dev/null)}"; do
        [[ $line == plain,* ]] || continue
        line=${line#plain,}
        value=${line%%%%$'\t'*}
        if [[ $value == *[:=\<\>] ]]; then
            open+=("$value")
        else
            whole+=("$value")
            line=${line#*$'\t'}
            shown+=("${(r:10:)value}${line:+  $line}")
        fi
    done
    if (( $#whole + $#open == 0 )); then
        _files
        return
    fi
    (( $#open )) && compadd -U -S '' -V unsorted -a open
    if [[ -n ${(M)shown:#*  [[:alpha:]]*} ]]; then
        compadd -U -l -V unsorted -d shown -a whole
    elif (( $#whole )); then
        compadd -U -V unsorted -a whole
    fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

    def format_completion(self, item: CompletionItem) -> str:
        return _line(item)


class _Fish(FishComplete):
    source_template: ClassVar[str] = r"""function %(complete_func)s
    set -l found
    for line in (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) \
            COMP_CWORD=(commandline -ct) %(prog_name)s 2>/dev/null)
        set -l parts (string split -m 1 "," -- $line)
        if test "$parts[1]" = plain
            set -a found $parts[2]
        end
    end
    if set -q found[1]
        printf '%%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete --no-files --keep-order --command %(prog_name)s --arguments "(%(complete_func)s)"
"""

    def format_completion(self, item: CompletionItem) -> str:
        return _line(item).rstrip("\t")


_CLASSES: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}
