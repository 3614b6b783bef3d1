"""Where the server listens, and what would let everybody in."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import NamedTuple

from tailrace.errors import UsageError, one_line


class Place(NamedTuple):
    """Where the server listens, and with which certificate."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_here(self) -> bool:
        """Whether only programs of this machine can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    def check(self, *, token: bool) -> None:
        """Refuse what would let everybody in."""
        if self.key is not None and self.certificate is None:
            raise UsageError("a key for TLS needs its certificate", hint="--tls-cert FILE")
        for file in (self.certificate, self.key):
            if file is not None and not file.is_file():
                raise UsageError(f'the file "{file}" of TLS does not exist')
        if not (self.is_here or token):
            raise UsageError(
                f'serving on "{self.host}" would let everybody in who can reach this machine',
                hint="name a file with a token: --token-file FILE; or serve on 127.0.0.1",
            )

    def bound(self) -> socket.socket:
        """A socket that listens."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        # Only with this number does asyncio switch Nagle's delays off, 40 ms a request.
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((self.host, self.port))
            made.listen(128)
        except (OSError, OverflowError) as error:
            made.close()
            reason = getattr(error, "strerror", None) or one_line(str(error))
            raise UsageError(
                f'cannot listen on "{self.host}", port {self.port}: {reason.lower()}',
                hint="another one: --port PORT, 0 for any",
            ) from None
        return made

    def address(self, listening: socket.socket) -> str:
        """How it is reached."""
        scheme = "https" if self.certificate else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{listening.getsockname()[1]}"
