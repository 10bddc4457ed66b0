"""Our pages: templates, the one style sheet, and the headers that keep a page to itself. No script anywhere."""

import hashlib
import re
from base64 import b64encode
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.responses import RedirectResponse, Response

from bot.model.errors import BotError

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


class PageStyle:
    """Draws pages for browsers that reach us at `public_url`."""

    def __init__(self, public_url: str) -> None:
        self.origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_url)).lower()
        self.is_https = self.origin.startswith("https://")
        self._style = resources.files("bot.web").joinpath("templates", "page.css").read_text("utf-8")
        digest = b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._headers = {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
                "frame-ancestors 'none'; base-uri 'none'"
            ),
            "Cache-Control": "no-store",
            # Not "no-referrer": browsers would then send `Origin: null` with our own form.
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
            "X-Robots-Tag": "noindex",
        }
        if self.is_https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    @cached_property
    def _templates(self) -> "Environment":
        # Imported when the first page is asked for: many bots never show one, and it takes three megabytes.
        from jinja2 import Environment, PackageLoader, StrictUndefined

        templates = Environment(
            loader=PackageLoader("bot.web"), autoescape=True, undefined=StrictUndefined, enable_async=False
        )
        templates.filters["marked"] = _marked
        return templates

    def page(self, template: str, *, status: int = 200, **values: object) -> Response:
        """Return a page drawn from a template of this package; every value is escaped."""
        html = self._templates.get_template(template).render(style=self._style, **values)
        return Response(html, status_code=status, media_type="text/html", headers=self._headers)

    def failed(
        self, error: BotError, *, status: int, heading: str, reference: str = "", back: str = ""
    ) -> Response:
        """Return a page that says what happened and what to do next; `back` is the address of a page to go on with."""
        told = BotError() if error.for_the_operator else error
        return self.page(
            "failed.html", status=status, heading=heading, error=told, reference=reference, back=back
        )

    def sent_on(self, url: str) -> Response:
        """Return a redirect that the browser follows with GET."""
        return RedirectResponse(url, status_code=303, headers=self._headers)


def _marked(sentence: str) -> "Markup":
    """Return a sentence with what stands between backticks as code; all else is escaped."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))  # noqa: S704 - escaped just here
