"""The tables, for both databases. Imported by nothing outside this package."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Column, Dialect, Index, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator

from bot.model.clock import aware

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Moment(TypeDecorator[datetime]):
    """A moment as milliseconds since 1970 UTC, alike in both databases; finer digits are cut off.

    Takes and gives aware datetimes; ValueError for one without a zone.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Turn a datetime into what is stored."""
        return None if value is None else (aware(value) - _EPOCH) // _MILLISECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn what is stored into a datetime in UTC."""
        return None if value is None else _EPOCH + value * _MILLISECOND


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

accounts = Table(
    "accounts",
    metadata,
    Column("workspace", Text, primary_key=True),
    Column("slack_user_id", Text, primary_key=True),
    Column("vault_host", Text, primary_key=True),
    Column("team_id", Text, nullable=False),
    Column("vault_id", Text, nullable=False),
    Column("vault_user_id", Text, nullable=False),
    Column("vault_user_name", Text, nullable=False),
    Column("vault_full_name", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("credential", Text, nullable=False),
    Column("linked_at", Moment, nullable=False),
    Column("valid_until", Moment),
)

link_tickets = Table(
    "link_tickets",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("workspace", Text, nullable=False),
    Column("team_id", Text, nullable=False),
    Column("slack_user_id", Text, nullable=False),
    Column("vault_host", Text),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("used_at", Moment),
    Index(None, "expires_at"),
)

SEALED_COLUMNS = (accounts.c.credential,)
"""Every column that holds sealed values: what `schema.check_keys` looks through."""
