"""What HELP says: the syntax of each statement and one line of what it is for.

Tests read every line of syntax with the parser, and compare them with the reference page.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One statement; in ``syntax`` brackets are optional, braces a choice, ``<…>`` to be filled."""

    syntax: str
    purpose: str
    accepted: tuple[str, ...] = ()  # other spellings


ENTRIES: tuple[Entry, ...] = (
    Entry(
        "SHOW JOBS [EXTENDED]",
        "list all jobs, newest first",
        ("SHOW QUERIES [EXTENDED]",),
    ),
    Entry("DESCRIBE JOB '<job>'", "show everything about one job", ("DESC JOB '<job>'",)),
    Entry(
        "CREATE JOB <name> [WITH ('<key>' = '<value>', ...)] AS {<statement> | $$ <statements> $$}",
        "create a job that runs SQL on every batch of changes",
    ),
    Entry(
        "START JOB '<job>' [FROM SAVEPOINT '<path>' [CLAIM | NO_CLAIM]]",
        "start a job that has stopped, where it stopped or from a savepoint",
    ),
    Entry(
        "STOP JOB '<job>' [WITH SAVEPOINT] [WITH DRAIN]",
        "stop a job, with an image of it, after all that was committed before",
    ),
    Entry("DROP JOB '<job>'", "forget a job that has ended; its savepoints stay"),
    Entry("CREATE SAVEPOINT FOR JOB '<job>'", "make an image of a job, which goes on running"),
    Entry("SHOW SAVEPOINTS [FOR JOB '<job>']", "list savepoints, and how many events they hold"),
    Entry("SHOW CHECKPOINTS FOR JOB '<job>'", "list what the engine recorded by itself"),
    Entry("DROP SAVEPOINT '<path>'", "remove one savepoint and whatever it holds back"),
    Entry(
        "DROP SAVEPOINTS FOR JOB '<job>' [OLDER THAN INTERVAL '<n>' <unit>] [KEEP LAST <n>]",
        "remove a job's old savepoints",
    ),
    Entry("DROP SAVEPOINT ALL [FOR JOB '<job>']", "remove all savepoints"),
    Entry(
        "SHOW JOBTREE '<job>' [FULL]",
        "show what is downstream of a job; FULL: the whole graph that holds it",
        ("SHOW JOBTREE FULL '<job>'",),
    ),
    Entry("SHOW JOBTREES", "show every graph of jobs"),
    Entry("SHOW ANCESTORS '<job>'", "show what is upstream of a job", ("SHOW ANCIENTS '<job>'",)),
    Entry("SHOW NODES [FOR QUEUE '<queue>']", "show the nodes of the cascade, and who holds back"),
    Entry("SHOW QUEUES", "list the queues"),
    Entry("SHOW CONSUMERS [FOR QUEUE '<queue>']", "list the consumers and their lag"),
    Entry("SET ['<key>' = '<value>']", "change a setting of the session; alone: list them"),
    Entry("RESET ['<key>']", "take a setting of the session back, or all"),
    Entry("HELP [<statement>]", "explain statements"),
)


def about(topic: str) -> tuple[Entry, ...]:
    """The entries whose statement, in any spelling, begins with the words of ``topic``."""
    wanted = topic.upper().split()
    return tuple(
        entry
        for entry in ENTRIES
        if any(_begins(spelling, wanted) for spelling in (entry.syntax, *entry.accepted))
    )


def _begins(syntax: str, wanted: list[str]) -> bool:
    return syntax.replace("[", "").replace("]", "").split()[: len(wanted)] == wanted
