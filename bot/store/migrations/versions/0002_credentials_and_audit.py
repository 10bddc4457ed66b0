"""The credential's life, leases, Slack installations, due work, and the audit log.

Every new column of `accounts` may be left out, so the release before this one still works on these tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

AUDIT_TEXTS = (
    "action", "outcome", "reference", "workspace", "team_id", "slack_user_id", "vault_host", "vault_user_id",
    "upload_id", "error", "error_type", "execution_id", "note", "file_name", "path", "hash",
)  # fmt: skip


def upgrade() -> None:
    """Add columns and tables."""
    op.add_column("accounts", sa.Column("refresh_token", sa.Text))
    for name in ("session_started", "last_used", "ended_at", "preferred_at"):
        op.add_column("accounts", sa.Column(name, sa.BigInteger))
    op.add_column("accounts", sa.Column("version", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "installations",
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("enterprise_id", sa.Text),
        sa.Column("team_id", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("bot_token", sa.Text, nullable=False),
        sa.Column("refresh_token", sa.Text),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("bot_id", sa.Text, nullable=False),
        sa.Column("bot_user_id", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("installed_by", sa.Text, nullable=False),
        sa.Column("installed_at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("workspace", name="pk_installations"),
    )
    op.create_table(
        "install_states",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_install_states"),
    )
    op.create_index("ix_install_states_expires_at", "install_states", ["expires_at"])
    op.create_table(
        "vault_versions",
        sa.Column("vault_host", sa.Text, nullable=False),
        sa.Column("versions", sa.Text, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("vault_host", name="pk_vault_versions"),
    )
    op.create_table(
        "due_work",
        sa.Column("key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("wanted_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("claim", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.PrimaryKeyConstraint("key", name="pk_due_work"),
    )
    op.create_index("ix_due_work_due_at", "due_work", ["due_at"])
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in AUDIT_TEXTS),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_table(
        "audit_ends",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("first_hash", sa.Text, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("last_hash", sa.Text, nullable=False),
        sa.Column("mac", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_ends"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Rows come and go all the time: autovacuum should look after a fiftieth of them, not a fifth.
        op.execute("ALTER TABLE due_work SET (autovacuum_vacuum_scale_factor = 0.02)")
