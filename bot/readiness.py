"""What /readyz asks: is the start done, can the database be used, is Slack connected."""

import asyncio
from typing import TYPE_CHECKING

import structlog

from bot.store.database import Database, ping
from bot.web.routes import Check

if TYPE_CHECKING:
    from bot.slack.socket_mode import SocketMode

log = structlog.get_logger()


def checks(database: Database, socket_mode: "SocketMode | None", started: asyncio.Event) -> dict[str, Check]:
    """Return the checks by name; each returns None when all is well, else a short reason for anyone to read."""

    async def check_start() -> str | None:
        return None if started.is_set() else "still starting"

    async def check_database() -> str | None:
        try:
            await ping(database)
        except Exception as error:  # noqa: BLE001 - anyone may ask /readyz: the reason belongs into the log
            log.error("database check failed", error=type(error).__name__, detail=str(error))
            return "the database cannot be used; see the log"
        return None

    async def check_slack() -> str | None:
        connected = socket_mode is None or await socket_mode.is_connected()
        return None if connected else "no connection to Slack just now; reconnecting"

    return {"start": check_start, "database": check_database, "slack": check_slack}
