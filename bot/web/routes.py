"""All routes of the process (contract, section 5)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from bot.web.link_pages import LinkPages
from bot.web.oidc_pages import OidcPages
from bot.web.slack_events import SlackEvents

Page = Callable[[Request], Awaitable[Response]]
Check = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, else a short reason."""

CHECK_TIME = 3.0


def web_app(
    *,
    link_pages: LinkPages,
    oidc_pages: OidcPages,
    slack_events: SlackEvents | None,
    checks: Mapping[str, Check],
    metrics: Page | None = None,
    more_routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the application; without `slack_events` (Socket Mode) Slack has no endpoint here."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_: Request) -> Response:
        names = list(checks)
        reasons = await asyncio.gather(*(_checked(checks[name]) for name in names))
        found = {name: reason or "ok" for name, reason in zip(names, reasons, strict=True)}
        ready = not any(reasons)
        return JSONResponse(
            {"status": "ready" if ready else "not ready", "checks": found}, status_code=200 if ready else 503
        )

    routes: list[BaseRoute] = [
        Route("/link", link_pages.endpoint, methods=["GET", "POST"]),
        Route("/link/oidc/start", oidc_pages.start, methods=["GET"]),
        Route("/link/oidc/callback", oidc_pages.callback, methods=["GET"]),
        *more_routes,
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
    ]
    if metrics is not None:
        routes.append(Route("/metrics", metrics, methods=["GET"]))
    if slack_events is not None:
        routes.insert(0, Route("/slack/events", _Plain(slack_events.endpoint), methods=["POST"]))
    return Starlette(routes=routes)


class _Plain:
    """A page as an ASGI application: Starlette adds nothing to it."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._page(Request(scope, receive))
        await response(scope, receive, send)


async def _checked(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIME):
            return await check()
    except TimeoutError:
        return "no answer in time"
