"""Link tickets on both databases: how long they live, and that no race gives one try or use too many."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.model.accounts import LinkTicket, SlackUser
from bot.model.errors import TicketNotValid, TooManyTries
from bot.store.database import Database
from bot.store.tickets import MAX_TRIES, MOST_TRIES, TICKET_KEPT, TICKET_LIFE, TRIES_COUNT_FOR, Tickets
from tests.databases import ALICE, BOB, NOW

SOON = NOW + timedelta(minutes=1)
LAST_MOMENT = NOW + TICKET_LIFE - timedelta(milliseconds=1)


@pytest.fixture
def tickets(db: Database) -> Tickets:
    return Tickets(db)


async def counted(calls: list[object]) -> int:
    """Return how many did not raise TicketNotValid; anything else they raise goes on."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)  # type: ignore[call-overload]
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, TicketNotValid):
            raise outcome
    return sum(not isinstance(outcome, TicketNotValid) for outcome in outcomes)


async def test_look__returns_the_ticket_and_changes_nothing(tickets: Tickets) -> None:
    secret = (await tickets.issue(ALICE, "promomats.vault.example", NOW)).reveal()
    for _ in range(3):
        ticket = await tickets.look(secret, SOON)
    assert ticket == LinkTicket(
        digest=ticket.digest,
        slack_user=ALICE,
        vault_host="promomats.vault.example",
        expires_at=NOW + TICKET_LIFE,
        tries=0,
        used=False,
    )
    assert ticket.slack_user.team_id == "T1"
    assert secret not in ticket.digest


async def test_issue__secrets_are_long_and_never_the_same(tickets: Tickets) -> None:
    secrets = {(await tickets.issue(ALICE, None, NOW)).reveal() for _ in range(5)}
    assert len(secrets) == 5
    assert all(len(secret) >= 43 for secret in secrets)


async def test_issue__each_person_has_their_own(tickets: Tickets) -> None:
    alices, bobs = await tickets.issue(ALICE, None, NOW), await tickets.issue(BOB, None, NOW)
    assert (await tickets.look(alices.reveal(), SOON)).slack_user == ALICE
    assert (await tickets.look(bobs.reveal(), SOON)).slack_user == BOB


async def test_issue__stores_no_secret(tickets: Tickets, db: Database) -> None:
    secret = (await tickets.issue(ALICE, None, NOW)).reveal()
    async with db.read() as connection:
        rows = (await connection.execute(text("SELECT * FROM link_tickets"))).all()
    assert secret not in repr(rows)


async def test_issue__sweeps_what_expired_long_ago(tickets: Tickets, db: Database) -> None:
    for age in (TICKET_KEPT * 2, TICKET_KEPT / 2):
        await tickets.issue(ALICE, None, NOW - age)
    await tickets.issue(ALICE, None, NOW)
    async with db.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM link_tickets")) == 2


async def test_look__works_until_it_expires(tickets: Tickets) -> None:
    secret = (await tickets.issue(ALICE, None, NOW)).reveal()
    await tickets.look(secret, LAST_MOMENT)
    for call in (tickets.look, tickets.begin_try, tickets.use):
        with pytest.raises(TicketNotValid):
            await call(secret, NOW + TICKET_LIFE)
    await tickets.use(secret, LAST_MOMENT)


@pytest.mark.parametrize(
    "secret",
    ["", "x", "\0", "a\0b", "ünïcödé ✓", "\ud800", "' OR 1=1 --", "%", "x" * 10_000_000],
    ids=["empty", "short", "nul", "nul-inside", "non-ascii", "surrogate", "sql", "pattern", "long"],
)
async def test_any_text__is_merely_no_ticket(tickets: Tickets, secret: str) -> None:
    await tickets.issue(ALICE, None, NOW)
    for call in (tickets.look, tickets.begin_try, tickets.use):
        with pytest.raises(TicketNotValid):
            await call(secret, SOON)
    await tickets.give_back_try(secret)


async def test_look__digest_from_a_stolen_database_is_no_ticket(tickets: Tickets) -> None:
    secret = (await tickets.issue(ALICE, None, NOW)).reveal()
    digest = (await tickets.look(secret, SOON)).digest
    with pytest.raises(TicketNotValid):
        await tickets.look(digest, SOON)


async def test_begin_try__two_and_no_more(tickets: Tickets) -> None:
    secret = (await tickets.issue(ALICE, None, NOW)).reveal()
    assert [(await tickets.begin_try(secret, SOON)).tries for _ in range(MAX_TRIES)] == [1, 2]
    for call in (tickets.begin_try, tickets.look):
        with pytest.raises(TicketNotValid):
            await call(secret, SOON)


async def test_use__succeeds_after_the_last_try(tickets: Tickets) -> None:
    secret = (await tickets.issue(ALICE, None, NOW)).reveal()
    for _ in range(MAX_TRIES):
        await tickets.begin_try(secret, SOON)
    await tickets.use(secret, SOON)
    for call in (tickets.begin_try, tickets.look, tickets.use):
        with pytest.raises(TicketNotValid):
            await call(secret, SOON)


async def test_give_back_try__the_try_did_not_count(tickets: Tickets) -> None:
    secret = (await tickets.issue(ALICE, None, NOW)).reveal()
    for _ in range(5):
        assert (await tickets.begin_try(secret, SOON)).tries == 1
        await tickets.give_back_try(secret)
    await tickets.give_back_try(secret)
    assert (await tickets.look(secret, SOON)).tries == 0


async def test_begin_try__of_twenty_at_once_two_get_through(tickets: Tickets) -> None:
    secret = (await tickets.issue(ALICE, None, NOW)).reveal()
    assert await counted([tickets.begin_try(secret, SOON) for _ in range(20)]) == MAX_TRIES


async def test_use__of_twenty_at_once_one_gets_through(tickets: Tickets) -> None:
    secret = (await tickets.issue(ALICE, None, NOW)).reveal()
    assert await counted([tickets.use(secret, SOON) for _ in range(20)]) == 1


async def test_forget__all_tickets_of_that_person_alone(tickets: Tickets) -> None:
    alices = [(await tickets.issue(ALICE, host, NOW)).reveal() for host in (None, "promomats.vault.example")]
    await tickets.use(alices[0], SOON)
    others = [await tickets.issue(person, None, NOW) for person in (BOB, SlackUser("E2", "U1", "T1"))]
    assert await tickets.forget(SlackUser("E1", "U1", "T9")) == 2
    assert await tickets.forget(ALICE) == 0
    with pytest.raises(TicketNotValid):
        await tickets.look(alices[1], SOON)
    for other in others:
        await tickets.look(other.reveal(), SOON)


async def test_issue__moment_without_zone_is_refused(tickets: Tickets) -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        await tickets.issue(ALICE, None, NOW.replace(tzinfo=None))


async def test_begin_try__rests_after_too_many_refused_ones_over_all_tickets(tickets: Tickets) -> None:
    for _ in range(MOST_TRIES // MAX_TRIES):
        secret = await tickets.issue(ALICE, None, NOW)
        for _ in range(MAX_TRIES):
            await tickets.begin_try(secret.reveal(), NOW)
    secret = await tickets.issue(ALICE, None, NOW)
    with pytest.raises(TooManyTries):
        await tickets.begin_try(secret.reveal(), NOW)
    assert (await tickets.look(secret.reveal(), NOW)).tries == 0
    bobs = await tickets.issue(BOB, None, NOW)
    assert (await tickets.begin_try(bobs.reveal(), NOW)).tries == 1
    later = NOW + TRIES_COUNT_FOR
    again = await tickets.issue(ALICE, None, later)
    assert (await tickets.begin_try(again.reveal(), later)).tries == 1
