"""The machinery of the emulated Slack, put together: its server, its addresses, its secrets and its log."""

import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta

from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from bot.demo.clock import DemoClock
from bot.demo.serving import LoopbackServer
from bot.demo.slack.chat_methods import ChatMethods, PostRate
from bot.demo.slack.delivery import Delivery
from bot.demo.slack.directory_methods import DirectoryMethods
from bot.demo.slack.dispatch import Dispatcher
from bot.demo.slack.exchanges import Exchange, ExchangeLog
from bot.demo.slack.faults import Faults
from bot.demo.slack.messages import MessageBoard
from bot.demo.slack.response_urls import ResponseUrls
from bot.demo.slack.responses import Responses
from bot.demo.slack.retries import RETRY_WAITS, EventSender
from bot.demo.slack.signing import Credentials
from bot.demo.slack.sockets import SocketHub
from bot.demo.slack.web_api import WebApi
from bot.demo.slack.workspace import APP_ID, Channel, User, Workspace

DEFAULT_SCOPES = frozenset({"chat:write", "commands", "im:write", "users:read", "users:read.email"})
ACK_LIMIT = 3.0  # Slack: docs "Implementing slash commands": 3,000 ms


class SlackMachine:
    """A Slack workspace with one installed app, served on loopback; the people come in `SlackEmulator`."""

    def __init__(
        self,
        *,
        clock: DemoClock | None = None,
        workspace: Workspace | None = None,
        credentials: Credentials | None = None,
        ack_limit: float = ACK_LIMIT,
        retry_waits: Sequence[timedelta] = RETRY_WAITS,
        post_rate: PostRate | None = None,
        log_most: int | None = None,
    ) -> None:
        self.clock = clock or DemoClock()
        self.workspace = workspace or Workspace.seeded()
        self.scopes = set(DEFAULT_SCOPES)
        self.faults = Faults()
        self._credentials = credentials or Credentials()
        self._listeners: list[Callable[[], None]] = []
        self._log = ExchangeLog(self.clock.now, self._changed, log_most)
        self._board = MessageBoard(self.workspace, self.clock.timestamp, self._changed)
        self._urls = ResponseUrls(self.clock.now)
        self._responses = Responses(self._board, self._urls, self.faults, self._log)
        self._hub = SocketHub(self._log)
        self._dispatcher = Dispatcher(
            clock=self.clock,
            signing_secret=self._credentials.signing_secret,
            log=self._log,
            hub=self._hub,
            ack_limit=ack_limit,
        )
        self._events = EventSender(self.clock, self._dispatcher, retry_waits)
        directory = DirectoryMethods(self.workspace, self.clock.now, self.scopes, self._open_socket)
        chat = ChatMethods(self.workspace, self._board, post_rate)
        methods = directory.table() | chat.table()
        self.web_api = WebApi(self._credentials, self.scopes, self.faults, self._log, methods)
        self._server = LoopbackServer()

    async def start(self, port: int = 0) -> None:
        """Serve on loopback, on this port if it is free."""
        await self._server.start(
            Starlette(
                routes=[
                    Route("/api/{method}", self.web_api.serve, methods=["GET", "POST"]),
                    Route("/response/{team}/{secret}", self._responses.serve, methods=["POST"]),
                    WebSocketRoute("/link", self._hub.serve),
                ]
            ),
            port,
        )

    async def stop(self) -> None:
        """Close everything; no retry is made any more."""
        await self._events.stop()
        await self._server.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    @property
    def api_url(self) -> str:
        """The Web API's base address, for SLACK_API_URL."""
        return f"{self._server.url}/api/"

    @property
    def bot_token(self) -> str:
        """The installed app's xoxb- token."""
        return self._credentials.bot_token

    @property
    def app_token(self) -> str:
        """The app-level xapp- token, for Socket Mode."""
        return self._credentials.app_token

    @property
    def signing_secret(self) -> str:
        """What requests to the bot are signed with."""
        return self._credentials.signing_secret

    @property
    def team_id(self) -> str:
        """The workspace."""
        return self.workspace.team_id

    @property
    def app_id(self) -> str:
        """The app."""
        return APP_ID

    @property
    def request_url(self) -> str | None:
        """Where deliveries go by HTTP; None sends them by Socket Mode."""
        return self._dispatcher.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self._dispatcher.request_url = url

    @property
    def log(self) -> list[Exchange]:
        """What went between Slack and the bot, oldest first, secrets masked."""
        return list(self._log.entries)

    @property
    def connected_sockets(self) -> int:
        """How many websockets the bot has open to receive payloads."""
        return self._hub.connected

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call this after every change of messages or log; returns how to stop it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def signed(self, body: bytes, content_type: str, timestamp: int | None = None) -> dict[str, str]:
        """Headers that make this body a request of Slack's."""
        return self._dispatcher.signed(body, content_type, timestamp)

    async def disconnect_sockets(self, reason: str = "refresh_requested") -> None:
        """Ask every Socket Mode client to come back on a new connection."""
        await self._hub.disconnect(reason)

    def drop_sockets(self) -> None:
        """Cut every websocket without a word."""
        self._hub.drop()

    def _response_url(
        self, delivery: Delivery, place: Channel, person: User, source: str | None = None
    ) -> str:
        secret = self._urls.issue(delivery, place.id, person.id, source)
        return f"{self._server.url}/response/{self.team_id}/{secret}"

    def _trigger_id(self) -> str:
        return f"{int(self.clock.timestamp() * 1000)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"

    def _open_socket(self) -> str:
        return f"ws://127.0.0.1:{self.port}/link?ticket={self._hub.issue_ticket()}&app_id={APP_ID}"

    def _changed(self) -> None:
        for listener in list(self._listeners):
            listener()
