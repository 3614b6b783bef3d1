"""What the words of the grammar are called towards people."""

from __future__ import annotations

from collections.abc import Iterable

from tailrace.statements.automaton import END, Stack, following, is_keyword, phrase
from tailrace.statements.tables import SYMBOLS, VALUES

# How the values of the grammar are spoken of in errors and by the shell's completion.
MEANINGS: dict[str, str] = {
    "JOB_ID": "the name or id of a job in single quotes",
    "SAVEPOINT_PATH": "the path of a savepoint in single quotes",
    "QUEUE_NAME": "the name of a queue in single quotes",
    "OPTION_KEY": "the name of an option in single quotes",
    "OPTION_VALUE": "the value of the option in single quotes",
    "SETTING_KEY": "the name of a setting in single quotes",
    "SETTING_VALUE": "the value of the setting in single quotes",
    "AGE_COUNT": "a whole number in single quotes",
    "KEEP_COUNT": "a whole number",
    "JOB_NAME": "a name for the job",
    "JOB_BODY": "the statement that the job runs",
    "HELP_TOPIC": "the beginning of a statement",
    END: "the end of the statement",
}

# Second spellings are understood; nobody is told to use them.
SYNONYMS = frozenset({
    "QUERIES", "ANCIENTS", "DESC",
    "SECONDS", "MINUTES", "HOURS", "DAYS", "WEEKS", "MONTHS", "YEARS",
})  # fmt: skip

_SIGNS = {name: f'"{sign}"' for sign, name in SYMBOLS.items()}


def expected(stack: Stack) -> str:
    """What may follow, as a list for people: ``FOR JOB or the end of the statement``."""
    return either(_spoken(stack, name) for name in following(stack) if name not in SYNONYMS)


def either(alternatives: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    *firsts, last = alternatives
    return f"{', '.join(firsts)} or {last}" if firsts else last


def _spoken(stack: Stack, terminal: str) -> str:
    if is_keyword(terminal):
        return phrase(stack, terminal)
    return _SIGNS.get(terminal) or MEANINGS[terminal]


def written_as(terminal: str) -> str | None:
    """How a value is written: STRING, NAME, NUMBER or REST; None for keywords and signs."""
    return VALUES.get(terminal)
