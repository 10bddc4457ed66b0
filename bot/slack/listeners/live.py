"""Cards that keep themselves up to date."""

from bot.model.watches import Place
from bot.slack.blocks import errors, live_cards
from bot.slack.blocks.kit import Message
from bot.slack.calls import Call
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.listeners.meaning import pasted_in
from bot.slack.listeners.sharing import SharingAnswers


class LiveAnswers:
    """Answers about live cards."""

    def __init__(self, given: Collaborators, sharing: SharingAnswers) -> None:
        self._given = given
        self._sharing = sharing

    async def keep(self, call: Call) -> Message:
        """Keep this up to date: the person's own card where it stands; else a card of their own, in their direct
        messages, since somebody else's card shows what that one may see."""
        pasted = pasted_in(call)
        if pasted is None:
            return errors.notice(errors.OLD_BUTTON)
        keeping = self._given.keeping
        if call.is_private or not call.message_ts or not self._given.proofs.is_owner(call):
            made = await keeping.in_direct(call.asker, pasted)
            return live_cards.kept_in_direct(made.watch, is_new=made.is_new)
        place = Place(call.channel_id, call.thread_ts or call.message_ts)
        asked = bool(call.number("a", 0))
        made = await keeping.here(call.asker, pasted, place, call.message_ts, asked=asked)
        return live_cards.kept(is_new=made.is_new)

    async def take_back(self, call: Call) -> Message | None:
        """Delete on a card that others see too: it is kept up to date no more, whether or not Slack deletes it."""
        watch = None
        if self._given.proofs.is_owner(call):
            watch = await self._given.keeping.of_message(call.slack_user, call.channel_id, call.message_ts)
        if watch is not None:
            await self._given.keeping.being_deleted(call.asker, watch)
        answer = await self._sharing.take_back(call)
        if watch is not None and answer is None:
            await self._given.keeping.deleted(watch)
        return answer
