"""How much is stored: numbers for the operator, and nobody's name."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import case, func, select

from bot.store.database import Database
from bot.store.tables import accounts, watches

ACTIVE, ENDED = "active", "ended"

_state = case((accounts.c.ended_at.is_(None), ACTIVE), else_=ENDED).label("state")
# Built once: compiling costs more than running.
_LINKS = select(accounts.c.method, _state, func.count().label("number")).group_by(accounts.c.method, _state)
_WATCHES = select(watches.c.target, func.count().label("number")).group_by(watches.c.target)


@dataclass(frozen=True, kw_only=True, slots=True)
class Census:
    """How many links there are by method and state (`active`, or `ended`: Vault no longer accepts it), and how many
    watches by target."""

    links: Mapping[tuple[str, str], int]
    watches: Mapping[str, int]


async def census(db: Database) -> Census:
    """Count links and watches; this reads all of them. StoreUnavailable or StoreUnreadable."""
    async with db.read() as connection:
        links = (await connection.execute(_LINKS)).all()
        watched = (await connection.execute(_WATCHES)).all()
    return Census(
        links={(row.method, row.state): row.number for row in links},
        watches={row.target: row.number for row in watched},
    )
