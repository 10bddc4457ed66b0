"""The app's installations in Slack: one for each workspace, or one for a whole Enterprise organisation."""

from dataclasses import dataclass
from datetime import datetime

from bot.model.secret import Secret


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """One installation with its bot token. `workspace` is the Enterprise's id for an org-wide install, else the
    team's (Slack: `is_enterprise_install`, `team` is null then)."""

    workspace: str
    enterprise_id: str | None
    team_id: str | None
    name: str
    bot_token: Secret
    bot_id: str
    bot_user_id: str
    scopes: str
    installed_by: str
    installed_at: datetime
    refresh_token: Secret | None = None
    expires_at: datetime | None = None
    version: int = 0
