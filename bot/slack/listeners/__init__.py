"""The table of all that Slack can call.

Bolt tries listeners in the order of registration, so the busiest come first and the catch-alls last: what nobody
acknowledges, Slack shows to the person as an error (tried out with Bolt 1.30).
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.slack import payloads
from bot.slack.blocks import errors, watch_modal
from bot.slack.listeners import watch_form
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.listeners.commands import CommandAnswers
from bot.slack.listeners.linking import LinkingAnswers
from bot.slack.listeners.uploads import UploadAnswers
from bot.slack.listeners.watching import WatchAnswers
from bot.slack.payloads import Call, Payload
from bot.slack.work import Answer, Work

COMMAND = "/upload-status"
ANYTHING = re.compile(r".*", re.DOTALL)

Listener = Callable[..., Awaitable[None]]


def register(app: AsyncApp, work: Work, given: Collaborators) -> None:
    """Bind every listener to the app."""
    linking = LinkingAnswers(given)
    uploads = UploadAnswers(given)
    watching = WatchAnswers(given)
    commands = CommandAnswers(given, linking, uploads, watching)

    def answering(reader: Callable[[Payload], Call], answer: Answer) -> Listener:
        async def listener(ack: AsyncAck, body: dict[str, Any]) -> None:
            await ack()
            work.start(reader(body), answer)

        return listener

    async def link_button(ack: AsyncAck, body: dict[str, Any]) -> None:
        """A button with an address opens the page by itself; Slack tells us all the same and wants an ack."""
        await ack()
        call = payloads.from_action(body)
        if not call.number("open", 0):
            work.start(call, linking.link_button)

    async def watch_button(ack: AsyncAck, body: dict[str, Any]) -> None:
        """The form is the answer; the card it was opened from stays in any case."""
        await ack()
        call = payloads.from_action(body)
        staying = replace(call.reply_to, replace_original=False)
        work.start(replace(call, reply_to=staying), watching.open_form)

    async def watch_sent(ack: AsyncAck, body: dict[str, Any]) -> None:
        """What is wrong in the form is said within it, before it closes."""
        call = payloads.from_view(body)
        wishes, faults = watch_form.read(call)
        if wishes is None:
            await ack(response_action="errors", errors=faults)
            return
        await ack()
        work.start(call, partial(watching.sent, form=wishes))

    async def departure(ack: AsyncAck, body: dict[str, Any]) -> None:
        """Most changes of people's profiles are none; they come in numbers."""
        await ack()
        event = payloads.from_event(body)
        if event.is_departure:
            work.do(event, given.departures.take)

    async def unknown_command(ack: AsyncAck) -> None:
        await ack(text=errors.UNKNOWN_COMMAND, response_type="ephemeral")

    async def nothing_to_do(ack: AsyncAck) -> None:
        await ack()

    app.command(COMMAND)(answering(payloads.from_command, commands.upload_status))
    app.action("refresh")(answering(payloads.from_action, uploads.refresh))
    app.action(re.compile(r"open_list(:\w+)?"))(answering(payloads.from_action, uploads.open_list))
    app.action("watch")(watch_button)
    app.action("unwatch")(answering(payloads.from_action, watching.stop))
    app.action("snooze")(answering(payloads.from_action, watching.snooze))
    app.view(watch_modal.CALLBACK_ID)(watch_sent)
    app.action("link")(link_button)
    app.action("unlink")(answering(payloads.from_action, linking.unlink_button))
    for kind in ("app_uninstalled", "tokens_revoked", "user_change"):
        app.event(kind)(departure)

    app.action(ANYTHING)(answering(payloads.from_action, uploads.unknown))
    app.command(ANYTHING)(unknown_command)
    for anything in (app.event, app.shortcut, app.view, app.view_closed, app.options):
        anything(ANYTHING)(nothing_to_do)
