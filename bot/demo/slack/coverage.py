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
    "chat.getPermalink": Support("supported"),
    "chat.postEphemeral": Support("partial", "text, blocks, thread_ts; everybody counts as online"),
    "chat.postMessage": Support(
        "partial", "text, blocks, thread_ts, reply_broadcast; no attachments, markdown_text or metadata"
    ),
    "chat.update": Support("partial", "text and blocks; no attachments, markdown_text or metadata"),
    "conversations.info": Support("supported"),
    "conversations.open": Support("partial", "the app's direct message with one person, or by its id"),
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
        "app_mention and app_home_opened of itself; any other where the caller says what happened",
    ),
}
