"""Many watches at once, put into a bot's database through its own store, and what Slack was told of them."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from bot.demo.slack.messages import Message
from bot.demo.workspace import DemoWorkspace
from bot.model.accounts import AccountSummary
from bot.model.due import Job
from bot.model.watches import Place, Snapshot, Target, Topic, Watch
from bot.store.accounts import Accounts
from bot.store.database import Database, database_url
from bot.store.due_work import DueWork
from bot.store.seal import Keyring
from bot.store.watches import Watches
from bot.usecases import watch_jobs
from tests.factories import an_upload

LEAD = timedelta(hours=1)
MEBIBYTE = 1024 * 1024
AT_ONCE = 8
EVENT_TYPE = "upload_reminder"


async def plant(
    demo: DemoWorkspace,
    url: str,
    count: int,
    *,
    first_due: datetime,
    apart: timedelta = timedelta(0),
    first: int = 0,
    lead: timedelta = LEAD,
) -> list[str]:
    """Let Alice watch `count` uploads, told once each, `lead` before they expire, the first at `first_due`.

    Nobody looks at them in between. They are numbered from `first`. Returns the keys of those reminders, in the order
    in which they fall due.
    """
    keyring = Keyring.parse(demo.settings["ENCRYPTION_KEYS"])
    async with Database.open(database_url(url)) as db:
        account = await _alices(Accounts(db, keyring))
        watches = Watches(db, keyring)
        wished = [_wish(demo, account, first + n, first_due + n * apart, lead) for n in range(count)]
        following = iter(wished)

        async def save() -> None:
            for watch in following:
                await watches.save(watch, _lead_only)

        await asyncio.gather(*(save() for _ in range(AT_ONCE)))
    return [f"{watch.job_prefix}lead:{int(lead.total_seconds())}" for watch in wished]


async def look_now(demo: DemoWorkspace, url: str) -> None:
    """Let a bot look at what Alice watches, and go on looking."""
    async with Database.open(database_url(url)) as db:
        account = await _alices(Accounts(db, Keyring.parse(demo.settings["ENCRYPTION_KEYS"])))
        due = DueWork(db)
        await due.schedule([watch_jobs.looking(account.slack_user, account.vault_host, due.clock())])


async def _alices(accounts: Accounts) -> AccountSummary:
    return next(one for one in await accounts.summaries() if one.slack_user.user_id == "U0ALICE")


def _wish(demo: DemoWorkspace, account: AccountSummary, number: int, due: datetime, lead: timedelta) -> Watch:
    path = f"/planted/film-{number:06}.mp4"
    upload = demo.vault.create_upload("alice", path, 10 * MEBIBYTE)
    # As Vault writes it, in whole seconds.
    upload.expires = due.replace(microsecond=0) + lead
    seen = an_upload(id=upload.id, path=path, created=upload.created, expires=upload.expires)
    return Watch(
        id=f"{number:016x}",
        owner=account.slack_user,
        vault_host=account.vault_host,
        target=Target.UPLOAD,
        upload_id=upload.id,
        place=Place(),
        lead_times=(lead,),
        topics=frozenset(Topic),
        created_at=due - LEAD,
        expires=upload.expires,
        snapshot=Snapshot(upload=seen, read_at=due - LEAD),
    )


def _lead_only(watch: Watch) -> Sequence[Job]:
    # As seen from the past: also what is due by now is still promised.
    return watch_jobs.promised(watch, watch.created_at, None)


def reminders(demo: DemoWorkspace) -> list[tuple[str, Message]]:
    """Every reminder that Slack has posted, with its key, in the order of posting."""
    return [
        (str(message.metadata["event_payload"]["key"]), message)
        for message in demo.slack.messages
        if message.metadata is not None and message.metadata["event_type"] == EVENT_TYPE
    ]


def times_told(demo: DemoWorkspace) -> Counter[str]:
    """How often each reminder was posted, by its key."""
    return Counter(key for key, _ in reminders(demo))


def posted_at(message: Message) -> datetime:
    """When Slack posted it."""
    return datetime.fromtimestamp(float(message.ts), UTC)


async def held_claims(url: str) -> dict[str, str]:
    """Which jobs some bot holds at this moment, and by which claim."""
    async with Database.open(database_url(url)) as db, db.read() as connection:
        rows = await connection.execute(text("SELECT key, claim FROM due_work WHERE claim IS NOT NULL"))
        return {row.key: row.claim for row in rows}


async def held_leases(url: str) -> tuple[int, dict[tuple[str, str], int]]:
    """The time by the database's clock, and for each job that some bot holds, with its claim, when its lease ends;
    both in ms since 1970."""
    async with Database.open(database_url(url)) as db, db.read() as connection:
        now = await connection.scalar(text("SELECT CAST(floor(extract(epoch FROM now()) * 1000) AS bigint)"))
        rows = await connection.execute(
            text("SELECT key, claim, due_at FROM due_work WHERE claim IS NOT NULL")
        )
        return int(now or 0), {(row.key, row.claim): row.due_at for row in rows}


async def leads_left(url: str) -> int:
    """How many reminders of lead times the database still promises."""
    async with Database.open(database_url(url)) as db, db.read() as connection:
        left = await connection.execute(text("SELECT count(*) FROM due_work WHERE key LIKE '%:lead:%'"))
        return int(left.scalar_one())
