"""Aborting step by step: what is written before and after Vault is asked, and what is found out where nobody saw the
end of it. Real processes in tests/acceptance/test_abort.py."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from bot.model import errors
from bot.model.aborts import News, Told
from bot.model.accounts import Access, Asker, Identity, LinkedAccount, SlackUser
from bot.model.audit import Action, AuditEntry, Outcome
from bot.model.due import Again, Claimed, Job
from bot.model.uploads import StagedFile
from bot.store.seal import Keyring, new_key
from bot.usecases.aborting import Aborting
from bot.usecases.settling_aborts import SettlingAborts
from tests.factories import (
    ALICE,
    BOB,
    BOB_IN_VAULT,
    BOTH,
    MINUTE,
    NOW,
    PROMOMATS,
    an_account,
    an_upload,
)
from tests.unit import in_memory
from tests.unit.in_memory import FewAccounts, FewRows, FewUploads, acting, auditing

if TYPE_CHECKING:
    from bot.store.accounts import Accounts
    from bot.store.due_work import DueWork
    from bot.store.watches import Watches
    from bot.vault.client import VaultClient

UPLOAD = an_upload(owner=BOB_IN_VAULT)
ADMIN = an_account(identity=Identity(vault_user_id="10000012", vault_id="48120"))
OWNER = an_account(slack_user=BOB, identity=Identity(vault_user_id=BOB_IN_VAULT, vault_id="48120"))
ASKER = Asker(ALICE, "ALICE234")
KEYRING = Keyring.parse(new_key())
VAULT: dict[str, Any] = {"vault": "promomats"}


@dataclass
class World:
    """All that aborting touches, in memory; `steps` is what happened, in order."""

    linked: tuple[LinkedAccount, ...] = (ADMIN, OWNER)
    now: datetime = NOW
    answers: list[errors.BotError | BaseException] = field(default_factory=list)
    """What DELETE raises, one for each; then it is done."""
    keeps: bool = False
    """Whether the upload stays there although DELETE raised nothing."""
    looks: list[errors.BotError] = field(default_factory=list)
    """What looks after DELETE raise, one for each."""
    steps: list[str] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    due_is_down: bool = False
    rows_down_after: int = 1000

    def __post_init__(self) -> None:
        self.vault, self.rows = _Vault(self), _Rows(self)
        self.accounts = _Accounts(*self.linked)

    @property
    def is_there(self) -> bool:
        return self.vault.shown["promomats"] != []

    def aborting(self, *, allowed: bool = True) -> Aborting:
        ask = acting(accounts=self.accounts)
        statuses = in_memory.statuses(self.vault, rows=FewRows(), accounts=self.accounts)
        return Aborting(
            statuses=statuses,
            acting=ask,
            client=cast("VaultClient", self.vault),
            accounts=cast("Accounts", self.accounts),
            due=cast("DueWork", _Jobs(self)),
            auditing=auditing(self.rows),
            keyring=KEYRING,
            clock=lambda: self.now,
            allowed=allowed,
        )

    def settling(self) -> SettlingAborts:
        async def tell(one: Told) -> None:
            self.told.append(one)

        return SettlingAborts(
            acting=acting(accounts=self.accounts),
            client=cast("VaultClient", self.vault),
            accounts=cast("Accounts", self.accounts),
            watches=cast("Watches", _NoWatches()),
            due=cast("DueWork", _Jobs(self)),
            auditing=auditing(self.rows),
            keyring=KEYRING,
            vaults=BOTH,
            tell=tell,
            clock=lambda: self.now,
        )

    async def abort(self) -> None:
        await self.aborting().abort(ASKER, PROMOMATS.host, UPLOAD.id, typed_name=UPLOAD.name, reason="why")

    async def begun(self) -> Claimed:
        """The job of an abort whose process was killed over it."""
        self.answers = [KeyboardInterrupt()]
        with pytest.raises(KeyboardInterrupt):
            await self.abort()
        (job,) = self.jobs.values()
        self.rows.entries.clear()
        self.now = job.due_at
        return claimed(job)

    async def settle(self, job: Claimed) -> Again | None:
        """Run it, and all that it schedules."""
        del self.jobs[job.key]
        again = await self.settling().settle(job)
        for one in self.jobs.values():
            await self.settling().tell(claimed(one))
        return again

    def outcomes(self) -> list[tuple[Outcome, str]]:
        assert {row.action for row in self.rows.entries} <= {Action.ABORT}
        return [(row.outcome, row.error) for row in self.rows.entries]


class _Vault(FewUploads):
    def __init__(self, world: World) -> None:
        super().__init__(UPLOAD)
        self.world = world
        self.files: list[StagedFile] = []

    async def uploads(self, access: Access) -> list[Any]:
        if self.world.looks and "delete" in self.world.steps:
            raise self.world.looks.pop(0)
        return await super().uploads(access)

    async def abort(self, _: Access, upload_id: str) -> None:
        assert upload_id == UPLOAD.id
        self.world.steps.append("delete")
        if self.world.answers:
            error = self.world.answers.pop(0)
            if not self.world.keeps:
                self.shown = {"promomats": []}
            raise error
        if not self.is_shown():
            raise errors.NotFoundInVault
        self.shown = {"promomats": []}

    def is_shown(self) -> bool:
        return self.shown["promomats"] != []

    async def items(self, _: Access, __: str) -> list[StagedFile]:
        return self.files


class _Rows(FewRows):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    async def write(self, entry: AuditEntry) -> None:
        if len(self.entries) >= self.world.rows_down_after:
            raise errors.StoreUnavailable(reason="locked")
        await super().write(entry)
        self.world.steps.append(f"row {entry.outcome}")


class _Jobs:
    def __init__(self, world: World) -> None:
        self.world = world

    async def schedule(self, jobs: list[Job]) -> None:
        if self.world.due_is_down:
            raise errors.StoreUnavailable(reason="locked")
        for job in jobs:
            self.world.jobs[job.key] = job
            self.world.steps.append(f"job {job.kind} {job.payload.get('done', '')}".strip())

    async def cancel(self, keys: list[str]) -> int:
        self.world.steps.append("called off")
        return sum(self.world.jobs.pop(key, None) is not None for key in keys)


class _Accounts(FewAccounts):
    async def people_as(self, workspace: str, vault_host: str, vault_user_id: str) -> list[SlackUser]:
        return [
            one.slack_user
            for one in self.accounts
            if (one.slack_user.workspace, one.vault_host) == (workspace, vault_host)
            and one.identity.vault_user_id == vault_user_id
        ]


class _NoWatches:
    async def of_upload(self, *_: str) -> list[Any]:
        return []


def claimed(job: Job) -> Claimed:
    """As the worker gets it."""
    return Claimed(key=job.key, kind=job.kind, due_at=job.due_at, payload=job.payload, attempts=1, claim="c")


# Before, while and after


async def test_abort__is_written_down_before_and_after() -> None:
    world = World()
    await world.abort()
    assert world.steps == ["job abort 0", "row begun", "delete", "row done", "job abort 1"]
    begun, done = world.rows.entries
    assert (begun.note, done.note) == ("why", "why")
    assert begun.reference == done.reference == "ALICE234"
    assert (done.slack_user_id, done.vault_user_id) == (ALICE.user_id, "10000012")


async def test_abort__its_job_tells_the_owner_without_looking_again() -> None:
    world = World()
    await world.abort()
    (job,) = world.jobs.values()
    world.vault.asked.clear()
    assert await world.settle(claimed(job)) is None
    assert [(one.news, one.to, one.owners) for one in world.told] == [(News.YOURS, BOB, (BOB.user_id,))]
    assert (world.told[0].abort.reason, world.vault.asked) == ("why", [])


async def test_abort__that_cannot_be_written_down_is_not_done() -> None:
    world = World(rows_down_after=0)
    with pytest.raises(errors.StoreUnavailable):
        await world.abort()
    assert world.steps == ["job abort 0", "called off"]
    assert (world.is_there, world.jobs) == (True, {})


async def test_abort__that_nobody_would_find_out_about_is_not_done() -> None:
    world = World(due_is_down=True)
    with pytest.raises(errors.StoreUnavailable):
        await world.abort()
    assert (world.steps, world.is_there) == ([], True)


async def test_abort__that_is_done_and_cannot_be_written_down_is_found_out_later() -> None:
    world = World(rows_down_after=1)
    with pytest.raises(errors.AbortUnsure):
        await world.abort()
    assert world.steps == ["job abort 0", "row begun", "delete"]
    (job,) = world.jobs.values()
    world.now, world.rows_down_after = job.due_at, 1000
    assert await world.settle(claimed(job)) is None
    assert world.outcomes() == [(Outcome.BEGUN, ""), (Outcome.DONE, "")]
    assert {one.news for one in world.told} == {News.DONE, News.YOURS}


async def test_abort__not_allowed_asks_nobody() -> None:
    world = World()
    with pytest.raises(errors.AbortOff):
        await world.aborting(allowed=False).abort(
            ASKER, PROMOMATS.host, UPLOAD.id, typed_name=UPLOAD.name, reason="why"
        )
    assert (world.steps, world.vault.asked) == ([], [])


async def test_abort__of_ones_own_tells_nobody_else() -> None:
    world = World(linked=(replace(ADMIN, identity=OWNER.identity), OWNER))
    await world.abort()
    (job,) = world.jobs.values()
    await world.settle(claimed(job))
    assert world.told == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.VaultNotReached(**VAULT), errors.VaultNotReached),
        (errors.VaultBusy(**VAULT, minutes=1, seconds=60.0), errors.VaultBusy),
        (errors.VaultConfiguring(**VAULT), errors.VaultConfiguring),
        (errors.VaultRefused(**VAULT, error_type="QUOTA"), errors.VaultRefused),
        (errors.NotFoundInVault(), errors.UploadNotVisible),
        (errors.CredentialRefused(), errors.LinkEnded),
    ],
)
async def test_abort__that_was_surely_not_done_is_called_off(
    error: errors.BotError, expected: type[errors.BotError]
) -> None:
    world = World(answers=[error], keeps=True)
    with pytest.raises(expected):
        await world.abort()
    assert world.steps[:3] == ["job abort 0", "row begun", "delete"]
    assert world.steps[4:] == ["called off"]
    assert world.outcomes()[1][1] == expected.__name__
    assert world.jobs == {}


@pytest.mark.parametrize(
    "error",
    [
        errors.VaultSlow(**VAULT),
        errors.VaultUnavailable(**VAULT),
        errors.VaultMaintenance(**VAULT, minutes=3),
        errors.VaultAnswerStrange(**VAULT, reason="cut off"),
        errors.IdentityMismatch(**VAULT, reason="another user"),
    ],
)
async def test_abort__whose_answer_was_lost_is_looked_at(error: errors.BotError) -> None:
    done = World(answers=[error])
    await done.abort()
    assert done.outcomes() == [(Outcome.BEGUN, ""), (Outcome.DONE, "")]
    kept = World(answers=[error], keeps=True)
    with pytest.raises(errors.NotAborted):
        await kept.abort()
    assert kept.outcomes()[1] == (Outcome.FAILED, "NotAborted")
    unsure = World(answers=[error], looks=[errors.VaultUnavailable(**VAULT)])
    with pytest.raises(errors.AbortUnsure):
        await unsure.abort()
    assert unsure.outcomes()[1] == (Outcome.FAILED, "AbortUnsure")
    assert [len(one.jobs) for one in (done, kept, unsure)] == [1, 0, 1]
    assert {one.steps.count("delete") for one in (done, kept, unsure)} == {1}


async def test_abort__out_of_time_leaves_its_job() -> None:
    world = World(answers=[asyncio.CancelledError()])
    with pytest.raises(asyncio.CancelledError):
        await world.abort()
    assert world.outcomes()[1] == (Outcome.FAILED, "CancelledError")
    assert [job.payload["done"] for job in world.jobs.values()] == [0]


# Afterwards


async def test_settle__done_after_all() -> None:
    world = World()
    job = await world.begun()
    assert await world.settle(job) is None
    assert world.outcomes() == [(Outcome.DONE, "")]
    assert world.rows.entries[0].note == "found out afterwards; why"
    assert [(one.news, one.to) for one in world.told] == [(News.DONE, ALICE), (News.YOURS, BOB)]


async def test_settle__still_there() -> None:
    world = World(keeps=True)
    job = await world.begun()
    assert await world.settle(job) is None
    assert world.outcomes() == [(Outcome.FAILED, "NotAborted")]
    assert [(one.news, one.to) for one in world.told] == [(News.NOT_DONE, ALICE)]


async def test_settle__what_may_have_been_committed_is_waited_for() -> None:
    world = World()
    whole = replace(UPLOAD, uploaded=UPLOAD.size)
    world.vault.shown = {"promomats": [whole]}
    job = await world.begun()
    again = await world.settle(job)
    assert again is not None
    assert (again.payload, world.told, world.rows.entries) == (job.payload, [], [])
    name = UPLOAD.name
    world.vault.files = [StagedFile(path=f"/x/{name}", name=name, size=UPLOAD.size, modified=NOW)]
    world.jobs = {job.key: Job(key=job.key, kind=job.kind, due_at=world.now)}
    assert await world.settle(job) is None
    assert world.outcomes() == [(Outcome.REFUSED, "UploadNotVisible")]
    assert [one.news for one in world.told] == [News.COMMITTED]


async def test_settle__whole_and_never_a_file_was_aborted() -> None:
    world = World()
    world.vault.shown = {"promomats": [replace(UPLOAD, uploaded=UPLOAD.size)]}
    job = await world.begun()
    world.now = NOW + 11 * MINUTE
    assert await world.settle(job) is None
    assert world.outcomes() == [(Outcome.DONE, "")]


async def test_settle__with_the_owners_rights_where_the_admins_link_has_ended() -> None:
    world = World()
    job = await world.begun()
    world.accounts.accounts = (OWNER,)
    assert await world.settle(job) is None
    assert {one.news for one in world.told} == {News.DONE, News.YOURS}


async def test_settle__nobody_may_look_for_a_day() -> None:
    world = World()
    job = await world.begun()
    world.accounts.accounts = ()
    again = await world.settle(job)
    assert again is not None
    assert again.due_at > world.now
    world.now = NOW + timedelta(days=1)
    world.jobs = {job.key: Job(key=job.key, kind=job.kind, due_at=world.now)}
    assert await world.settle(job) is None
    assert world.outcomes() == [(Outcome.FAILED, "AbortUnsure")]
    assert [(one.news, one.to) for one in world.told] == [(News.UNKNOWN, ALICE)]


async def test_settle__vault_down_is_left_to_the_worker_for_a_day() -> None:
    down = errors.VaultUnavailable(**VAULT)
    world = World()
    job = await world.begun()
    world.looks = [down]
    with pytest.raises(errors.VaultUnavailable):
        await world.settle(job)
    assert world.rows.entries == []
    world.now, world.looks = NOW + timedelta(days=2), [down]
    world.jobs = {job.key: Job(key=job.key, kind=job.kind, due_at=world.now)}
    assert await world.settle(job) is None
    assert [one.news for one in world.told] == [News.UNKNOWN]


async def test_settle__what_cannot_be_opened_any_more_is_told_without_its_name() -> None:
    world = World()
    job = await world.begun()
    job = replace(job, payload={**job.payload, "s": "s1.00000000.AAAA"})
    assert await world.settle(job) is None
    assert [one.abort.upload for one in world.told] == [None, None]
    assert [one.abort.upload_id for one in world.told] == [UPLOAD.id] * 2
