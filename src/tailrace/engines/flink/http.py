"""HTTP to Flink: JSON over one kept connection, for a client that lives for a single statement.

h11 speaks the protocol and asyncio carries it. A full HTTP library takes longer to be imported than
Flink to answer, and does more work for each request than both.

A connection that had been idle may have been closed by the other side just when a request was sent;
such a request is sent once more on a new connection. That is safe for what only reads or carries an
id that makes repeating it harmless; everything else is sent ``once``, on a new connection.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import h11

from tailrace.errors import ConnectError, EngineError, UsageError

_READ = 64 << 10
_LARGEST = 64 << 20
_PORTS = {"http": 80, "https": 443}
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class Answer:
    """Status and decoded body of an answer."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.body = body

    @property
    def good(self) -> bool:
        """Whether it is not an error."""
        return self.status < 400


class Unanswered(ConnectError):
    """The other side was not reached, or fell silent; whether it heard us is not known."""

    retryable = True


class Hungup(Unanswered):
    """The other side has closed the connection instead of answering."""


class Client:
    """One side of a conversation; requests wait for each other, ``close`` ends it.

    ``exact``: numbers with a fraction come as ``Decimal``, with all of their digits.
    """

    def __init__(
        self,
        url: str,
        *,
        what: str,
        timeout: float = 30.0,
        connect_timeout: float = 5.0,
        exact: bool = False,
    ) -> None:
        parts = _checked(url, what)
        self.url = f"{parts.scheme}://{_address(parts)}{parts.path.rstrip('/')}"
        self._what = what
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._is_secure = parts.scheme == "https"
        self._base = parts.path.rstrip("/")
        self._headers = _headers(parts)
        self._fraction = Decimal if exact else float
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._lock = asyncio.Lock()
        self._line: _Line | None = None

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        timeout: float | None = None,
        once: bool = False,
    ) -> Answer:
        """Send a request and return the answer, whatever its status."""
        content = b"" if body is None else json.dumps(body).encode()
        async with self._lock:
            if once:
                await self.close()
            kept = self._line is not None
            try:
                return await self._once(method, path, content, timeout)
            except Hungup:
                if not kept:
                    raise
            return await self._once(method, path, content, timeout)

    async def close(self) -> None:
        """End the connection; harmless when repeated."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    async def _once(self, method: str, path: str, content: bytes, timeout: float | None) -> Answer:
        seconds = timeout or self._timeout
        try:
            if self._line is None:
                self._line = await self._connect()
            async with asyncio.timeout(seconds):
                answer = await self._line.exchange(
                    method, self._base + path, self._headers, content
                )
        except TimeoutError:
            await self.close()
            raise self._unanswered(f"no answer within {seconds:g} s") from None
        except (OSError, h11.RemoteProtocolError, EOFError) as error:
            await self.close()
            raise Hungup(f"{self._silent}: it closed the connection") from error
        except BaseException:  # cancelled: what is left of the answer must not be read
            await self.close()
            raise
        if not self._line.reusable:
            await self.close()
        return answer

    async def _connect(self) -> _Line:
        try:
            async with asyncio.timeout(self._connect_timeout):
                reader, writer = await asyncio.open_connection(
                    self._host, self._port, ssl=self._is_secure or None
                )
        except TimeoutError:
            raise self._unanswered(f"no connection within {self._connect_timeout:g} s") from None
        except OSError as error:
            raise self._unanswered(_reason(error)) from error
        return _Line(reader, writer, self._fraction)

    def _unanswered(self, reason: str) -> Unanswered:
        return Unanswered(f"{self._silent}: {reason}")

    @property
    def _silent(self) -> str:
        return f"{self._what} at {self.url} does not answer"


class Absent(Client):
    """Where nobody can be: each request ends like one that nobody has answered."""

    def __init__(self, url: str, *, what: str, hint: str) -> None:
        super().__init__(url, what=what)
        self._hint = hint

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        timeout: float | None = None,
        once: bool = False,
    ) -> Answer:
        """Say that there is nobody."""
        raise self.absence

    @property
    def absence(self) -> Unanswered:
        """What is to be said of everything that would need somebody."""
        return Unanswered(f"{self._what} does not run", hint=self._hint)


class _Line:
    """One connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        fraction: Callable[[str], object],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._fraction = fraction
        self._state = h11.Connection(h11.CLIENT, max_incomplete_event_size=256 << 10)
        self.reusable = True

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._writer.wait_closed()

    async def exchange(
        self, method: str, target: str, headers: Iterable[tuple[str, str]], content: bytes
    ) -> Answer:
        more = [("Content-Length", str(len(content)))]
        if content:
            more.append(("Content-Type", "application/json"))
        request = h11.Request(method=method, target=target, headers=[*headers, *more])
        parts = [self._state.send(request)]
        if content:
            parts.append(self._state.send(h11.Data(data=content)))
        parts.append(self._state.send(h11.EndOfMessage()))
        self._writer.write(b"".join(part for part in parts if part))
        await self._writer.drain()
        status, body = await self._read()
        self.reusable = self._state.our_state is h11.DONE and self._state.their_state is h11.DONE
        if self.reusable:
            self._state.start_next_cycle()
        return Answer(status, _decoded(body, self._fraction))

    async def _read(self) -> tuple[int, bytes]:
        status, body = 0, bytearray()
        while True:
            event = self._state.next_event()
            if event is h11.NEED_DATA:
                data = await self._reader.read(_READ)
                if not data and not body and not status:
                    raise EOFError
                self._state.receive_data(data)
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _LARGEST:
                    raise EngineError(f"an answer of more than {_LARGEST >> 20} MB was given up")
            elif isinstance(event, h11.EndOfMessage):
                return status, bytes(body)


def _decoded(body: bytes, fraction: Callable[[str], object]) -> Any:
    """The body as JSON; as text where it is none, such as a proxy's page."""
    if not body.strip():
        return None
    try:
        return json.loads(body, parse_float=fraction)
    except ValueError:
        return body.decode(errors="replace")


def _checked(url: str, what: str) -> SplitResult:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            f'"{url}" is not the address of {what}', hint="write http://host:8081 or host:8081"
        )
    return parts


def _address(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port}" if parts.port else str(host)


def place_of(url: str) -> str:
    """An address, the same for every name of this machine, without a port that says nothing.

    It tells clusters apart; what is connected to is the address as it was given, since a
    certificate or a proxy may be for that name only. Other names below ``localhost`` are those of a
    proxy's hosts, and other addresses of the loopback interface have listeners of their own.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if host in _THIS_MACHINE:
        host = "127.0.0.1"
    port = None if parts.port == _PORTS[parts.scheme] else parts.port
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _headers(parts: SplitResult) -> list[tuple[str, str]]:
    headers = [("Host", _address(parts)), ("Accept", "application/json")]
    if parts.username:
        from base64 import b64encode

        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers.append(("Authorization", f"Basic {b64encode(pair.encode()).decode()}"))
    return headers


def _reason(error: OSError) -> str:
    """What the operating system says, without addresses and numbers."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (error.strerror or str(error)).split("]", 1)[-1].strip().lower()
