"""Linked accounts and link tickets. Times are milliseconds since 1970 UTC."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "accounts",
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("slack_user_id", sa.Text, nullable=False),
        sa.Column("vault_host", sa.Text, nullable=False),
        sa.Column("team_id", sa.Text, nullable=False),
        sa.Column("vault_id", sa.Text, nullable=False),
        sa.Column("vault_user_id", sa.Text, nullable=False),
        sa.Column("vault_user_name", sa.Text, nullable=False),
        sa.Column("vault_full_name", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("credential", sa.Text, nullable=False),
        sa.Column("linked_at", sa.BigInteger, nullable=False),
        sa.Column("valid_until", sa.BigInteger),
        sa.PrimaryKeyConstraint("workspace", "slack_user_id", "vault_host", name="pk_accounts"),
    )
    op.create_table(
        "link_tickets",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("team_id", sa.Text, nullable=False),
        sa.Column("slack_user_id", sa.Text, nullable=False),
        sa.Column("vault_host", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("used_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("digest", name="pk_link_tickets"),
    )
    op.create_index("ix_link_tickets_expires_at", "link_tickets", ["expires_at"])
