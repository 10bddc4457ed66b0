"""Slack by websocket: no public address needed. The library's aiohttp client, with a drain of our own.

slack_sdk 3.47: closing the client cancels its reader but does not wait for payloads being dispatched.
"""

import asyncio

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.model.secret import Secret

ACK_PATIENCE = 3.0


class SocketMode:
    """One connection to Slack, kept up by the library."""

    def __init__(self, app: AsyncApp, app_token: Secret, web_client: AsyncWebClient) -> None:
        self._dispatching = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._handler = AsyncSocketModeHandler(app, app_token.reveal(), web_client=web_client)
        self._client: SocketModeClient = self._handler.client
        self._client.socket_mode_request_listeners[:] = [self._counted]  # type: ignore[list-item]
        self._closed = False

    async def connect(self) -> None:
        """Open the connection; the library tries until it succeeds."""
        await self._client.connect()  # type: ignore[no-untyped-call]

    async def is_connected(self) -> bool:
        """Whether payloads can arrive at this moment."""
        return await self._client.is_connected()

    async def close(self) -> None:
        """Let acks that are under way go out, then close. Does nothing the second time."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(ACK_PATIENCE):
                await self._idle.wait()
        except TimeoutError:
            pass
        await self._client.close()  # type: ignore[no-untyped-call]

    async def _counted(self, client: SocketModeClient, request: SocketModeRequest) -> None:
        self._dispatching += 1
        self._idle.clear()
        try:
            await self._handler.handle(client, request)
        finally:
            self._dispatching -= 1
            if self._dispatching == 0:
                self._idle.set()
