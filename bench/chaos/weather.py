"""What goes wrong between the bot, Slack and Vault: faults put in the way of the next calls, drawn by a seed."""

import random
from collections import Counter
from collections.abc import Sequence

from bot.demo.slack.faults import ApiError, Dropped, RateLimited, ServerError, Slow
from bot.demo.slack.faults import Fault as SlackFault
from bot.demo.vault import faults as vault
from bot.demo.vault.calls import Kind
from bot.demo.workspace import DemoWorkspace

BAD_SLACK = 0.15
"""How many of the commands have a fault of Slack's before them."""
BAD_VAULT = 0.2

TO_ANSWERS: Sequence[SlackFault] = (
    ServerError(500), ServerError(503), ServerError(502, done=True), RateLimited(1), Slow(0.5), Slow(2.0), Dropped(),
    Dropped(done=True), ApiError("expired_url"),
)  # fmt: skip
TO_POSTS: Sequence[SlackFault] = (
    ServerError(500), ServerError(503, done=True), RateLimited(1), Slow(1.0), Dropped(), Dropped(done=True),
)  # fmt: skip
TO_OTHERS: Sequence[SlackFault] = (ServerError(500), RateLimited(1), Slow(0.5), Dropped())
METHODS: Sequence[tuple[str, Sequence[SlackFault], int]] = (
    ("response_url", TO_ANSWERS, 10),
    ("chat.postMessage", TO_POSTS, 4),
    ("conversations.open", TO_OTHERS, 1),
    ("conversations.history", TO_OTHERS, 1),
    ("views.open", TO_OTHERS, 1),
    ("views.update", TO_OTHERS, 1),
    ("chat.unfurl", TO_OTHERS, 1),
)
"""Whose calls fail, how, and in which proportion."""

READS = (Kind.UPLOAD_DETAILS, Kind.LIST_UPLOADS)
TO_READS: Sequence[tuple[vault.Fault, int]] = (
    (vault.Status(502), 4), (vault.Status(503, as_json=True), 4), (vault.Maintenance(minutes=5), 2),
    (vault.Throttled(), 3), (vault.ApiLimitExceeded(), 3), (vault.Delay(1.0), 6), (vault.Delay(3.5), 2),
    (vault.Delay(25.0), 1), (vault.Dropped(), 6), (vault.Dropped(in_body=True), 6), (vault.TruncatedJson(), 6),
    (vault.HtmlWith200(), 3), (vault.EmptyBody(), 3), (vault.NotJsonObject(), 3), (vault.UnexpectedError(), 4),
    (vault.UnknownErrorType(), 3), (vault.WrongUserId(), 2),
)  # fmt: skip


class Weather:
    """Draws faults, and counts them by name."""

    def __init__(self, demo: DemoWorkspace, seed: int) -> None:
        self._demo = demo
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self.counts: Counter[str] = Counter()

    def before_a_command(self) -> None:
        """Perhaps spoil one of the next calls. Each fault strikes once, whomever it meets."""
        if self._random.random() < BAD_SLACK:
            weights = [weight for _, _, weight in METHODS]
            [(method, faults, _)] = self._random.choices(METHODS, weights)
            self._slack(method, self._random.choice(faults))
        if self._random.random() < BAD_VAULT:
            [(fault, _)] = self._random.choices(TO_READS, [weight for _, weight in TO_READS])
            self._demo.vault.faults.add(fault, endpoint=self._random.choice(READS))
            self.counts[f"Vault: {type(fault).__name__}"] += 1

    def clear(self) -> None:
        """All is well from now on."""
        self._demo.slack.faults.clear()
        self._demo.vault.faults.clear()

    def _slack(self, method: str, fault: SlackFault) -> None:
        # Faults that nobody meets must not pile up before a call that is rare.
        if self._demo.slack.faults.waiting(method) < 2:
            self._demo.slack.faults.add(method, fault)
            done = " after it was done" if getattr(fault, "done", False) else ""
            self.counts[f"Slack: {type(fault).__name__}{done}"] += 1
