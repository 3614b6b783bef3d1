"""Speaking with the Java process of a local cluster, over py4j."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tailrace.engines.flink import words
from tailrace.errors import EngineError, Unsupported

_DEEPEST = 30


def connect(port: int, token: str) -> Any:
    """Speak with the process of a local cluster."""
    try:
        from py4j.java_gateway import GatewayParameters, JavaGateway
    except ImportError:
        raise Unsupported(
            "the Python package py4j is not installed", hint="pip install 'tailrace[flink]'"
        ) from None
    parameters = GatewayParameters(
        port=port, auth_token=token, auto_convert=True, enable_memory_management=False
    )
    return JavaGateway(gateway_parameters=parameters)


def beside(java: Any) -> Any:
    """Speak with the same process on another connection, which has a Java thread of its own.

    A planner works in the thread only that it was made in, so nothing else may take its connection.
    """
    given = java.gateway_parameters
    return connect(given.port, given.auth_token)


def over(java: Any, value: Any) -> Any:
    """An object that was had over one connection, to be used over another."""
    from py4j.java_gateway import JavaObject

    return JavaObject(value._target_id, java._gateway_client)


class Held:
    """Objects of Java that are let go when the block ends.

    py4j would do that by itself, whenever Python collects garbage: then something is sent over the
    network in the middle of anything.
    """

    def __init__(self, java: Any) -> None:
        self._java = java
        self._objects: list[Any] = []

    def __call__(self, value: Any) -> Any:
        """Hold a value for the block, if it is an object."""
        if hasattr(value, "_target_id"):
            self._objects.append(value)
        return value

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        for value in self._objects:
            self._java.detach(value)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Let errors of Java leave as ours."""
    from py4j.protocol import Py4JError, Py4JJavaError

    try:
        yield
    except Py4JJavaError as error:
        text = _trace(error)
        raise words.error_of(text, what) from None
    except (Py4JError, OSError) as error:
        raise EngineError(
            f"{what}: the local Flink cluster has ended",
            hint="start it with: tailrace flink start",
        ) from error


def _trace(error: Any) -> str:
    """All that an exception of Java says, its causes included."""
    lines: list[str] = []
    thrown = error.java_exception
    while thrown is not None and len(lines) < _DEEPEST:
        lines.append(("Caused by: " if lines else "") + str(thrown.toString()))
        thrown = thrown.getCause()
    return "\n".join(lines)
