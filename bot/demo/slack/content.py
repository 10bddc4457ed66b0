"""What a message may say: text, blocks and metadata out of a request body, refused where Slack refuses them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.demo.slack import block_kit
from bot.demo.slack.messages import Block

MOST_TEXT = 40_000  # Slack: reference "chat.postMessage": longer texts are truncated
MOST_UPDATED_TEXT = 4_000  # Slack: reference "chat.update": longer texts are refused


class ContentError(Exception):
    """Slack's error code, and the reasons it gives in response_metadata."""

    def __init__(self, error: str, reasons: list[str] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.reasons = reasons or []

    def as_json(self) -> dict[str, Any]:
        """The body of the refusal."""
        body: dict[str, Any] = {"ok": False, "error": self.error}
        if self.reasons:
            body |= {"errors": self.reasons, "response_metadata": {"messages": self.reasons}}
        return body


@dataclass(frozen=True, slots=True)
class Content:
    """Text and blocks; None where the request left them out."""

    text: str | None
    blocks: list[Block] | None

    def require_some(self) -> None:
        """Refuse a message that says nothing."""
        if not (self.text and self.text.strip()) and not self.blocks:
            raise ContentError("no_text")


def read_metadata(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What an app puts beside a message, or None. Slack: docs "Message metadata": a type and a payload of its own."""
    metadata = body.get("metadata")
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata) if metadata else None
        except ValueError:
            raise ContentError("invalid_metadata_format") from None
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise ContentError("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not metadata["event_type"]:
        raise ContentError("invalid_metadata_format")
    return metadata


def read_content(body: Mapping[str, Any], most_text: int = MOST_TEXT) -> Content:
    """Text and blocks of a request; blocks may be JSON in a string, as form posts have them."""
    text = body.get("text")
    if text is not None and not isinstance(text, str):
        text = str(text)
    if text is not None and len(text) > most_text:
        raise ContentError("msg_too_long")
    blocks = body.get("blocks")
    if isinstance(blocks, str):
        try:
            blocks = json.loads(blocks) if blocks else None
        except ValueError:
            raise ContentError("invalid_blocks_format") from None
    if blocks is None:
        return Content(text, None)
    if not isinstance(blocks, list):
        raise ContentError("invalid_blocks_format")
    reasons = block_kit.faults_in(blocks)
    if reasons:
        raise ContentError("invalid_blocks", reasons)
    return Content(text, blocks)
