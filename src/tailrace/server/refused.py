"""Requests that are not carried out, with the status that HTTP has for it."""

from __future__ import annotations

from tailrace.errors import TailraceError


class Refused(TailraceError):
    """A request that is not carried out."""

    status = 500


class BadRequest(Refused):
    """It cannot be understood."""

    status = 400


class Unknown(Refused):
    """There is nothing at its address."""

    status = 404


class TooLarge(Refused):
    """It is larger than allowed."""

    status = 413


class TooMany(Refused):
    """As many as allowed are there already."""

    status = 503


class NoAnswer(Refused):
    """The gateway behind us does not answer."""

    status = 502


def error_body(error: TailraceError) -> dict[str, object]:
    """An error as the protocol has it.

    What went wrong with a statement stands between two marks, where clients look for it; the lines
    that point at the place of a mistake follow it.
    """
    line = str(error)
    excerpt = getattr(error, "excerpt", None)
    if isinstance(error, Refused) and error.status != 500:
        return {"errors": [line]}
    text = f"{line}\n{excerpt}" if excerpt else line
    marked = f"<Exception on server side:\n{text}\nEnd of exception on server side>"
    return {"errors": ["Internal server error.", marked]}
