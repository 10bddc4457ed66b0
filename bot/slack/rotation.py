"""Bot tokens that end are replaced ahead of time (Slack: token rotation; a token lasts 12 hours).

One process at a time does it, and stores the new token before anybody uses it. What nothing can mend is a crash
between Slack's answer and that write: then the app has to be installed again.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import stamina
import structlog
from slack_sdk.errors import SlackTokenRotationError
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.clock import Clock
from bot.model.errors import NotInstalled, SlackUnavailable, StoreUnavailable
from bot.model.installations import Installation
from bot.model.secret import Secret
from bot.slack.workspace import PASSING, TOKEN_FAULTS, error_code
from bot.store.installations import Installations
from bot.store.leases import Leases

log = structlog.get_logger()

ROTATE_BEFORE = timedelta(hours=2)
WAIT_BEFORE = timedelta(minutes=1)
"""With less than that left, nobody acts with the old token any more."""
PAUSE = timedelta(seconds=60)
"""Between two tries to replace a token that still works."""
CLOSE_SECONDS = 2.0

REFRESH_REFUSED = (*TOKEN_FAULTS, "invalid_refresh_token")


class Rotation:
    """Gives installations with tokens that work. `changed` is told each workspace whose row may have changed."""

    def __init__(
        self,
        *,
        installations: Installations,
        leases: Leases,
        client: AsyncWebClient,
        client_id: str,
        client_secret: Secret,
        clock: Clock,
        changed: Callable[[str], None],
    ) -> None:
        self._installations = installations
        self._leases = leases
        # Nothing is repeated: a refresh token serves once, and its first use may have arrived.
        asking_once = AsyncWebClient(base_url=client.base_url, session=client.session, retry_handlers=[])
        self._rotator = AsyncTokenRotator(
            client_id=client_id, client_secret=client_secret.reveal(), client=asking_once
        )
        self._clock = clock
        self._changed = changed
        self._running: dict[str, asyncio.Task[Installation]] = {}
        self._rest_until: dict[str, datetime] = {}

    async def fresh(self, installation: Installation) -> Installation:
        """Return the installation with a token that works, and see to the next one while this one still does.

        NotInstalled when Slack gives no new token any more; SlackUnavailable, OutOfTime or StoreError when it may
        later, and the old token has ended.
        """
        if not self._is_due(installation):
            return installation
        workspace, now = installation.workspace, self._clock()
        has_time = installation.expires_at is not None and installation.expires_at - now > WAIT_BEFORE
        if has_time and now < self._rest_until.get(workspace, now):
            return installation
        running = self._running.get(workspace)
        if running is None:
            running = self._running[workspace] = asyncio.create_task(self._rotated(installation))
            running.add_done_callback(lambda task: self._after(workspace, task))
        if has_time:
            return installation
        # Whoever waits may give up; the rotation goes on, since half of one loses the token.
        return await asyncio.shield(running)

    async def close(self) -> None:
        """Let what is under way come to its end."""
        if self._running:
            await asyncio.wait(set(self._running.values()), timeout=CLOSE_SECONDS)

    def _is_due(self, installation: Installation) -> bool:
        ends = installation.expires_at
        return (
            ends is not None
            and installation.refresh_token is not None
            and ends - self._clock() <= ROTATE_BEFORE
        )

    def _after(self, workspace: str, task: asyncio.Task[Installation]) -> None:
        del self._running[workspace]
        self._changed(workspace)
        error = None if task.cancelled() else task.exception()
        if error is None:
            self._rest_until.pop(workspace, None)
        else:
            self._rest_until[workspace] = self._clock() + PAUSE
            log.error("bot token not rotated", workspace=workspace, error=type(error).__name__)

    async def _rotated(self, installation: Installation) -> Installation:
        async with self._leases.hold(f"rotate:{installation.workspace}"):
            current = await self._current(installation)
            if not self._is_due(current):
                return current
            rotated = await self._ask_slack(current)
            changed = await self._stored(current, rotated)
            if changed is None:
                # Installed again or removed meanwhile: what stands there now counts.
                return await self._current(installation)
            log.info("bot token rotated", workspace=installation.workspace)
            return changed

    async def _current(self, installation: Installation) -> Installation:
        current = await self._installations.find(
            enterprise_id=None if installation.team_id else installation.enterprise_id,
            team_id=installation.team_id,
        )
        if current is None:
            raise NotInstalled
        return current

    async def _ask_slack(self, current: Installation) -> Bot:
        try:
            rotated = await self._rotator.perform_bot_token_rotation(
                bot=self._as_bot(current),
                minutes_before_expiration=int(ROTATE_BEFORE.total_seconds() / 60) + 1,
            )
        except SlackTokenRotationError as error:
            code = error_code(error.api_error)
            log.error("Slack refused to rotate a bot token", workspace=current.workspace, error=code)
            raise (NotInstalled if code in REFRESH_REFUSED else SlackUnavailable) from None
        except PASSING as error:
            raise SlackUnavailable from error
        if rotated is None:
            log.error("Slack rotated no bot token", workspace=current.workspace)
            raise SlackUnavailable
        return rotated

    def _as_bot(self, current: Installation) -> Bot:
        ends, refresh_token = current.expires_at, current.refresh_token
        if ends is None or refresh_token is None:
            raise ValueError("this token does not end")
        return Bot(
            bot_token=current.bot_token.reveal(),
            bot_id=current.bot_id,
            bot_user_id=current.bot_user_id,
            bot_refresh_token=refresh_token.reveal(),
            bot_token_expires_at=int(time.time() + (ends - self._clock()).total_seconds()),
            installed_at=current.installed_at,
        )

    async def _stored(self, current: Installation, rotated: Bot) -> Installation | None:
        """Store the new tokens, patiently: the ones before them may be void by now."""
        refresh_token = Secret(rotated.bot_refresh_token) if rotated.bot_refresh_token else None
        ends = moment_of(rotated.bot_token_expires_at, self._clock)
        async for attempt in stamina.retry_context(on=StoreUnavailable, attempts=6, wait_max=3.0):
            with attempt:
                return await self._installations.change_tokens(
                    current, Secret(str(rotated.bot_token)), refresh_token, ends
                )
        raise AssertionError("stamina leaves its loop by return or raise")


def moment_of(machine_time: float | None, clock: Clock) -> datetime | None:
    """Return by our clock what slack_sdk counted by the machine's, in seconds since 1970; the demo's clock differs."""
    return None if machine_time is None else clock() + timedelta(seconds=machine_time - time.time())
