"""Fixtures for all tests, and the rule that CI skips nothing."""

import functools
import os
import ssl
from collections.abc import Iterator

import pytest
import structlog

from bot.demo import bot_process, transcript, workspace
from bot.demo.serving import reserved_port
from bot.demo.slack.machine import SlackMachine
from tests.databases import *  # noqa: F403

_skipped: list[str] = []

LONGEST_FILES = (
    "test_chaos",
    "test_reminders_replicas", "test_demo_process", "test_operator_cli", "test_process", "test_credential_life",
    "test_audit", "test_reminders_machine", "test_accessible", "test_reminders_links", "test_mentions",
    "test_reminders_downtime", "test_worker_processes", "test_reminders_people", "test_oidc", "test_surfaces",
    "test_right_people", "test_reminders_nights", "test_hardening", "test_abort", "test_home", "test_bad_clicks",
    "test_faults", "test_sharing", "test_attacks_link_page", "test_reminders_races", "test_time_and_faults",
    "test_live_cards_troubles", "test_live_cards", "test_details", "test_demo_page_tour", "test_reminders_lives",
)  # fmt: skip
"""They take half a minute and more, so they begin first: of what begins last, all others wait for the end."""


@pytest.fixture(autouse=True, scope="session")
def _patience() -> Iterator[None]:
    """A machine that is slow, or stands still for some seconds, is not the bot's fault: what the emulators wait for
    may take long. Tests of too late an ack, or of one within Slack's three seconds, say so themselves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bot_process, "START_SECONDS", 120.0)
        patch.setattr(bot_process, "STOP_SECONDS", 90.0)
        for module in (workspace, transcript):
            patch.setattr(module, "ANSWER_SECONDS", 60.0)
        limits = SlackMachine.__init__.__kwdefaults__
        assert limits is not None
        patch.setitem(limits, "ack_limit", 30.0)
        patch.setitem(limits, "trigger_lifetime", 30.0)
        yield


@pytest.fixture(autouse=True)
def _fresh_logging() -> Iterator[None]:
    """A test that sets up logging in this process has its stderr for as long as it runs, and no longer."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True, scope="session")
def _authorities_read_once() -> Iterator[None]:
    """Each httpx client reads the list of authorities anew, for 40 ms; there are thousands, and none meets TLS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
        yield


@pytest.fixture
def spare_port() -> Iterator[int]:
    """A port on loopback that nobody listens on, nor is given by chance, while the test runs."""
    with reserved_port() as port:
        yield port


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; all else stays in its order."""
    order = {name: number for number, name in enumerate(LONGEST_FILES)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


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
