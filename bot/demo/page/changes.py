"""One number that grows with everything that happens, and a way to wait for it."""

import asyncio


class Changes:
    """The version of what the page shows."""

    def __init__(self) -> None:
        self.version = 1
        self._waiting: set[asyncio.Event] = set()

    def note(self) -> None:
        """Something is different now."""
        self.version += 1
        for waiting in self._waiting:
            waiting.set()

    async def after(self, version: int) -> int:
        """Wait until the version is another one, and return it."""
        waiting = asyncio.Event()
        self._waiting.add(waiting)
        try:
            while self.version == version:
                waiting.clear()
                await waiting.wait()
        finally:
            self._waiting.discard(waiting)
        return self.version
