"""What stands in a request, checked."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from starlette.requests import Request

from tailrace.server.refused import BadRequest, TooLarge


async def body_of(request: Request, most: int) -> bytes:
    """The body, if it is not too large."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise TooLarge(f"the request is larger than {most} bytes (serve.max_request)")
    return bytes(body)


class Content(NamedTuple):
    """The body of a request, a JSON object; without one all of its fields are missing."""

    fields: dict[str, Any]

    @classmethod
    def of(cls, body: bytes) -> Content:
        """Read a body."""
        try:
            fields = json.loads(body) if body.strip() else {}
        except (ValueError, RecursionError):
            raise BadRequest("the body of the request is not JSON") from None
        if not isinstance(fields, dict):
            raise BadRequest("the body of the request is not a JSON object")
        return cls(fields)

    def text(self, name: str, default: str | None = None) -> str:
        """A text; without ``default`` it has to be there."""
        value = self.fields.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise BadRequest(f'"{name}" of the request is {_found(value)}, expected a text')
        return _storable(name, value)

    def number(self, name: str) -> int | None:
        """A number that is not negative; nothing if it is missing."""
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise BadRequest(f'"{name}" of the request is {_found(value)}, expected a number')
        return value

    def switch(self, name: str) -> bool:
        """A truth value; false if it is missing."""
        value = self.fields.get(name)
        if value not in (None, True, False):
            raise BadRequest(f'"{name}" of the request is {_found(value)}, expected true or false')
        return bool(value)

    def texts(self, name: str) -> dict[str, str]:
        """Texts by name; nothing if it is missing."""
        value = self.fields.get(name) or {}
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            raise BadRequest(f'"{name}" of the request is not an object of texts')
        return {key: _storable(name, one) for key, one in value.items()}

    def seconds(self) -> float | None:
        """How long the statement may take; the protocol counts milliseconds, 0 is for ever."""
        milliseconds = self.number("executionTimeout")
        return milliseconds / 1000 if milliseconds else None


def _storable(name: str, text: str) -> str:
    """JSON can hold what neither a database nor UTF-8 can."""
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise BadRequest(f'"{name}" of the request holds a character that is none (NUL, surrogate)')
    return text


def _found(value: object) -> str:
    return "missing" if value is None else json.dumps(value)[:40]
