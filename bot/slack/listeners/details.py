"""All that is known of one upload, in a modal."""

from bot.slack.blocks import details as drawn
from bot.slack.blocks import errors
from bot.slack.blocks.kit import Message
from bot.slack.calls import Call
from bot.slack.failures import keep_in_log
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.listeners.meaning import pasted_in


class DetailsAnswers:
    """Answers the button Details, and Refresh in the modal that it opens."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def open(self, call: Call) -> Message | None:
        """Details: a modal at once, since Slack opens one only within three seconds, and what Vault says in it later.
        Where Slack does not open it, the same in short as a message."""
        given, pasted = self._given, pasted_in(call)
        if pasted is None:
            return errors.notice(errors.OLD_BUTTON)
        again = drawn.refresh_button({"u": pasted.upload_id, "v": call.state("v") or ""}, "Try again")
        is_refresh = bool(call.number("r", 0)) and given.views.stay(call, again)
        is_open = is_refresh or await given.views.begin(call, drawn.looking(), again)
        details = await given.details.look_up(call.asker, pasted)
        if details.trouble is not None:
            keep_in_log(details.trouble, call.reference)
        look = given.look()
        view = drawn.view(details, look, allow_abort=given.allow_abort, reference=call.reference)
        return None if is_open and await given.views.fill(call, view) else drawn.in_short(details, look)
