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
    "chat.postEphemeral": Support("partial", "text, blocks, thread_ts; everybody counts as active"),
    "chat.postMessage": Support(
        "partial", "text, blocks, thread_ts; no attachments, markdown_text or metadata"
    ),
    "chat.update": Support("partial", "text and blocks; no attachments, markdown_text or metadata"),
    "conversations.open": Support("partial", "the app's direct message with one person, or by its id"),
    "users.info": Support("supported"),
}

ENVELOPES: dict[str, Support] = {
    "slash_commands": Support("supported"),
    "interactive": Support("partial", "block_actions from messages"),
    "events_api": Support("supported", "any event; it is the caller who says what happened"),
}
