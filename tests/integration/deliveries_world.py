"""Deliveries to an emulated Slack, by the real client; its clock stands still until a test moves it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import Fault, SlackEmulator, Slow
from bot.demo.slack import Message as SlackMessage
from bot.model.accounts import SlackUser
from bot.model.errors import NotInstalled
from bot.model.reminders import Kind, Reminder
from bot.model.secret import Secret
from bot.model.watches import Place, Watch
from bot.slack.blocks.kit import Message, section
from bot.slack.deliveries import SlackDeliveries
from bot.slack.delivery_faults import due_work_retries
from bot.slack.installed import Installed, OneWorkspace
from bot.slack.people import People
from bot.slack.workspace import Workspace, find_workspace
from bot.usecases.delivering import Deliveries
from tests.factories import a_reminder, a_watch

TEAM, UPLOADS = "T0NORDLICHT", "C0TRIALUPLOADS"
ALICE = SlackUser(TEAM, "U0ALICE", TEAM)
VERA = SlackUser(TEAM, "U0VERA", TEAM)
NILS = SlackUser(TEAM, "U0NILS", TEAM)
HERE = Place(UPLOADS)
KEY = "watch:0a1b2c3d4e5f6a7b:lead:3600"
MANIFEST = {
    "features": {"app_home": {"messages_tab_enabled": True}},
    "oauth_config": {"scopes": {"bot": ["chat:write", "im:write", "users:read"]}},
}
PATIENCE, HURRY = 60.0, 0.5
"""Seconds that a call may take: usually, whatever the machine does meanwhile, and where Slack is really slow."""
METADATA = {"event_type": "upload_reminder", "event_payload": {"key": KEY}}


def of_alice(**changes: Any) -> Watch:
    """Her watch, told by direct message."""
    return a_watch(**{"owner": ALICE, **changes})


def reminder_for(watch: Watch) -> Reminder:
    """One hour before the end."""
    return replace(a_reminder(Kind.LEAD), watch=watch)


@dataclass(kw_only=True)
class World:
    """Slack, and what delivers into it."""

    slack: SlackEmulator
    client: AsyncWebClient
    deliveries: Deliveries
    blocks: list[dict[str, Any]]
    hurried: aiohttp.ClientSession

    @property
    def said(self) -> list[str]:
        """All that was posted, in the order it came."""
        return [message.text for message in self.slack.messages]

    def calls(self, method: str) -> list[Any]:
        """What the bot asked of this method."""
        return [one.request for one in self.slack.log if one.what.endswith(f"/{method}")]

    @property
    def newest(self) -> SlackMessage:
        """The last message."""
        return self.slack.messages[-1]

    def over(self, installed: Installed) -> Deliveries:
        """Deliveries of another installation, of which nothing is known yet; as the use cases see them."""
        clock = self.slack.clock.now
        return SlackDeliveries(
            client=self.client,
            installed=installed,
            people=People(client=self.client, installed=installed, clock=clock),
            draw=lambda reminder: Message(text=f"{reminder.kind}: 31%", blocks=self.blocks),
            announce=lambda watch, vault: Message(
                text=f"<@{watch.owner.user_id}> watches {watch.upload_id} in {vault}", blocks=[section("A")]
            ),
            held=lambda watch: f"{watch.upload_id} expires soon & nobody told you",
            ended=lambda watch, vault, reason: Message(
                text=f"{watch.upload_id} in {vault}: {reason}", blocks=[section("E")]
            ),
            clock=clock,
        )


@asynccontextmanager
async def given_up_if_slow(world: World, fault: Fault) -> AsyncIterator[None]:
    """Where Slack is slow, calls within are given up soon; never those that must succeed."""
    usual = world.client.session
    if isinstance(fault, Slow):
        world.client.session = world.hurried
    try:
        yield
    finally:
        world.client.session = usual


class Removed:
    """An installation that is gone."""

    async def of_person(self, _: SlackUser, *, past: Workspace | None = None) -> Workspace:  # noqa: ARG002
        """Nobody is reached."""
        raise NotInstalled


def removed() -> Installed:
    """The app is nowhere."""
    return cast("Installed", Removed())


@asynccontextmanager
async def deliveries_world() -> AsyncIterator[World]:
    """Everything, running."""
    slack = SlackEmulator(manifest=MANIFEST)
    slack.clock.run_at(0)
    await slack.start()
    async with AsyncExitStack() as stack:
        http, hurried = [
            await stack.enter_async_context(
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds))
            )
            for seconds in (PATIENCE, HURRY)
        ]
        client = AsyncWebClient(base_url=slack.api_url, session=http, retry_handlers=due_work_retries())
        workspace = await find_workspace(client, Secret(slack.bot_token))
        world = World(
            slack=slack,
            client=client,
            deliveries=cast("Deliveries", None),
            blocks=[section("*31%*")],
            hurried=hurried,
        )
        world.deliveries = world.over(OneWorkspace(workspace, client))
        try:
            yield world
        finally:
            await slack.stop()
