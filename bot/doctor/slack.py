"""Slack: reached, the tokens and their scopes, Socket Mode, and how far our clock is from Slack's."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.doctor.check import Check, fail, ok, warn
from bot.doctor.runner import Step
from bot.model.clock import Clock, aware
from bot.model.installations import Installation
from bot.model.secret import Secret
from bot.slack.workspace import COPY_APP_TOKEN, COPY_BOT_TOKEN, PASSING, TOKEN_FAULTS, error_code, is_passing

OFTEN_ADDED = frozenset({"im:history", "channels:history", "groups:history"})
"""Scopes that an operator may grant beyond the manifest: docs/reminders.md."""
SKEWED = timedelta(seconds=30)
REFUSED = timedelta(minutes=5)
"""Slack docs, "Verifying requests from Slack": an older request is not to be believed, and is not."""
MOST_ASKED = 10
"""So many installations' tokens are tried."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What Slack said beside its answer: its headers by lower-case names, and our clock at that moment."""

    headers: Mapping[str, str]
    at: datetime


class SlackChecks:
    """Makes the calls that `run` makes at its start, once each and without patience."""

    def __init__(
        self,
        client: AsyncWebClient,
        http: aiohttp.ClientSession,
        *,
        bot_token: Secret | None,
        app_token: Secret | None,
        installations: Callable[[], Sequence[Installation]],
        scopes: Sequence[str],
        clock: Clock,
    ) -> None:
        """`installations` gives those by OAuth, in the place of `bot_token`; `scopes` are the manifest's."""
        self._client = client
        self._http = http
        self._bot_token = bot_token
        self._app_token = app_token
        self._installations = installations
        self._scopes = frozenset(scopes)
        self._clock = clock
        self._heard: Heard | None = None
        self._granted: dict[str, frozenset[str]] = {}
        """Scopes by whose token it is; empty for the one of SLACK_BOT_TOKEN."""

    def steps(self) -> list[Step]:
        """Return the checks in their order."""
        steps = [
            Step(name="slack_token", look=self.token),
            Step(name="slack_scopes", look=self.scopes),
            Step(name="clock", look=self.clock),
        ]
        return [*steps, *([Step(name="socket_mode", look=self.socket_mode)] if self._app_token else [])]

    async def token(self) -> Check | None:
        """Ask Slack whose the bot token is: `auth.test`."""
        if self._bot_token is None:
            return await self._tokens()
        try:
            found = await self._auth(self._bot_token, "")
        except (SlackApiError, *PASSING) as error:
            return self._refused(error, "slack_token", "SLACK_BOT_TOKEN", COPY_BOT_TOKEN)
        return ok("slack_token", f"Slack knows SLACK_BOT_TOKEN: {found}.")

    async def scopes(self) -> Check | None:
        """Compare what was granted with what the manifest asks for."""
        name = "slack_scopes"
        if not self._granted:
            return None
        for whose, granted in self._granted.items():
            place = f" in {whose}" if whose else ""
            if not granted:
                return warn(
                    name, f"Slack did not say which scopes were granted{place}.", "Run this again later."
                )
            if missing := sorted(self._scopes - granted):
                return fail(
                    name,
                    f"Scopes are missing{place}: {', '.join(missing)}.",
                    "Put what `python -m bot manifest` prints into the app's page “App Manifest”, then install the "
                    "app again there.",
                )
        further = sorted(frozenset[str]().union(*self._granted.values()) - self._scopes)
        if unasked := [scope for scope in further if scope not in OFTEN_ADDED]:
            return warn(
                name,
                f"Scopes were granted that the bot does not use: {', '.join(unasked)}.",
                "Take them out of the app's page “OAuth & Permissions”: what is not granted cannot be misused.",
            )
        more = f", and with which it finds repeats: {', '.join(further)}" if further else ""
        return ok(name, f"The {len(self._scopes)} scopes of the manifest are granted{more}.")

    async def clock(self) -> Check | None:
        """Compare our clock with the Date of Slack's answer."""
        if self._heard is None:
            return None
        try:
            theirs = aware(parsedate_to_datetime(self._heard.headers.get("date", "")))
        except ValueError:
            return warn("clock", "Slack's answer has no date to compare with.", "Run this again later.")
        ahead = self._heard.at - theirs
        where = "ahead of" if ahead > timedelta(0) else "behind"
        told = f"This machine's clock is {abs(ahead).total_seconds():.0f} s {where} Slack's."
        sync = "Have the machine's clock set by NTP (`timedatectl` shows whether it is)."
        if abs(ahead) > REFUSED:
            return fail("clock", f"{told} Requests of Slack's look too old, and are refused.", sync)
        if abs(ahead) > SKEWED:
            return warn("clock", f"{told} From 5 minutes on, Slack's requests would be refused.", sync)
        return ok("clock", "This machine's clock agrees with Slack's.")

    async def socket_mode(self) -> Check:
        """Ask for a websocket address, and its host for anything at all. The websocket is not opened: Slack would
        send people's commands to it, and they be lost."""
        name, token = "socket_mode", self._app_token.reveal() if self._app_token else ""
        try:
            opened = await self._client.apps_connections_open(app_token=token)
        except (SlackApiError, *PASSING) as error:
            return self._refused(error, name, "SLACK_APP_TOKEN", COPY_APP_TOKEN)
        place = urlsplit(str(opened.get("url") or "")).netloc
        scheme = "https" if str(opened.get("url")).startswith("wss://") else "http"
        try:
            # By the way that the websocket takes. Whatever it answers: what is blocked answers nothing.
            async with self._http.get(
                f"{scheme}://{place}/", proxy=self._client.proxy, allow_redirects=False
            ):
                pass
        except (aiohttp.ClientError, ValueError, *PASSING) as error:
            return fail(
                name,
                f"Slack knows SLACK_APP_TOKEN, but its host for websockets, {place or 'none'}, cannot be reached "
                f"({type(error).__name__}).",
                "Let this machine reach it in the firewall and the proxy (HTTPS_PROXY), by TLS: no command arrives "
                "by another way. Slack names other hosts of its domain at other times.",
            )
        return ok(name, f"Slack knows SLACK_APP_TOKEN and gives it a connection, and {place} can be reached.")

    async def _tokens(self) -> Check | None:
        """The same for what was installed by OAuth; a token that ends by the clock is renewed at its next use."""
        now = self._clock()
        living = [one for one in self._installations() if one.expires_at is None or one.expires_at > now]
        if not living:
            return None
        some = living[:MOST_ASKED]
        asking = (self._auth(one.bot_token, one.workspace) for one in some)  # at once: a step has 10 seconds
        gone: list[str] = []
        for one, answer in zip(some, await asyncio.gather(*asking, return_exceptions=True), strict=True):
            if isinstance(answer, SlackApiError) and error_code(answer) in TOKEN_FAULTS:
                gone.append(one.workspace)
            elif isinstance(answer, (SlackApiError, *PASSING)):
                return self._refused(answer, "slack_token", "a bot token", "")
            elif isinstance(answer, BaseException):
                raise answer
        asked = len(some)
        if gone:
            return fail(
                "slack_token",
                f"Slack does not accept {len(gone)} of {asked} bot tokens any more: {', '.join(gone)}.",
                "Have the app installed there again at /slack/install below PUBLIC_URL.",
            )
        return ok(
            "slack_token", f"Slack knows the bot tokens of {asked} workspace{'s' if asked > 1 else ''}."
        )

    async def _auth(self, token: Secret, whose: str) -> str:
        """Return workspace and bot; keeps what Slack says beside. SlackApiError, PASSING."""
        before = self._clock()
        try:
            found = await self._client.auth_test(token=token.reveal())
        except SlackApiError as error:
            self._hear(getattr(error.response, "headers", {}), before)
            raise
        self._hear(found.headers, before)
        scopes = self._heard.headers.get("x-oauth-scopes", "") if self._heard else ""
        self._granted[whose] = frozenset(scope.strip() for scope in scopes.split(",") if scope.strip())
        return f"{found.get('user')} in {found.get('team')}"

    def _hear(self, headers: Mapping[str, str], before: datetime) -> None:
        by_name = {str(name).lower(): str(value) for name, value in headers.items()}
        # The date was written while the answer was on its way: the middle is nearest.
        self._heard = Heard(by_name, before + (self._clock() - before) / 2)

    def _refused(self, error: Exception, name: str, token: str, next_step: str) -> Check:
        if not isinstance(error, SlackApiError):
            return fail(
                name,
                f"Slack cannot be reached ({type(error).__name__}).",
                "Check the network, HTTPS_PROXY and SLACK_API_URL.",
            )
        code = error_code(error)
        if code in TOKEN_FAULTS:
            return fail(name, f"Slack does not accept {token} ({code}).", next_step)
        if is_passing(error):
            return warn(
                name, f"Slack has trouble of its own, or limits calls ({code}).", "Run this again later."
            )
        return fail(name, f"Slack refused the call ({code}).", next_step or "Run this again later.")
