"""uvicorn's HTTP protocol with bounds on what a client may cost before it has made a request.

uvicorn 0.54 with httptools accepts headers without end, and a connection that never finishes them.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 32 * 1024
"""Bytes of request line and headers."""
HEAD_SECONDS = 10.0
"""Seconds for a first request to begin, and for the headers of any to be complete."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes connections whose request heads are too long or too slow."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._in_head = True
        self._head_bytes = 0
        self._completed = False
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock with the connection."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to be timed."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes while a head is incomplete."""
        if self._in_head and self._head_timer is None:
            self._start_timer()
        self._completed = False
        super().data_received(data)
        # Data that completed a request was mostly its body; the beginning of a next head in it counts for nothing.
        if self._in_head and not self._completed:
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD:
                self.transport.abort()

    def on_headers_complete(self) -> None:
        """The head is there; the body has bounds of its own."""
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes next is another head; its clock starts with its first byte."""
        super().on_message_complete()
        self._in_head, self._head_bytes, self._completed = True, 0, True

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        self.transport.abort()
