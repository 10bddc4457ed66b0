"""Trigger ids: the right, for three seconds and once, to open a view for the person who acted."""

import itertools
import secrets
import time
from dataclasses import dataclass

from bot.demo.slack.content import ContentError
from bot.demo.slack.delivery import Delivery

LIFETIME = 3.0  # Slack: docs "Modals": a trigger_id expires three seconds after it was sent
MOST_KEPT = 5_000


@dataclass(eq=False, slots=True)
class _Trigger:
    delivery: Delivery
    expires: float
    exchanged: bool = False


class Triggers:
    """All that were handed out.

    The three seconds are real ones, as those of the ack are: the person waits in real time, also when the demo's
    clock runs a hundred times as fast or jumps.
    """

    def __init__(self, lifetime: float = LIFETIME) -> None:
        self._lifetime = lifetime
        self._numbers = itertools.count(10**12)
        self._issued: dict[str, _Trigger] = {}

    def issue(self, delivery: Delivery) -> str:
        """A new one for this act."""
        while len(self._issued) >= MOST_KEPT:
            del self._issued[next(iter(self._issued))]
        trigger_id = f"{next(self._numbers)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._issued[trigger_id] = _Trigger(delivery, time.monotonic() + self._lifetime)
        return trigger_id

    def check(self, trigger_id: str) -> Delivery:
        """The act it came with; ContentError if it is unknown, spent or too old. Slack: reference "views.open"."""
        found = self._issued.get(trigger_id)
        if found is None:
            raise ContentError("invalid_trigger_id", ["[ERROR] Slack never handed out this trigger_id"])
        if found.exchanged:
            raise ContentError("exchanged_trigger_id", ["[ERROR] a trigger_id opens one view only"])
        if time.monotonic() >= found.expires:
            raise ContentError("expired_trigger_id", [f"[ERROR] older than {self._lifetime:g} seconds"])
        return found.delivery

    def exchange(self, trigger_id: str) -> None:
        """It has been used."""
        self._issued[trigger_id].exchanged = True

    def owner_of(self, trigger_id: str) -> str | None:
        """Who acted."""
        found = self._issued.get(trigger_id)
        return found.delivery.user if found else None
