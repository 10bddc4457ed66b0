"""What a step of the tour can do by itself, on what exists at that moment."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from bot.demo.page.stage import Stage
from bot.demo.page.viewer import HOME
from bot.demo.slack import Message
from bot.demo.slack.composer import MENTION
from bot.demo.slack.workspace import BOT_USER_ID
from bot.demo.vault import Upload, seed

ANSWER_SECONDS = 25.0
SAMPLE_SIZE = 32862312
PARTS_AT_ONCE = 2
NEXT_LOOK = timedelta(minutes=6)
"""The bot looks at what it keeps up to date every five minutes (POLL_EVERY)."""
OPENED_AND_FILLED = 2
"""The bot opens a modal at once, and fills it when Vault has answered."""


class Guide:
    """Does what a step asks for."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._demo = stage.demo

    async def become(self, person: str) -> None:
        """Be that person, in the channel of the tour; a form that the last step has left open is closed."""
        viewer = self._stage.viewer
        if self._demo.slack.modal(viewer.me) is not None:
            await self._demo.slack.close_view(viewer.me, everything=True)
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

    async def mention_in_thread(self, question: str, words: str) -> None:
        """Bob asks something; name the app in the thread below, which is open then, and wait for the answer."""
        viewer, slack = self._stage.viewer, self._demo.slack
        asked = await slack.say("bob", viewer.place, question)
        viewer.thread = asked.ts
        self._stage.note("Slack", f"types “@{slack.app.name} {words}” in a thread")
        delivery = await slack.mention(
            user=viewer.me, channel=viewer.place, text=f"{MENTION} {words}", in_thread_of=asked
        )
        await delivery.answered(timeout=ANSWER_SECONDS)

    async def check_message(self, text: str) -> None:
        """Bob writes something; use the shortcut in the menu of his message. The thread below it is open then."""
        viewer, slack = self._stage.viewer, self._demo.slack
        message = await slack.say("bob", viewer.place, text)
        self._stage.note("Slack", "runs the shortcut “check_upload” on a message")
        delivery = await slack.message_shortcut(viewer.me, message, "check_upload")
        await delivery.answered(timeout=ANSWER_SECONDS)
        viewer.thread = message.ts
        self._stage.changes.note()

    async def share_live(self, upload: Upload) -> None:
        """Share the card of an upload in the open conversation, keep it up to date, and let some bytes arrive."""
        known = self.shown()
        await self.ask(f"{upload.id} share")
        card = await self._seen(lambda one: one.key not in known and "take_back" in _actions_of(one))
        self._stage.note("Slack", "presses Keep this up to date")
        await self._demo.click(self._stage.viewer.me, card, "live")
        live = await self._seen(lambda one: one.key == card.key and "unwatch" in _actions_of(one))
        self.send_parts(upload)
        self._demo.clock.advance(NEXT_LOOK)
        self._stage.changes.note()
        await self._seen(lambda one: one.key == card.key and one.text != live.text)

    async def open_details(self, upload: Upload) -> None:
        """Press Details on a card of this upload; the modal stays open."""
        card = await self.ask(upload.id)
        self._stage.note("Slack", "presses Details")
        me = self._stage.viewer.me
        delivery = await self._demo.slack.click(user=me, message=card, action_id="details")
        await delivery.shown(timeout=ANSWER_SECONDS, count=OPENED_AND_FILLED)

    async def open_my_uploads(self) -> None:
        """Use the global shortcut; the modal stays open."""
        self._stage.note("Slack", "runs the shortcut “my_uploads”")
        delivery = await self._demo.slack.shortcut(self._stage.viewer.me, "my_uploads")
        await delivery.shown(timeout=ANSWER_SECONDS, count=OPENED_AND_FILLED)

    async def open_home(self) -> None:
        """Open the app's home, as whom one is."""
        viewer, slack = self._stage.viewer, self._demo.slack
        viewer.go(HOME)
        self._stage.note("Slack", "opens the app's home")
        await slack.open_home(viewer.me)
        async with asyncio.timeout(ANSWER_SECONDS):
            while slack.home(viewer.me) is None:
                await self._stage.changes.after(self._stage.changes.version)

    async def check_link(self, upload: Upload) -> None:
        """Bob posts the address of an upload; press “Check as me” on the card that stands below it then."""
        viewer, slack = self._stage.viewer, self._demo.slack
        url = self._demo.vault.vaults[seed.PROMOMATS].url
        address = f"{url}/api/v24.3/services/file_staging/upload/{upload.id}"
        posted = await slack.say("bob", viewer.place, f"Is it this one? {address}")
        linked = await self._seen(lambda one: one.key == posted.key and bool(one.attachments))
        self._stage.note("Slack", "presses Check as me")
        await self._demo.click(viewer.me, linked, "refresh")

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
        return self._new_upload()

    def moving_upload(self) -> Upload:
        """One of Alice's that bytes are missing of; a new one where the sample is complete."""
        sample = self.upload(NEXT_LOOK * 2)
        return sample if sample.next_part_size() else self._new_upload()

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
        return await self._seen(
            lambda one: one.key not in known and one.author == BOT_USER_ID and words in one.text
        )

    def shown(self) -> set[str]:
        """The keys of the messages in the open conversation."""
        viewer = self._stage.viewer
        return {message.key for message in self._demo.slack.seen_by(viewer.me, viewer.place)}

    def _new_upload(self) -> Upload:
        return self._demo.vault.create_upload("alice", "/demo/Cholecap-Commercial-2021.mp4", SAMPLE_SIZE)

    async def _seen(self, is_it: Callable[[Message], bool]) -> Message:
        """Wait until the open conversation has such a message, and return it as it stands then; TimeoutError."""
        viewer, changes = self._stage.viewer, self._stage.changes
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                version = changes.version
                for message in self._demo.slack.seen_by(viewer.me, viewer.place):
                    if is_it(message):
                        return message
                await changes.after(version)


def _is_card_of(message: Message, upload: Upload) -> bool:
    return any(upload.id in value for value in _actions_of(message).get("refresh", ()))


def _actions_of(message: Message) -> dict[str, list[str]]:
    """The values of a message's buttons, by what they do."""
    found: dict[str, list[str]] = {}
    for block in message.blocks:
        for element in block["elements"] if block["type"] == "actions" else ():
            found.setdefault(str(element.get("action_id")), []).append(str(element.get("value")))
    return found
