"""Everything the page stands on: what runs, who looks, and what is noted along the way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bot.demo.page.background import Background
from bot.demo.page.bot_life import BotLife
from bot.demo.page.changes import Changes
from bot.demo.page.log import Entry, RequestLog
from bot.demo.page.switches import Switches
from bot.demo.page.vaults import UploadWatch
from bot.demo.page.viewer import DEFAULT_PLACE, HOME, Viewer
from bot.demo.slack import Channel, User
from bot.demo.workspace import DemoWorkspace

TICK_SECONDS = 0.5


@dataclass(kw_only=True)
class Stage:
    """The demo workspace with its viewer."""

    demo: DemoWorkspace
    viewer: Viewer
    changes: Changes
    background: Background
    log: RequestLog
    uploads: UploadWatch
    switches: Switches
    bot_life: BotLife

    @property
    def me(self) -> User:
        """The person one is."""
        return self.demo.slack.workspace.user(self.viewer.me)

    def places(self) -> list[Channel]:
        """What stands in this person's sidebar."""
        return self.demo.slack.places(self.viewer.me)

    def become(self, person: str) -> None:
        """Look through another person's eyes, at the same place where they have it in their sidebar."""
        workspace, viewer = self.demo.slack.workspace, self.viewer
        was_dm = viewer.place == workspace.dm_of(self.me).id
        viewer.me, viewer.thread = workspace.user(person).name, None
        if was_dm:
            viewer.place = workspace.open_dm(self.me).id
        elif viewer.place not in [place_id(place) for place in self.places()]:
            viewer.place = workspace.channel(DEFAULT_PLACE).id

    def note(self, receiver: str, what: str, who: str | None = None) -> None:
        """Write into the log what a person does."""
        at = self.demo.clock.now()
        self.log.add(Entry(at=at, sender="Person", receiver=receiver, what=what, who=who or self.viewer.me))


@asynccontextmanager
async def stage_for(demo: DemoWorkspace, person: str) -> AsyncIterator[Stage]:
    """Follow a running demo workspace until the end of the block."""
    changes = Changes()
    background = Background(demo.clock.now, changes.note)
    workspace = demo.slack.workspace
    stage = Stage(
        demo=demo,
        viewer=Viewer(me=workspace.user(person).name, place=workspace.channel(DEFAULT_PLACE).id),
        changes=changes,
        background=background,
        log=RequestLog(workspace, changes.note),
        uploads=UploadWatch(demo.vault),
        switches=Switches(demo, changes.note),
        bot_life=BotLife(demo.bot, changes.note),
    )

    def vault_changed() -> None:
        stage.uploads.look()
        changes.note()

    async with AsyncExitStack() as stack:
        endings: list[Callable[[], None]] = stage.log.follow(demo.slack, demo.vault, demo.idp)
        endings += [demo.slack.on_change(changes.note), demo.vault.on_change(vault_changed)]
        for ending in endings:
            stack.callback(ending)
        stack.push_async_callback(background.close)
        await background.start(_watch(stage))
        yield stage


def place_id(place: Channel) -> str:
    """As the page names it: the home has one name for everybody."""
    return HOME if place.is_home else place.id


async def _watch(stage: Stage) -> None:
    """Tell of what changes with time alone: bytes that arrive, an expiry, a process that ends, its log."""
    bot = stage.demo.bot
    before: object = None
    while True:
        log_size = bot.log_file.stat().st_size if bot.log_file.exists() else 0
        seen = (stage.uploads.look(), bot.pid, log_size)
        if seen != before:
            before = seen
            stage.changes.note()
        await asyncio.sleep(TICK_SECONDS)
