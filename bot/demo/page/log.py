"""Every request between Slack, the bot, the Vaults and the sign-in, written down as they end, told when they began."""

import json
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.demo import idp, slack, vault
from bot.demo.slack.exchanges import TO_BOT
from bot.demo.slack.workspace import Workspace

KEPT = 1000
KINDS = {"slash_commands": "slash command", "interactive": "interaction", "events_api": "event"}
QUIET_CLOSES = frozenset({1000, 1001})
SIGN_IN = "Sign-in"
ASKING_SIGN_IN = {idp.Kind.AUTHORIZE: "Person", idp.Kind.SIGN_IN: "Person", idp.Kind.USERINFO: "Vault"}
"""Who asks the company's sign-in; the rest asks the bot."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the log, and what a click on it shows; secrets were masked by the emulators."""

    at: datetime
    sender: str
    receiver: str
    what: str
    who: str | None = None
    status: int | str = 200
    ok: bool = True
    seconds: float = 0.0
    began: float = 0.0
    """Of this process's own clock: what is written down when it ends is shown by when it began."""
    request_headers: Mapping[str, str] = field(default_factory=dict)
    request_body: Any = None
    response_headers: Mapping[str, str] = field(default_factory=dict)
    response_body: Any = None

    def line(self, number: int) -> dict[str, Any]:
        """As it stands in the list."""
        return {
            "n": number,
            "at": iso(self.at),
            "from": self.sender,
            "to": self.receiver,
            "what": self.what,
            "who": self.who,
            "status": self.status,
            "ok": self.ok,
            "seconds": round(self.seconds, 4),
            "began": round(self.began, 6),
        }

    def whole(self, number: int) -> dict[str, Any]:
        """With headers and bodies."""
        return {
            **self.line(number),
            "request": {"headers": dict(self.request_headers), "body": self.request_body},
            "response": {"headers": dict(self.response_headers), "body": self.response_body},
        }


class RequestLog:
    """The newest exchanges of all emulators, numbered from 1 on."""

    def __init__(self, workspace: Workspace, changed: Callable[[], None], most: int = KEPT) -> None:
        self.last = 0
        self._entries: deque[tuple[int, Entry]] = deque(maxlen=most)
        self._workspace = workspace
        self._changed = changed

    def follow(
        self,
        emulated_slack: slack.SlackEmulator,
        emulated_vault: vault.VaultEmulator,
        sign_in: idp.IdpEmulator,
    ) -> list[Callable[[], None]]:
        """Take over what was written so far, and from now on everything; returns how to stop it."""
        past = [self._of_slack(one) for one in emulated_slack.log]
        past += [of_vault(one) for one in emulated_vault.log]
        past += [of_sign_in(one) for one in sign_in.log]
        for entry in sorted(past, key=lambda one: one.at):
            self.add(entry)
        return [
            emulated_slack.on_exchange(lambda one: self.add(self._of_slack(one))),
            emulated_vault.on_exchange(lambda one: self.add(of_vault(one))),
            sign_in.on_exchange(lambda one: self.add(of_sign_in(one))),
        ]

    def add(self, entry: Entry) -> None:
        """Write down one more."""
        self.last += 1
        self._entries.append((self.last, replace(entry, began=time.monotonic() - entry.seconds)))
        self._changed()

    def after(self, number: int) -> list[dict[str, Any]]:
        """The lines that are newer than this one."""
        return [entry.line(n) for n, entry in self._entries if n > number]

    def whole(self, number: int) -> dict[str, Any] | None:
        """One exchange; None when there is none or it is no longer kept."""
        return next((entry.whole(n) for n, entry in self._entries if n == number), None)

    def _of_slack(self, exchange: slack.Exchange) -> Entry:
        sender, receiver = ("Slack", "Bot") if exchange.direction == TO_BOT else ("Bot", "Slack")
        user = self._workspace.users.get(exchange.who or "")
        return Entry(
            at=exchange.at,
            sender=sender,
            receiver=receiver,
            what=_what_of_slack(exchange.what),
            who=user.name if user else None,
            status=exchange.status,
            ok=_slack_is_content(exchange),
            seconds=exchange.seconds,
            request_headers=exchange.headers,
            request_body=exchange.request,
            response_body=exchange.response,
        )


def of_vault(exchange: vault.Exchange) -> Entry:
    """A call of a Vault as an entry; whoever is not the bot is a person with a tool of their own."""
    sender = "Bot" if exchange.client_id == "vault-upload-bot" else "Person"
    return Entry(
        at=exchange.at,
        sender=sender,
        receiver="Vault",
        what=f"{exchange.method} {exchange.path} · {exchange.endpoint.replace('_', ' ')}",
        who=exchange.user,
        status=exchange.status or "dropped",
        ok=0 < exchange.status < 400 and exchange.response_status in (None, "SUCCESS", "WARNING"),
        seconds=exchange.seconds,
        request_headers=exchange.request_headers,
        request_body=exchange.request_body or None,
        response_headers=exchange.response_headers,
        response_body=_json_or_text(exchange.response_body),
    )


def of_sign_in(exchange: idp.Exchange) -> Entry:
    """A request to the company's sign-in, which keeps no bodies: only what was asked for, and the code of an error."""
    what = f"{exchange.method} {exchange.path} · {exchange.kind.replace('_', ' ')}"
    return Entry(
        at=exchange.at,
        sender=ASKING_SIGN_IN.get(exchange.kind, "Bot"),
        receiver=SIGN_IN,
        what=what,
        who=exchange.who,
        status=exchange.status or "dropped",
        ok=0 < exchange.status < 400 and exchange.error is None,
        seconds=exchange.seconds,
        request_headers={"user-agent": exchange.client_agent},
        request_body={"grant_type": exchange.grant_type} if exchange.grant_type else None,
        response_body={"error": exchange.error} if exchange.error else None,
    )


def iso(moment: datetime) -> str:
    """A moment in UTC as the page reads it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _what_of_slack(what: str) -> str:
    """`POST http://127.0.0.1:1/slack/events slash_commands` without the host, in words."""
    words = re.sub(r"https?://[^/\s]+", "", what).split()
    if len(words) > 1 and words[-1] in KINDS:
        return f"{' '.join(words[:-1])} · {KINDS[words[-1]]}"
    return " ".join(words)


def _slack_is_content(exchange: slack.Exchange) -> bool:
    if isinstance(exchange.status, str):
        return exchange.status == "open"
    if exchange.what == "socket closed":
        return exchange.status in QUIET_CLOSES
    body = exchange.response
    return exchange.status < 400 and not (isinstance(body, dict) and body.get("ok") is False)


def _json_or_text(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body or None
