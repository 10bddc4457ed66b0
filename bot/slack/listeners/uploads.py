"""Buttons of the status card and the list. Every click is looked up again with the clicker's own rights."""

from dataclasses import replace

from bot.slack.blocks import errors, upload_list, upload_status
from bot.slack.blocks.kit import Message
from bot.slack.calls import Call
from bot.slack.failures import keep_in_log
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.listeners.meaning import pasted_in
from bot.slack.listeners.sharing import SharingAnswers


class UploadAnswers:
    """Answers clicks about uploads."""

    def __init__(self, given: Collaborators, sharing: SharingAnswers) -> None:
        self._given = given
        self._sharing = sharing

    async def refresh(self, call: Call) -> Message | None:
        """Refresh on a card, Show in a list, Check as me: for the clicker alone, unless the card is their own."""
        pasted = pasted_in(call)
        if pasted is None:
            return errors.notice(errors.OLD_BUTTON)
        if not call.is_private and self._given.proofs.is_owner(call):
            return await self._sharing.refresh(call, pasted)
        status = await self._given.statuses.look_up(call.asker, pasted)
        return upload_status.card(status, self._given.look(), can_share=call.reply_to.view is None)

    async def open_list(self, call: Call) -> Message:
        """All uploads, those of one Vault, a page of them, or the list again."""
        return await self.list_all(call, call.state("v"), page=call.number("p", 1))

    async def list_all(self, call: Call, vault: str | None, *, page: int = 1) -> Message:
        """`list [vault]`: of that Vault, or of all that the person has linked."""
        shown_in = call.channel_id if call.reply_to.in_public else ""
        found = await self._given.statuses.list_all(call.asker, vault, shown_in=shown_in)
        for trouble in found.troubles:
            keep_in_log(trouble.error, call.reference)
        listed = upload_list.listing(found, self._given.look(), page=page, reference=call.reference)
        # What is wrong with a link is nobody else's business, wherever one asks.
        return replace(listed, only_asker=True) if found.troubles else listed

    async def unknown(self, _: Call) -> Message:
        """A button that no release knows any more."""
        return errors.notice(errors.OLD_BUTTON)
