"""The bot's web side, called without a socket, and without a client, which would take as long as the bot itself."""

import asyncio
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came back; the names of headers in small letters."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        """The body as a browser would read it."""
        return self.content.decode("utf-8", "replace")


class Door:
    """Sends as one browser, which keeps its cookies."""

    def __init__(self, web: ASGIApp, url: str) -> None:
        self._web = web
        self._at = urlsplit(url)
        self._cookies: dict[str, str] = {}

    async def send(self, method: str, url: str, headers: Headers = (), body: bytes = b"") -> Answer:
        """Send to a path, or to an address of which only the path counts. What the bot raises is raised here, also
        after it has answered."""
        said = {name.lower(): value for name, value in headers}
        said.setdefault("host", self._at.netloc)
        said.setdefault("content-length", str(len(body)))
        if self._cookies:
            said.setdefault("cookie", "; ".join(f"{name}={value}" for name, value in self._cookies.items()))
        address = urlsplit(url)
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1",
            "method": method, "scheme": self._at.scheme, "root_path": "", "path": unquote(address.path),
            "raw_path": address.path.encode(), "query_string": address.query.encode(),
            "headers": [(name.encode(), value.encode("utf-8", "replace")) for name, value in said.items()],
            "client": ("127.0.0.1", 1), "server": (self._at.hostname, self._at.port),
        }  # fmt: skip
        exchange = _Exchange(body)
        await self._web(scope, exchange.receive, exchange.send)
        for value in exchange.cookies:
            self._keep(value)
        return exchange.answer()

    def _keep(self, set_cookie: str) -> None:
        for name, cookie in SimpleCookie(set_cookie).items():
            self._cookies[name] = cookie.coded_value
            if cookie["max-age"] == "0":
                del self._cookies[name]


class _Exchange:
    """One request and what is said to it."""

    def __init__(self, body: bytes) -> None:
        self.cookies: list[str] = []
        self._body: bytes | None = body
        self._ended = asyncio.Event()
        self._status = 0
        self._headers: dict[str, str] = {}
        self._said: list[bytes] = []

    async def receive(self) -> dict[str, Any]:
        """The body, then the end of the connection, which comes after the answer."""
        if self._body is None:
            await self._ended.wait()
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Take a piece of the answer."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            for raw_name, raw_value in message.get("headers", ()):
                name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
                self._headers[name] = value
                if name == "set-cookie":
                    self.cookies.append(value)
        elif message["type"] == "http.response.body":
            self._said.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._ended.set()

    def answer(self) -> Answer:
        """The whole."""
        assert self._status, "nothing was answered"
        assert self._ended.is_set(), "the answer has no end"
        return Answer(self._status, self._headers, b"".join(self._said))
