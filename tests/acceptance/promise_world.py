"""Reminders with their real database and use cases, between a Vault and a Slack that a test plays itself, on a clock
that it moves: any step may be the last of a process, and at any step a person may do something else."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from bot.model.accounts import Access, Asker, SlackUser, Vault, Vaults
from bot.model.due import Claimed, Payload
from bot.model.errors import (
    BotError,
    CredentialRefused,
    NotFoundInVault,
    PlaceGone,
    SlackUnavailable,
    VaultSlow,
)
from bot.model.reminders import Kind, Posted, Reminder
from bot.model.uploads import StagedFile, UploadSession
from bot.model.watches import Failsafe, Watch
from bot.reminders import Reminders, reminders
from bot.store.accounts import Accounts
from bot.store.database import Database
from bot.store.due_work import DueWork
from bot.store.homes import Homes
from bot.store.once import Once
from bot.store.seal import Keyring
from bot.store.watches import Watches
from bot.usecases import watch_jobs
from bot.usecases.acting import Acting
from bot.usecases.auditing import Auditing
from bot.usecases.homes import HomeCare
from bot.usecases.upload_status import UploadStatuses
from bot.vault.client import VaultClient  # noqa: TC001
from bot.worker import Worker
from tests.factories import ALICE, ALICE_IN_VAULT, HOUR, NOW, PROMOMATS, an_account, an_upload
from tests.unit.in_memory import FewRenewals, FewRows

ASKER = Asker(ALICE, "ALICE234")
ENDS = (Kind.EXPIRED, Kind.COMMITTED, Kind.GONE)
POLL_EVERY = 4 * HOUR
SIZE = 100_000_000
MOST_ROUNDS = 300


class Crash(BaseException):
    """The process dies here; nobody can catch it."""


class Steps:
    """Counts the moments at which a process may die, or somebody may come in between."""

    def __init__(self) -> None:
        self._left: int | None = None
        self._then: Callable[[], Awaitable[None]] | None = None

    def at(self, step: int, then: Callable[[], Awaitable[None]] | None = None) -> None:
        """At the so-manieth step from now let something else happen first, or else die."""
        self._left, self._then = step, then

    def clear(self) -> None:
        self._left = self._then = None

    async def __call__(self) -> None:
        if self._left is None:
            return
        self._left -= 1
        if self._left >= 0:
            return
        then = self._then
        self.clear()
        if then is None:
            raise Crash
        await then()


class StepwiseDatabase(Database):
    """Before and after each transaction is a step."""

    steps: Steps

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        await self.steps()
        async with super().write() as connection:
            yield connection
        await self.steps()


@dataclass
class PlayedVault:
    """Shows the uploads it is given. `refuses`: what every call gets."""

    now: Callable[[], datetime]
    steps: Steps
    uploads_by_id: dict[str, UploadSession] = field(default_factory=dict)
    files: list[StagedFile] = field(default_factory=list)
    refuses: BotError | None = None

    async def _asked(self) -> None:
        await self.steps()
        if self.refuses is not None:
            raise self.refuses

    async def uploads(self, _: Access) -> list[UploadSession]:
        await self._asked()
        return [one for one in self.uploads_by_id.values() if one.expires > self.now()]

    async def upload(self, access: Access, upload_id: str) -> UploadSession:
        for one in await self.uploads(access):
            if one.id == upload_id:
                return one
        raise NotFoundInVault

    async def items(self, _: Access, folder: str) -> list[StagedFile]:
        await self._asked()
        return [one for one in self.files if one.path.rpartition("/")[0].strip("/") == folder.strip("/")]

    async def keep_alive(self, _: Access) -> None:
        await self._asked()

    def burst(self, _: Vault) -> None:
        return None

    # What happens in it

    def begin(self, number: int, lifetime: timedelta) -> UploadSession:
        """Begin an upload."""
        now = self.now()
        upload = an_upload(
            id=f"{number:032x}", path=f"/films/{number}.mp4", name=f"{number}.mp4", size=SIZE, uploaded=0,
            uploaded_parts=0, created=now, last_uploaded=now, expires=now + lifetime, owner=ALICE_IN_VAULT,
        )  # fmt: skip
        self.uploads_by_id[upload.id] = upload
        return upload

    def progress(self, upload_id: str, bytes_more: int) -> UploadSession:
        """Let one more part come."""
        one = self.uploads_by_id[upload_id]
        uploaded = min(one.uploaded + bytes_more, one.size)
        parts = one.uploaded_parts + 1
        one = replace(one, uploaded=uploaded, uploaded_parts=parts, last_uploaded=self.now())
        self.uploads_by_id[upload_id] = one
        return one

    def move_end(self, upload_id: str, by: timedelta) -> None:
        """Let it live for longer, or less long."""
        one = self.uploads_by_id[upload_id]
        self.uploads_by_id[upload_id] = replace(one, expires=max(one.expires + by, self.now() + HOUR))

    def commit(self, upload_id: str) -> None:
        """Turn it into a file."""
        one = self.uploads_by_id.pop(upload_id)
        self.files.append(StagedFile(path=one.path, name=one.name, size=one.size, modified=self.now()))

    def abort(self, upload_id: str) -> None:
        """Discard it."""
        del self.uploads_by_id[upload_id]


@dataclass(frozen=True, kw_only=True)
class Told:
    """One message that stands in Slack."""

    at: datetime
    watch_id: str
    kind: Kind
    lead: timedelta | None
    key: str
    run: int
    """Which run of which job posted it."""


@dataclass
class PlayedSlack:
    """Keeps what is posted, and fails as it is told to: before it has posted or after."""

    now: Callable[[], datetime]
    steps: Steps
    can_look: bool
    told: list[Told] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    told_of_end: list[str] = field(default_factory=list)
    failures: list[bool] = field(default_factory=list)
    """For each of the next posts, whether it fails after it is there."""
    unsure: list[int] = field(default_factory=list)
    """The runs that do not know that their message is there."""
    is_archived: bool = False
    run: int = 0
    check: Callable[[Reminder, str], None] = lambda _reminder, _key: None
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def _post(self, watch: Watch, keep: Callable[[], None]) -> Posted:
        after = self.failures.pop(0) if self.failures else None
        if after is False:
            raise SlackUnavailable
        if self.is_archived and not watch.place.is_direct:
            raise PlaceGone(reason="is_archived")
        keep()
        if after:
            self.unsure.append(self.run)
            raise SlackUnavailable
        return Posted("C1", f"{next(self._numbers)}.0")

    async def deliver(self, reminder: Reminder, key: str) -> Posted:
        await self.steps()
        told = Told(
            at=self.now(), watch_id=reminder.watch.id, kind=reminder.kind, lead=reminder.lead, key=key, run=self.run
        )  # fmt: skip

        def keep() -> None:
            self.check(reminder, key)
            self.told.append(told)

        posted = self._post(reminder.watch, keep)
        await self.steps()
        return posted

    async def look_for(self, watch: Watch, key: str, since: datetime) -> Posted | None:  # noqa: ARG002
        found = any(one.key == key and one.at >= since for one in self.told)
        return Posted("C1", "0.0") if self.can_look and found else None

    async def announce(self, watch: Watch, _: str) -> Posted:
        await self.steps()
        posted = self._post(watch, lambda: self.announced.append(watch.id))
        await self.steps()
        return posted

    async def hold(self, watch: Watch, post_at: datetime) -> Failsafe:  # noqa: ARG002
        return Failsafe(channel_id="C1", message_id="Q1", post_at=post_at)

    async def release(self, watch: Watch) -> None:
        """Nothing is held."""

    async def tell_of_end(self, watch: Watch, _: str, __: str) -> None:
        await self.steps()
        self.told_of_end.append(watch.id)

    async def time_zone(self, _: SlackUser) -> str:
        return "UTC"

    async def is_admin(self, _: SlackUser) -> bool:
        return False


class NotingDueWork(DueWork):
    """Knows whether the job at hand may go out."""

    noted: bool | None = None

    async def note(self, claimed: Claimed, payload: Payload) -> bool:
        self.noted = True
        self.noted = await super().note(claimed, payload)
        return self.noted


class World:
    """All of it; `start` is a new process on the same database."""

    reminders: Reminders
    due: NotingDueWork

    def __init__(self, db: StepwiseDatabase, keyring: Keyring, *, can_look: bool) -> None:
        self.now = NOW
        self.steps = db.steps = Steps()
        self.vault = PlayedVault(self.clock, self.steps)
        self.slack = PlayedSlack(self.clock, self.steps, can_look)
        self._db, self._keyring = db, keyring
        self.start()

    def clock(self) -> datetime:
        return self.now

    def start(self) -> None:
        """Make every piece anew: nothing is remembered but what the database holds."""
        self.steps.clear()
        vaults = Vaults((PROMOMATS,))
        accounts = Accounts(self._db, self._keyring)
        auditing = Auditing(log=cast("Any", FewRows()), clock=self.clock, with_paths=False)
        acting = Acting(
            accounts=accounts, vaults=vaults, renewing=cast("Any", FewRenewals()), clock=self.clock
        )
        client = cast("VaultClient", self.vault)
        self.accounts = accounts
        self.watches = Watches(self._db, self._keyring)
        self.due = NotingDueWork(self._db, self.clock)
        config = SimpleNamespace(
            poll_every=POLL_EVERY, stall_after=HOUR, keep_alive="never", remind_before=(HOUR,), failsafe=False
        )
        self.reminders = reminders(
            cast("Any", config),
            cast(
                "Any",
                SimpleNamespace(
                    watches=self.watches,
                    due=self.due,
                    accounts=accounts,
                    once=Once(self._db, self.clock),
                ),
            ),
            acting=acting,
            statuses=UploadStatuses(
                acting=acting, client=client, auditing=auditing, clock=self.clock, stall_after=HOUR
            ),
            client=client,
            auditing=auditing,
            deliveries=self.slack,
            cards=cast("Any", None),
            homes=HomeCare(homes=Homes(self._db), due=self.due, clock=self.clock),
            vaults=vaults,
            clock=self.clock,
        )
        self._worker = Worker(self.due, {**self.reminders.kinds, "link_ended": _nothing})

    async def link(self) -> None:
        """Alice links her account, again."""
        self.vault.refuses = None
        account = an_account(linked_at=self.now)
        await self.accounts.save(account, jobs=watch_jobs.after_linking(account, self.now))

    async def run_due(self, at_once: int = 1, *, begin: Callable[[Claimed], None] | None = None) -> None:
        """Do what is due, as the worker does it, until nothing is."""
        for _ in range(MOST_ROUNDS):
            claimed = await self.due.claim(at_once)
            if not claimed:
                return
            for job in claimed:
                self.slack.run += 1
                self.due.noted = None
                if begin is not None:
                    begin(job)
                outcome = await self._worker._outcome(job, "ALICE234")
                await self.due.settle([outcome])
        raise AssertionError("due work does not come to an end")

    def vault_is_down(self) -> None:
        """Until somebody says otherwise."""
        self.vault.refuses = VaultSlow(vault=PROMOMATS.name)

    def link_ends(self) -> None:
        """Vault no longer accepts Alice's credential."""
        self.vault.refuses = CredentialRefused(vault=PROMOMATS.name)


async def _nothing(_: Claimed) -> None:
    """What else is due is told elsewhere."""
