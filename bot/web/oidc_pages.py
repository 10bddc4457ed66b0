"""The way to the customer's identity provider and back.

Nobody is sent there who was not shown, in this very browser, which person in Slack the sign-in will be linked to: a
link that somebody else sent must not sign a person in silently. What comes back is used only in the browser that
left, once, within ten minutes, and for the ticket it left with.
"""

import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from urllib.parse import urlencode

import structlog
from starlette.requests import Request
from starlette.responses import Response

from bot.idp.provider import IdentityProvider
from bot.model.clock import Clock
from bot.model.errors import BotError, FormNotValid, SignInNotValid, StoreError, TicketNotValid, TicketSpent
from bot.model.secret import Secret
from bot.store.seal import row_identity
from bot.usecases.linking import Linking
from bot.usecases.proving import WayBack
from bot.web.browser_cookies import FLOW_SECONDS
from bot.web.link_pages import LinkPages
from bot.web.request_lines import RequestLine
from bot.web.seen import Seen

log = structlog.get_logger()

ROOT = "../../"
"""From the paths of these pages to where /link lies."""
NOT_STARTED = (
    "The sign-in has not begun yet: look at the name below, then press the button again. If you see this a second "
    "time, your browser keeps no cookies for this page, and the sign-in needs one."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Flow:
    """One sign-in under way; it travels in a sealed cookie. `ends` is in epoch seconds."""

    ticket: str
    vault_host: str
    state: str
    nonce: str
    verifier: str
    ends: float


class OidcPages:
    """GET of /link/oidc/start and /link/oidc/callback.

    `seal` and `unseal` are the keyring's: what it seals for one identity opens for that alone.
    """

    def __init__(
        self,
        *,
        pages: LinkPages,
        linking: Linking,
        provider: IdentityProvider | None,
        clock: Clock,
        seal: Callable[[Secret, str], str],
        unseal: Callable[[str, str], Secret],
    ) -> None:
        self._pages = pages
        self._linking = linking
        self._provider = provider
        self._clock = clock
        self._seal = seal
        self._unseal = unseal
        self._seen = Seen(seconds=FLOW_SECONDS, clock=clock)

    async def start(self, request: Request) -> Response:
        """Send the browser to the identity provider, or show the link page again."""
        return await self._pages.answered(request, "sign-in begun", self._started)

    async def callback(self, request: Request) -> Response:
        """Complete the link with what the identity provider sent the browser back with."""
        response = await self._pages.answered(request, "sign-in ended", self._completed)
        self._pages.cookies.end_flow(response)
        return response

    async def _started(self, request: Request, _: RequestLine) -> Response:
        provider = self._known_provider()
        ticket = request.query_params.get("ticket", "")[:200]
        vault = await self._linking.chosen(ticket, request.query_params.get("vault", "")[:300] or None)
        browser = self._pages.cookies.browser(request)
        token = request.query_params.get("csrf", "")
        if browser is None or not self._pages.may_start(ticket, browser, token):
            return await self._pages.invited(request, ticket, root=ROOT, notice=NOT_STARTED)
        flow = Flow(
            ticket=ticket,
            vault_host=vault.host,
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            ends=(self._clock() + timedelta(seconds=FLOW_SECONDS)).timestamp(),
        )
        url = await provider.sign_in_url(state=flow.state, nonce=flow.nonce, verifier=flow.verifier)
        response = self._pages.style.sent_on(url)
        sealed = self._seal(Secret(json.dumps(asdict(flow))), row_identity("oidc-flow", browser))
        self._pages.cookies.begin_flow(response, sealed)
        return response

    async def _completed(self, request: Request, line: RequestLine) -> Response:
        self._known_provider()
        flow = self._flow(request)
        back = WayBack(
            code=_only(request, "code"),
            error=_only(request, "error"),
            issuer_seen=_only(request, "iss") or None,
            verifier=flow.verifier,
            nonce=flow.nonce,
        )
        try:
            account = await self._linking.complete(
                flow.ticket, vault_name=flow.vault_host, proof=back, reference=line.reference
            )
        except (TicketNotValid, TicketSpent):
            raise
        except BotError as error:
            again = f"{ROOT}link?{urlencode({'ticket': flow.ticket})}"
            return self._pages.failed(error, line, back=again)
        return await self._pages.linked(account)

    def _known_provider(self) -> IdentityProvider:
        if self._provider is None:
            raise FormNotValid(reason="this way to link is switched off here")
        return self._provider

    def _flow(self, request: Request) -> Flow:
        """Return the sign-in that this browser has begun and that this answer belongs to; SignInNotValid."""
        browser, sealed = self._pages.cookies.browser(request), self._pages.cookies.flow(request)
        if browser is None or sealed is None:
            raise SignInNotValid
        try:
            flow = Flow(**json.loads(self._unseal(sealed, row_identity("oidc-flow", browser)).reveal()))
        except StoreError:  # sealed for another browser, with a key that is gone, or not by us
            raise SignInNotValid from None
        is_answer = hmac.compare_digest(flow.state.encode(), _only(request, "state").encode())
        if not is_answer or self._clock().timestamp() >= flow.ends:
            raise SignInNotValid
        # A provider may take back what it gave for a code that is sent to it twice (RFC 6749, section 4.1.2), and
        # browsers do load a page twice. The ticket alone would stop the second only once the first is through.
        if self._seen.already(flow.state):
            raise SignInNotValid
        return flow


def _only(request: Request, name: str) -> str:
    """Return a parameter, or nothing; SignInNotValid when it stands there twice (RFC 6749, section 3.1)."""
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise SignInNotValid
    return values[0] if values else ""
