"""uvicorn's HTTP protocol with bounds on what a client may cost before it has made a request, and while it is answered.

uvicorn 0.54 with httptools accepts headers without end, and a connection that never finishes them; it waits without
end for a client that does not read, and takes in all that is sent ahead. Where more connections are open than its own
`limit_concurrency`, it answers 503 on all of them, the first ones too.
"""

import asyncio
import logging
from typing import Any, ClassVar

import structlog
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from bot.slack.room import Summary
from bot.web.places import Places

log = structlog.get_logger()

LARGEST_HEAD = 32 * 1024
"""Bytes of request line and headers."""
MOST_AHEAD = 16
"""Requests sent before the one in front of them is answered; browsers and proxies send none."""
IDLE_SECONDS = 75.0
"""Seconds for a first request to begin: proxies open connections ahead."""
HEAD_SECONDS = 10.0
"""Seconds from a request's first byte to the end of its headers."""
BODY_SECONDS = 30.0
"""Seconds for a body, also one that nobody reads."""
READ_SECONDS = 30.0
"""Seconds for a client to read what was written to it, once that is more than a buffer holds (64 KB) or the last."""
_errors_alone = logging.getLogger("uvicorn.error.http")
"""For uvicorn, which else warns of each request that is none: anybody could fill the log."""
_errors_alone.setLevel(logging.ERROR)
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 60\r\nconnection: close\r\n\r\n"
)


class BoundedHttpProtocol(HttpToolsProtocol):
    """Closes connections whose request heads are too long or too slow, whose clients do not read, or send far ahead;
    and refuses those there is no room for.

    uvicorn makes one for each connection, of the class it is given: `of` makes a class for one server.
    """

    places: ClassVar[Places]
    unreadable: ClassVar[Summary]

    @classmethod
    def of(cls, places: Places) -> type["BoundedHttpProtocol"]:
        """Return the class for a server with these places."""
        return type("OneServersHttpProtocol", (cls,), {"places": places, "unreadable": Summary(_tell)})

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = _errors_alone
        self._answered: RequestResponseCycle | None = None
        self._awaits_head = True
        self._head_bytes = 0
        self._unparsed_bytes = 0
        self._completed = False
        self._has_place = False
        self._timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock with the connection; refuse it where there is no room."""
        super().connection_made(transport)
        if self.places.enter(self):
            self._has_place = True
            self._time(IDLE_SECONDS)
        else:
            transport.write(_FULL)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to be timed."""
        self._time(None)
        self._time_reading(None)
        if self._has_place:
            self.places.leave(self)
        self._has_place = False
        if self._answered is not None and not self._answered.response_complete:
            # uvicorn tells only the newest request. Whoever answers an older one would write to a closed connection.
            self._answered.disconnected = True
            self._answered.message_event.set()
        super().connection_lost(exc)

    def give_way(self) -> None:
        """See `Guest`."""
        self._has_place = False
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Count also what the parser keeps to itself: a header line that does not end."""
        is_first = self._awaits_head and self._unparsed_bytes == 0
        if is_first:
            self._time(HEAD_SECONDS)
        self._completed = False
        super().data_received(data)
        if self._completed:
            # What completed a request was mostly its body; the beginning of a next head in it counts for nothing.
            return
        if is_first:
            self._note_whose_turn_it_is()
        if self._awaits_head:
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
        if len(self.pipeline) >= MOST_AHEAD:
            self.transport.abort()
            raise ValueError("too many requests sent ahead")  # so that httptools reads no further
        self._awaits_head = False
        self._time(BODY_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes next is another head, whose clock starts with its first byte."""
        super().on_message_complete()
        self._awaits_head, self._unparsed_bytes, self._completed = True, 0, True
        self._time(None)
        self._note_whose_turn_it_is()

    def on_response_complete(self) -> None:
        """Where the connection is to be closed now, that happens when the client has read everything, if ever."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._time_reading(READ_SECONDS)
        else:
            self._note_whose_turn_it_is()

    def send_400_response(self, msg: str) -> None:
        """The same, for what is no request."""
        self.unreadable.add()
        super().send_400_response(msg)
        self._time_reading(READ_SECONDS)

    def timeout_keep_alive_handler(self) -> None:
        """A client that has not even read its last answer would never let the connection be closed."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """The client does not read, or not as fast as we write."""
        super().pause_writing()
        self._time_reading(READ_SECONDS)

    def resume_writing(self) -> None:
        """It has read most of it."""
        super().resume_writing()
        self._time_reading(READ_SECONDS if self.transport.is_closing() else None)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _note_whose_turn_it_is(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if not self._has_place:
            return
        if cycle is None or cycle.response_complete or cycle.more_body:
            self.places.wait(self)
        else:
            self.places.work(self)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > LARGEST_HEAD:
            raise ValueError("the request head is too large")  # httptools makes a 400 of it

    def _time(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._out_of_time)

    def _time_reading(self, seconds: float | None) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
        self._unread_timer = None
        if seconds is not None and self.parser is not None:  # uvicorn takes it away with the connection
            self._unread_timer = self.loop.call_later(seconds, self.transport.abort)

    def _out_of_time(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if self._awaits_head and cycle is not None and not cycle.response_complete:
            # The beginning of a next request came while this one is still being answered.
            self._time(HEAD_SECONDS)
        else:
            self.transport.abort()


def _tell(count: int) -> None:
    log.warning("request refused: not HTTP, or too much of it", count=count)
