"""The page's routes: files, the state, the log, acts, and the stream that tells of changes."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from importlib import resources
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from bot.demo.page.acts import Acts
from bot.demo.page.fields import Refused
from bot.demo.page.headers import Guarded
from bot.demo.page.snapshot import snapshot
from bot.demo.page.stage import Stage

HEARTBEAT_SECONDS = 15.0
PAUSE_SECONDS = 0.1
LARGEST_BODY = 256 * 1024

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_FILE = re.compile(r"(?:[A-Za-z0-9_-]+/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")


def page_app(stage: Stage, acts: Acts) -> ASGIApp:
    """The app that serves this stage."""
    page = Page(stage, acts)
    routes = [
        Route("/", page.index),
        Route("/static/{file:path}", page.static),
        Route("/api/events", page.events),
        Route("/api/state", page.state),
        Route("/api/log", page.log),
        Route("/api/log/{number}", page.exchange),
        Route("/api/do", page.do, methods=["POST"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _failed})
    app.router.redirect_slashes = False
    return Guarded(app)


class Page:
    """One method for each route."""

    def __init__(self, stage: Stage, acts: Acts) -> None:
        self._stage = stage
        self._acts = acts

    async def index(self, _: Request) -> Response:
        """The page."""
        return _file("index.html")

    async def static(self, request: Request) -> Response:
        """One of its files."""
        return _file(request.path_params["file"])

    async def state(self, _: Request) -> Response:
        """All that it shows."""
        return JSONResponse(snapshot(self._stage, self._acts.tour))

    async def log(self, request: Request) -> Response:
        """The lines of the log after the one that was seen last."""
        after = request.query_params.get("after", "0")
        number = int(after) if after.isascii() and after.isdecimal() and len(after) < 12 else 0
        return JSONResponse({"entries": self._stage.log.after(number), "last": self._stage.log.last})

    async def exchange(self, request: Request) -> Response:
        """One exchange of the log."""
        number = request.path_params["number"]
        known = number.isascii() and number.isdecimal() and len(number) < 12
        found = self._stage.log.whole(int(number)) if known else None
        if found is None:
            raise HTTPException(404, "This exchange is no longer kept.")
        return JSONResponse(found)

    async def do(self, request: Request) -> Response:
        """Do what the person wants; answers at once."""
        try:
            await self._acts.do(await _read_json(request))
        except Refused as refused:
            return JSONResponse({"ok": False, "error": str(refused)}, refused.status)
        return JSONResponse({"ok": True})

    async def events(self, _: Request) -> Response:
        """A stream that says when there is something new to fetch."""
        return StreamingResponse(self._changes(), media_type="text/event-stream")

    async def _changes(self) -> AsyncIterator[str]:
        sent = 0
        yield "retry: 1000\n\n"
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    sent = await self._stage.changes.after(sent)
            except TimeoutError:
                yield ": still here\n\n"
                continue
            yield f"event: changed\ndata: {json.dumps({'version': sent})}\n\n"
            await asyncio.sleep(PAUSE_SECONDS)


async def _read_json(request: Request) -> dict[str, object]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Refused("The body is too long.", 413)
    try:
        read = json.loads(body)
        # Half of a surrogate pair is legal in JSON and cannot be written anywhere again.
        json.dumps(read, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise Refused("The body must be a JSON object.")
    return read


def _file(name: str) -> Response:
    """A file of the page, from wherever the package is; 404 for anything else."""
    media_type = TYPES.get(name[name.rfind(".") :]) if "." in name else None
    if media_type is None or _FILE.fullmatch(name) is None:
        raise HTTPException(404)
    found = resources.files("bot.demo.page").joinpath("static", *name.split("/"))
    if not found.is_file():
        raise HTTPException(404)
    return Response(found.read_bytes(), media_type=media_type)


async def _failed(_: Request, error: Exception) -> Response:
    """A refusal in the same form as any other."""
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"ok": False, "error": error.detail}, error.status_code, error.headers)
