"""A small run of `make chaos`: two replicas on PostgreSQL, everything breaks, and every promise is kept."""

from datetime import timedelta

import pytest

from bench.chaos.report import faults_of, text_of
from bench.chaos.run import Plan, run
from tests.postgres import find_binaries, started

SMALL = Plan(
    commands=300, people=16, reminders=20, seed=5, socket_mode=False, apart=timedelta(milliseconds=200)
)


async def test_chaos__every_promise_is_kept() -> None:
    """One answer each, an ack in time, every reminder, no exception without a reference, the audit log whole."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (no initdb and postgres found)")
    with started(binaries) as server:
        outcome = await run(SMALL, server)
    assert not faults_of(outcome), text_of(outcome)
    assert len(outcome.errands) >= SMALL.commands
    assert outcome.mishaps["PostgreSQL restarted"] == 3
    assert outcome.mishaps["replica killed and replaced"] == 2
    assert sum(outcome.faults.values()) > 20
