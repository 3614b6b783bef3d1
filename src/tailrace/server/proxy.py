"""In front of a real SQL Gateway: what is ours is carried out here, all else goes on to it.

A client's session is the gateway's; ours with the same handle stands beside it, and is made when it
is needed, so that the proxy can be restarted without anybody noticing. What the session defines
over there is noted here, since a job of ours carries its definitions with it.

The gateway answers requests for a result at once, with nothing if need be. We ask it again for as
long as a client would wait, and only then hand on what there is. Going on has taken the gateway to
another page; so the answer to the last request is kept, in case that it was lost.
"""

from __future__ import annotations

import asyncio
import json
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tailrace.errors import StatementError, TailraceError
from tailrace.gateway.options import OPTIONS
from tailrace.server.behind import Behind, relayed
from tailrace.server.protocol import Protocol, candidates, replied, routes_of
from tailrace.server.requests import Content, body_of
from tailrace.server.sessions import Conversation, Sessions
from tailrace.statements import model as st
from tailrace.statements.parser import parse, significant
from tailrace.statements.split import split

_SESSION = "/sessions/{session}"
_OPERATION = _SESSION + "/operations/{operation}"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_PAUSE, _LONGEST_PAUSE = 0.01, 0.5

# What a session keeps of it when it has been carried out.
_LASTING = frozenset(
    {"CREATE", "DROP", "ALTER", "USE", "LOAD", "UNLOAD", "ADD", "REMOVE", "SET", "RESET"}
)
# Statements of one session whose end is not known yet.
_MOST_PENDING = 1000
# Operations of one session whose last page is kept.
_MOST_KEPT = 16


class _Passed:
    """What is known of a session's statements that went on to the gateway."""

    def __init__(self) -> None:
        self.pending: dict[str, str] = {}
        self.last: dict[str, tuple[str, httpx.Response]] = {}


class Proxy:
    """Answers what is ours, and passes the rest on."""

    def __init__(self, sessions: Sessions, behind: Behind) -> None:
        self._sessions = sessions
        self._behind = behind
        self._own = Protocol(sessions)
        self._passed: dict[str, _Passed] = {}

    def routes(self) -> list[Route]:
        """What has to be looked at, and then everything."""
        return [
            *routes_of(
                {
                    ("POST", "/sessions"): self.open,
                    ("DELETE", _SESSION): self.close,
                    ("POST", _SESSION + "/statements"): self.statement,
                    ("POST", _SESSION + "/configure-session"): self.configure,
                    ("GET", _SESSION + "/complete-statement"): self.complete,
                    ("GET", _OPERATION + "/status"): self.status,
                    ("GET", _OPERATION + "/result/{token}"): self.result,
                    ("POST", _OPERATION + "/cancel"): self.cancel,
                    ("DELETE", _OPERATION + "/close"): self.close_operation,
                }
            ),
            Route("/{path:path}", self.anything, methods=_METHODS),
        ]

    # ------------------------------------------------------------ sessions

    async def anything(self, request: Request) -> Response:
        """What is not ours to know; a session that it is about has been used now."""
        parts = request.url.path.split("/")
        if "sessions" in parts[:-1]:
            self._sessions.known(parts[parts.index("sessions") + 1])
        return relayed(await self._behind.pass_on(request, await self._body(request)))

    async def open(self, request: Request) -> Response:
        """Begin a session there, and ours beside it."""
        body = await self._body(request)
        content = Content.of(body)
        made = self._sessions.open({}, name=content.text("sessionName", default=""))
        try:
            for key, value in content.texts("properties").items():
                _take(made, key, value)
            answer = await self._behind.pass_on(request, body)
            handle = str(answer.json()["sessionHandle"]) if answer.status_code == 200 else None
        except BaseException:
            await self._sessions.close(made.handle)
            raise
        if handle is None:
            await self._sessions.close(made.handle)
        else:
            self._sessions.adopt(made, handle)
        return relayed(answer)

    async def close(self, request: Request) -> Response:
        """End both."""
        handle = request.path_params["session"]
        self._passed.pop(handle, None)
        if self._sessions.known(handle) is not None:
            await self._sessions.close(handle)
        return relayed(await self._behind.pass_on(request, await self._body(request)))

    async def configure(self, request: Request) -> Response:
        """Settings of ours are kept here; what the gateway has done is noted."""
        body = await self._body(request)
        text = Content.of(body).text("statement")
        handle = request.path_params["session"]
        if is_ours(text):
            conversation = await self._conversation(handle)
            await conversation.configure(text, None)
            return replied({})
        answer = await self._behind.pass_on(request, body)
        if answer.status_code == 200 and (known := self._sessions.known(handle)) is not None:
            await self._settle_all(handle)  # what came before stands before it
            await _note(known, text)
        return relayed(answer)

    async def complete(self, request: Request) -> Response:
        """What may stand at a place, by both of us."""
        body = await self._body(request)
        answer = await self._behind.pass_on(request, body)
        if answer.status_code != 200:
            return relayed(answer)
        content = Content.of(body)
        conversation = await self._conversation(request.path_params["session"])
        text = content.text("statement")
        ours = await candidates(conversation, text, content.number("position"))
        return replied({"candidates": list(dict.fromkeys([*ours, *answer.json()["candidates"]]))})

    # ------------------------------------------------------------ statements

    async def statement(self, request: Request) -> Response:
        """Carry out what is ours, pass on what is not."""
        body = await self._body(request)
        content = Content.of(body)
        text = content.text("statement")
        handle = request.path_params["session"]
        if is_ours(text):
            conversation = await self._conversation(handle)
            await self._settle_all(handle)
            return replied({"operationHandle": self._own.begun(conversation, content)})
        answer = await self._behind.pass_on(request, body)
        if answer.status_code == 200 and _first_word(text) in _LASTING:
            pending = self._of(handle).pending
            pending[str(answer.json()["operationHandle"])] = text
            if len(pending) > _MOST_PENDING:
                del pending[next(iter(pending))]
        return relayed(answer)

    async def status(self, request: Request) -> Response:
        """Where a statement is in its life."""
        if self._is_own(request):
            return await self._own.status(request)
        return await self.anything(request)

    async def cancel(self, request: Request) -> Response:
        """Give a statement up."""
        if self._is_own(request):
            return await self._own.cancel(request)
        return await self.anything(request)

    async def close_operation(self, request: Request) -> Response:
        """Forget a statement; before, note what it has come to."""
        if self._is_own(request):
            return await self._own.close_operation(request)
        handle, operation = request.path_params["session"], request.path_params["operation"]
        passed = self._of(handle)
        if operation in passed.pending:
            await self._settle(handle, operation)
        passed.last.pop(operation, None)
        return await self.anything(request)

    async def result(self, request: Request) -> Response:
        """A page of a result; one that holds nothing is not handed on at once."""
        if self._is_own(request):
            return await self._own.result(request)
        handle, operation = request.path_params["session"], request.path_params["operation"]
        self._sessions.known(handle)
        last = self._of(handle).last
        asked = str(request.url.path) + "?" + request.url.query
        if operation in last and last[operation][0] == asked:
            return relayed(last[operation][1])
        answer = await self._behind.pass_on(request, b"")
        until = monotonic() + self._sessions.limits.hold
        pause = _PAUSE
        while (following := _after_nothing(answer)) is not None and not self._sessions.stopping:
            if monotonic() >= until:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 1.6, _LONGEST_PAUSE)
            answer = await self._behind.send("GET", following)
        if answer.status_code == 200 and _json(answer).get("resultType") != "NOT_READY":
            last.pop(operation, None)
            last[operation] = (asked, answer)
            if len(last) > _MOST_KEPT:
                del last[next(iter(last))]
        return relayed(answer)

    # ------------------------------------------------------------ inside

    async def _body(self, request: Request) -> bytes:
        return await body_of(request, self._sessions.limits.request_bytes)

    def _of(self, handle: str) -> _Passed:
        if handle not in self._passed:
            for gone in [one for one in self._passed if one not in self._sessions]:
                del self._passed[gone]
            self._passed[handle] = _Passed()
        return self._passed[handle]

    def _is_own(self, request: Request) -> bool:
        conversation = self._sessions.known(request.path_params["session"])
        return (
            conversation is not None and request.path_params["operation"] in conversation.operations
        )

    async def _conversation(self, handle: str) -> Conversation:
        """Our side of a session; one that began before we did is taken in if it is there."""
        known = self._sessions.known(handle)
        if known is not None:
            return known
        answer = await self._behind.send("GET", f"/v2/sessions/{handle}")
        if answer.status_code != 200:
            return self._sessions.find(handle)  # which says that there is none
        made = self._sessions.open({})
        self._sessions.adopt(made, handle)
        return made

    async def _settle_all(self, handle: str) -> None:
        for operation in list(self._of(handle).pending):
            await self._settle(handle, operation)

    async def _settle(self, handle: str, operation: str) -> None:
        """Note what a statement has come to, if it has ended."""
        pending = self._of(handle).pending
        path = f"/v2/sessions/{handle}/operations/{operation}/status"
        answer = await self._behind.send("GET", path)
        state = _json(answer).get("status")
        if state in ("INITIALIZED", "PENDING", "RUNNING"):
            return
        text = pending.pop(operation, None)
        conversation = self._sessions.known(handle)
        if state == "FINISHED" and text is not None and conversation is not None:
            await _note(conversation, text)


def is_ours(text: str) -> bool:
    """Whether we carry a statement out; what is ours and wrong is ours to say, too."""
    pieces = split(text)
    if len(pieces) != 1:
        return False
    try:
        statement = parse(pieces[0])
    except StatementError:
        return not pieces[0].command
    match statement:
        case st.PassThrough() | st.ShowOptions() | st.ResetOption(None):
            return False
        case st.SetOption(key) | st.ResetOption(str(key)):
            return key in OPTIONS or key.startswith("tailrace.")
        case _:
            return True


def _first_word(text: str) -> str:
    pieces = split(text)
    first = next(significant(pieces[0]), None) if pieces else None
    return "" if first is None else first.text.upper()


def _take(conversation: Conversation, key: str, value: str) -> None:
    """A setting of a session; those that only the gateway may have are left to it."""
    try:
        conversation.session.options.offer(key, value)
    except TailraceError:
        if key in OPTIONS or key.startswith("tailrace."):
            raise


async def _note(conversation: Conversation, text: str) -> None:
    """Take note of what the gateway has carried out."""
    pieces = split(text)
    statement = parse(pieces[0]) if len(pieces) == 1 else st.PassThrough(text)
    match statement:
        case st.SetOption(key, value):
            _take(conversation, key, value)
        case st.ResetOption(key):
            conversation.session.options.take_back(key)
        case _:
            (await conversation.session.flink()).definitions.note(text)


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = json.loads(answer.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _after_nothing(answer: httpx.Response) -> str | None:
    """Where to look next after a page without rows; None: this is something."""
    if answer.status_code != 200:
        return None
    page = _json(answer)
    if page.get("resultType") not in ("NOT_READY", "PAYLOAD"):
        return None
    if (page.get("results") or {}).get("data"):
        return None
    uri = page.get("nextResultUri")
    if not uri:
        return None
    parts = urlsplit(str(uri))
    return parts.path + (f"?{parts.query}" if parts.query else "")
