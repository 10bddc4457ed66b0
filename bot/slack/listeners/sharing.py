"""Cards that others see too: sharing them, and taking them back."""

import re
from dataclasses import replace
from datetime import timedelta

from bot.model.errors import CannotShareThere, NotInstalled, StoreError
from bot.model.pasting import Pasted
from bot.model.statuses import UploadStatus
from bot.slack.blocks import errors, sharing, upload_status
from bot.slack.blocks.kit import Message
from bot.slack.blocks.watch_words import person
from bot.slack.calls import Call
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.listeners.meaning import pasted_in

DOUBLE_CLICK = timedelta(seconds=10)
_USER = re.compile(r"[UW][A-Z0-9]{1,40}")


class SharingAnswers:
    """Answers about shared cards."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def share(self, call: Call, pasted: Pasted) -> Message:
        """`<id> share`, or Share on a card: look it up with the rights of who shares it, then post it here."""
        if not call.channel_id:
            return sharing.nowhere()
        status = await self._given.sharing.read(call.asker, pasted, call.channel_id)
        asker = call.slack_user
        click = (
            asker.workspace,
            asker.user_id,
            call.channel_id,
            call.thread_ts,
            status.vault.host,
            status.upload.id,
        )
        key = f"share:{'|'.join(click)}"
        if not await self._given.once.first(key, DOUBLE_CLICK):
            return sharing.shared_already()
        try:
            posted = await self._given.posts.put(call, self.public_card(call, status))
        except (CannotShareThere, NotInstalled, StoreError):
            # Nothing stands there, so that the next try, after an invitation perhaps, is no double click.
            await self._given.once.give_back(key)
            raise
        return sharing.shared(is_member=posted is not None)

    async def share_button(self, call: Call) -> Message:
        """The button Share."""
        pasted = pasted_in(call)
        return errors.notice(errors.OLD_BUTTON) if pasted is None else await self.share(call, pasted)

    async def in_public(self, call: Call, pasted: Pasted) -> Message | None:
        """The card as the answer to a question that was asked in public; for the asker alone where Slack lets the app
        post there no more."""
        status = await self._given.sharing.read(call.asker, pasted, call.channel_id)
        try:
            await self._given.posts.put(call, self.public_card(call, status, asked=True))
        except CannotShareThere:
            return replace(upload_status.card(status, self._given.look()), only_asker=True)
        return None

    async def refresh(self, call: Call, pasted: Pasted) -> Message | None:
        """Refresh on a card that others see too, by whoever put it there: the card itself is the answer."""
        status = await self._given.sharing.read(call.asker, pasted, call.channel_id)
        live = await self._given.keeping.of_message(call.slack_user, call.channel_id, call.message_ts)
        asked, watch_id = bool(call.number("a", 0)), live.id if live else ""
        public = self.public_card(call, status, asked=asked, watch_id=watch_id)
        if await self._given.replies.edit(call.reply_to, public):
            if live is not None:
                await self._given.keeping.drawn(live, status.upload)
            return None
        return upload_status.card(status, self._given.look())

    async def take_back(self, call: Call) -> Message | None:
        """Delete on a card that others see too."""
        if not self._given.proofs.is_owner(call):
            by = call.state("by") or ""
            if by == call.slack_user.user_id:
                return sharing.not_known()
            return sharing.not_yours(person(by) if _USER.fullmatch(by) else "")
        asker, once = call.slack_user, self._given.once
        key = f"take_back:{asker.workspace}|{asker.user_id}|{call.channel_id}|{call.message_ts}"
        if not await once.first(key, DOUBLE_CLICK):
            return None  # the first click takes it away, or says why not
        host, upload_id = call.state("v") or "", call.state("u") or ""
        await self._given.sharing.taken_back(call.asker, host, upload_id, call.channel_id)
        if await self._given.replies.edit(call.reply_to, None):
            return None
        await once.give_back(key)
        return sharing.not_deleted()

    def public_card(
        self, call: Call, status: UploadStatus, *, asked: bool = False, watch_id: str = ""
    ) -> Message:
        """The card as others see it, put there by whoever this call is from; `watch_id` is what keeps it up to date."""
        proof = self._given.proofs.of(call.slack_user, status.vault.host, status.upload.id, call.channel_id)
        public = upload_status.Public(by=call.slack_user.user_id, proof=proof, asked=asked, watch_id=watch_id)
        return upload_status.card(status, self._given.look(), public)
