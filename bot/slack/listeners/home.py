"""The app's home, and the form with a person's settings."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from bot.model.accounts import Asker
from bot.model.due import Again, Claimed
from bot.model.errors import BotError, NotLinked, SlackUnavailable, UsageError
from bot.model.references import new_reference
from bot.slack import parse
from bot.slack.blocks import errors
from bot.slack.blocks import settings_modal as form
from bot.slack.blocks.form_fields import night_of
from bot.slack.blocks.home import Pages
from bot.slack.blocks.kit import Message
from bot.slack.calls import HOME, Call
from bot.slack.listeners.collaborators import Collaborators
from bot.slack.listeners.form_values import chosen, lead_times, quickly, quiet_hours, typed
from bot.slack.listeners.home_drawing import HomeDrawing, Shown
from bot.slack.work import Answer
from bot.usecases.homes import person_of

log = structlog.get_logger()

AFTER_SECONDS = 2.0
"""For the home after a click; where Vault takes longer, what was done is said in a modal, while Slack takes one."""
MOST_TRIES = 3
NOT_SHOWN = "Slack did not show this page anew. Please press Refresh again in a moment."
CHANGING = frozenset({"unwatch", "snooze", "live", "take_back", "view:watch", "view:abort"})
"""Kinds of calls, beside some commands, that change what the home shows. Unlinking sees to the home itself."""
CHANGING_WORDS = (parse.WatchUpload, parse.WatchMany, parse.Unwatch)


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What somebody wishes for in the form. `vault_host` is empty where the default Vault is to stay; `quiet` are
    minutes since midnight. `is_whole` says that the form began with what held until then."""

    vault_host: str
    lead_times: tuple[timedelta, ...] | None
    quiet: tuple[int, int] | None
    is_whole: bool


class HomeAnswers:
    """Answers in the home."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given
        self._drawing = HomeDrawing(given)

    async def opened(self, call: Call) -> None:
        """Somebody has opened their home: draw it, unless it shows just that."""
        await self._drawing.for_its_person(call.asker, at=call.reply_to.view, only_if_new=True)

    async def refresh(self, call: Call) -> Message | None:
        """Refresh, and the pages."""
        pages = Pages(call.number("p", 1), call.number("w", 1))
        shown = await self._drawing.for_its_person(call.asker, at=call.reply_to.view, pages=pages)
        return errors.notice(NOT_SHOWN) if shown is Shown.NOT_TAKEN else None

    async def after(self, act: Answer, call: Call) -> Message | None:
        """A click that does something: do it, and draw the home with what it says on top."""
        try:
            said = await act(call)
        except BotError:
            # What is gone meanwhile still stands in the home.
            await self._soon(call)
            raise
        if said is None:
            await self._soon(call)
            return None
        return None if await self._told(call, said, _pages_at(call)) else said

    async def open_settings(self, call: Call) -> Message | None:
        """The button Settings: open the form at once."""
        accounts, preferences = await asyncio.gather(
            quickly(self._given.linking.accounts_of(call.slack_user), "Vaults"),
            quickly(self._given.preferring.preferences(call.slack_user), "habits"),
        )
        view = form.settings_modal(
            accounts or [], preferences, vaults=self._given.vaults, usual=self._given.lead_times
        )
        return None if await self._given.views.open(call, view) else errors.notice(form.NOT_OPENED)

    async def settings_sent(self, call: Call) -> tuple[Answer | None, dict[str, str]]:
        """The form was sent: what to do, or what to say beside which field."""
        leads, wrong_leads = None, dict[str, str]()
        if typed(call.values, form.LEADS).strip():
            leads, wrong_leads = lead_times(call.values, form.LEADS)
        quiet, wrong_quiet = quiet_hours(call.values)
        if faults := wrong_leads | wrong_quiet:
            return None, faults
        host = chosen(call.values, form.VAULT)
        wishes = Settings(
            vault_host="" if host == call.state("v") else host,
            lead_times=leads,
            quiet=quiet,
            is_whole=bool(call.number("q", 0)),
        )
        return partial(self._take, wishes), {}

    async def due(self, job: Claimed) -> Again | None:
        """The due work of kind `home`: something that the home shows has changed elsewhere."""
        shown = await self._drawing.again(Asker(person_of(job), new_reference()))
        if shown is Shown.NOT_TAKEN and job.attempts < MOST_TRIES:
            raise SlackUnavailable
        return None

    def elsewhere(self, call: Call) -> Awaitable[None] | None:
        """Return what is to be done once a call is answered that changes what the person's home shows: see that the
        home follows. None for all others."""
        view = call.reply_to.view
        if (view is None or view.kind != HOME) and _is_changing(call):
            return self._given.homes.changed(call.slack_user)
        return None

    async def _take(self, wishes: Settings, call: Call) -> Message | None:
        given = self._given
        if not await given.linking.accounts_of(call.slack_user):
            raise NotLinked(vault=given.vaults.default.name)
        before = await given.preferring.preferences(call.slack_user)
        quiet, leads = wishes.quiet, wishes.lead_times
        if not wishes.is_whole:
            # A form that opened without knowing what held must not take it away.
            quiet, leads = quiet or night_of(before), leads or before.lead_times
        if (quiet, leads) != (night_of(before), before.lead_times):
            await given.preferring.prefer(call.asker, quiet=quiet, lead_times=leads)
        refused = None
        if wishes.vault_host and not await self._is_default_now(call, wishes.vault_host):
            refused = given.vaults.name_of(wishes.vault_host)
        said = form.saved(refused)
        return None if await self._told(call, said, Pages()) else said

    async def _is_default_now(self, call: Call, vault_host: str) -> bool:
        """Make a Vault the person's default; False where they have no link there any more."""
        try:
            return await self._given.linking.prefer(call.asker, vault_host) is not None
        except UsageError:
            return False  # no longer served here

    async def _told(self, call: Call, said: Message, pages: Pages) -> bool:
        """Show the home with what was done on top; False where it is still to be said, and the home follows."""
        shown = None
        try:
            async with asyncio.timeout(AFTER_SECONDS):
                shown = await self._drawing.for_its_person(
                    call.asker, at=call.reply_to.view, pages=pages, notice=said
                )
        except (TimeoutError, BotError) as error:
            log.warning("a home waits to be drawn", error=type(error).__name__)
        if shown is None or shown is Shown.NOT_TAKEN:
            await self._soon(call)
        return shown is Shown.NOW

    async def _soon(self, call: Call) -> None:
        try:
            await self._given.homes.redraw(call.slack_user)
        except BotError as error:
            log.warning("a home is not redrawn", error=type(error).__name__)


def _pages_at(call: Call) -> Pages:
    """The pages of the home that was clicked in."""
    known = call.reply_to.view.known if call.reply_to.view else {}
    numbers = [known.get(key) for key in Pages().value]
    return Pages(*(one if isinstance(one, int) else 1 for one in numbers))


def _is_changing(call: Call) -> bool:
    if call.kind not in ("command", "mention"):
        return call.kind in CHANGING
    if not parse.begins_with_a_word(call.text):
        return False
    try:
        request = parse.read(call.text)
    except UsageError:
        return False
    # A Vault named to `link` becomes the default where it is linked already.
    return isinstance(request, CHANGING_WORDS) or (isinstance(request, parse.Link) and bool(request.vault))
