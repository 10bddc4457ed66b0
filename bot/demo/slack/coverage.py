"""What this emulator answers and what it sends. A test holds the first table against the registered methods."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Support:
    """How much of a method or payload is there."""

    level: Literal["supported", "partial"]
    note: str = ""


METHODS: dict[str, Support] = {
    "api.test": Support("supported"),
    "apps.connections.open": Support("supported"),
    "auth.test": Support("supported"),
    "chat.delete": Support("supported"),
    "chat.deleteScheduledMessage": Support("supported"),
    "chat.getPermalink": Support("supported"),
    "chat.postEphemeral": Support("partial", "text, blocks, thread_ts; everybody counts as online"),
    "chat.postMessage": Support(
        "partial", "text, blocks, thread_ts, reply_broadcast, metadata; no attachments or markdown_text"
    ),
    "chat.scheduleMessage": Support(
        "partial",
        "text, blocks, thread_ts; metadata is taken, and such a message then never posts, as in Slack; "
        "no attachments, markdown_text or reply_broadcast",
    ),
    "chat.scheduledMessages.list": Support("partial", "one page of the first 100"),
    "chat.unfurl": Support(
        "partial",
        "blocks, fallback, color and preview, of posted and drafted links; no user_auth_*, no Work Objects",
    ),
    "chat.update": Support("partial", "text and blocks; no attachments, markdown_text or metadata"),
    "conversations.history": Support(
        "partial", "time range, pages, include_all_metadata; no counts of replies, no reduced limits"
    ),
    "conversations.info": Support("supported"),
    "conversations.open": Support("partial", "the app's direct message with one person, or by its id"),
    "conversations.replies": Support("partial", "as conversations.history"),
    "oauth.v2.access": Support(
        "partial",
        "codes and refresh tokens for bot tokens; only where several workspaces are served together",
    ),
    "users.info": Support("supported"),
    "views.open": Support("supported"),
    "views.publish": Support("supported"),
    "views.push": Support("supported"),
    "views.update": Support("supported"),
}

ENVELOPES: dict[str, Support] = {
    "slash_commands": Support("supported"),
    "interactive": Support(
        "partial",
        "block_actions, view_submission, view_closed, shortcut, message_action; no block_suggestion, no response_urls",
    ),
    "events_api": Support(
        "supported",
        "app_mention, app_home_opened, link_shared, app_uninstalled, tokens_revoked and user_change (of a deactivated "
        "person) of itself; any other where the caller says what happened",
    ),
}
