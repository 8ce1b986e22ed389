"""Completion of commands, flags, values, runs and filters in bash, zsh and fish.

click asks the command itself for what a word may become. What it has the shells do with the answer
is made anew here: a filter such as `state:stopped` is one word, though bash divides it at the
colon; a value with a space or a `>` is quoted; after `state:` comes no space; and where nothing is
known, as after `--config`, files are offered.
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

SHELLS = ("bash", "zsh", "fish")

VARIABLE = "_MNISTOP_COMPLETE"
"""The variable that the scripts set when they ask, as click has it."""


def script(command: click.Command, shell: str) -> str:
    """Return the script that a shell evaluates for the completion of a command."""
    return _CLASSES[shell](command, {}, "mnistop", VARIABLE).source()


def register() -> None:
    """Have click answer the scripts of this module."""
    for kind in _CLASSES.values():
        add_completion_class(kind)


def _line(item: CompletionItem) -> str:
    """A possible word as the scripts read it; nothing for one that would forge another."""
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
        """The script, which the bash of macOS understands too."""
        return ShellComplete.source(self)

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor after the command, and the one that is being typed."""
        words = split_arg_string(os.environ["COMP_WORDS"] + "x")
        names = [os.path.basename(word) for word in words]
        first = names.index(self.prog_name) + 1 if self.prog_name in names[:-1] else 1
        return words[first:-1], words[-1][:-1] if len(words) > first else ""

    def format_completion(self, item: CompletionItem) -> str:
        """One line."""
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
        """One line."""
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
        """One line; what follows the tab is shown beside the word."""
        return _line(item).rstrip("\t")


_CLASSES: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}
