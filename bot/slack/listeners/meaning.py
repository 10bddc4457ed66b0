"""What a button or form means."""

from dataclasses import replace

from bot.model.pasting import Pasted, read_upload_id
from bot.slack.calls import Call


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
