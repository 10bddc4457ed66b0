"""How things stand for the person who asks: `doctor`."""

from bot.model.errors import BotError
from bot.slack.blocks import standing
from bot.slack.blocks.kit import Message
from bot.slack.calls import Call
from bot.slack.failures import keep_in_log
from bot.slack.listeners.collaborators import Collaborators


class StandingAnswers:
    """Answers about the asker's own links, rights and reminders."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def doctor(self, call: Call) -> Message:
        """`doctor`"""
        found = await self._given.self_check.look(call.asker)
        for trouble in (found.untold, *(one.found for one in found.tried)):
            if isinstance(trouble, BotError):
                keep_in_log(trouble, call.reference)
        return standing.standing(
            found,
            self._given.vaults,
            self._given.clock(),
            version=self._given.version,
            reference=call.reference,
        )
