"""One running workspace for each module: the real bot as a process between the emulated Slack and Vault. Whatever it
logs is looked through when it ends."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from bot.demo.workspace import DemoWorkspace
from tests.acceptance.log_check import LogCheck
from tests.acceptance.secrets_seen import SecretsSeen
from tests.acceptance.steps import calm, usual_workspace
from tests.postgres import PostgresServer


@pytest.fixture(scope="package", autouse=True)
def log_check() -> Iterator[LogCheck]:
    """No bot of these tests ends without a look through its whole log; a leak fails the test that ends it."""
    seen = SecretsSeen()
    check = LogCheck(seen)
    with seen.looking_on(), check.at_each_end():
        yield check


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    """Alice, Bob and Vera linked; time stands still. Tests that use it undo what they change."""
    async with usual_workspace() as demo:
        yield demo


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """The address of a PostgreSQL database with tables: only test_replicas begins with an empty one."""
    with postgres_server.database(postgres_template) as url:
        yield url


@pytest.fixture
def demo(shared: DemoWorkspace) -> DemoWorkspace:
    """The module's workspace, free of faults."""
    calm(shared)
    return shared
