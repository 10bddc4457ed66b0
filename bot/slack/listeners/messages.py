"""The shortcut in a message's menu."""

import asyncio

from bot.model.errors import BotError, LinkEnded, NotLinked
from bot.model.found_ids import find_upload_ids
from bot.model.pasting import Pasted
from bot.model.statuses import UploadStatus
from bot.slack.blocks import found_uploads, upload_status
from bot.slack.blocks.kit import Message
from bot.slack.calls import Call, Payload
from bot.slack.failures import keep_in_log
from bot.slack.listeners.collaborators import Collaborators


class MessageAnswers:
    """Answers about the uploads that somebody's message names, with the rights of who asks, not of who wrote it."""

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
