"""Slack's secrets in this workspace, and the signature that proves a request is Slack's."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from bot.demo.slack.workspace import APP_ID


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """Fresh random secrets, unless given."""

    bot_token: str = field(default_factory=lambda: f"xoxb-demo-{secrets.token_hex(16)}")
    app_token: str = field(default_factory=lambda: f"xapp-1-{APP_ID}-{secrets.token_hex(16)}")
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    client_id: str = field(
        default_factory=lambda: f"{secrets.randbelow(10**12):012}.{secrets.randbelow(10**12):012}"
    )
    client_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    verification_token: str = field(default_factory=lambda: secrets.token_urlsafe(18))


def signed_headers(secret: str, body: bytes, content_type: str, timestamp: int) -> dict[str, str]:
    """The headers of a request from Slack. Slack: docs "Verifying requests from Slack"."""
    base = b"v0:%d:" % timestamp + body
    signature = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "Accept": "application/json,*/*",
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": str(timestamp),
        "X-Slack-Signature": f"v0={signature}",
    }
