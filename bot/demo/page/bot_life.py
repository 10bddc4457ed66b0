"""The life of the bot's process: started, stopped in good order, or killed."""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from bot.demo.bot_process import BotProcess


class Phase(StrEnum):
    """What the process is just now."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"


class BotLife:
    """Starts and ends the process, one thing at a time; but who stops may be killed meanwhile."""

    def __init__(self, bot: BotProcess, changed: Callable[[], None]) -> None:
        self._bot = bot
        self._changed = changed
        self._busy = asyncio.Lock()
        self._doing: Phase | None = None

    @property
    def phase(self) -> Phase:
        """What it is just now."""
        return self._doing or (Phase.RUNNING if self._bot.pid else Phase.STOPPED)

    def as_json(self) -> dict[str, Any]:
        """For the state; `exit_code` is None while it runs."""
        return {
            "phase": self.phase,
            "running": self.phase is Phase.RUNNING,
            "pid": self._bot.pid,
            "exit_code": self._bot.exit_code,
        }

    async def start(self) -> None:
        """Start it, unless it runs; BotDidNotStart."""
        async with self._busy:
            if not self._bot.pid:
                await self._do(Phase.STARTING, self._bot.start)

    async def stop(self) -> None:
        """SIGTERM, as an operator would: it finishes what is under way."""
        async with self._busy:
            if self._bot.pid:
                await self._do(Phase.STOPPING, self._bot.stop)

    async def kill(self) -> None:
        """SIGKILL, as a crash or a pulled plug would end it."""
        if self._doing is Phase.STOPPING:
            await self._bot.kill()
            return
        async with self._busy:
            await self._bot.kill()
        self._changed()

    async def _do(self, phase: Phase, work: Callable[[], Any]) -> None:
        self._doing = phase
        self._changed()
        try:
            await work()
        finally:
            self._doing = None
            self._changed()
