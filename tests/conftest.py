"""Fixtures for all tests, and the rule that CI skips nothing."""

import os
from collections.abc import Iterator

import pytest
import structlog

from tests.databases import *  # noqa: F403

_skipped: list[str] = []


@pytest.fixture(autouse=True)
def _fresh_logging() -> Iterator[None]:
    """A test that sets up logging in this process has its stderr for as long as it runs, and no longer."""
    yield
    structlog.reset_defaults()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what was skipped, with its reason."""
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skipped.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """CI has installed all that tests can need, so a test skipped there has lost its ground."""
    if os.environ.get("CI") and _skipped and exitstatus == pytest.ExitCode.OK:
        print("\nCI may skip nothing:", *_skipped, sep="\n  ")  # noqa: T201 - the reason of the failure
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
