"""Words in the order in which Skytools users type them: options anywhere, the ini file first.

``londiste3 -d conf/db1.ini worker``, ``londiste3 -v conf/db1.ini -s worker`` and so on: there, an
option belongs to the whole line. Here it belongs to the program or to a command, so what stands too
far in front is moved behind the command's name. What is in order already stays as it is, and costs
no import of a command.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import click

CONFIGURATIONS = (".ini", ".toml", ".conf")

# A command by its name; None: there is none.
Find = Callable[[str], click.Command | None]


def in_order(arguments: Sequence[str], program: click.Command, find: Find) -> list[str]:
    """Put what stands before the command's name where it belongs."""
    words = list(arguments)
    front: list[str] = []
    moved: list[str] = []
    while words:
        word = words[0]
        if word.startswith("-") and word.strip("-"):
            singles = _singles(word, program, words[1:], find)
            words[:1] = singles
            target, length = _owner(words, program, find)
            (front if target is program else moved).extend(words[:length])
            del words[:length]
        elif word.endswith(CONFIGURATIONS) and find(word) is None and word not in front:
            front += ["-c", word]
            del words[0]
        else:
            break
    return [*front, *words[:1], *moved, *words[1:]]


def _owner(words: list[str], program: click.Command, find: Find) -> tuple[click.Command, int]:
    """Whose option the first word is, and how many words it has; nobody's is the program's."""
    spelling = words[0].partition("=")[0]
    for command in (program, *_commands(words[1:], find, program, spelling)):
        option = _option(command, spelling)
        if option is not None:
            return command, 1 if "=" in words[0] or _is_flag(option) else 2
    return program, 1


def _commands(
    words: list[str], find: Find, program: click.Command, spelling: str
) -> Iterator[click.Command]:
    """All that may be the command: one of the words may be an option's value instead."""
    if _option(program, spelling) is None:
        yield from (found for word in words if (found := find(word)) is not None)


def _singles(word: str, program: click.Command, rest: list[str], find: Find) -> list[str]:
    """Take ``-vd`` apart, when all of it are flags that somebody knows."""
    letters = word[1:]
    if word.startswith("--") or len(letters) < 2 or not letters.isalpha():
        return [word]
    singles = [f"-{letter}" for letter in letters]
    known: Collection[click.Option | None] = [
        _option(_owner([single, *rest], program, find)[0], single) for single in singles
    ]
    return singles if all(one is not None and _is_flag(one) for one in known) else [word]


def _option(command: click.Command, spelling: str) -> click.Option | None:
    for param in command.params:
        if isinstance(param, click.Option) and spelling in (*param.opts, *param.secondary_opts):
            return param
    return None


def _is_flag(option: click.Option) -> bool:
    """Whether no value follows; one that may follow (``--watch``) has to be glued to it."""
    return option.is_flag or option.count or isinstance(option.flag_value, str | int | float)
