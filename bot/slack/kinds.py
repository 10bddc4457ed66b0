"""Names from a fixed set for what is asked of the bot, since a click's own comes from a client and may be anything; and
for what the bot asks of Slack."""

import time

from bot.slack.blocks import my_uploads, watch_modal
from bot.slack.blocks.abort_modal import ABORT
from bot.slack.blocks.settings_modal import SETTINGS

OTHER, PAGED = "other", "open_list"
REQUESTS = frozenset(
    {
        "command", "mention", "home",
        "abort", "details", "link", "live", PAGED, "refresh", "refresh:found", "search", "settings", "share",
        "snooze", "take_back", "unlink", "unwatch", "watch",
        "shortcut:check_upload", "shortcut:my_uploads",
        *(f"view:{form}" for form in (watch_modal.CALLBACK_ID, my_uploads.CALLBACK_ID, SETTINGS, ABORT)),
    }
)  # fmt: skip
EVENTS = frozenset({"app_home_opened", "app_uninstalled", "link_shared", "tokens_revoked", "user_change"})
METHODS = frozenset(
    {
        "apps.connections.open", "auth.test", "chat.deleteScheduledMessage", "chat.postEphemeral", "chat.postMessage",
        "chat.scheduleMessage", "chat.scheduledMessages.list", "chat.unfurl", "chat.update", "conversations.history",
        "conversations.open", "conversations.replies", "oauth.v2.access", "users.info", "views.open", "views.publish",
        "views.push", "views.update",
    }
)  # fmt: skip
"""Of Slack's Web API, what the bot calls."""


def request_kind(kind: str) -> str:
    """Return the name for a call's kind; `other` for one that nobody listens to. The buttons of a list's pages are
    numbered (`open_list:2`), and count as one."""
    if kind in REQUESTS:
        return kind
    return PAGED if kind.startswith(f"{PAGED}:") else OTHER


def event_kind(kind: str) -> str:
    """Return the name for an event's kind, as `request_kind`."""
    return kind if kind in EVENTS else OTHER


def log_fields(
    kind: str, team: str | None, outcome: str, started: float, ids: list[str]
) -> dict[str, object]:
    """What the log's one line for a request says (docs, "The log"); its reference stands there by itself."""
    seconds = round(time.monotonic() - started, 3)
    return {"kind": kind, "team": team or "", "outcome": outcome, "seconds": seconds, "execution_ids": ids}
