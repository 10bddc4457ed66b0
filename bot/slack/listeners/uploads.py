"""Buttons of the status card and the list. Every click is looked up again with the clicker's own rights."""

from dataclasses import replace

from bot.model.pasting import read_upload_id
from bot.slack.blocks import errors, upload_status
from bot.slack.blocks.kit import Message
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.payloads import Call


class UploadAnswers:
    """Answers clicks about uploads."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def refresh(self, call: Call) -> Message:
        """Refresh on a card, Show in a list."""
        upload_id = call.state("u")
        if upload_id is None:
            return errors.notice(errors.OLD_BUTTON)
        pasted = read_upload_id(upload_id)
        if upload_id in pasted.others:
            # A button's value is the id itself: a mark at its end belongs to it.
            pasted = replace(pasted, upload_id=upload_id, others=(), changed=False)
        host = call.state("v")
        status = await self._given.statuses.look_up(call.slack_user, pasted.at(host) if host else pasted)
        return upload_status.card(status, self._given.look())

    async def open_list(self, call: Call) -> Message:
        """All uploads, a page of the list, or the list again."""
        found = await self._given.statuses.list_all(call.slack_user, call.state("v"))
        return upload_status.listing(found, self._given.look(), page=call.number("p", 1))

    async def unknown(self, _: Call) -> Message:
        """A button that no release knows any more."""
        return errors.notice(errors.OLD_BUTTON)
