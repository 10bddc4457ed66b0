"""The two cookies of the link pages: which browser has the page open, and which sign-in it has begun.

Neither proves anything about a person. They tie what comes back from the identity provider to the very browser that
was shown whom it links (RFC 6749, section 10.12).
"""

import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

BROWSER_SECONDS = 900
FLOW_SECONDS = 600
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")


class BrowserCookies:
    """Reads and sets them. Over https no other host, and no page under another path, can set one of these names."""

    def __init__(self, *, is_https: bool) -> None:
        self._secure = is_https
        prefix = "__Host-" if is_https else ""
        self.browser_name = f"{prefix}vault-uploads-link"
        self.flow_name = f"{prefix}vault-uploads-oidc"

    def browser(self, request: Request) -> str | None:
        """Return what this browser was given by `remember`, or None."""
        value = request.cookies.get(self.browser_name, "")
        return value if _BROWSER.fullmatch(value) else None

    def flow(self, request: Request) -> str | None:
        """Return the sealed text of the sign-in under way, or None."""
        return request.cookies.get(self.flow_name) or None

    def remember(self, response: Response, browser: str) -> None:
        """Let the browser keep its name for as long as a ticket may be of use."""
        self._set(response, self.browser_name, browser, BROWSER_SECONDS)

    def begin_flow(self, response: Response, sealed: str) -> None:
        """Let the browser take a sign-in along to the identity provider and back."""
        self._set(response, self.flow_name, sealed, FLOW_SECONDS)

    def end_flow(self, response: Response) -> None:
        """Take it away: one sign-in comes back once."""
        self._set(response, self.flow_name, "", 0)

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        # Lax: the way back from the identity provider is a visit from another site.
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax"
        )


def new_browser() -> str:
    """Return 32 random bytes as text."""
    return secrets.token_urlsafe(32)
