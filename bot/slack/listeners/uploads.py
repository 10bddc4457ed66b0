"""Buttons of the status card and the list. Every click is looked up again with the clicker's own rights."""

from dataclasses import replace

from bot.model.pasting import Pasted, read_upload_id
from bot.slack.blocks import errors, upload_list, upload_status
from bot.slack.blocks.kit import Message
from bot.slack.failures import keep_in_log
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.payloads import Call


class UploadAnswers:
    """Answers clicks about uploads."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def refresh(self, call: Call) -> Message:
        """Refresh on a card, Show in a list."""
        pasted = pasted_in(call)
        if pasted is None:
            return errors.notice(errors.OLD_BUTTON)
        return upload_status.card(await self._given.statuses.look_up(call.asker, pasted), self._given.look())

    async def open_list(self, call: Call) -> Message:
        """All uploads, those of one Vault, a page of them, or the list again."""
        return await self.list_all(call, call.state("v"), page=call.number("p", 1))

    async def list_all(self, call: Call, vault: str | None, *, page: int = 1) -> Message:
        """`list [vault]`: of that Vault, or of all that the person has linked."""
        found = await self._given.statuses.list_all(call.asker, vault)
        for trouble in found.troubles:
            keep_in_log(trouble.error, call.reference)
        return upload_list.listing(found, self._given.look(), page=page, reference=call.reference)

    async def unknown(self, _: Call) -> Message:
        """A button that no release knows any more."""
        return errors.notice(errors.OLD_BUTTON)


def pasted_in(call: Call) -> Pasted | None:
    """Return the upload that a button or form means, None where it names none."""
    upload_id = call.state("u")
    if upload_id is None:
        return None
    pasted = read_upload_id(upload_id)
    if upload_id in pasted.others:
        # A button's value is the id itself: a mark at its end belongs to it.
        pasted = replace(pasted, upload_id=upload_id, others=(), changed=False)
    host = call.state("v")
    return pasted.at(host) if host else pasted
