"""Logging: one line a record, to stderr, never a password.

Results go to stdout and are not logged. ``-v`` shows debug records, ``-q`` only warnings.
"""

from __future__ import annotations

import logging
import sys
from typing import IO

from tailrace.errors import one_line, without_secrets

_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class OneLineFormatter(logging.Formatter):
    """Writes a record as one line without secrets; tracebacks only where they were asked for."""

    def __init__(self, *, tracebacks: bool, terse: bool = False) -> None:
        super().__init__(_FORMAT, datefmt="%Y-%m-%d %H:%M:%S")
        self._tracebacks = tracebacks
        self._terse = terse

    def format(self, record: logging.LogRecord) -> str:
        line = self._head(record) + one_line(record.getMessage())
        if record.exc_info and record.exc_info[1] is not None:
            line += f" [{one_line(repr(record.exc_info[1]))}]"
            if self._tracebacks:
                line += "\n" + self.formatException(record.exc_info)
        return without_secrets(line)

    def _head(self, record: logging.LogRecord) -> str:
        if self._terse:
            return "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        time = f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03d}"
        return f"{time} {record.levelname:<7} {record.name.removeprefix('tailrace.')}: "


def setup(
    verbosity: int = 0,
    *,
    quiet: bool = False,
    terse: bool = False,
    stream: IO[str] | None = None,
) -> None:
    """Send our records to ``stream`` (stderr); calling it again replaces the earlier set-up.

    ``terse`` leaves time and origin out, for commands that say a line or two and end.
    """
    level = logging.WARNING if quiet else logging.DEBUG if verbosity > 0 else logging.INFO
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(OneLineFormatter(tracebacks=verbosity > 0, terse=terse))
    logger = logging.getLogger("tailrace")
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False
    # The driver only says what we say better ourselves, except when we look for trouble.
    logging.getLogger("psycopg").setLevel(logging.DEBUG if verbosity > 1 else logging.ERROR)
    _hear_others(handler, all_of_them=verbosity > 1)


def _hear_others(handler: logging.StreamHandler[IO[str]], *, all_of_them: bool) -> None:
    """What libraries say comes in one line, too.

    py4j speaks through the root logger, with a traceback whenever its Java process has ended, and
    would give it a handler of its own for that.
    """
    others = logging.StreamHandler(handler.stream)
    others.setFormatter(handler.formatter)
    if not all_of_them:
        others.addFilter(lambda record: "/py4j/" not in record.pathname.replace("\\", "/"))
    root = logging.getLogger()
    kept = [one for one in root.handlers if not isinstance(one.formatter, OneLineFormatter)]
    root.handlers = [*kept, others]


def get(name: str) -> logging.Logger:
    """Return the logger for a module or a service, below ``tailrace``."""
    return logging.getLogger(name if name.startswith("tailrace") else f"tailrace.{name}")
