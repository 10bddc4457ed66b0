"""Letting go of audit rows that the operator no longer wants to keep."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from bot.model.clock import Clock
from bot.model.due import Again, Claimed, Job
from bot.store.audit import AuditLog

EVERY = timedelta(days=1)
KIND = "prune_audit"


class Pruning:
    """The due work of kind `prune_audit`; `keep` is None where all rows are kept."""

    def __init__(self, *, log: AuditLog, clock: Clock, keep: timedelta | None) -> None:
        self._log = log
        self._clock = clock
        self._keep = keep

    def jobs(self) -> list[Job]:
        """Return what to schedule at start: the setting may have changed since."""
        return [Job(key="prune-audit", kind=KIND, due_at=self._clock())] if self._keep else []

    def kinds(self) -> Mapping[str, Callable[[Claimed], Awaitable[Again | None]]]:
        """Return what is done with the job."""
        return {KIND: self._prune}

    async def _prune(self, _: Claimed) -> Again | None:
        if self._keep is None:
            return None
        now = self._clock()
        await self._log.prune(now - self._keep, now)
        return Again(due_at=now + EVERY)
