"""Where the app is installed, and with which token it acts there: one workspace by its token, or many by OAuth.

No request of Slack's makes us ask Slack who it is from: that was kept when the app was installed.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import stamina
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.accounts import SlackUser
from bot.model.clock import Clock, milliseconds_of
from bot.model.errors import KeyMissing, NotInstalled, SealBroken, SlackUnavailable
from bot.model.installations import Installation
from bot.model.secret import Secret
from bot.slack.calls import SlackHome
from bot.slack.rotation import Rotation
from bot.slack.workspace import PASSING, TOKEN_FAULTS, Workspace, error_code, is_passing
from bot.store.installations import Installations
from bot.store.leases import Leases

KEPT = timedelta(seconds=60)
"""For how long this process does not notice what another one did to an installation."""
MOST_KEPT = 1000

T = TypeVar("T")
Find = Callable[[], Awaitable[Installation | None]]


@dataclass(frozen=True, slots=True)
class Ended:
    """An installation that is gone: whose people are to be forgotten. With `team_id`, those of that team alone,
    since the app serves the rest of their Enterprise by another installation; not those of `except_teams`, which have
    installations of their own that work. `workspace` is the key of what is stored of it, None when that is gone too.
    """

    people: str
    team_id: str | None
    workspace: str | None
    except_teams: frozenset[str] = frozenset()

    def takes(self, person: SlackUser) -> bool:
        """Return whether somebody of `people` is to be forgotten with it."""
        return self.team_id in (None, person.team_id) and person.team_id not in self.except_teams


class Installed(Protocol):
    """Where the app is installed."""

    async def of(self, home: SlackHome) -> Workspace:
        """Return the installation a payload came by. NotInstalled; SlackUnavailable when its token has ended and
        Slack gives no new one just now; StoreError."""

    async def of_person(self, slack_user: SlackUser, *, past: Workspace | None = None) -> Workspace:
        """Return the installation that reaches a person; for what happens outside of a command or click.

        `past` is one whose token Slack refused: then the newest is looked for. Raises as `of`.
        """

    async def ended(self, home: SlackHome) -> Ended | None:
        """Return what ended where Slack says that the app was removed; None when its token still works, since then
        the event is an old one. SlackUnavailable, StoreError."""

    async def forget(self, ended: Ended) -> None:
        """Remove what is stored of it. StoreError."""


async def as_bot(installed: Installed, slack_user: SlackUser, call: Callable[[Workspace], Awaitable[T]]) -> T:
    """Make a call to Slack with the token that reaches the person; once more where another process has replaced it.

    Raises as `Installed.of_person`, and what the call raises.
    """
    workspace = await installed.of_person(slack_user)
    try:
        return await call(workspace)
    except SlackApiError as error:
        if error_code(error) not in TOKEN_FAULTS:
            raise
        newer = await installed.of_person(slack_user, past=workspace)
        if newer.token == workspace.token:
            raise
    return await call(newer)


class OneWorkspace:
    """The one installation that SLACK_BOT_TOKEN belongs to, asked about once at start."""

    def __init__(self, workspace: Workspace, client: AsyncWebClient) -> None:
        self._workspace = workspace
        self._client = client
        self._is_forgotten = False

    async def of(self, home: SlackHome) -> Workspace:  # noqa: ARG002
        """Return the workspace, wherever a payload came from: whether the person belongs to it is asked next."""
        return self._workspace

    async def of_person(self, slack_user: SlackUser, *, past: Workspace | None = None) -> Workspace:  # noqa: ARG002
        """Return the workspace."""
        return self._workspace

    async def ended(self, home: SlackHome) -> Ended | None:  # noqa: ARG002
        """As `Installed.ended`."""
        if await _is_accepted(self._client, self._workspace.token):
            return None
        return Ended(self._workspace.people, None, None if self._is_forgotten else self._workspace.key)

    async def forget(self, ended: Ended) -> None:  # noqa: ARG002
        """Note that it was dealt with; the token itself is the operator's setting and stays."""
        self._is_forgotten = True


@dataclass(frozen=True, slots=True)
class _Kept:
    installation: Installation
    until: datetime


class ManyWorkspaces:
    """All installations by OAuth, kept in the database and for KEPT in memory."""

    def __init__(
        self,
        *,
        installations: Installations,
        leases: Leases,
        client: AsyncWebClient,
        client_id: str,
        client_secret: Secret,
        clock: Clock,
        named: frozenset[str] = frozenset(),
    ) -> None:
        """`named` are the ids of teams and Enterprises that the app may be installed in; none means any."""
        self._named = named
        self._installations = installations
        self._client = client
        self._clock = clock
        self._rotation = Rotation(
            installations=installations,
            leases=leases,
            client=client,
            client_id=client_id,
            client_secret=client_secret,
            clock=clock,
            changed=self._drop,
        )
        self._kept: OrderedDict[tuple[str | None, ...], _Kept] = OrderedDict()
        self._changes = 0

    async def of(self, home: SlackHome) -> Workspace:
        """As `Installed.of`; the payload says whether it came by the organisation's installation or a team's own."""

        async def find() -> Installation | None:
            return await self._installations.find(enterprise_id=home.enterprise_id, team_id=home.team_id)

        return await self._workspace(("home", home.enterprise_id, home.team_id), find)

    async def of_person(self, slack_user: SlackUser, *, past: Workspace | None = None) -> Workspace:
        """As `Installed.of_person`: the person's own team's, the organisation's, or any other of theirs."""
        if past is not None:
            self._drop(past.key)
        enterprise_id, team_id = slack_user.workspace, slack_user.team_id

        async def find() -> Installation | None:
            found = await self._installations.find(enterprise_id=enterprise_id, team_id=team_id)
            if found is not None or enterprise_id == team_id:
                return found
            # A person of one team may have met the app in another team of their Enterprise.
            return next((one for one in await self._all_in(enterprise_id) if self.admits(one)), None)

        return await self._workspace(("person", enterprise_id, team_id), find)

    def admits(self, installation: Installation) -> bool:
        """Return whether the operator allows the app there."""
        return not self._named or not self._named.isdisjoint(
            {installation.team_id, installation.enterprise_id}
        )

    async def stored(self, installation: Installation) -> Installation | None:
        """Return what is stored of the same workspace; None without, or when it cannot be opened. StoreError."""
        try:
            found = await self._installations.find(
                enterprise_id=installation.enterprise_id, team_id=installation.team_id
            )
        except (SealBroken, KeyMissing):
            return None
        return found if found is not None and found.workspace == installation.workspace else None

    async def keep(self, installation: Installation) -> None:
        """Store an installation, new or made again. StoreError."""
        await self._installations.save(installation)
        self._drop(installation.workspace)

    async def take_back(self, installation: Installation, earlier: Installation | None) -> None:
        """Undo `keep`, so that the earlier one stands again, if any; not when another was made since. StoreError."""
        found = await self.stored(installation)
        if found is not None and milliseconds_of(found.installed_at) == milliseconds_of(
            installation.installed_at
        ):
            if earlier is None:
                await self._installations.remove(installation.workspace)
            else:
                await self._installations.save(earlier)
        self._drop(installation.workspace)

    async def ended(self, home: SlackHome) -> Ended | None:
        """As `Installed.ended`."""
        found = await self._installations.find(enterprise_id=home.enterprise_id, team_id=home.team_id)
        if found is not None:
            if await self._still_works(found):
                return None
            home = SlackHome(found.enterprise_id, found.team_id)
        workspace = found.workspace if found else None
        if home.enterprise_id is None:
            return Ended(home.team_id or "", None, workspace)
        if home.team_id is None:
            own = [one for one in await self._all_in(home.enterprise_id) if one.team_id is not None]
            working = frozenset([one.workspace for one in own if await self._still_works(one)])
            return Ended(home.enterprise_id, None, workspace, working)
        others = [one for one in await self._all_in(home.enterprise_id) if one.workspace != home.team_id]
        return Ended(home.enterprise_id, home.team_id if others else None, workspace)

    async def forget(self, ended: Ended) -> None:
        """As `Installed.forget`."""
        if ended.workspace is not None:
            await self._installations.remove(ended.workspace)
            self._drop(ended.workspace)

    async def close(self) -> None:
        """Let token rotations that are under way come to their end: a new token must not be lost."""
        await self._rotation.close()

    async def _workspace(self, key: tuple[str | None, ...], find: Find) -> Workspace:
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept.until:
            return _workspace_of(await self._rotation.fresh(kept.installation))
        changes = self._changes
        found = await find()
        if found is None or not self.admits(found):
            raise NotInstalled
        if changes == self._changes:  # else the database may have been read before the change
            self._kept[key] = _Kept(found, self._clock() + KEPT)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return _workspace_of(await self._rotation.fresh(found))

    def _drop(self, workspace: str) -> None:
        self._changes += 1
        for key in [key for key, one in self._kept.items() if one.installation.workspace == workspace]:
            del self._kept[key]

    async def _all_in(self, enterprise_id: str) -> list[Installation]:
        return [one for one in await self._installations.all() if one.enterprise_id == enterprise_id]

    async def _still_works(self, installation: Installation) -> bool:
        try:
            current = await self._rotation.fresh(installation)
        except NotInstalled:
            return False
        return await _is_accepted(self._client, current.bot_token)


def _workspace_of(installation: Installation) -> Workspace:
    return Workspace(
        team_id=installation.team_id,
        enterprise_id=installation.enterprise_id,
        name=installation.name,
        bot_id=installation.bot_id,
        bot_user_id=installation.bot_user_id,
        token=installation.bot_token,
    )


async def _is_accepted(client: AsyncWebClient, token: Secret) -> bool:
    """Whether Slack still accepts a token; SlackUnavailable when it does not say."""
    try:
        async for attempt in stamina.retry_context(on=is_passing, attempts=3, timeout=None, wait_max=2.0):
            with attempt:
                await client.auth_test(token=token.reveal())
    except SlackApiError as error:
        if error_code(error) in TOKEN_FAULTS:
            return False
        raise SlackUnavailable from error
    except PASSING as error:
        raise SlackUnavailable from error
    return True
