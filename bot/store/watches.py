"""Watches, with the jobs that keep what they promise: both change in one transaction, or neither does."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.model.accounts import SlackUser
from bot.model.due import Job, account_prefix
from bot.model.watches import Preferences, Sample, Watch, watch_prefix
from bot.store import due_work, preferences, samples
from bot.store.database import Database
from bot.store.inserts import insert_into
from bot.store.resealing import reseal
from bot.store.seal import Keyring
from bot.store.tables import due_work as due_table
from bot.store.tables import watches
from bot.store.watch_rows import CHANGING, KINDS, lead_times_of, values_of, watch_of

WHAT = ("workspace", "slack_user_id", "vault_host", "target", "upload_id", "channel_id", "thread_ts")
"""The columns that say what a watch is: there is one watch for each."""
REPLACED = ("team_id", "lead_times", "topics", "expires", "snapshot", "told", "snoozed_until", "parent")
"""What a new wish brings to a watch that is there already; all else stays as it was."""
MOST_IDS = 500
"""For one statement: databases take only so many parameters."""

_table = watches.c
_is_it = _table.id == bindparam("of_id")
_is_person = (_table.workspace == bindparam("of_workspace"), _table.slack_user_id == bindparam("of_user"))
_at_vault = (*_is_person, _table.vault_host == bindparam("of_host"))
_oldest_first = (_table.created_at, _table.id)

# Built once: compiling costs more than running.
_GET = select(watches).where(_is_it)
_LOCK_ONE = select(_table.id).where(_is_it).with_for_update()
_OF_PERSON = select(watches).where(*_is_person).order_by(*_oldest_first)
_OF_ACCOUNT = select(watches).where(*_at_vault).order_by(*_oldest_first)
_OF_UPLOAD = (
    select(watches)
    .where(_table.vault_host == bindparam("of_host"), _table.upload_id == bindparam("of_upload"))
    .order_by(*_oldest_first)
)
_SAME = select(watches).where(*(_table[name] == bindparam(f"of_{name}") for name in WHAT)).with_for_update()
_REPLACE = (
    update(watches)
    .where(_is_it)
    .values({name: bindparam(f"new_{name}") for name in REPLACED} | {"version": _table.version + 1})
    .returning(*watches.c)
)
_CHANGE = (
    update(watches)
    .where(_is_it, _table.version == bindparam("of_version"))
    .values({name: bindparam(f"new_{name}") for name in CHANGING} | {"version": _table.version + 1})
    .returning(*watches.c)
)
# Rows are locked in the order of their ids by everybody, so that nobody waits in a circle.
_LOCK_SAME_UPLOAD = (
    select(_table.id)
    .where(*_at_vault, _table.upload_id == bindparam("of_upload"))
    .order_by(_table.id)
    .with_for_update()
)
_REMOVE = delete(watches).where(_is_it).returning(*watches.c)
_REMOVE_UNCHANGED = _REMOVE.where(_table.version == bindparam("of_version"))
_WATCHED = select(_table.upload_id).where(*_at_vault).distinct()
_LOCK_ACCOUNT = select(_table.id).where(*_at_vault).order_by(_table.id).with_for_update()
_DROP = delete(watches).where(_table.id.in_(bindparam("of_ids", expanding=True)))
_LEAD_TIMES = select(_table.id, _table.lead_times).where(_table.id.in_(bindparam("of_ids", expanding=True)))
_with_keys = due_table.c.key.in_(bindparam("of_keys", expanding=True))
_WANTED = select(due_table.c.key, due_table.c.wanted_at).where(_with_keys)
_LOCK_JOBS = select(due_table.c.key).where(_with_keys).order_by(due_table.c.key).with_for_update()


class Watches:
    """What people want to be told of, and how. Every method may raise StoreUnavailable or StoreUnreadable.

    A snapshot that cannot be opened is left out of its watch, and logged.
    """

    def __init__(self, db: Database, keyring: Keyring) -> None:
        self._db = db
        self._keyring = keyring
        what = [_table[name] for name in WHAT]
        add = insert_into(watches, db.engine.dialect.name)
        self._add = add.on_conflict_do_nothing(index_elements=what).returning(*watches.c)

    async def save(
        self, watch: Watch, jobs: Callable[[Watch], Sequence[Job]], extra: Sequence[Job] = ()
    ) -> Watch:
        """Store a watch, or change the one of the same person, Vault, target, upload and place; return it as stored.

        One that was there changes in what REPLACED names, and its version counts on. Its jobs go, and what `jobs`
        says for the watch as stored comes instead, with `extra`. When `jobs` raises, nothing is changed.
        """
        async with self._db.write() as connection:
            stored = await self._put(connection, watch)
            # A new one has no jobs that could go.
            prefix = stored.job_prefix if stored.version else ""
            await _reschedule(connection, [*jobs(stored), *extra], prefix=prefix)
        return stored

    async def add_child(self, child: Watch, jobs: Callable[[Watch], Sequence[Job]]) -> Watch | None:
        """Store a watch that another one makes, with its jobs. None, and nothing is stored, where the other one is gone
        meanwhile, or the person watches the same already."""
        async with self._db.write() as connection:
            parent = await connection.execute(_LOCK_ONE, {"of_id": child.parent})
            if parent.one_or_none() is None:
                return None
            row = (await connection.execute(self._add, values_of(child, self._keyring))).one_or_none()
            if row is None:
                return None
            stored = watch_of(row, self._keyring)
            await _reschedule(connection, jobs(stored))
        return stored

    async def change(
        self, watch: Watch, *, jobs: Sequence[Job] = (), drop: Collection[str] = (), drop_all: bool = False
    ) -> Watch | None:
        """Store what changes while a watch lives (see `watch_rows.CHANGING`), and return it with its new version.

        None, and no job is touched, when it was changed or removed since it was read. Jobs with the keys in `drop`
        go, or all the watch has with `drop_all`; then `jobs` come.
        """
        values = values_of(watch, self._keyring)
        given = {f"new_{name}": values[name] for name in CHANGING}
        async with self._db.write() as connection:
            row = (
                await connection.execute(_CHANGE, {"of_id": watch.id, "of_version": watch.version, **given})
            ).one_or_none()
            if row is None:
                return None
            await _reschedule(connection, jobs, drop=drop, prefix=watch.job_prefix if drop_all else "")
        return watch_of(row, self._keyring)

    async def remove(self, watch_id: str, *, version: int | None = None) -> Watch | None:
        """Delete a watch with its jobs, and the samples that no other watch of its owner needs; return what it was,
        None when there was none, or when it is of another version than the one given."""
        async with self._db.write() as connection:
            found = (await connection.execute(_GET, {"of_id": watch_id})).one_or_none()
            if found is None:
                return None
            watch = watch_of(found, self._keyring)
            of_upload = {**_account(watch.owner, watch.vault_host), "of_upload": watch.upload_id}
            # Of two that go at once, the later sees that it is the last.
            same_upload = set((await connection.execute(_LOCK_SAME_UPLOAD, of_upload)).scalars())
            if watch_id not in same_upload:
                return None
            statement = _REMOVE if version is None else _REMOVE_UNCHANGED
            given = {"of_id": watch_id} if version is None else {"of_id": watch_id, "of_version": version}
            row = (await connection.execute(statement, given)).one_or_none()
            if row is None:
                return None
            if same_upload == {watch_id}:
                await samples.drop(connection, watch.owner, watch.vault_host, watch.upload_id)
            await due_work.drop_prefix(connection, watch.job_prefix)
        return watch_of(row, self._keyring)

    async def get(self, watch_id: str) -> Watch | None:
        """Return one watch, or None."""
        found = await self._find(_GET, {"of_id": watch_id})
        return found[0] if found else None

    async def of_person(self, slack_user: SlackUser) -> list[Watch]:
        """Return all watches of a person, the oldest first."""
        return await self._find(_OF_PERSON, _person(slack_user))

    async def of_account(self, slack_user: SlackUser, vault_host: str) -> list[Watch]:
        """Return the person's watches in one Vault, the oldest first."""
        return await self._find(_OF_ACCOUNT, _account(slack_user, vault_host))

    async def of_upload(self, vault_host: str, upload_id: str) -> list[Watch]:
        """Return everybody's watches over one upload, the oldest first."""
        return await self._find(_OF_UPLOAD, {"of_host": vault_host, "of_upload": upload_id})

    async def next_due(self, watch_ids: Sequence[str]) -> dict[str, datetime]:
        """Return when each watch next tells of a lead time or the expiry; one that has nothing of the kind before it
        is left out."""
        found: dict[str, datetime] = {}
        async with self._db.read() as connection:
            for start in range(0, len(watch_ids), MOST_IDS):
                ids = watch_ids[start : start + MOST_IDS]
                rows = await connection.execute(_LEAD_TIMES, {"of_ids": list(ids)})
                of_key = {key: row.id for row in rows for key in _promised(row.id, row.lead_times)}
                for job in await connection.execute(_WANTED, {"of_keys": list(of_key)}):
                    watch_id = of_key[job.key]
                    found[watch_id] = min(job.wanted_at, found.get(watch_id, job.wanted_at))
        return found

    async def add_samples(
        self, slack_user: SlackUser, vault_host: str, at: datetime, uploaded: Mapping[str, int]
    ) -> None:
        """Keep how many bytes of each upload were there at a moment, as this person's look found them.

        All of the last two hours are kept; of what is older, the first in each half hour. An upload that nobody
        watches any more gets none.
        """
        async with self._db.write() as connection:
            watched = set((await connection.execute(_WATCHED, _account(slack_user, vault_host))).scalars())
            counts = {upload_id: count for upload_id, count in uploaded.items() if upload_id in watched}
            await samples.add(connection, slack_user, vault_host, at, counts)

    async def samples(self, slack_user: SlackUser, vault_host: str, upload_id: str) -> list[Sample]:
        """Return what this person's looks found of an upload, the oldest first."""
        async with self._db.read() as connection:
            return await samples.find(connection, slack_user, vault_host, upload_id)

    async def preferences(self, slack_user: SlackUser) -> Preferences:
        """Return how the person wants to be told; the default where they never said."""
        async with self._db.read() as connection:
            return await preferences.find(connection, slack_user)

    async def save_preferences(self, slack_user: SlackUser, preferred: Preferences) -> None:
        """Store how the person wants to be told."""
        async with self._db.write() as connection:
            await preferences.put(connection, slack_user, preferred)

    async def forget_preferences(self, slack_user: SlackUser) -> None:
        """Delete how the person wants to be told."""
        async with self._db.write() as connection:
            await preferences.forget(connection, slack_user)

    async def reseal(self) -> int:
        """Seal every snapshot with the newest key; returns and raises as `resealing.reseal`."""
        return await reseal(self._db, self._keyring, watches, KINDS)

    async def _put(self, connection: AsyncConnection, watch: Watch) -> Watch:
        """Insert, or else lock the row that is there and change it; return it as stored."""
        values = values_of(watch, self._keyring) | {"version": 0}
        same = {f"of_{name}": values[name] for name in WHAT}
        while True:
            if new := (await connection.execute(self._add, values)).one_or_none():
                return watch_of(new, self._keyring)
            if earlier := (await connection.execute(_SAME, same)).one_or_none():
                changed = await connection.execute(_REPLACE, self._replacing(watch, earlier.id))
                return watch_of(changed.one(), self._keyring)
            # Removed between the two statements: it can be inserted now.

    async def _find(self, statement: Select[Any], values: Mapping[str, str]) -> list[Watch]:
        async with self._db.read() as connection:
            rows = (await connection.execute(statement, values)).all()
        return [watch_of(row, self._keyring) for row in rows]

    def _replacing(self, watch: Watch, stored_id: str) -> dict[str, Any]:
        # The snapshot is sealed to the row, and the row keeps its id.
        values = values_of(replace(watch, id=stored_id), self._keyring)
        return {"of_id": stored_id, **{f"new_{name}": values[name] for name in REPLACED}}


async def drop_of_account(connection: AsyncConnection, slack_user: SlackUser, vault_host: str) -> None:
    """Delete, within a transaction of the caller's, all that is kept for one linked account beside itself: watches,
    samples, and the jobs of the account and of its watches."""
    account = _account(slack_user, vault_host)
    ids = list((await connection.execute(_LOCK_ACCOUNT, account)).scalars())
    await connection.execute(_DROP, {"of_ids": ids})
    await samples.drop(connection, slack_user, vault_host)
    for prefix in sorted([account_prefix(slack_user, vault_host), *map(watch_prefix, ids)]):
        await due_work.drop_prefix(connection, prefix)


async def _reschedule(
    connection: AsyncConnection, jobs: Sequence[Job], *, drop: Collection[str] = (), prefix: str = ""
) -> None:
    """Put jobs in place of those with the keys in `drop`, and of those whose key begins with `prefix` if there is one.

    Job rows are locked in the order of their keys, as everybody does.
    """
    if drop and jobs:
        await connection.execute(_LOCK_JOBS, {"of_keys": [*drop, *(job.key for job in jobs)]})
    if drop:
        await due_work.drop(connection, drop)
    if prefix:
        await due_work.put(connection, [job for job in jobs if job.key < prefix])
        await due_work.drop_prefix(connection, prefix)
    await due_work.put(connection, [job for job in jobs if job.key >= prefix])


def _promised(watch_id: str, lead_times: str) -> list[str]:
    """Return the keys of the jobs that tell of the lead times and of the expiry."""
    prefix = watch_prefix(watch_id)
    leads = (f"{prefix}lead:{int(lead.total_seconds())}" for lead in lead_times_of(lead_times))
    return [*leads, f"{prefix}expired"]


def _person(slack_user: SlackUser) -> dict[str, str]:
    return {"of_workspace": slack_user.workspace, "of_user": slack_user.user_id}


def _account(slack_user: SlackUser, vault_host: str) -> dict[str, str]:
    return {**_person(slack_user), "of_host": vault_host}
