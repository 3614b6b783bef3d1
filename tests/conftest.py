"""Fixtures for all tests, by topic in ``tests/fixtures/``.

``database``          an open connection to a fresh database with all schemas installed
``empty_database``    the same without any schema of ours
``new_database()``    more of them (``installed=False``, ``label="node1"``)
``connect(db)``       one more connection to a database (``replica=True`` to apply)
``server``            the embedded server of this session; ``pg_version`` its number, such as 180006
``peer_database()``   a database on Debian's PostgreSQL with the real extensions, for comparisons
``proxy(dsn)``        a TCP proxy in front of a database that can be cut, stalled, made deaf
``process(*args)``    the command ``tailrace`` as a process of its own

``fixtures.tree.planted(server)``: the seed's five nodes, made by the command line, a process each;
``fixtures.load.writing(tree)``: writes there, and knows what must be everywhere in the end;
``fixtures.chk.check(*tree)``: a tick means the same on all of them.

``from fixtures.waiting import eventually``: wait for a condition with a deadline; never sleep.
"""

import logging
import signal
from collections.abc import Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

pytest_plugins = [
    "fixtures.server",
    "fixtures.databases",
    "fixtures.peers",
    "fixtures.proxy",
    "fixtures.process",
]

_FLINK = "tests/engines/real/"


def pytest_configure() -> None:
    """Hear SIGINT: a shell that runs us in the background has it ignored, by our children too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _ByFile(LoadFileScheduling):
    """A worker runs all tests of a file, and all of the folder that shares one real Flink."""

    def _split_scope(self, nodeid: str) -> str:
        return _FLINK if nodeid.startswith(_FLINK) else str(super()._split_scope(nodeid))


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Say which tests a worker takes in one go."""
    return _ByFile(config, log)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Commands and services set logging up for their process; no test hears of an earlier one.

    A logger that was left not to propagate would also get pytest's own handler, and every record
    would be captured twice.
    """
    logger = logging.getLogger("tailrace")
    before = (list(logger.handlers), logger.level, logger.propagate)
    yield
    logger.handlers, logger.level, logger.propagate = before
