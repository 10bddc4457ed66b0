"""The tables, for both databases. Imported by nothing outside this package."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Dialect, Index, Integer, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator

from bot.model.clock import from_milliseconds, milliseconds_of


class Moment(TypeDecorator[datetime]):
    """A moment as milliseconds since 1970 UTC, alike in both databases; finer digits are cut off.

    Takes and gives aware datetimes; ValueError for one without a zone.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Turn a datetime into what is stored."""
        return None if value is None else milliseconds_of(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn what is stored into a datetime in UTC."""
        return None if value is None else from_milliseconds(value)


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
    Column("refresh_token", Text),
    Column("session_started", Moment),
    Column("last_used", Moment),
    Column("ended_at", Moment),
    Column("preferred_at", Moment),
    Column("version", Integer, nullable=False, server_default="0"),
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

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", BigInteger, nullable=False),
)
"""Who may do something that only one process at a time should do; `until` is the database's own clock in ms."""

installations = Table(
    "installations",
    metadata,
    Column("workspace", Text, primary_key=True),
    Column("enterprise_id", Text),
    Column("team_id", Text),
    Column("name", Text, nullable=False),
    Column("bot_token", Text, nullable=False),
    Column("refresh_token", Text),
    Column("expires_at", Moment),
    Column("bot_id", Text, nullable=False),
    Column("bot_user_id", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("installed_by", Text, nullable=False),
    Column("installed_at", Moment, nullable=False),
    Column("version", Integer, nullable=False),
)

install_states = Table(
    "install_states",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("expires_at", Moment, nullable=False),
    Index(None, "expires_at"),
)

once = Table(
    "once",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("until", Moment, nullable=False),
    Index(None, "until"),
)
"""What was done and is not to be done again until then: hashes of Slack's event ids, and of clicks."""

vault_versions = Table(
    "vault_versions",
    metadata,
    Column("vault_host", Text, primary_key=True),
    Column("versions", Text, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

# Compared byte by byte, also on PostgreSQL: so a prefix can be looked up in the index, and rows are locked in the
# order in which Python sorts their keys.
_Key = Text().with_variant(Text(collation="C"), "postgresql")

due_work = Table(
    "due_work",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("wanted_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("claim", Text),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Index(None, "due_at"),
)
"""Work for a moment. `wanted_at` is what was promised; `due_at` is when the next worker may take the row, pushed
forward while one has it or while it is being postponed."""

audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("action", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("team_id", Text, nullable=False),
    Column("slack_user_id", Text, nullable=False),
    Column("vault_host", Text, nullable=False),
    Column("vault_user_id", Text, nullable=False),
    Column("upload_id", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("error_type", Text, nullable=False),
    Column("execution_id", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index(None, "at"),
)

audit_ends = Table(
    "audit_ends",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("first_hash", Text, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("last_hash", Text, nullable=False),
    Column("mac", Text, nullable=False),
)
"""One row: the hash before the oldest row that is kept, and the newest row's; sealed by `mac`."""

watches = Table(
    "watches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("workspace", Text, nullable=False),
    Column("team_id", Text, nullable=False),
    Column("slack_user_id", Text, nullable=False),
    Column("vault_host", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("upload_id", Text, nullable=False),
    Column("channel_id", Text, nullable=False),
    Column("thread_ts", Text, nullable=False),
    Column("lead_times", Text, nullable=False),
    Column("topics", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires", Moment),
    Column("snapshot", Text),
    Column("told", Text, nullable=False),
    Column("snoozed_until", Moment),
    Column("announced_ts", Text, nullable=False),
    Column("failsafe", Text),
    Column("parent", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Index(
        "uq_watches_what",
        "workspace", "slack_user_id", "vault_host", "target", "upload_id", "channel_id", "thread_ts",
        unique=True,
    ),
)  # fmt: skip
"""`snapshot` is sealed: it holds a file's name and path. `lead_times` are seconds, `topics` words, separated by commas;
`told` and `failsafe` are JSON."""

preferences = Table(
    "preferences",
    metadata,
    Column("workspace", Text, primary_key=True),
    Column("slack_user_id", Text, primary_key=True),
    Column("time_zone", Text, nullable=False),
    Column("time_zone_read_at", Moment),
    Column("quiet_from", Integer),
    Column("quiet_to", Integer),
    Column("lead_times", Text),
)

samples = Table(
    "samples",
    metadata,
    Column("workspace", Text, primary_key=True),
    Column("slack_user_id", Text, primary_key=True),
    Column("vault_host", Text, primary_key=True),
    Column("upload_id", Text, primary_key=True),
    Column("at", Moment, primary_key=True),
    Column("uploaded", BigInteger, nullable=False),
)
"""Bytes over time as one person's looks found them; never read for anybody else."""

homes = Table(
    "homes",
    metadata,
    Column("workspace", Text, primary_key=True),
    Column("slack_user_id", Text, primary_key=True),
    Column("team_id", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("drawn", Text, nullable=False),
)
"""Who has opened the app's home when, and a hash of what it shows them: it is drawn anew only after a change."""

SEALED_COLUMNS = (
    accounts.c.credential,
    accounts.c.refresh_token,
    installations.c.bot_token,
    installations.c.refresh_token,
    watches.c.snapshot,
)
"""Every column that holds sealed values: what `schema.check_keys` looks through."""
