"""Aborting an upload: the form that names what will be lost, and what becomes of it once it is sent."""

from datetime import timedelta
from functools import partial

from bot.model.aborts import LONGEST_REASON, comparable
from bot.slack.blocks import abort_modal, aborts, errors
from bot.slack.blocks.abort_modal import NAME, REASON
from bot.slack.blocks.kit import Message
from bot.slack.calls import Call
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.listeners.form_values import Faults, typed
from bot.slack.listeners.meaning import pasted_in
from bot.slack.work import Answer
from bot.store.digests import digest_of

SENT_ONCE_IN = timedelta(days=3)
"""An upload session lives no longer by default, and no form stays open for so long."""


class AbortAnswers:
    """Answers the button Abort, and the form that it opens. The form's own state only saves a person a detour: what it
    names is looked up anew, and compared with what was typed, before anything is done."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def open(self, call: Call) -> Message | None:
        """Abort: a modal at once, since Slack opens one only within three seconds; what would be lost follows in it."""
        given, pasted = self._given, pasted_in(call)
        if pasted is None:
            return errors.notice(errors.OLD_BUTTON)
        again = abort_modal.again_button({"u": pasted.upload_id, "v": call.state("v") or ""})
        is_again = bool(call.number("r", 0)) and given.views.stay(call, again)
        if not is_again and not await given.views.begin(call, abort_modal.looking(), again):
            return abort_modal.not_opened()
        status = await given.aborting.before(call.asker, pasted)
        view = abort_modal.view(
            status, given.look(), name_digest=_digest(status.upload.name), form_id=call.reference
        )
        return None if await given.views.fill(call, view) else abort_modal.not_opened()

    async def sent(self, call: Call) -> tuple[Answer | None, Faults]:
        """The form was sent: say beside which field there is a slip, or abort. Vault is not asked before the ack."""
        name, reason = typed(call.values, NAME), typed(call.values, REASON).strip()[:LONGEST_REASON]
        faults: Faults = {}
        if _digest(name) != call.state("n"):
            faults[NAME] = abort_modal.WRONG_NAME
        if not reason:
            faults[REASON] = abort_modal.NO_REASON
        if faults:
            return None, faults
        return partial(self._abort, name=name, reason=reason), {}

    async def _abort(self, call: Call, *, name: str, reason: str) -> Message:
        """The answer comes by direct message: one that only shows in a channel for a while is too little for it."""
        given, upload_id, host, form_id = self._given, call.state("u"), call.state("v"), call.state("f")
        if upload_id is None or host is None or form_id is None:
            return errors.notice(errors.OLD_BUTTON)
        who = call.slack_user
        if not await given.once.first(f"abort:{who.workspace}|{who.user_id}|{form_id}", SENT_ONCE_IN):
            return abort_modal.sent_before()
        done = await given.aborting.abort(call.asker, host, upload_id, typed_name=name, reason=reason)
        return aborts.aborted(
            done.abort, done.vault_name, done.owners, several_vaults=given.look().several_vaults
        )


def _digest(name: str) -> str:
    return digest_of(comparable(name))
