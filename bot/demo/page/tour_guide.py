"""What a step of the tour can do by itself, on what exists at that moment."""

import asyncio
from datetime import timedelta

from bot.demo.page.stage import Stage
from bot.demo.slack import Message
from bot.demo.slack.workspace import BOT_USER_ID
from bot.demo.vault import Upload, seed

ANSWER_SECONDS = 25.0
SAMPLE_SIZE = 32862312
PARTS_AT_ONCE = 2


class Guide:
    """Does what a step asks for."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._demo = stage.demo

    def become(self, person: str) -> None:
        """Be that person, in the channel of the tour."""
        viewer = self._stage.viewer
        self._stage.become(person)
        viewer.go(self._demo.slack.workspace.channel("trial-uploads").id)
        self._stage.changes.note()

    def open_direct_messages(self) -> None:
        """Open the conversation with the app, as whom one is."""
        self._stage.viewer.go(self._demo.slack.workspace.open_dm(self._stage.me).id)
        self._stage.changes.note()

    async def ask(self, words: str) -> Message:
        """Type the command as whom one is, and wait for the answer."""
        viewer = self._stage.viewer
        self._stage.note("Slack", f"types “/upload-status {words}”")
        delivery = await self._demo.slack.slash(user=viewer.me, channel=viewer.place, text=words)
        return await delivery.answered(timeout=ANSWER_SECONDS)

    async def link_by_sign_in(self, vault: str) -> None:
        """Link whom one is through the bot's page and the company's sign-in, as in a browser."""
        viewer = self._stage.viewer
        self._stage.note("Slack", f"types “/upload-status link {vault}”, and signs in on the page")
        await self._demo.link(viewer.me, vault, method="oidc", channel=viewer.place)

    async def press_refresh(self, upload: Upload) -> None:
        """Press Refresh on the newest card of this upload; ask for the card where there is none."""
        viewer = self._stage.viewer
        card = next(
            (
                message
                for message in reversed(self._demo.slack.seen_by(viewer.me, viewer.place))
                if _is_card_of(message, upload)
            ),
            None,
        )
        if card is None:
            await self.ask(upload.id)
        else:
            self._stage.note("Slack", "presses Refresh")
            await self._demo.click(viewer.me, card, "refresh")

    def upload(self, living: timedelta = timedelta(0)) -> Upload:
        """The sample; another of Alice's, or a new one, where it has ended or has no longer than that to live."""
        mine = [one for one in self._demo.vault.uploads(seed.PROMOMATS) if one.owner.key == "alice"]
        sample = [one for one in mine if one.id == seed.CHOLECAP]
        unfinished = [one for one in mine if one.next_part_size()]
        for one in (*sample, *unfinished):
            if one.expires - self._demo.clock.now() > living:
                return one
        return self._demo.vault.create_upload("alice", "/demo/Cholecap-Commercial-2021.mp4", SAMPLE_SIZE)

    def send_parts(self, upload: Upload) -> None:
        """Some more parts arrive, as far as any are missing."""
        for _ in range(PARTS_AT_ONCE):
            if upload.next_part_size():
                self._demo.vault.send_part(upload.id)

    def jump_before_expiry(self, upload: Upload, lead: timedelta) -> None:
        """Move the clock ahead; not at all where that moment has passed."""
        moment = upload.expires - lead
        if moment > self._demo.clock.now():
            self._demo.clock.set(moment)
            self._stage.changes.note()

    async def kill_bot(self) -> None:
        """End the bot's process without a word."""
        self._stage.note("Bot", "kills the bot (SIGKILL)")
        await self._stage.bot_life.kill()

    async def start_bot(self) -> None:
        """Start a new process of it."""
        self._stage.note("Bot", "starts the bot")
        await self._stage.bot_life.start()

    async def told(self, words: str, known: set[str]) -> Message:
        """Wait until the open conversation has a message of the app's with these words beside the known ones;
        TimeoutError."""
        viewer, changes = self._stage.viewer, self._stage.changes
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                version = changes.version
                for message in self._demo.slack.seen_by(viewer.me, viewer.place):
                    if message.key not in known and message.author == BOT_USER_ID and words in message.text:
                        return message
                await changes.after(version)

    def shown(self) -> set[str]:
        """The keys of the messages in the open conversation."""
        viewer = self._stage.viewer
        return {message.key for message in self._demo.slack.seen_by(viewer.me, viewer.place)}


def _is_card_of(message: Message, upload: Upload) -> bool:
    return any(
        element.get("action_id") == "refresh" and upload.id in str(element.get("value"))
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    )
