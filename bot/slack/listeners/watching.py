"""Watches: as words, as buttons and as a form. Whatever a button or form says, the person's own rights decide."""

from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.model.errors import NotYourWatch, WatchNotFound
from bot.model.quiet import quiet_hours
from bot.model.watches import Place
from bot.slack import parse
from bot.slack.blocks import errors, watch_ends, watches
from bot.slack.blocks.form_fields import night_of
from bot.slack.blocks.kit import Message
from bot.slack.blocks.watch_modal import modal, not_opened
from bot.slack.calls import Call
from bot.slack.listeners import watch_form
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.listeners.form_values import Faults, quickly
from bot.slack.listeners.meaning import pasted_in
from bot.slack.listeners.watch_form import WatchForm
from bot.slack.replies import NotDelivered
from bot.slack.work import Answer
from bot.usecases.watching import Watched

log = structlog.get_logger()

NOT_AGAIN = timedelta(hours=1)
"""For so long an owner is not asked once more by the same person to stop the same watch."""
MOST_KEPT = 1000


class WatchAnswers:
    """Answers about watches."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given
        self._asked: dict[tuple[str, str, str], datetime] = {}

    async def watch(self, call: Call, request: parse.WatchUpload) -> Message:
        """`watch <id> …`"""
        made = await self._given.watching.watch(
            call.asker, request.pasted, lead_times=request.lead_times, place=_place(call, here=request.here)
        )
        return await self._watched(call, made)

    async def watch_many(self, call: Call, request: parse.WatchMany) -> Message:
        """`watch all`, `watch vault`"""
        made = await self._given.watching.watch_many(
            call.asker,
            request.target,
            request.vault,
            lead_times=request.lead_times,
            place=_place(call, here=request.here),
        )
        return await self._watched(call, made)

    async def list_all(self, call: Call, done: Message | None = None) -> Message:
        """`watches`"""
        return watches.watch_list(await self._given.care.listed(call.asker), self._given.look(), done)

    async def unwatch(self, call: Call, request: parse.Unwatch) -> Message:
        """`unwatch <id>|all`"""
        care = self._given.care
        if request.pasted is None:
            gone = await care.stop_all(call.asker)
        else:
            gone = await care.stop_upload(call.asker, request.pasted)
        return watches.stopped(gone, self._given.vaults.name_of)

    async def stop(self, call: Call) -> Message:
        """Stop, in a list, in a reminder, or below an announcement."""
        watch_id = call.state("w")
        if watch_id is None:
            return errors.notice(errors.OLD_BUTTON)
        try:
            watch = await self._given.care.stop(call.asker, watch_id)
        except NotYourWatch:
            return await self._ask_its_owner(call, watch_id)
        done = watches.stopped([watch], self._given.vaults.name_of)
        return await self.list_all(call, done) if call.number("l", 0) else done

    async def snooze(self, call: Call) -> Message:
        """A choice in the menu Snooze."""
        watch_id, word = call.state("w"), call.state("s")
        if watch_id is None or word is None:
            return errors.notice(errors.OLD_BUTTON)
        watch = await self._given.care.snooze(call.asker, watch_id, word)
        look = self._given.look()
        done = watches.snoozed(watch, self._given.vaults.name_of(watch.vault_host), look)
        return await self.list_all(call, done) if call.number("l", 0) else done

    async def open_form(self, call: Call) -> Message | None:
        """The button Watch: open the form at once, without asking Vault; words only where Slack does not take it."""
        upload_id = call.state("u")
        if upload_id is None:
            return errors.notice(errors.OLD_BUTTON)
        preferences = await quickly(self._given.preferring.preferences(call.slack_user), "habits")
        own = preferences.lead_times if preferences else None
        form = modal(
            upload_id,
            call.state("v") or "",
            lead_times=own or self._given.lead_times,
            preferences=preferences,
            channel_id=call.channel_id if _is_channel(call.channel_id) else "",
            response_url=call.reply_to.response_url,
        )
        return None if await self._given.views.open(call, form) else not_opened(upload_id)

    async def sent(self, call: Call) -> tuple[Answer | None, Faults]:
        """The form was sent: what to do, or what to say beside which field."""
        wishes, faults = watch_form.read(call)
        return (None, faults) if wishes is None else (partial(self._watch_as, wishes), {})

    async def _watch_as(self, form: WatchForm, call: Call) -> Message:
        pasted = pasted_in(call)
        if pasted is None:
            return errors.notice(errors.OLD_BUTTON)
        made = await self._given.watching.watch(
            call.asker,
            pasted,
            lead_times=form.lead_times,
            place=_place(call, here=form.here),
            topics=form.topics,
        )
        await self._take_quiet_hours(call, form)
        return await self._watched(call, made)

    async def _take_quiet_hours(self, call: Call, form: WatchForm) -> None:
        before = await self._given.preferring.preferences(call.slack_user)
        # A form that opened without knowing of the person's quiet hours must not take them away.
        if form.quiet == night_of(before) or (form.quiet is None and not call.number("q", 0)):
            return
        await self._given.preferring.prefer(call.asker, quiet=form.quiet, lead_times=before.lead_times)

    async def _watched(self, call: Call, made: Watched) -> Message:
        quiet = None
        if made.watch.place.is_direct:
            quiet = quiet_hours(await self._given.preferring.preferences(call.slack_user))
        return watches.watched(made, self._given.look(), quiet)

    async def _ask_its_owner(self, call: Call, watch_id: str) -> Message:
        """Somebody presses Stop below another person's watch. Only in its own channel does it show itself."""
        watch = await self._given.care.owner_of(watch_id)
        if watch.place.is_direct or watch.place.channel_id != call.channel_id:
            raise WatchNotFound
        asker, now = call.slack_user, self._given.clock()
        key = (watch.id, asker.workspace, asker.user_id)
        asked = self._asked.get(key)
        if asked is None or now - asked >= NOT_AGAIN:
            name = self._given.vaults.name_of(watch.vault_host)
            try:
                await self._given.replies.tell(watch.owner, watch_ends.request_to_stop(watch, name, asker))
            except NotDelivered as error:
                log.warning("an owner was not asked to stop a watch", reason=str(error))
                return watch_ends.asked_to_stop(watch, reached=False)
            self._asked[key] = now
            if len(self._asked) > MOST_KEPT:
                del self._asked[next(iter(self._asked))]
        return watch_ends.asked_to_stop(watch)


def _place(call: Call, *, here: bool) -> Place:
    """Where to tell. A direct message of two people is no place for the bot, so it writes to the owner itself."""
    if not here or not _is_channel(call.channel_id):
        return Place()
    # Asked for in a thread, it is told in that thread.
    return Place(call.channel_id, call.thread_ts if call.reply_to.in_public else "")


def _is_channel(conversation: str) -> bool:
    """Slack: ids of direct messages begin with D, those of channels with C or, of some private ones, G."""
    return bool(conversation) and not conversation.startswith("D")
