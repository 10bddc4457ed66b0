"""Slack by websocket: no public address needed. The library's aiohttp client, with a drain of our own.

slack_sdk 3.47: closing the client cancels its reader but does not wait for payloads being dispatched; and an
address that could not be opened is tried again and again, although the ticket in it serves once and not for long.
"""

import asyncio

import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.meters import NO_METERS, SOCKET, Meters
from bot.model.secret import Secret
from bot.slack.room import Room
from bot.slack.shapes import NotOfSlack, checked
from bot.slack.workspace import open_address

log = structlog.get_logger()

ACK_PATIENCE = 3.0
CLOSE_SECONDS = 2.0
PING_SECONDS = 3.0
"""A connection that was cut without a word is replaced within this time; one that is silent, within four of it."""
MOST_PAYLOADS = 1000
"""Read and not yet handed on, and again being handed on. That takes a millisecond, unless something is stuck."""


class SocketMode:
    """One connection to Slack, kept up by the library."""

    def __init__(
        self, app: AsyncApp, app_token: Secret, web_client: AsyncWebClient, meters: Meters = NO_METERS
    ) -> None:
        self._meters = meters
        self._dispatching = Room("payloads", MOST_PAYLOADS, meters)
        self._idle = asyncio.Event()
        self._idle.set()
        self._handler = AsyncSocketModeHandler(
            app, app_token.reveal(), web_client=web_client, ping_interval=PING_SECONDS
        )
        self._client: SocketModeClient = self._handler.client
        # Full, it keeps the library from reading on, and then Slack from sending.
        self._client.message_queue = asyncio.Queue(MOST_PAYLOADS)
        self._app_token, self._web_client = app_token, web_client
        self._renewing: asyncio.Task[None] | None = None
        self._client.socket_mode_request_listeners[:] = [self._counted]  # type: ignore[list-item]
        self._closed = False

    async def connect(self) -> None:
        """Open the connection; SlackRefused when Slack does not know the token. Later the library reconnects."""
        self._client.wss_uri = await open_address(self._web_client, self._app_token)
        self._renewing = asyncio.create_task(self._renew_addresses())
        await self._client.connect()  # type: ignore[no-untyped-call]

    async def is_connected(self) -> bool:
        """Whether payloads can arrive at this moment."""
        return await self._client.is_connected()

    async def close(self) -> None:
        """Let acks that are under way go out, then close. Does nothing the second time."""
        if self._closed:
            return
        self._closed = True
        if self._renewing is not None:
            self._renewing.cancel()
        try:
            async with asyncio.timeout(ACK_PATIENCE):
                await self._idle.wait()
        except TimeoutError:
            pass
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._client.close()  # type: ignore[no-untyped-call]
        except TimeoutError:
            log.info("Slack did not take leave in time")

    async def _renew_addresses(self) -> None:
        """While there is no connection, let the library ask for a new address before it tries again."""
        while True:
            await asyncio.sleep(2 * PING_SECONDS)
            if not await self._client.is_connected():
                self._client.wss_uri = None

    async def _counted(self, client: SocketModeClient, request: SocketModeRequest) -> None:
        try:
            request.payload = checked(request.payload)
        except NotOfSlack:
            log.warning("request refused: it cannot be read")
            return
        if not self._dispatching.enter():
            # Not acknowledged: Slack sends an event again, and tells a person that it did not work.
            self._dispatching.turn_away()
            return
        self._idle.clear()
        timing = self._meters.payload(SOCKET)
        try:
            await self._handler.handle(client, request)
            timing.end()
        except ConnectionError:
            # Slack sends an event again, and has told a person that it failed; what it asks for is done all the same.
            log.warning("ack not sent: the connection was lost meanwhile")
        finally:
            self._dispatching.leave()
            if self._dispatching.count == 0:
                self._idle.set()
