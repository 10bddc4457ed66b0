"""Workspaces that removed the app, and people whose Slack account is gone: nothing of theirs is kept.

An event may come late or twice (Slack sends again what was not acknowledged), and the app may have been installed
again meanwhile. So Slack is asked how things stand before anything is forgotten.
"""

import structlog

from bot.model.accounts import Asker, SlackUser
from bot.model.audit import Action
from bot.model.errors import NotInstalled
from bot.slack.calls import Event
from bot.slack.installed import Installed
from bot.slack.people import People
from bot.store.accounts import Accounts
from bot.usecases.auditing import Auditing, Record
from bot.usecases.leaving import Leaving

log = structlog.get_logger()

UNINSTALLED = "app removed from Slack"
DEACTIVATED = "Slack account deactivated"


class Departures:
    """Forgets who has left. Repeating it is harmless."""

    def __init__(
        self,
        *,
        installed: Installed,
        people: People,
        leaving: Leaving,
        accounts: Accounts,
        auditing: Auditing,
    ) -> None:
        self._installed = installed
        self._people = people
        self._leaving = leaving
        self._accounts = accounts
        self._auditing = auditing

    async def take(self, event: Event) -> None:
        """Do what an event that `is_departure` asks for. SlackUnavailable, StoreError."""
        if event.kind == "user_change":
            await self._person(event)
        else:
            await self._workspace(event)

    async def _workspace(self, event: Event) -> None:
        ended = await self._installed.ended(event.home)
        if ended is None:
            log.info("the app is still installed", kind=event.kind, team=event.home.team_id)
            return
        await self._leaving.forget_workspace(ended.people, why=UNINSTALLED, is_meant=ended.takes)
        if ended.workspace is not None:
            team_id = ended.team_id or event.home.team_id or ""
            asker = Asker(SlackUser(ended.people, "", team_id), event.reference)
            await self._auditing.write(Action.UNINSTALL, asker, Record(note=event.kind))
            # Last of all, so that a failure before it is found and mended when the same is done again.
            await self._installed.forget(ended)

    async def _person(self, event: Event) -> None:
        person = event.slack_user
        # Most people never used the app: a company that deactivates many must not make us ask Slack about each.
        if person is None or person not in await self._accounts.people_with_id(person.user_id):
            return
        try:
            is_gone = await self._people.is_gone(person)
        except NotInstalled:
            # Somebody of another company, met in a shared channel, where the app is not installed.
            return
        if is_gone:
            await self._leaving.forget(Asker(person, event.reference), why=DEACTIVATED)
