"""The shortcut in a message's menu, and the app's own direct messages."""

import asyncio
from datetime import timedelta

from bot.model.errors import BotError, LinkEnded, NotLinked, SlackUnavailable
from bot.model.found_ids import find_upload_ids
from bot.model.pasting import Pasted
from bot.model.statuses import UploadStatus
from bot.slack.blocks import found_uploads, upload_status, usage
from bot.slack.blocks.kit import Message
from bot.slack.calls import Call, Event, Payload
from bot.slack.delivery_faults import GONE
from bot.slack.failures import keep_in_log
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.replies import NotDelivered

TOLD_FOR = timedelta(days=365)
"""What the direct messages are for is told once; whoever comes back after so long has forgotten it."""


class MessageAnswers:
    """Answers about the uploads that somebody's message names, with the rights of who asks, not of who wrote it; and
    says what the app's own messages are for."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def check_upload(self, call: Call) -> Message:
        """“Check upload status”: the card of the one upload there, or a row for each of the first ones."""
        found = self._ids_in(call.values)
        if not found:
            return found_uploads.none_there()
        if len(found) == 1:
            status = await self._given.statuses.look_up(call.asker, found[0])
            return upload_status.card(status, self._given.look())
        first = found[: found_uploads.MOST]
        outcomes = await asyncio.gather(*(self._look_up(call, pasted) for pasted in first))
        if all(isinstance(one, NotLinked | LinkEnded) for one in outcomes):
            # Said once, with the button that helps.
            raise next(one for one in outcomes if isinstance(one, BotError))
        return found_uploads.several(
            list(zip(first, outcomes, strict=True)),
            self._given.look(),
            further=len(found) - len(first),
            reference=call.reference,
        )

    async def tab_opened(self, event: Event) -> None:
        """Somebody looks at the app's direct messages: the first time they are told what these are for, since the app
        reads none of what is written there. SlackUnavailable, StoreError."""
        given, slack_user = self._given, event.slack_user
        if slack_user is None:
            return
        key = f"messages_tab:{slack_user.workspace}|{slack_user.user_id}"
        if not await given.once.first(key, TOLD_FOR):
            return
        try:
            await given.replies.tell(slack_user, usage.messages_tab())
        except NotDelivered as error:
            if str(error) in GONE:
                return
            await given.once.give_back(key)
            raise SlackUnavailable from error

    def _ids_in(self, message: Payload) -> list[Pasted]:
        """The ids in a message's text, blocks and attachments."""
        text, hosts = message.get("text"), [vault.host for vault in self._given.vaults.all]
        parts = [message.get("blocks"), message.get("attachments")]
        return find_upload_ids(text if isinstance(text, str) else "", parts, hosts)

    async def _look_up(self, call: Call, pasted: Pasted) -> UploadStatus | BotError:
        """One of several: its failure stands in its own line."""
        try:
            return await self._given.statuses.look_up(call.asker, pasted)
        except BotError as error:
            keep_in_log(error, call.reference)
            return error
