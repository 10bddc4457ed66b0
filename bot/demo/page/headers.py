"""Who may ask this server, and what every answer carries.

The page can do anything to the demo, so no other web page may: not by a form or a script of its own (Origin), not
under a name of its own (Host, checked by the LoopbackServer), not in a frame.
"""

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "font-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
JSON = "application/json"


class Guarded:
    """An app that only its own page may ask."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or serve; either way with the headers."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY)
            await send(message)

        reason = refusal(scope["method"], scope["path"], Headers(scope=scope))
        if reason is not None:
            status, sentence = reason
            answer = JSONResponse({"ok": False, "error": sentence}, status)
            await answer(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def refusal(method: str, path: str, headers: Headers) -> tuple[int, str] | None:
    """Why this request is not for the page's own eyes; None when it is."""
    own = f"http://{headers.get('host', '').lower()}"
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    foreign = (403, "This server answers its own page alone.")
    if _several(headers.getlist("origin")) or (origin is not None and origin.lower() != own):
        return foreign
    if path.startswith("/api/") and site not in (None, "same-origin", "none"):
        return foreign
    if method in ("GET", "HEAD"):
        return None
    if origin is None and site != "same-origin":
        return foreign
    if headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        return 415, "The body must be JSON."
    return None


def _several(values: Iterable[str]) -> bool:
    return len(list(values)) > 1
