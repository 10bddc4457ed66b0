"""uvicorn's HTTP protocol with bounds on what a client may cost before it has made a request.

uvicorn 0.54 with httptools accepts headers without end, and a connection that never finishes them. Where more
connections are open than its own `limit_concurrency`, it answers 503 on all of them, the first ones too.
"""

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from bot.slack.room import Room

LARGEST_HEAD = 32 * 1024
"""Bytes of request line and headers."""
IDLE_SECONDS = 75.0
"""Seconds for a first request to begin: proxies open connections ahead."""
HEAD_SECONDS = 10.0
"""Seconds from a request's first byte to the end of its headers."""
BODY_SECONDS = 30.0
"""Seconds for a body, also one that nobody reads."""
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 60\r\nconnection: close\r\n\r\n"
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes connections whose request heads are too long or too slow, and refuses those there is no room for.

    uvicorn makes one for each connection, of the class it is given: `of` makes a class for one server.
    """

    room: ClassVar[Room | None] = None

    @classmethod
    def of(cls, room: Room) -> type["BoundedHttpProtocol"]:
        """Return the class for a server with this room."""
        return type("OneServersHttpProtocol", (cls,), {"room": room})

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._awaits_head = True
        self._head_bytes = 0
        self._unparsed_bytes = 0
        self._completed = False
        self._has_place = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock with the connection; refuse it where there is no room."""
        super().connection_made(transport)
        self._has_place = self.room is None or self.room.enter()
        if not self._has_place:
            assert self.room is not None
            self.room.turn_away()
            transport.write(_FULL)
            transport.close()
            return
        self._time(IDLE_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to be timed."""
        self._time(None)
        if self.room is not None and self._has_place:
            self.room.leave()
        self._has_place = False
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count also what the parser keeps to itself: a header line that does not end."""
        if self._awaits_head and self._unparsed_bytes == 0:
            self._time(HEAD_SECONDS)
        self._completed = False
        super().data_received(data)
        # Data that completed a request was mostly its body; the beginning of a next head in it counts for nothing.
        if self._awaits_head and not self._completed:
            self._unparsed_bytes += len(data)
            if self._unparsed_bytes > LARGEST_HEAD:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """Another head begins."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Part of the request line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there; now the body has its time."""
        self._awaits_head = False
        self._time(BODY_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes next is another head, whose clock starts with its first byte."""
        super().on_message_complete()
        self._awaits_head, self._unparsed_bytes, self._completed = True, 0, True
        self._time(None)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > LARGEST_HEAD:
            raise ValueError("the request head is too large")  # httptools makes a 400 of it

    def _time(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._out_of_time)

    def _out_of_time(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if self._awaits_head and cycle is not None and not cycle.response_complete:
            # The beginning of a next request came while this one is still being answered.
            self._time(HEAD_SECONDS)
        else:
            self.transport.abort()
