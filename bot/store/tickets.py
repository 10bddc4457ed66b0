"""Link tickets: short-lived, single-use secrets in the address of the link page. Only their hashes are stored."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from bot.model.accounts import LinkTicket, SlackUser
from bot.model.errors import TicketNotValid, TooManyTries
from bot.model.secret import Secret
from bot.store.database import Database
from bot.store.digests import digest_of, new_secret
from bot.store.tables import link_tickets

TICKET_LIFE = timedelta(minutes=10)
MAX_TRIES = 2
"""Tries that Vault may refuse: an account is locked after five wrong passwords."""
MOST_TRIES, TRIES_COUNT_FOR = 30, timedelta(hours=1)
"""Refused tries of one person over all their tickets: far more than anyone needs, far too few to guess."""
TICKET_KEPT = timedelta(days=1)
"""How long an expired ticket's row stays, for an operator who asks what happened."""

_table = link_tickets.c
_is_it = _table.digest == bindparam("of_digest")
_can_be_used = (_is_it, _table.used_at.is_(None), _table.expires_at > bindparam("now"))

_INSERT = insert(link_tickets)
_SWEEP = delete(link_tickets).where(_table.expires_at < bindparam("long_ago"))
_LOOK = select(link_tickets).where(*_can_be_used, _table.tries < MAX_TRIES)
_BEGIN_TRY = (
    update(link_tickets)
    .where(*_can_be_used, _table.tries < MAX_TRIES)
    .values(tries=_table.tries + 1)
    .returning(*link_tickets.c)
)
_TRIES = select(func.sum(_table.tries)).where(
    _table.workspace == bindparam("of_workspace"),
    _table.slack_user_id == bindparam("of_user"),
    _table.used_at.is_(None),
    _table.created_at > bindparam("since"),
)
_GIVE_BACK = (
    update(link_tickets)
    .where(_is_it, _table.used_at.is_(None), _table.tries > 0)
    .values(tries=_table.tries - 1)
)
_FORGET = delete(link_tickets).where(
    _table.workspace == bindparam("of_workspace"), _table.slack_user_id == bindparam("of_user")
)
_USE = update(link_tickets).where(*_can_be_used).values(used_at=bindparam("now")).returning(*link_tickets.c)


class Tickets:
    """The tickets that are out. Secrets may be any text at all; what is no ticket is TicketNotValid.

    Every method may raise StoreUnavailable or StoreUnreadable.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    async def issue(self, slack_user: SlackUser, vault_host: str | None, now: datetime) -> Secret:
        """Make a ticket for this person, good for TICKET_LIFE from `now`; None leaves the Vault open."""
        secret = new_secret()
        ticket = {
            "digest": digest_of(secret),
            "workspace": slack_user.workspace,
            "team_id": slack_user.team_id,
            "slack_user_id": slack_user.user_id,
            "vault_host": vault_host,
            "created_at": now,
            "expires_at": now + TICKET_LIFE,
            "tries": 0,
            "used_at": None,
        }
        async with self._db.write() as connection:
            await connection.execute(_SWEEP, {"long_ago": now - TICKET_KEPT})
            await connection.execute(_INSERT, ticket)
        return Secret(secret)

    async def look(self, secret: str, now: datetime) -> LinkTicket:
        """Return the ticket and change nothing; TicketNotValid when unknown, used, expired or out of tries."""
        async with self._db.read() as connection:
            row = (await connection.execute(_LOOK, _at(secret, now))).one_or_none()
        return _ticket(row)

    async def begin_try(self, secret: str, now: datetime) -> LinkTicket:
        """Count one try and return the ticket with it counted; TicketNotValid as in `look`.

        However many ask at once, no more than MAX_TRIES get through. TooManyTries where the person's other tickets of
        the last hour were refused too often: a ticket costs nothing, and wrong passwords lock an account.
        """
        async with self._db.write() as connection:
            row = (await connection.execute(_BEGIN_TRY, _at(secret, now))).one_or_none()
            ticket = _ticket(row)
            person = {"of_workspace": ticket.slack_user.workspace, "of_user": ticket.slack_user.user_id}
            tries = await connection.scalar(_TRIES, {**person, "since": now - TRIES_COUNT_FOR})
            if (tries or 0) > MOST_TRIES:
                raise TooManyTries
        return ticket

    async def give_back_try(self, secret: str) -> None:
        """Take the last try off the count, since Vault never judged it. Does nothing to a ticket that was used."""
        async with self._db.write() as connection:
            await connection.execute(_GIVE_BACK, {"of_digest": digest_of(secret)})

    async def use(self, secret: str, now: datetime) -> None:
        """Mark the ticket as used; TicketNotValid when somebody was faster or it expired meanwhile."""
        await self._change(_USE, secret, now)

    async def forget(self, slack_user: SlackUser) -> int:
        """Delete all tickets of this person, used and unused, and return how many there were."""
        person = {"of_workspace": slack_user.workspace, "of_user": slack_user.user_id}
        async with self._db.write() as connection:
            return (await connection.execute(_FORGET, person)).rowcount

    async def _change(self, statement: ReturningUpdate[Any], secret: str, now: datetime) -> LinkTicket:
        async with self._db.write() as connection:
            row = (await connection.execute(statement, _at(secret, now))).one_or_none()
        return _ticket(row)


def _at(secret: str, now: datetime) -> dict[str, object]:
    return {"of_digest": digest_of(secret), "now": now}


def _ticket(row: Row[Any] | None) -> LinkTicket:
    if row is None:
        raise TicketNotValid
    return LinkTicket(
        digest=row.digest,
        slack_user=SlackUser(row.workspace, row.slack_user_id, row.team_id),
        vault_host=row.vault_host,
        expires_at=row.expires_at,
        tries=row.tries,
        used=row.used_at is not None,
    )
