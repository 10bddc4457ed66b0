"""The form before an upload is aborted: what will be lost, its name to be typed, and a reason."""

from bot.model import text as words
from bot.model.aborts import LONGEST_REASON
from bot.model.statuses import UploadStatus
from bot.model.uploads import UploadSession
from bot.slack.blocks.form_fields import field
from bot.slack.blocks.kit import Block, Message, button, code, context, date, escape, modal, section
from bot.slack.blocks.upload_status import Look

ABORT = "abort"
"""The callback_id of the form, and the action_id of the button that opens it."""
NAME, REASON = "name", "reason"
"""Ids of the blocks and, the same, of the element in each."""
TITLE = "Abort this upload"
LOOKING = "Looking…"
LONGEST_NAME = 3000
"""Slack: reference "Plain-text input": the most that one takes."""
NOT_OPENED = "Slack did not open the form, so nothing was aborted. Press Abort again."
WRONG_NAME = "That is not its file name. Type it as it stands above."
NO_REASON = "Say why, in a few words."
SENT_BEFORE = (
    "This form was sent already, and nothing was done a second time. You get its answer by direct message."
)
AS_ABOVE = "As it stands above, so that it is surely this upload that you mean."
WHO_READS = "It goes into the audit log, and to the upload's owner where that is somebody else."
TOLD = "They are told by direct message who aborted it and why, if their Slack account is linked."


def looking() -> Block:
    """What stands there until Vault has answered."""
    return modal(TITLE, [section(LOOKING)], callback_id=ABORT)


def again_button(value: dict[str, str | int]) -> Block:
    """The button below a failure, which looks again in the same modal."""
    return button("Try again", ABORT, value={**value, "r": 1})


def view(status: UploadStatus, look: Look, *, name_digest: str, form_id: str) -> Block:
    """The form. `name_digest` lets a slip be told before the form closes, `form_id` makes it one that is sent once;
    neither gives a right."""
    upload = status.upload
    owner = f"Owner: {escape(status.account.vault_full_name)} (you)"
    if not status.is_own:
        owner = f"Owner: Vault user {escape(upload.owner)}. {TOLD}"
    vault = f"Vault: {escape(status.vault.name)}" if look.several_vaults else ""
    blocks = [
        section(code(upload.name)),
        section(f"⚠️ *This cannot be undone.* {_lost(upload)}"),
        context(owner, vault, f"Expires {date(upload.expires)}  ·  Upload id {code(upload.id)}"),
        field(NAME, "Type its file name", _input(LONGEST_NAME), hint=AS_ABOVE),
        field(REASON, "Why", {**_input(LONGEST_REASON), "multiline": True}, hint=WHO_READS),
    ]
    return modal(
        TITLE,
        blocks,
        callback_id=ABORT,
        submit="Abort upload",
        metadata={"u": upload.id, "v": status.vault.host, "n": name_digest, "f": form_id},
    )


def not_opened() -> Message:
    """What a person reads where Slack did not take the form."""
    return Message(text=NOT_OPENED, blocks=[section(NOT_OPENED)])


def sent_before() -> Message:
    """The answer to the same form sent twice."""
    return Message(text=SENT_BEFORE, blocks=[section(SENT_BEFORE)])


def _lost(upload: UploadSession) -> str:
    if upload.nothing_there:
        return "No part is there yet, so no byte is lost; Vault forgets the upload session."
    there = f"{words.size(upload.uploaded)} in {words.plural(upload.uploaded_parts, 'part')}"
    return (
        f"Vault deletes *{there}* ({upload.percent}% of {words.size(upload.size)}). "
        "To have the file in Vault, the upload has to be started again from its first part."
    )


def _input(longest: int) -> Block:
    return {"type": "plain_text_input", "max_length": longest}
