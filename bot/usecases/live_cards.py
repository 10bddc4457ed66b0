"""Live cards: drawn anew when what they show has changed, once more when it is over, and then left as they are."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from bot.model.accounts import LinkedAccount, SlackUser, Vault, Vaults
from bot.model.clock import Clock
from bot.model.due import Again, Claimed, Job
from bot.model.errors import PlaceGone, SlackUnavailable, StoreError
from bot.model.live_cards import LiveCard, digest
from bot.model.reminders import Kind, Posted, Trouble
from bot.model.statuses import UploadStatus
from bot.model.watches import Over, Target, Watch
from bot.store.accounts import Accounts
from bot.store.watches import Watches
from bot.usecases import watch_jobs
from bot.usecases.card_pace import CardPace
from bot.usecases.delivering import once_posted, posted_before
from bot.usecases.watch_places import WatchPlaces

log = structlog.get_logger()


LONGEST = timedelta(hours=72)
"""How long a card is kept up to date: as long as an upload session lives by default."""


class Cards(Protocol):
    """What live cards need of Slack; the Slack floor provides it. Every method raises PlaceGone when Slack will never
    take it, SlackUnavailable when it may later."""

    async def edit(self, card: LiveCard) -> bool:
        """Draw a card where it stands; False when it was deleted."""

    async def post(self, card: LiveCard) -> Posted:
        """Post a card that is not there yet."""

    async def direct_of(self, slack_user: SlackUser) -> str:
        """Return the id of the app's direct messages with a person."""


class LiveCards:
    """The due work of kind `card`. What is drawn is what was read last with the rights of the card's owner."""

    def __init__(
        self,
        *,
        watches: Watches,
        accounts: Accounts,
        cards: Cards,
        places: WatchPlaces,
        pace: CardPace,
        vaults: Vaults,
        clock: Clock,
        stall_after: timedelta,
    ) -> None:
        self._watches = watches
        self._accounts = accounts
        self._cards = cards
        self._places = places
        self._pace = pace
        self._vaults = vaults
        self._clock = clock
        self._stall_after = stall_after

    async def draw(self, job: Claimed) -> Again | None:
        """Draw a card as it stands now, unless it shows that already; forget it where it is over."""
        watch = await self._watches.get(str(job.payload["w"]))
        left = str(job.payload.get("ts") or "")
        if watch is None or watch.told.lost or not (left or self._is_wanted(watch)):
            return None
        if (later := await self._pace.wait(watch, job)) is not None:
            return later
        card = await self._card(watch, left)
        if card is None or (watch.told.muted and not watch.announced_ts):
            # The next look brings numbers; of a card that is over there is no next look.
            return await self._forgotten(watch) if watch.told.muted else None
        try:
            if not card.message_ts:
                return await self._posted(watch, card, job)
            is_there = await self._cards.edit(card)
        except PlaceGone as gone:
            if left:
                return None
            return await self._gone(watch, gone)
        except SlackUnavailable as error:
            self._pace.block(watch.owner, error.retry_after)
            raise
        if left:
            return None
        if card.is_final or not is_there:
            return await self._forgotten(watch)
        await self.note_drawn(watch)
        return None

    async def edit_at_once(self, watch: Watch) -> bool:
        """Draw a card because somebody asked for it at this moment; False when it was deleted. PlaceGone,
        SlackUnavailable, StoreError."""
        card = await self._card(watch)
        if card is None:
            return True
        await self._pace.take(watch.owner)
        is_there = await self._cards.edit(card)
        if is_there:
            await self.note_drawn(watch, at_once=True)
        return is_there

    async def post_at_once(self, watch: Watch) -> None:
        """Post a card that somebody asked for at this moment. PlaceGone, SlackUnavailable, StoreError."""
        card = await self._card(watch)
        if card is not None:
            await self._note_posted(watch, await self._cards.post(card), at_once=True)

    async def note_drawn(self, watch: Watch, *, at_once: bool = False) -> None:
        """Keep that the card shows what the watch's snapshot holds; `at_once` says that no job has drawn it, so that
        one which was to do just that is not needed any more. StoreError."""
        drawn, found = digest(watch, self._stall_after), await self._watches.get(watch.id)
        while found is not None and not found.told.muted and found.announced_ts == watch.announced_ts:
            told = replace(found.told, drawn=drawn, drawn_at=self._clock())
            is_newest = digest(found, self._stall_after) == drawn
            drop = [watch_jobs.edit_key(watch)] if at_once and is_newest else []
            if await self._watches.change(replace(found, told=told), drop=drop):
                return
            found = await self._watches.get(watch.id)

    def job_for(self, seen: Watch) -> list[Job]:
        """Return the job that draws a card, where what a look has just found is not what the card shows."""
        if seen.target is not Target.CARD or not seen.announced_ts:
            return []  # one that is being posted shows what was read last by itself
        if digest(seen, self._stall_after) == seen.told.drawn:
            return []
        return [watch_jobs.edit(seen, self._clock())]

    async def not_read(self, watches: Iterable[Watch], why: Over, *, since: timedelta = timedelta(0)) -> None:
        """Say on the live cards among these, if they were not read for so long, that they are not kept up to date until
        their owner has linked again, or Vault answers them."""
        now = self._clock()
        for watch in watches:
            is_old = watch.snapshot is None or now - watch.snapshot.read_at >= since
            stands = watch.target is Target.CARD and bool(watch.announced_ts)
            found: Watch | None = watch if stands and is_old else None
            while found is not None and not found.told.muted and found.told.over is not why:
                told = replace(found.told, over=why)
                job = watch_jobs.edit(found, self._clock())
                if await self._watches.change(replace(found, told=told), jobs=[job]):
                    break
                found = await self._watches.get(watch.id)

    async def retired(self, watch: Watch, vault_user_id: str, *, is_there: bool) -> bool:
        """Let a card be over that was kept up to date for LONGEST and has not ended, or whose owner is another Vault
        user by now."""
        is_old = is_there and self._clock() - watch.created_at >= LONGEST
        if watch.target is not Target.CARD or not (is_old or watch.told.reader not in ("", vault_user_id)):
            return False
        await finish(self._watches, watch, Over.STOPPED, self._clock())
        return True

    async def end(self, watch: Watch, kind: Kind, trouble: Trouble | None) -> None:
        """Let a card be drawn a last time, now that the end of its upload was told, and then be forgotten."""
        unseen = kind is Kind.EXPIRED and trouble is not None
        await finish(self._watches, watch, Over.UNSEEN if unseen else Over(kind.value), self._clock())

    def _is_wanted(self, watch: Watch) -> bool:
        is_new = not watch.announced_ts
        return watch.told.muted or is_new or digest(watch, self._stall_after) != watch.told.drawn

    async def _card(self, watch: Watch, left: str = "") -> LiveCard | None:
        """What to draw; None where there are no numbers, or no link that could have read them. `left` is a card that
        another one has replaced."""
        account = await self._accounts.find_one(watch.owner, watch.vault_host)
        if account is None:
            return None
        card = _card_of(watch, account, self._vaults, Over.REPLACED if left else watch.told.over)
        return replace(card, message_ts=left) if card and left else card

    async def _posted(self, watch: Watch, card: LiveCard, job: Claimed) -> Again | None:
        """Post a card where nobody did, because the process died."""
        posted = posted_before(job) or await self._cards.post(card)
        try:
            await self._note_posted(watch, posted)
        except StoreError:
            return once_posted(job, posted, self._clock())
        return None

    async def _note_posted(self, watch: Watch, posted: Posted, *, at_once: bool = False) -> None:
        drawn, found = digest(watch, self._stall_after), await self._watches.get(watch.id)
        while found is not None and not found.announced_ts:
            told = replace(found.told, drawn=drawn, drawn_at=self._clock())
            stands = replace(found, told=told, announced_ts=posted.ts)
            # Stopped before it stood there: then it is drawn once more.
            jobs = [watch_jobs.edit(found, self._clock())] if found.told.muted else []
            drop = [watch_jobs.edit_key(watch)] if at_once and not jobs else []
            if await self._watches.change(stands, jobs=jobs, drop=drop):
                return
            found = await self._watches.get(watch.id)

    async def _gone(self, watch: Watch, gone: PlaceGone) -> Again | None:
        """The owner is told, unless the card was over anyhow."""
        if watch.told.muted:
            return await self._forgotten(watch)
        await self._places.gone(watch, gone)
        return None

    async def _forgotten(self, watch: Watch) -> Again | None:
        """Remove a card that is over, unless it was brought to life again just now."""
        removed = await self._watches.remove(watch.id, version=watch.version)
        if removed is None and await self._watches.get(watch.id) is not None:
            return Again(due_at=self._clock())
        return None


def farewell_of(cards: Cards, vaults: Vaults) -> Callable[[Watch, LinkedAccount], Awaitable[None]]:
    """Return what draws a live card a last time that is removed together with the link of its owner: it says nothing
    that it did not say before. It is tried once, and raises as `Cards.edit`."""

    async def farewell(watch: Watch, account: LinkedAccount) -> None:
        card = _card_of(watch, account, vaults, Over.STOPPED)
        if card is not None and card.message_ts:
            await cards.edit(card)

    return farewell


def _card_of(watch: Watch, account: LinkedAccount, vaults: Vaults, over: Over | None) -> LiveCard | None:
    if watch.snapshot is None:
        return None
    host = watch.vault_host
    vault = vaults.at(host) or Vault(host, f"https://{host}")
    return LiveCard(
        watch=watch,
        status=UploadStatus(upload=watch.snapshot.upload, vault=vault, account=account),
        as_of=watch.snapshot.read_at,
        message_ts=watch.announced_ts,
        over=over,
    )


async def finish(
    watches: Watches, watch: Watch, over: Over, now: datetime, *, draw_at: datetime | None = None
) -> bool:
    """Let a live card be drawn a last time, saying why it is over, and then be forgotten; False when it is gone or over
    already. Nothing else of it is told."""
    found: Watch | None = watch
    while found is not None and not found.told.muted:
        told = replace(found.told, muted=True, over=over)
        job = watch_jobs.edit(found, draw_at or now)
        if await watches.change(replace(found, told=told), jobs=[job], drop_all=True):
            return True
        found = await watches.get(watch.id)
    return False
