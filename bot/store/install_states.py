"""States of the install flow: single-use secrets that tie Slack's redirect to a start of ours. Only hashes stay."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, insert

from bot.store.database import Database
from bot.store.digests import digest_of, new_secret
from bot.store.tables import install_states

STATE_LIFE = timedelta(minutes=10)

_table = install_states.c
_INSERT = insert(install_states)
_SWEEP = delete(install_states).where(_table.expires_at <= bindparam("now"))
_CONSUME = (
    delete(install_states)
    .where(_table.digest == bindparam("of_digest"), _table.expires_at > bindparam("now"))
    .returning(_table.digest)
)


class InstallStates:
    """The states that are out. Every method may raise StoreUnavailable or StoreUnreadable."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def issue(self, now: datetime) -> str:
        """Make a state, good once within STATE_LIFE from `now`, in any process."""
        state = new_secret()
        async with self._db.write() as connection:
            await connection.execute(_SWEEP, {"now": now})
            await connection.execute(_INSERT, {"digest": digest_of(state), "expires_at": now + STATE_LIFE})
        return state

    async def consume(self, state: str, now: datetime) -> bool:
        """Use a state up; False for any text that is none, or one that was used or has expired."""
        async with self._db.write() as connection:
            values = {"of_digest": digest_of(state), "now": now}
            return (await connection.execute(_CONSUME, values)).one_or_none() is not None
