"""Making a card live, by whoever may: the card at hand, or a new one in a person's own messages."""

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from bot.model.accounts import Asker, SlackUser
from bot.model.audit import Action
from bot.model.clock import Clock
from bot.model.due import Job
from bot.model.errors import (
    CannotKeepThere,
    NothingToWatch,
    PlaceGone,
    SlackUnavailable,
    StoreError,
)
from bot.model.outlook import told_at_the_start
from bot.model.pasting import Pasted
from bot.model.statuses import UploadStatus
from bot.model.uploads import Phase, UploadSession
from bot.model.watches import Over, Place, Snapshot, Target, Topic, Watch
from bot.store.watches import Watches
from bot.usecases import watch_jobs
from bot.usecases.auditing import Auditing
from bot.usecases.live_cards import Cards, LiveCards, finish
from bot.usecases.upload_status import UploadStatuses
from bot.usecases.watch_limits import check_room, same_watch

log = structlog.get_logger()

MILESTONES = frozenset({Topic.UNCOMMITTED, Topic.STALLED, Topic.ENDED})
"""What is also told below a card, since an edit tells nobody."""
AFTER_A_CRASH = timedelta(seconds=60)
"""A card is drawn at once; the job draws it only if we crashed before."""
WHILE_DELETED = timedelta(seconds=10)
"""A card that is being taken back is drawn a last time only where Slack did not delete it."""
NOTE = "card"
"""How the audit log tells live cards from other watches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A card that is live; `is_new` unless it was before."""

    watch: Watch
    status: UploadStatus
    is_new: bool


class Keeping:
    """Makes and ends live cards. Each is written into the audit log as a watch."""

    def __init__(
        self,
        *,
        watches: Watches,
        statuses: UploadStatuses,
        live: LiveCards,
        cards: Cards,
        auditing: Auditing,
        clock: Clock,
        stall_after: timedelta,
    ) -> None:
        self._watches = watches
        self._statuses = statuses
        self._live = live
        self._cards = cards
        self._auditing = auditing
        self._clock = clock
        self._stall_after = stall_after

    async def here(
        self, asker: Asker, pasted: Pasted, place: Place, message_ts: str, *, asked: bool = False
    ) -> Kept:
        """Keep the person's own card up to date, from now on; `place` is the thread below it, `asked` says that it
        answered a question. Another one of the same upload in that thread is kept up to date no more.

        A look-up's errors, NothingToWatch, TooManyWatches, CannotKeepThere.
        """
        async with self._auditing.recording(
            Action.WATCH, asker, upload_id=pasted.upload_id, note=NOTE
        ) as record:
            status = await self._statuses.look_up(asker, pasted)
            record.acted_as(status.vault.host, status.account.identity)
            record.saw(status.upload)
            wished = self._wish(asker.slack_user, status, place, message_ts, asked=asked)
            watch, is_new = await self._made(wished)
            if is_new and not await self._drawn(watch):
                await self._watches.remove(watch.id)
                raise CannotKeepThere
        return Kept(watch=watch, status=status, is_new=is_new)

    async def in_direct(self, asker: Asker, pasted: Pasted) -> Kept:
        """Post a card into the person's direct messages and keep it up to date, or do so with the one that is there.

        A look-up's errors, NothingToWatch, TooManyWatches, SlackUnavailable.
        """
        async with self._auditing.recording(
            Action.WATCH, asker, upload_id=pasted.upload_id, note=NOTE
        ) as record:
            status = await self._statuses.look_up(asker, pasted)
            record.acted_as(status.vault.host, status.account.identity)
            record.saw(status.upload)
            try:
                place = Place(await self._cards.direct_of(asker.slack_user))
            except PlaceGone:
                raise CannotKeepThere from None
            wished = self._wish(asker.slack_user, status, place, "")
            same = await same_watch(self._watches, wished)
            if same is not None and not same.told.muted and await self._stands(same, status.upload):
                return Kept(watch=same, status=status, is_new=False)
            watch, is_new = await self._made(wished)
            if is_new:
                await self._posted(watch)
        return Kept(watch=watch, status=status, is_new=is_new)

    async def of_message(self, slack_user: SlackUser, channel_id: str, message_ts: str) -> Watch | None:
        """Return what keeps that message up to date, where it is the person's. StoreError."""
        for watch in await self._watches.of_person(slack_user):
            is_card = watch.target is Target.CARD and not watch.told.muted
            if is_card and (watch.place.channel_id, watch.announced_ts) == (channel_id, message_ts):
                return watch
        return None

    async def drawn(self, watch: Watch, upload: UploadSession) -> None:
        """Keep that the person has just drawn their live card afresh."""
        try:
            await self._live.note_drawn(self._read(watch, upload), at_once=True)
        except StoreError as error:
            log.warning("that a card was drawn is not kept", error=type(error).__name__)

    async def being_deleted(self, asker: Asker, watch: Watch) -> None:
        """The person takes their card back: it is kept up to date no more. StoreError."""
        async with self._auditing.recording(
            Action.UNWATCH, asker, vault_host=watch.vault_host, upload_id=watch.upload_id, note=NOTE
        ):
            now = self._clock()
            await finish(self._watches, watch, Over.STOPPED, now, draw_at=now + WHILE_DELETED)

    async def deleted(self, watch: Watch) -> None:
        """The card is not there any more. StoreError."""
        await self._watches.remove(watch.id)

    def _wish(
        self,
        owner: SlackUser,
        status: UploadStatus,
        place: Place,
        message_ts: str,
        *,
        asked: bool = False,
    ) -> Watch:
        now, upload = self._clock(), status.upload
        reader = status.account.identity.vault_user_id
        if upload.phase(now, self._stall_after) is Phase.EXPIRED:
            raise NothingToWatch
        return Watch(
            id=secrets.token_hex(8),
            owner=owner,
            vault_host=status.vault.host,
            target=Target.CARD,
            upload_id=upload.id,
            place=place,
            lead_times=(),
            topics=MILESTONES,
            created_at=now,
            expires=upload.expires,
            snapshot=Snapshot(upload=upload, read_at=now),
            told=replace(told_at_the_start(upload, now, self._stall_after), asked=asked, reader=reader),
            announced_ts=message_ts,
        )

    async def _made(self, wished: Watch) -> tuple[Watch, bool]:
        """Store the wish; return what is stored, and whether that is a new one: a second click makes none."""
        now = self._clock()
        look = watch_jobs.looking(wished.owner, wished.vault_host, now + watch_jobs.FIRST_LOOK)

        def jobs(watch: Watch) -> list[Job]:
            return [*watch_jobs.promised(watch, now, None), watch_jobs.edit(watch, now + AFTER_A_CRASH)]

        while True:
            same = await same_watch(self._watches, wished)
            if same is None:
                await check_room(self._watches, wished.owner)
                stored = await self._watches.save(wished, jobs, extra=[look])
                if stored.version == 0:
                    return stored, True
                continue  # a second click at the same moment was first
            if same.announced_ts == wished.announced_ts and not same.told.muted:
                return same, False
            other = replace(wished, id=same.id, parent=same.parent, version=same.version)
            is_left = same.announced_ts not in ("", wished.announced_ts)
            left = [watch_jobs.farewell(same, same.announced_ts, now)] if is_left else []
            changed = await self._watches.change(other, jobs=[*jobs(other), *left], drop_all=True)
            if changed is not None:
                return changed, True

    async def _drawn(self, watch: Watch) -> bool:
        """Draw it at once, which also shows whether the app may; False where it never will."""
        try:
            return await self._live.edit_at_once(watch)
        except PlaceGone:
            return False
        except SlackUnavailable:
            return True  # its job draws it in a minute

    async def _stands(self, watch: Watch, upload: UploadSession) -> bool:
        """Draw a card that is live already afresh, which also shows whether it is there still."""
        if not watch.announced_ts:
            return True  # it is being posted at this moment
        try:
            return await self._live.edit_at_once(self._read(watch, upload))
        except PlaceGone:
            return False
        except SlackUnavailable:
            return True

    async def _posted(self, watch: Watch) -> None:
        try:
            await self._live.post_at_once(watch)
        except PlaceGone:
            await self._watches.remove(watch.id)
            raise CannotKeepThere from None
        except SlackUnavailable:
            log.info("a live card is posted in a minute")

    def _read(self, watch: Watch, upload: UploadSession) -> Watch:
        now = self._clock()
        return replace(
            watch, snapshot=Snapshot(upload=upload, read_at=now), told=replace(watch.told, over=None)
        )
