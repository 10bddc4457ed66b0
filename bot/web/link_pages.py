"""The link page: GET shows who will be linked to what and changes nothing, POST acts.

The ticket in the address is the person's single-use key to this page. A form is accepted only if it carries the
token that was made for this ticket, and if the browser does not say that it comes from another site.
"""

import asyncio
import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from urllib.parse import parse_qsl, urlsplit

import structlog
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from bot.model.accounts import LinkedAccount, LinkMethod, Vaults
from bot.model.errors import (
    BotError,
    CrossSite,
    FormNotValid,
    LinkingError,
    OutOfTime,
    SlackUnavailable,
    StoreError,
    TicketNotValid,
    UnknownVault,
    VaultTemporary,
    WrongCredential,
)
from bot.model.references import new_reference
from bot.model.secret import Secret
from bot.usecases.linking import Invitation, Linking, Proof
from bot.web.bodies import BodyTooLarge, BodyTooSlow, read_body

log = structlog.get_logger()

LARGEST_FORM = 16 * 1024
PAGE_SECONDS = 14.0
"""Shorter than a stopping process waits for open requests, so that nobody is cut off without a page."""
FIELD_LIMITS = {"username": 320, "password": 1024, "token": 1024, "ticket": 200, "csrf": 200, "vault": 300}

Confirm = Callable[[LinkedAccount], Awaitable[bool]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """One field set, as it was sent."""

    ticket: str
    vault: str | None
    proof: Proof


class LinkPages:
    """GET and POST of /link."""

    def __init__(
        self,
        *,
        linking: Linking,
        vaults: Vaults,
        methods: tuple[LinkMethod, ...],
        public_url: str,
        mac: Callable[[str, str], str],
        confirm: Confirm,
    ) -> None:
        self._linking = linking
        self._vaults = vaults
        self._methods = methods
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_url)).lower()
        self._mac = mac
        self._confirm = confirm
        self._templates = Environment(
            loader=PackageLoader("bot.web"), autoescape=True, undefined=StrictUndefined, enable_async=False
        )
        self._templates.filters["marked"] = _marked
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
        if self._origin.startswith("https://"):
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def endpoint(self, request: Request) -> Response:
        """GET or POST /link; every failure becomes a page with a sentence and what to do next."""
        try:
            async with asyncio.timeout(PAGE_SECONDS):
                return await self._answered(request)
        except TimeoutError:
            log.info("link page", outcome="OutOfTime")
            return self._failed(OutOfTime(), 503, "")
        except BotError as error:
            log.info("link page", outcome=type(error).__name__)
            reference = "" if error.expected else new_reference()
            if reference:
                log.error("link page failed", reference=reference, exc_info=error)
            return self._failed(error, _status(error), reference)
        except Exception as error:
            reference = new_reference()
            log.error("link page failed unexpectedly", reference=reference, exc_info=error)
            return self._failed(BotError(), 500, reference)

    def _failed(self, error: BotError, status: int, reference: str) -> Response:
        # Of a used ticket nobody can say here what came of its use.
        heading = (
            "This link is no longer valid" if isinstance(error, TicketNotValid) else "Nothing was linked"
        )
        told = BotError() if error.for_the_operator else error
        return self._page("failed.html", status=status, heading=heading, error=told, reference=reference)

    async def _answered(self, request: Request) -> Response:
        if request.method != "POST":
            ticket = request.query_params.get("ticket", "")[:200]
            return self._forms(await self._linking.invitation(ticket), ticket)
        form = await self._read_form(request)
        try:
            return await self._complete(form)
        except WrongCredential as error:
            # May fail in its turn, when Slack does not tell the name again or the last try was made meanwhile.
            return self._forms(await self._linking.invitation(form.ticket), form.ticket, error)

    async def _complete(self, form: Form) -> Response:
        account = await self._linking.complete(form.ticket, vault_name=form.vault, proof=form.proof)
        told = await self._confirm(account)
        vault = self._vaults.at(account.vault_host)
        return self._page(
            "linked.html", account=account, vault_name=vault.name if vault else account.vault_host, told=told
        )

    def _forms(self, invitation: Invitation, ticket: str, error: WrongCredential | None = None) -> Response:
        return self._page(
            "link.html",
            status=200 if error is None else _status(error),
            invitation=invitation,
            ticket=ticket,
            csrf=self._csrf(ticket),
            methods=[method.value for method in self._methods],
            error=error,
        )

    def _page(self, template: str, *, status: int = 200, **values: object) -> Response:
        html = self._templates.get_template(template).render(style=self._style, **values)
        return Response(html, status_code=status, media_type="text/html", headers=self._headers)

    def _csrf(self, ticket: str) -> str:
        return self._mac("link-form", ticket)

    async def _read_form(self, request: Request) -> Form:
        if not self._is_own_site(request):
            raise CrossSite
        try:
            body = await read_body(request, limit=LARGEST_FORM)
        except BodyTooLarge:
            raise FormNotValid(reason="it is too large") from None
        except BodyTooSlow:
            raise FormNotValid(reason="it did not arrive in time") from None
        fields = _fields(body, request.headers.get("content-type", ""))
        ticket = fields.get("ticket", "")
        if not hmac.compare_digest(self._csrf(ticket).encode(), fields.get("csrf", "").encode()):
            raise CrossSite if ticket else TicketNotValid
        return Form(ticket=ticket, vault=fields.get("vault") or None, proof=self._proof(fields))

    def _is_own_site(self, request: Request) -> bool:
        """Fetch metadata where the browser sends it, else the Origin; other clients are no browser to be misused."""
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        origin = request.headers.get("origin")
        return origin is None or origin.lower() == self._origin

    def _proof(self, fields: Mapping[str, str]) -> Proof:
        try:
            method = LinkMethod(fields.get("method", ""))
        except ValueError:
            raise FormNotValid(reason="it names no known way to link") from None
        if method not in self._methods:
            raise FormNotValid(reason="this way to link is switched off here")
        if method is LinkMethod.TOKEN:
            token = fields.get("token", "").strip()
            if not token.isascii() or not token.isprintable() or " " in token or len(token) < 8:
                raise FormNotValid(reason="that is no API access token")
            return Proof(method=method, secret=Secret(token))
        user_name, password = fields.get("username", "").strip(), fields.get("password", "")
        if not user_name or not password:
            raise FormNotValid(reason="user name and password are both needed")
        return Proof(method=method, secret=Secret(password), user_name=user_name)


def _marked(sentence: str) -> Markup:
    """Return a sentence with what stands between backticks as code; all else is escaped."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))  # noqa: S704 - escaped just here


def _fields(body: bytes, content_type: str) -> dict[str, str]:
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise FormNotValid(reason="it was not sent as a form")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=20, encoding="utf-8", errors="strict"
        )
    except ValueError:
        raise FormNotValid(reason="it is not readable text") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise FormNotValid(reason="a field stands in it twice")
    for name, value in fields.items():
        if len(value) > FIELD_LIMITS.get(name, 100):
            raise FormNotValid(reason="a field is too long")
    return fields


def _status(error: BotError) -> int:
    if isinstance(error, TicketNotValid):
        return 410
    if isinstance(error, WrongCredential):
        return 401
    if isinstance(error, FormNotValid | UnknownVault):
        return 400
    if isinstance(error, LinkingError):
        return 403
    if isinstance(error, VaultTemporary | StoreError | SlackUnavailable):
        return 503
    return 502
