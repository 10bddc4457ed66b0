"""One browser for all tests, one demo workspace for each module, and for each test a window in which nothing fails."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from bot.demo.page.run import OpenPage, demo_page
from tests.browser.browsing import AXE, CHROMIUM, Faults, Workspace, calm, chromium, window


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: chromium)")
    async with chromium() as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened(browser: Browser) -> AsyncIterator[OpenPage]:
    async with demo_page(port=0) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser: Browser, opened: OpenPage) -> AsyncIterator[Workspace]:
    """Alice at #trial-uploads; no error, warning or request to another host may occur while it is open."""
    await calm(opened)
    async with window(browser) as context:
        faults = Faults(context)
        workspace = Workspace(await context.new_page(), opened.url, faults)
        await workspace.open()
        yield workspace
        assert faults.found == []


@pytest.fixture
def axe_core() -> None:
    """Skip where it is not installed."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed (npm ci --prefix tests/browser)")
