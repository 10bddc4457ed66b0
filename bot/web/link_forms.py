"""Reading the forms of the link page: bounded, strict, and only from our own page."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qsl

from starlette.requests import Request

from bot.model.accounts import LinkMethod
from bot.model.clock import Clock
from bot.model.errors import CrossSite, FormNotValid, TicketNotValid
from bot.model.secret import Secret
from bot.usecases.proving import Proof
from bot.web.bodies import BodyTooLarge, BodyTooSlow, read_body

LARGEST_FORM = 16 * 1024
FIELD_LIMITS = {"username": 320, "password": 1024, "token": 1024, "ticket": 200, "csrf": 200, "vault": 300}

Mac = Callable[[str, str], str]
"""HMAC of a text by a key that serves one purpose alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """One field set, as it was sent."""

    ticket: str
    vault: str | None
    proof: Proof


class LinkForms:
    """Reads what the link page's forms send to `origin`, its own."""

    def __init__(self, *, methods: tuple[LinkMethod, ...], origin: str, mac: Mac, clock: Clock) -> None:
        self._methods = methods
        self._origin = origin
        self._mac = mac
        self._clock = clock

    def csrf(self, ticket: str) -> str:
        """Return what a form must carry beside its ticket, to have come from our page."""
        return self._mac("link-form", ticket)

    async def read(self, request: Request) -> Form:
        """Return the form; CrossSite, FormNotValid, TicketNotValid when it carries no ticket at all."""
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
        if not hmac.compare_digest(self.csrf(ticket).encode(), fields.get("csrf", "").encode()):
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
            return Proof(method=method, secret=Secret(token), ends=self._end(fields.get("expires", "")))
        if method is LinkMethod.OIDC:
            raise FormNotValid(reason="your company's sign-in begins with its button, not with a form")
        user_name = fields.get("username", "").strip()
        if not user_name:
            raise FormNotValid(reason="it names no Vault user")
        return Proof(method=method, secret=Secret(fields.get("password", "")), user_name=user_name)

    def _end(self, text: str) -> datetime | None:
        """Return when a token ends that ends on that day: as the day begins, so that nobody is told too late; one that
        ends today lives to the end of it."""
        if not text.strip():
            return None
        now = self._clock()
        try:
            day = date.fromisoformat(text.strip())
        except ValueError:
            raise FormNotValid(reason="the day on which the token ends must look like 2026-12-31") from None
        if day < (now - timedelta(hours=12)).date():  # further west it may still be yesterday
            raise FormNotValid(reason="the day on which the token ends is over")
        return datetime.combine(max(day, now.date() + timedelta(days=day <= now.date())), time(), UTC)


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
