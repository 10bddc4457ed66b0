"""Installing the app into a workspace by OAuth. Slack: docs "Installing with OAuth".

What comes back from Slack is used only in the browser that left for it, once, within ten minutes. Nothing of its
query is ever shown.
"""

import asyncio
import hmac
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth import AuthorizeUrlGenerator
from slack_sdk.web.async_client import AsyncWebClient
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.model.accounts import Asker, SlackUser
from bot.model.audit import Action, Outcome
from bot.model.clock import Clock
from bot.model.errors import BotError, OutOfTime, SlackUnavailable
from bot.model.installations import Installation
from bot.model.secret import Secret
from bot.slack.installed import ManyWorkspaces
from bot.slack.workspace import PASSING, error_code, is_passing
from bot.store.install_states import STATE_LIFE, InstallStates
from bot.usecases.auditing import Auditing, Record
from bot.web.page_style import PageStyle
from bot.web.request_lines import RequestLine, request_line

log = structlog.get_logger()

INSTALL, REDIRECT = "/slack/install", "/slack/oauth_redirect"
PAGE_SECONDS = 14.0
MOST_STARTS = 60
"""In one minute. Anyone may open the page, and each time it costs a write to the database."""
HEADING = "The app was not installed"
START_AGAIN = "Open the install page of this app (its address ends in `/slack/install`) and start again."


@dataclass(frozen=True, slots=True)
class Words:
    """Why nothing was installed, as people read it; `status` is the page's."""

    sentence: str
    remedy: str = START_AGAIN
    status: int = 400


class Trouble(Exception):
    """Nothing was installed."""

    def __init__(self, words: Words) -> None:
        self.words = words
        super().__init__(words.sentence)


CANCELLED = Words("The installation was cancelled in Slack, so nothing was installed.", status=200)
OTHER_BROWSER = Words("This installation was not started in this browser, or another one was started since.")
USED = Words("This installation was already completed, or was started more than 10 minutes ago.")
REFUSED = Words("Slack did not complete the installation.", status=502)
NOT_NAMED = Words(
    "This app may be installed only in workspaces its operator has named.",
    "Ask the operator of this app to name yours.",
    status=403,
)
TOO_MANY = Words("Too many installations are being started just now.", "Try again in a minute.", status=429)


def too_few(missing: Sequence[str]) -> Words:
    """What is said when Slack granted less than was asked for; `missing` are scopes of our own manifest."""
    return Words(
        f"Slack did not grant everything the app needs; missing: {', '.join(missing)}.",
        "Compare the app's scopes at Slack with its manifest, then start again at `/slack/install`.",
    )


class InstallPages:
    """GET of /slack/install and /slack/oauth_redirect."""

    def __init__(
        self,
        *,
        installed: ManyWorkspaces,
        states: InstallStates,
        auditing: Auditing,
        client: AsyncWebClient,
        client_id: str,
        client_secret: Secret,
        scopes: Sequence[str],
        public_url: str,
        slack_api_url: str,
        clock: Clock,
    ) -> None:
        self._installed = installed
        self._states = states
        self._auditing = auditing
        self._client = client
        self._client_id = client_id
        self._client_secret = client_secret
        self._scopes = scopes
        self._clock = clock
        self._style = PageStyle(public_url)
        self._cookie = f"{'__Host-' if self._style.is_https else ''}vault-uploads-install"
        # The address that Slack knows, whatever host a request claims to be for.
        self._redirect_uri = f"{public_url}{REDIRECT}"
        self._authorize = AuthorizeUrlGenerator(
            client_id=quote(client_id, safe=""),
            redirect_uri=quote(self._redirect_uri, safe=""),
            scopes=scopes,
            authorization_url=f"{slack_api_url.removesuffix('api/')}oauth/v2/authorize",
        )
        self._starts: deque[datetime] = deque(maxlen=MOST_STARTS)

    def routes(self) -> list[Route]:
        """Return both pages."""

        async def install(request: Request) -> Response:
            return await self._answered(request, "install begun", self._started)

        async def redirect(request: Request) -> Response:
            response = await self._answered(request, "install ended", self._completed)
            response.delete_cookie(self._cookie, secure=self._style.is_https, httponly=True, samesite="lax")
            return response

        return [Route(INSTALL, install, methods=["GET"]), Route(REDIRECT, redirect, methods=["GET"])]

    async def _answered(
        self, request: Request, kind: str, answer: Callable[[Request, RequestLine], Awaitable[Response]]
    ) -> Response:
        """Return the answer, or the page for why there is none; `kind` is for the request's line in the log."""
        with request_line("page answered", kind) as line:
            try:
                async with asyncio.timeout(PAGE_SECONDS):
                    return await answer(request, line)
            except Trouble as trouble:
                words = trouble.words
                line.outcome = words.sentence
                shown = line.reference if words is REFUSED else ""
                return self._style.page(
                    "failed.html", status=words.status, heading=HEADING, error=words, reference=shown, back=""
                )
            except TimeoutError:
                line.outcome = OutOfTime.__name__
                return self._style.failed(OutOfTime(), status=503, heading=HEADING)
            except BotError as error:
                line.outcome = type(error).__name__
                log.error("install page failed", exc_info=error)
                return self._style.failed(error, status=503, heading=HEADING, reference=line.reference)
            except Exception as error:
                line.outcome = type(error).__name__
                log.error("install page failed unexpectedly", exc_info=error)
                return self._style.failed(BotError(), status=500, heading=HEADING, reference=line.reference)

    async def _started(self, _request: Request, _line: RequestLine) -> Response:
        now = self._clock()
        if len(self._starts) == MOST_STARTS and now - self._starts[0] < timedelta(minutes=1):
            raise Trouble(TOO_MANY)
        self._starts.append(now)
        state = await self._states.issue(now)
        response = self._style.sent_on(self._authorize.generate(state))
        response.set_cookie(
            self._cookie,
            state,
            max_age=int(STATE_LIFE.total_seconds()),
            path="/",
            secure=self._style.is_https,
            httponly=True,
            # Lax: the way back from Slack is a visit from another site.
            samesite="lax",
        )
        return response

    async def _completed(self, request: Request, line: RequestLine) -> Response:
        if request.query_params.get("error"):
            raise Trouble(CANCELLED if _only(request, "error") == "access_denied" else REFUSED)
        state = _only(request, "state")
        if not state or not hmac.compare_digest(
            state.encode(), request.cookies.get(self._cookie, "").encode()
        ):
            raise Trouble(OTHER_BROWSER)
        if not await self._states.consume(state, self._clock()):
            raise Trouble(USED)
        answer = await self._redeemed(_only(request, "code"))
        installation = await self._installation(answer)
        asker = Asker(
            SlackUser(
                installation.enterprise_id or installation.workspace,
                installation.installed_by,
                installation.team_id or "",
            ),
            line.reference,
        )
        structlog.contextvars.bind_contextvars(team=asker.slack_user.team_id)
        if not self._installed.admits(installation):
            refused = Record(error="WorkspaceNotNamed", outcome=Outcome.REFUSED, note=installation.name)
            await self._auditing.write(Action.INSTALL, asker, refused)
            raise Trouble(NOT_NAMED)
        missing = [scope for scope in self._scopes if scope not in installation.scopes.split(",")]
        if missing:
            refused = Record(error="ScopesMissing", outcome=Outcome.REFUSED, note=", ".join(missing))
            await self._auditing.write(Action.INSTALL, asker, refused)
            raise Trouble(too_few(missing))
        await self._keep(installation, asker)
        log.info("app installed", workspace=installation.workspace)
        return self._style.page("installed.html", name=installation.name)

    async def _keep(self, installation: Installation, asker: Asker) -> None:
        """Store the installation and write that down; what cannot be written down does not stand."""
        earlier = await self._installed.stored(installation)
        try:
            async with self._auditing.recording(Action.INSTALL, asker, note=installation.name):
                await self._installed.keep(installation)
        except BaseException:
            try:
                await self._installed.take_back(installation, earlier)
            except BotError as error:
                log.error("installation not taken back", error=type(error).__name__)
            raise

    async def _redeemed(self, code: str) -> Mapping[str, Any]:
        """Return what Slack gives for the code: the answer of `oauth.v2.access`."""
        if not code:
            raise Trouble(REFUSED)
        try:
            answer = await self._client.oauth_v2_access(
                client_id=self._client_id,
                client_secret=self._client_secret.reveal(),
                code=code,
                redirect_uri=self._redirect_uri,
            )
        except SlackApiError as error:
            if is_passing(error):
                raise SlackUnavailable from error
            log.error("Slack refused an installation", error=error_code(error))
            raise Trouble(REFUSED) from None
        except PASSING as error:
            raise SlackUnavailable from error
        if answer.get("token_type") != "bot" or not answer.get("access_token"):
            raise Trouble(REFUSED)
        found: Mapping[str, Any] = dict(answer.data) if isinstance(answer.data, dict) else {}
        return found

    async def _installation(self, answer: Mapping[str, Any]) -> Installation:
        """Slack: `team` is null for an org-wide install; the bot's id is told by `auth.test` alone."""
        token, refresh_token, seconds = (
            answer.get(name) for name in ("access_token", "refresh_token", "expires_in")
        )
        team, enterprise = (answer.get(name) or {} for name in ("team", "enterprise"))
        org_wide = answer.get("is_enterprise_install") is True
        place = enterprise if org_wide else team
        if not place.get("id"):
            raise Trouble(REFUSED)
        try:
            bot = await self._client.auth_test(token=str(token))
        except (SlackApiError, *PASSING) as error:
            raise SlackUnavailable from error
        now = self._clock()
        return Installation(
            workspace=str(place["id"]),
            enterprise_id=str(enterprise["id"]) if enterprise.get("id") else None,
            team_id=None if org_wide else str(place["id"]),
            name=str(place.get("name") or place["id"]),
            bot_token=Secret(str(token)),
            bot_id=str(bot.get("bot_id") or ""),
            bot_user_id=str(answer.get("bot_user_id") or ""),
            scopes=str(answer.get("scope") or ""),
            installed_by=str((answer.get("authed_user") or {}).get("id") or ""),
            installed_at=now,
            refresh_token=Secret(str(refresh_token)) if refresh_token else None,
            expires_at=now + timedelta(seconds=int(seconds)) if seconds else None,
        )


def _only(request: Request, name: str) -> str:
    """The value of a parameter that stands in the query once; empty else."""
    values = request.query_params.getlist(name)
    return values[0] if len(values) == 1 and len(values[0]) <= 1000 else ""
