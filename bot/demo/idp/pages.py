"""What the emulated provider shows to people: the choice of who they are, and why they cannot sign in."""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from importlib import resources
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from bot.demo.idp.people import Person


class Pages:
    """Draws them; no script, no file beside the page."""

    def __init__(self, company: str) -> None:
        self._templates = Environment(
            loader=PackageLoader("bot.demo.idp"), autoescape=True, undefined=StrictUndefined
        )
        style = resources.files("bot.demo.idp").joinpath("templates", "page.css").read_text("utf-8")
        self._templates.globals |= {"company": company, "style": style}
        self._style_hash = b64encode(hashlib.sha256(style.encode()).digest()).decode()

    def sign_in(
        self, people: Iterable[Person], *, client: str, offline: bool, request_id: str, back_to: str
    ) -> Response:
        """The choice of a person; `back_to` is where the browser is sent afterwards."""
        back = urlsplit(back_to)
        return self._page(
            "sign_in.html",
            # A browser holds this against the redirect that follows the form, too.
            form_action=f"'self' {back.scheme}://{back.netloc}",
            people=list(people),
            client=client,
            offline=offline,
            request_id=request_id,
        )

    def refused(self, reason: str) -> Response:
        """Why there is nobody to send the browser back to."""
        return self._page("refused.html", status=400, form_action="'none'", reason=reason)

    def _page(self, template: str, *, status: int = 200, form_action: str, **values: object) -> Response:
        policy = (
            f"default-src 'none'; style-src 'sha256-{self._style_hash}'; form-action {form_action}; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        return HTMLResponse(
            self._templates.get_template(template).render(**values),
            status_code=status,
            headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"},
        )
