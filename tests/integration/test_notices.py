"""The jobs of a linked account: when they are due, and what is done then."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from bot.model.accounts import LinkedAccount, LinkMethod
from bot.model.due import Again, Claimed, Job
from bot.model.errors import SlackUnavailable
from bot.usecases.notices import CHECK_PERSON, LINK_ENDED, MOST_LOOKS, TOKEN_ENDS, Notices
from tests.factories import an_account
from tests.integration.linking_world import LinkingWorld, linking_world, slack_user

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALICE = slack_user("alice")
DAY = timedelta(days=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LinkingWorld]:
    """One world for the module."""
    async with linking_world(tmp_path_factory.mktemp("world")) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def world(shared: LinkingWorld) -> LinkingWorld:
    return await shared.fresh()


def token(world: LinkingWorld, ends_in: timedelta | None) -> LinkedAccount:
    """Alice's link by token."""
    now = world.clock.now()
    return an_account(
        slack_user=ALICE, vault_host=world.vaults.default.host, linked_at=now,
        valid_until=None if ends_in is None else now + ends_in,
    )  # fmt: skip


def due(jobs: list[Job], world: LinkingWorld) -> dict[str, timedelta]:
    """When the token's jobs are due, from now."""
    return {
        job.key.rpartition(":")[2]: job.due_at - world.clock.now() for job in jobs if job.kind == TOKEN_ENDS
    }


async def stored(world: LinkingWorld, account: LinkedAccount) -> dict[str, Claimed]:
    """Store the account; return its jobs as a worker would have claimed them, by the end of their keys."""
    jobs = world.notices.jobs_for(account, world.clock.now())
    await world.accounts.save(account, jobs=jobs)
    return {job.key.rpartition(":")[2]: claimed(job) for job in jobs}


def claimed(job: Job) -> Claimed:
    """As the worker holds it."""
    return Claimed(
        key=job.key, kind=job.kind, due_at=job.due_at, payload=job.payload, attempts=1, claim="claim"
    )


async def done(world: LinkingWorld, job: Claimed) -> Again | None:
    """Do it."""
    return await world.notices.kinds()[job.kind](job)


# When


@pytest.mark.parametrize(
    ("ends_in", "expected"),
    [
        (timedelta(days=90), {"7d": timedelta(days=83), "1d": timedelta(days=89)}),
        (timedelta(days=7, seconds=1), {"7d": timedelta(seconds=1), "1d": timedelta(days=6, seconds=1)}),
        (timedelta(days=7), {"1d": timedelta(days=6)}),
        (timedelta(days=3), {"1d": timedelta(days=2)}),
        (timedelta(hours=5), {"1d": timedelta(0)}),
        (timedelta(0), {"1d": timedelta(0)}),
        (None, {}),
    ],
)
async def test_jobs__of_a_token(
    world: LinkingWorld, ends_in: timedelta | None, expected: dict[str, timedelta]
) -> None:
    jobs = world.notices.jobs_for(token(world, ends_in), world.clock.now())
    assert due(jobs, world) == expected


@pytest.mark.parametrize("method", [LinkMethod.PASSWORD, LinkMethod.OIDC])
async def test_jobs__a_vault_session_is_not_told_of(world: LinkingWorld, method: LinkMethod) -> None:
    """It ends every two days; nobody wants to hear of that."""
    account = replace(token(world, timedelta(hours=48)), method=method)
    assert [job.kind for job in world.notices.jobs_for(account, world.clock.now())] == [CHECK_PERSON]


async def test_jobs__everybody_is_looked_for_a_day_later_and_not_all_at_once(world: LinkingWorld) -> None:
    now, account = world.clock.now(), token(world, None)
    waits = {world.notices.jobs_for(account, now)[0].due_at - now for _ in range(50)}
    assert all(DAY <= wait < DAY + timedelta(hours=1) for wait in waits)
    assert len(waits) > 10


async def test_jobs__keys_belong_to_the_account(world: LinkingWorld) -> None:
    jobs = world.notices.jobs_for(token(world, timedelta(days=90)), world.clock.now())
    prefix = f"account:{ALICE.workspace}:{ALICE.user_id}:{world.vaults.default.host}:"
    assert [job.key.removeprefix(prefix) for job in jobs] == [
        "check-person", "token-ends:7d", "token-ends:1d",
    ]  # fmt: skip


async def test_kinds__are_all_there(world: LinkingWorld) -> None:
    assert set(world.notices.kinds()) == {TOKEN_ENDS, LINK_ENDED, CHECK_PERSON}


# A token ends


async def test_token_ends__is_told_twice(world: LinkingWorld) -> None:
    jobs = await stored(world, token(world, timedelta(days=90)))
    for key, wait in (("7d", timedelta(days=83)), ("1d", timedelta(days=6))):
        world.clock.advance(wait)
        assert await done(world, jobs[key]) is None
    assert world.told == [(ALICE.user_id, TOKEN_ENDS)] * 2


async def test_token_ends__after_a_downtime_the_last_word_speaks_for_both(world: LinkingWorld) -> None:
    jobs = await stored(world, token(world, timedelta(days=10)))
    world.clock.advance(timedelta(days=9, hours=3))
    assert [await done(world, jobs[key]) for key in ("7d", "1d")] == [None, None]
    assert world.told == [(ALICE.user_id, TOKEN_ENDS)]


async def test_token_ends__late_is_told_all_the_same(world: LinkingWorld) -> None:
    jobs = await stored(world, token(world, timedelta(days=2)))
    world.clock.advance(timedelta(days=3))
    await done(world, jobs["1d"])
    assert world.told == [(ALICE.user_id, TOKEN_ENDS)]


@pytest.mark.parametrize("what", ["unlinked", "ended", "linked by password", "a longer token", "unknown end"])
async def test_token_ends__of_another_link_is_not_told(world: LinkingWorld, what: str) -> None:
    account = token(world, timedelta(days=7, hours=1))
    jobs = await stored(world, account)
    world.clock.advance(timedelta(hours=1))
    now = world.clock.now()
    if what == "unlinked":
        await world.accounts.remove(ALICE, account.vault_host)
    elif what == "ended":
        current = await world.account()
        assert current is not None
        await world.accounts.mark_ended(current, now)
    elif what == "linked by password":
        await world.accounts.save(replace(account, method=LinkMethod.PASSWORD))
    elif what == "a longer token":
        await world.accounts.save(replace(account, valid_until=now + timedelta(days=80)))
    else:
        await world.accounts.save(replace(account, valid_until=None))
    assert await done(world, jobs["7d"]) is None
    assert world.told == []


# A link has ended


async def ended_job(world: LinkingWorld) -> Claimed:
    """Alice's link has ended; the job that says so."""
    await world.accounts.save(token(world, None))
    account = await world.account()
    assert account is not None
    await world.accounts.mark_ended(account, world.clock.now())
    payload = {
        "workspace": ALICE.workspace, "user": ALICE.user_id, "team": ALICE.team_id,
        "vault": account.vault_host,
    }  # fmt: skip
    return claimed(Job(key="k", kind=LINK_ENDED, due_at=world.clock.now(), payload=payload))


async def test_link_ended__is_told(world: LinkingWorld) -> None:
    assert await done(world, await ended_job(world)) is None
    assert world.told == [(ALICE.user_id, LINK_ENDED)]


async def test_link_ended__that_works_again_is_not_told(world: LinkingWorld) -> None:
    job = await ended_job(world)
    account = await world.account()
    assert account is not None
    await world.accounts.note_use(account, world.clock.now())
    assert await done(world, job) is None
    assert world.told == []


async def test_link_ended__of_somebody_gone_is_not_told(world: LinkingWorld) -> None:
    job = await ended_job(world)
    await world.accounts.remove(ALICE, world.vaults.default.host)
    assert await done(world, job) is None
    assert world.told == []


# Whether people are still there


async def test_check_person__comes_back_each_day(world: LinkingWorld) -> None:
    jobs = await stored(world, token(world, None))
    world.clock.advance(DAY)
    again = await done(world, jobs["check-person"])
    assert again is not None
    assert abs(again.due_at - world.clock.now() - DAY) < timedelta(seconds=1)
    assert await world.account() is not None


async def test_check_person__who_has_left_is_forgotten(world: LinkingWorld) -> None:
    jobs = await stored(world, token(world, timedelta(days=90)))
    world.left.add(ALICE.user_id)
    assert await done(world, jobs["check-person"]) is None
    assert await world.account() is None
    world.clock.advance(timedelta(days=90))
    assert [job.key for job in await world.due_work.claim(10)] == []
    (row,) = await world.rows()
    assert (row.slack_user_id, row.note) == (ALICE.user_id, "left Slack")


async def test_check_person__slack_that_does_not_tell_is_asked_again_and_then_the_next_day(
    world: LinkingWorld,
) -> None:
    async def no_answer(_: object) -> bool:
        raise SlackUnavailable

    async def nothing(*_: object) -> None:
        return None

    check = Notices(
        accounts=world.accounts, clock=world.clock.now, tell=nothing, forget=nothing, is_gone=no_answer
    ).kinds()[CHECK_PERSON]
    job = (await stored(world, token(world, None)))["check-person"]
    for attempt in range(1, MOST_LOOKS):
        with pytest.raises(SlackUnavailable):
            await check(replace(job, attempts=attempt))
    again = await check(replace(job, attempts=MOST_LOOKS))
    assert again is not None
    assert again.due_at - world.clock.now() == DAY
    assert await world.account() is not None
