"""Watches over all of a person's own uploads: each new upload gets a watch of its own."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.model.due import Job
from bot.model.outlook import told_at_the_start
from bot.model.quiet import QuietHours
from bot.model.uploads import UploadSession
from bot.model.watches import Snapshot, Target, Watch
from bot.store.watches import Watches
from bot.usecases import watch_jobs


class OwnUploads:
    """Watches what is new among a person's own uploads, the way the watch over all of them is set."""

    def __init__(self, *, watches: Watches, stall_after: timedelta, with_failsafe: bool) -> None:
        self._watches = watches
        self._stall_after = stall_after
        self._with_failsafe = with_failsafe

    async def new_children(
        self,
        vault_user_id: str,
        watches: Sequence[Watch],
        active: Collection[UploadSession],
        now: datetime,
        quiet: QuietHours | None,
    ) -> list[Watch]:
        """Return the watches that were made: over the uploads of that Vault user, which nobody had watched yet."""
        made = []
        known = {(watch.upload_id, watch.place) for watch in watches if watch.target is Target.UPLOAD}
        for parent in watches:
            if parent.target is not Target.OWN or parent.told.muted:
                continue
            for upload in active:
                if upload.owner != vault_user_id or (upload.id, parent.place) in known:
                    continue
                child = await self._child(parent, upload, now, quiet)
                made += [child] if child else []
        return made

    async def _child(
        self, parent: Watch, upload: UploadSession, now: datetime, quiet: QuietHours | None
    ) -> Watch | None:
        child = replace(
            parent,
            id=secrets.token_hex(8),
            target=Target.UPLOAD,
            upload_id=upload.id,
            created_at=now,
            expires=upload.expires,
            snapshot=Snapshot(upload=upload, read_at=now),
            told=told_at_the_start(upload, now, self._stall_after),
            parent=parent.id,
            failsafe=None,
        )

        def jobs(watch: Watch) -> list[Job]:
            held = [watch_jobs.failsafe(watch, now)] if self._with_failsafe else []
            return [*watch_jobs.promised(watch, now, quiet), *held]

        return await self._watches.add_child(child, jobs)
