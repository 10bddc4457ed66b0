"""Watches, what people prefer, and samples of progress."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

WHAT = ("workspace", "slack_user_id", "vault_host", "target", "upload_id", "channel_id", "thread_ts")


def upgrade() -> None:
    """Add the three tables."""
    op.create_table(
        "watches",
        sa.Column("id", sa.Text, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("workspace", "team_id", *WHAT[1:])),
        sa.Column("lead_times", sa.Text, nullable=False),
        sa.Column("topics", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger),
        sa.Column("snapshot", sa.Text),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("snoozed_until", sa.BigInteger),
        sa.Column("announced_ts", sa.Text, nullable=False),
        sa.Column("failsafe", sa.Text),
        sa.Column("parent", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_watches"),
    )
    op.create_index("uq_watches_what", "watches", list(WHAT), unique=True)
    op.create_table(
        "preferences",
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("slack_user_id", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("time_zone_read_at", sa.BigInteger),
        sa.Column("quiet_from", sa.Integer),
        sa.Column("quiet_to", sa.Integer),
        sa.Column("lead_times", sa.Text),
        sa.PrimaryKeyConstraint("workspace", "slack_user_id", name="pk_preferences"),
    )
    op.create_table(
        "samples",
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("slack_user_id", sa.Text, nullable=False),
        sa.Column("vault_host", sa.Text, nullable=False),
        sa.Column("upload_id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("uploaded", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint(
            "workspace", "slack_user_id", "vault_host", "upload_id", "at", name="pk_samples"
        ),
    )
