"""One running workspace for each module: the real bot as a process between the emulated Slack and Vault."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from bot.demo.workspace import DemoWorkspace
from tests.acceptance.steps import calm, usual_workspace
from tests.postgres import PostgresServer


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
