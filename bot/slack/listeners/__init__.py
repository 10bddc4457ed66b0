"""The table of all that Slack can call.

Bolt tries listeners in the order of registration, so the busiest come first and the catch-alls last: what nobody
acknowledges, Slack shows to the person as an error (tried out with Bolt 1.30).
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.slack import payloads
from bot.slack.blocks import errors, watch_modal
from bot.slack.blocks import my_uploads as my_uploads_view
from bot.slack.blocks.abort_modal import ABORT
from bot.slack.blocks.kit import Message
from bot.slack.blocks.settings_modal import SETTINGS
from bot.slack.calls import HOME, MODAL, Call, Payload
from bot.slack.listeners.aborting import AbortAnswers
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.listeners.commands import CommandAnswers
from bot.slack.listeners.details import DetailsAnswers
from bot.slack.listeners.form_values import Faults
from bot.slack.listeners.home import HomeAnswers
from bot.slack.listeners.linking import LinkingAnswers
from bot.slack.listeners.live import LiveAnswers
from bot.slack.listeners.messages import MessageAnswers
from bot.slack.listeners.my_uploads import MyUploads
from bot.slack.listeners.sharing import SharingAnswers
from bot.slack.listeners.unfurling import Unfurling
from bot.slack.listeners.uploads import UploadAnswers
from bot.slack.listeners.watching import WatchAnswers
from bot.slack.work import Answer, Work

COMMAND = "/upload-status"
ANYTHING = re.compile(r".*", re.DOTALL)

Listener = Callable[..., Awaitable[BoltResponse | None]]

NOT_NOW = 503
"""Slack keeps an event that was not acknowledged, and sends it again at once, after a minute and after five (docs,
"The Events API"). Of a click, form or command that was not, it tells the person (docs, "Acknowledging requests")."""


def register(app: AsyncApp, work: Work, given: Collaborators) -> None:
    """Bind every listener to the app."""
    linking = LinkingAnswers(given)
    sharing = SharingAnswers(given)
    uploads = UploadAnswers(given, sharing)
    watching = WatchAnswers(given)
    commands = CommandAnswers(given, linking=linking, uploads=uploads, sharing=sharing, watching=watching)
    live = LiveAnswers(given, sharing)
    messages = MessageAnswers(given)
    my_uploads = MyUploads(given)
    details = DetailsAnswers(given)
    aborting = AbortAnswers(given)
    home = HomeAnswers(given)
    unfurling = Unfurling(given)

    def answering(reader: Callable[[Payload], Call], answer: Answer) -> Listener:
        async def listener(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
            return await taken(ack, work.start(reader(body), answer))

        return listener

    async def command(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        """Its ack can carry an answer: the quickest way to say that there will be none."""
        call = payloads.from_command(body)
        if work.has_room(call):
            return await taken(ack, work.start(call, commands.upload_status))
        busy = await work.refusal(call)
        await ack(text=busy.text, blocks=busy.blocks, response_type="ephemeral")
        return None

    async def link_button(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        """A button with an address opens the page by itself; Slack tells us all the same and wants an ack."""
        call = payloads.from_action(body)
        opens = bool(call.number("open", 0))
        return await taken(ack, opens or work.start(call, linking.link_button))

    def beside(answer: Answer) -> Listener:
        """A button whose answer does not take the place of the card it is on: a form, or what came of sharing it."""

        def reader(body: Payload) -> Call:
            call = payloads.from_action(body)
            return replace(call, reply_to=replace(call.reply_to, replace_original=False))

        return answering(reader, answer)

    def where(message: Answer, *, home: Answer | None = None, modal: Answer | None = None) -> Listener:
        """A button that means the same wherever it is, and is answered where it is."""

        async def answer(call: Call) -> Message | None:
            kind = call.reply_to.view.kind if call.reply_to.view else ""
            return await ({HOME: home, MODAL: modal}.get(kind) or message)(call)

        return answering(payloads.from_action, answer)

    async def mention(ack: AsyncAck, body: dict[str, Any], request: AsyncBoltRequest) -> BoltResponse | None:
        """Apps mention each other too; nobody would read the answer."""
        call = payloads.from_mention(body)
        is_new = bool(call.slack_user.user_id)
        # One that is not taken comes again, and must not be known by then.
        if is_new and will_come_again(request):
            return await taken(ack, await work.start_repeat(call, commands.mention))
        return await taken(ack, not is_new or work.start(call, commands.mention))

    async def home_opened(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        """Slack tells of the Messages tab by the same event."""
        call = payloads.from_home_opened(body)
        if call.text != HOME:
            return await taken(ack, work.do(payloads.from_event(body), messages.tab_opened, once=True))
        return await taken(ack, work.start(call, home.opened))

    async def link_shared(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        return await taken(ack, work.do(payloads.from_event(body), unfurling.unfurl, once=True))

    def form(sent: Callable[[Call], Awaitable[tuple[Answer | None, Faults]]]) -> Listener:
        """A form: what is wrong in it is said within it, before it closes."""

        async def listener(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
            call = payloads.from_view(body)
            answer, faults = await sent(call)
            if answer is not None:
                return await taken(ack, work.start(call, answer))
            await ack(response_action="errors", errors=faults)
            return None

        return listener

    async def search_sent(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        """The button Search: the modal stays. Slack: what has an input needs such a button (reference "Views")."""
        if not work.start(payloads.from_open_view(body), my_uploads.search):
            return BoltResponse(status=NOT_NOW)
        await ack(response_action="update", view=my_uploads_view.looking())
        return None

    async def departure(ack: AsyncAck, body: dict[str, Any]) -> BoltResponse | None:
        """Most changes of people's profiles are none; they come in numbers."""
        event = payloads.from_event(body)
        return await taken(ack, not event.is_departure or work.do(event, given.departures.take))

    async def unknown_command(ack: AsyncAck) -> None:
        await ack(text=errors.UNKNOWN_COMMAND, response_type="ephemeral")

    async def nothing_to_do(ack: AsyncAck) -> None:
        await ack()

    app.command(COMMAND)(command)
    app.action("refresh")(where(uploads.refresh, home=home.refresh))
    app.action("refresh:found")(beside(uploads.refresh))
    app.action(re.compile(r"open_list(:\w+)?"))(
        where(uploads.open_list, home=home.refresh, modal=my_uploads.page)
    )
    app.action("details")(beside(details.open))
    app.action("watch")(beside(watching.open_form))
    app.action("unwatch")(where(watching.stop, home=partial(home.after, watching.stop)))
    app.action("snooze")(where(watching.snooze, home=partial(home.after, watching.snooze)))
    app.view(watch_modal.CALLBACK_ID)(form(watching.sent))
    app.action("share")(beside(sharing.share_button))
    app.action("take_back")(answering(payloads.from_action, live.take_back))
    app.action("live")(answering(payloads.from_action, live.keep))
    app.action("link")(link_button)
    app.action("unlink")(where(linking.unlink_button, home=partial(home.after, linking.unlink_button)))
    app.event("app_mention")(mention)
    app.shortcut("check_upload")(answering(payloads.from_message_shortcut, messages.check_upload))
    app.shortcut("my_uploads")(answering(payloads.from_global_shortcut, my_uploads.open))
    app.view(my_uploads_view.CALLBACK_ID)(search_sent)
    app.action("search")(answering(payloads.from_action, my_uploads.search))
    app.event("app_home_opened")(home_opened)
    app.action("settings")(answering(payloads.from_action, home.open_settings))
    app.view(SETTINGS)(form(home.settings_sent))
    app.event("link_shared")(link_shared)
    if given.allow_abort:
        app.action("abort")(answering(payloads.from_action, aborting.open))
    # A form that is still open when the operator switches it off is answered too: nothing was aborted.
    app.view(ABORT)(form(aborting.sent))
    for kind in ("app_uninstalled", "tokens_revoked", "user_change"):
        app.event(kind)(departure)

    app.action(ANYTHING)(answering(payloads.from_action, uploads.unknown))
    app.command(ANYTHING)(unknown_command)
    for anything in (app.event, app.shortcut, app.view, app.view_closed, app.options):
        anything(ANYTHING)(nothing_to_do)


async def taken(ack: AsyncAck, has_room: bool) -> BoltResponse | None:
    """Acknowledge what is being dealt with. What there is no room for stays with Slack: it sends an event again, and
    tells the person that a click or form failed."""
    if not has_room:
        return BoltResponse(status=NOT_NOW)
    await ack()
    return None


def will_come_again(request: AsyncBoltRequest) -> bool:
    """Whether Slack sends this event for the second or third time: there is one more, the last."""
    number, *_ = request.headers.get("x-slack-retry-num") or ("",)
    return number in ("1", "2")
