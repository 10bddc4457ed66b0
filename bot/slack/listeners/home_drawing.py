"""Reads what the home shows, with the rights of whoever looks at it, and shows it."""

import asyncio
from collections.abc import Awaitable
from enum import Enum, auto
from typing import TypeVar

from bot.model.accounts import Asker
from bot.model.errors import BotError, OutOfTime
from bot.slack.blocks.home import Found, Frame, Pages, digest, home, welcome
from bot.slack.blocks.kit import Block, Message
from bot.slack.calls import View
from bot.slack.failures import keep_in_log
from bot.slack.listeners.collaborators import Collaborators
from bot.usecases.homes import Drawing

READ_SECONDS = 15.5
"""A little more than Vault gets, so that a slow one is named as what it is, and the rest is shown all the same."""

T = TypeVar("T")


class Shown(Enum):
    """What became of a drawing."""

    NOW = auto()
    """Slack shows it, or showed just that before."""
    BY_ANOTHER = auto()
    """Another drawing began later, and shows what is newer."""
    NOT_TAKEN = auto()
    """Slack does not take it just now."""


class HomeDrawing:
    """Draws homes. Every method raises StoreError."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def for_its_person(
        self,
        asker: Asker,
        *,
        at: View | None = None,
        pages: Pages = Pages(),  # noqa: B008 - a frozen value
        notice: Message | None = None,
        only_if_new: bool = False,
    ) -> Shown:
        """Draw for somebody who looks at their home. `at` is the view they see, if it is known; `only_if_new` leaves
        that as it is where it shows the same."""
        homes, slack_user = self._given.homes, asker.slack_user
        drawing = await homes.begin(slack_user)
        view = await self._drawn(asker, pages, notice)
        drawn = _stored(view, pages)
        if only_if_new and at is not None and at.id and at.known.get("d") == digest(view):
            await homes.end(drawing, drawn)
            return Shown.NOW
        return await self._show(drawing, view, drawn, hash_=at.hash if at else "")

    async def again(self, asker: Asker) -> Shown:
        """Draw a home anew because something in it has changed, unless it shows just that."""
        drawing = await self._given.homes.begin_again(asker.slack_user)
        pages = _pages_in(drawing.before)
        view = await self._drawn(asker, pages, None, unasked=True)
        drawn = _stored(view, pages)
        if drawn == drawing.before:
            await self._given.homes.end(drawing, drawn)
            return Shown.NOW
        return await self._show(drawing, view, drawn)

    async def _show(self, drawing: Drawing, view: Block, drawn: str, *, hash_: str = "") -> Shown:
        if not await self._given.homes.is_latest(drawing):
            return Shown.BY_ANOTHER
        if not await self._given.views.publish(drawing.slack_user, view, hash_):
            return Shown.NOT_TAKEN
        await self._given.homes.end(drawing, drawn)
        return Shown.NOW

    async def _drawn(
        self, asker: Asker, pages: Pages, notice: Message | None, *, unasked: bool = False
    ) -> Block:
        """Read everything at the same time. What cannot be read says so in its own place."""
        given, reference = self._given, asker.reference
        frame = Frame(vaults=given.vaults, lead_times=given.lead_times, version=given.version)
        accounts = await _or_why(given.linking.accounts_of(asker.slack_user), reference)
        if not accounts:
            # Nothing else is asked for: nobody shall be told, or have it written down, that they were refused.
            return welcome(frame, notice)
        uploads, watches, preferences = await asyncio.gather(
            _or_why(given.statuses.list_all(asker, None, unasked=unasked), reference),
            _or_why(given.care.listed(asker), reference),
            _or_why(given.preferring.preferences(asker.slack_user), reference),
        )
        if not isinstance(uploads, BotError):
            for trouble in uploads.troubles:
                keep_in_log(trouble.error, reference)
        found = Found(uploads=uploads, watches=watches, preferences=preferences, accounts=accounts)
        return home(found, frame, given.look(), pages=pages, notice=notice, reference=reference)


async def _or_why(reading: Awaitable[T], reference: str) -> T | BotError:
    """What was read, or why it was not: one part must not empty the others."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await reading
    except BotError as error:
        keep_in_log(error, reference)
        return error
    except TimeoutError:
        return OutOfTime()


def _stored(view: Block, pages: Pages) -> str:
    """What is kept of a home: a digest, and which pages it showed."""
    return f"{digest(view)} {pages.uploads} {pages.watches}"


def _pages_in(drawn: str) -> Pages:
    _, _, pages = drawn.partition(" ")
    numbers = [int(one) for one in pages.split() if one.isdecimal()]
    return Pages(*numbers) if len(numbers) == 2 else Pages()
