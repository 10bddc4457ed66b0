"""The link page: GET shows who will be linked to what and changes nothing, POST acts.

The ticket in the address is the person's single-use key to this page. A form is accepted only if it carries the
token that was made for this ticket, and if the browser does not say that it comes from another site.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

import structlog
from starlette.requests import Request
from starlette.responses import Response

from bot.model.accounts import LinkedAccount, LinkMethod, Vault, Vaults
from bot.model.clock import Clock
from bot.model.errors import (
    BotError,
    FormNotValid,
    LinkingError,
    OutOfTime,
    PasswordNeeded,
    SignInNotValid,
    SingleSignOnOnly,
    SlackUnavailable,
    StoreError,
    TicketNotValid,
    UnknownVault,
    VaultTemporary,
    WrongCredential,
)
from bot.usecases.linking import Invitation, Linking
from bot.web.browser_cookies import BrowserCookies, new_browser
from bot.web.link_forms import Form, LinkForms, Mac
from bot.web.page_style import PageStyle
from bot.web.request_lines import RequestLine, request_line

log = structlog.get_logger()

PAGE_SECONDS = 14.0
"""Shorter than a stopping process waits for open requests, so that nobody is cut off without a page."""
KEEPING_ALIVE = {
    "watching": "While you watch an upload, the bot keeps your Vault session alive for it; otherwise it lets it end.",
    "never": "The bot never keeps your Vault session alive by itself.",
}
"""What the setting KEEP_ALIVE means for the person who links."""
USED: dict[type[BotError], str] = {
    TicketNotValid: "This link is no longer valid",
    SignInNotValid: "This sign-in cannot be used",
}  # fmt: skip

Confirm = Callable[[LinkedAccount], Awaitable[bool]]
Answer = Callable[[Request, RequestLine], Awaitable[Response]]
"""Answers a request, and puts into its line of the log what came of it; the line's reference code is for the audit log
and the page of an unexpected failure too."""


class LinkPages:
    """GET and POST of /link, and the pages that linking ends with, whatever way was taken."""

    def __init__(
        self,
        *,
        linking: Linking,
        vaults: Vaults,
        methods: tuple[LinkMethod, ...],
        public_url: str,
        mac: Mac,
        confirm: Confirm,
        clock: Clock,
        keep_alive: str,
    ) -> None:
        self.style = PageStyle(public_url)
        self.cookies = BrowserCookies(is_https=self.style.is_https)
        self._linking = linking
        self._vaults = vaults
        self._methods = methods
        self._mac = mac
        self._confirm = confirm
        self._keep_alive = KEEPING_ALIVE[keep_alive]
        self._forms = LinkForms(methods=methods, origin=self.style.origin, mac=mac, clock=clock)

    async def endpoint(self, request: Request) -> Response:
        """GET or POST /link; every failure becomes a page with a sentence and what to do next."""
        if request.method == "POST":
            return await self.answered(request, "link form", self._posted)
        return await self.answered(request, "link page", self._shown)

    async def answered(self, request: Request, kind: str, answer: Answer) -> Response:
        """Return the answer, or the page for why there is none; `kind` is for the request's line in the log."""
        with request_line("page answered", kind) as line:
            try:
                async with asyncio.timeout(PAGE_SECONDS):
                    return await answer(request, line)
            except TimeoutError:
                return self.failed(OutOfTime(), line)
            except BotError as error:
                return self.failed(error, line)
            except Exception as error:
                line.outcome = type(error).__name__
                log.error("link page failed unexpectedly", exc_info=error)
                return self._failure(BotError(), line.reference)

    def failed(self, error: BotError, line: RequestLine, *, back: str = "") -> Response:
        """Return the page for a failure, and log it; `back` leads to where the person can go on."""
        line.outcome = type(error).__name__
        if error.expected:
            return self._failure(error, "", back)
        log.error("link page failed", exc_info=error)
        return self._failure(error, line.reference, back)

    def _failure(self, error: BotError, reference: str, back: str = "") -> Response:
        # Of what was used before nobody can say here what came of its use.
        heading = USED.get(type(error), "Nothing was linked")
        return self.style.failed(
            error, status=_status(error), heading=heading, reference=reference, back=back
        )

    async def invited(
        self, request: Request, ticket: str, *, root: str = "", notice: str = "", form: Form | None = None,
        error: BotError | None = None,
    ) -> Response:  # fmt: skip
        """Return the page that shows whom the ticket links, with its forms. TicketNotValid, SlackUnavailable.

        `root` is the way from the request's path to where /link lies; `form` is what was sent before, and `error`
        or `notice` what came of it.
        """
        invitation = await self._linking.invitation(ticket)
        browser = self.cookies.browser(request) or new_browser()
        response = self.style.page(
            "link.html",
            status=_status(error) if error else 403 if notice else 200,
            invitation=invitation,
            ticket=ticket,
            csrf=self._forms.csrf(ticket),
            methods=self._in_order(invitation),
            keep_alive=self._keep_alive,
            sign_ins=[(vault, self._start(ticket, browser, vault, root)) for vault in invitation.vaults],
            user_name=form.proof.user_name if form else "",
            chosen=form.vault if form else None,
            root=root,
            error=error,
            notice=notice,
        )
        if LinkMethod.OIDC in self._methods:
            self.cookies.remember(response, browser)
        return response

    def may_start(self, ticket: str, browser: str, token: str) -> bool:
        """Return whether a sign-in was asked for on the page that this very browser was shown for the ticket."""
        return hmac.compare_digest(self._start_token(ticket, browser).encode(), token.encode())

    async def linked(self, account: LinkedAccount) -> Response:
        """Tell the person in Slack, and return the page that says so too."""
        told = await self._confirm(account)
        vault = self._vaults.at(account.vault_host)
        return self.style.page(
            "linked.html", account=account, vault_name=vault.name if vault else account.vault_host, told=told
        )

    async def _shown(self, request: Request, _: RequestLine) -> Response:
        return await self.invited(request, request.query_params.get("ticket", "")[:200])

    async def _posted(self, request: Request, line: RequestLine) -> Response:
        form = await self._forms.read(request)
        try:
            account = await self._linking.complete(
                form.ticket, vault_name=form.vault, proof=form.proof, reference=line.reference
            )
        except (WrongCredential, SingleSignOnOnly, PasswordNeeded) as error:
            line.outcome = type(error).__name__
            # May fail in its turn, when Slack does not tell the name again or the last try was made meanwhile.
            return await self.invited(request, form.ticket, form=form, error=error)
        return await self.linked(account)

    def _in_order(self, invitation: Invitation) -> list[str]:
        """The operator's order, but API access tokens first where they can be made: they are made for this."""
        methods = [method.value for method in self._methods]
        if invitation.with_tokens:
            methods.sort(key=lambda method: method != LinkMethod.TOKEN.value)
        return methods

    def _start(self, ticket: str, browser: str, vault: Vault, root: str) -> str:
        token = self._start_token(ticket, browser)
        return f"{root}link/oidc/start?{urlencode({'ticket': ticket, 'csrf': token, 'vault': vault.name})}"

    def _start_token(self, ticket: str, browser: str) -> str:
        return self._mac("link-oidc-start", json.dumps([ticket, browser]))


def _status(error: BotError) -> int:
    if isinstance(error, TicketNotValid):
        return 410
    if isinstance(error, WrongCredential):
        return 401
    if isinstance(error, FormNotValid | UnknownVault | PasswordNeeded | SignInNotValid):
        return 400
    if isinstance(error, LinkingError):
        return 403
    if isinstance(error, VaultTemporary | StoreError | SlackUnavailable | OutOfTime):
        return 503
    return 500 if type(error) is BotError else 502
