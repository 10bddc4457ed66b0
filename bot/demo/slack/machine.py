"""The machinery of the emulated Slack, put together: its server, its addresses, its secrets and its log."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from bot.demo.clock import DemoClock
from bot.demo.serving import LoopbackServer
from bot.demo.slack import payloads, triggers
from bot.demo.slack.apps import App
from bot.demo.slack.bot_tokens import BotTokens
from bot.demo.slack.chat_methods import ChatMethods, PostRate
from bot.demo.slack.delivery import EVENTS_API, Delivery, UndeliveredError
from bot.demo.slack.directory_methods import DirectoryMethods
from bot.demo.slack.dispatch import Dispatcher
from bot.demo.slack.exchanges import Exchange, ExchangeLog
from bot.demo.slack.faults import Faults
from bot.demo.slack.history_methods import HistoryMethods
from bot.demo.slack.mentions import Mentions
from bot.demo.slack.messages import Message, MessageBoard
from bot.demo.slack.reads import ReadMarks
from bot.demo.slack.rejections import Rejection, Rejections
from bot.demo.slack.response_urls import ResponseUrls, Source
from bot.demo.slack.responses import Responses
from bot.demo.slack.retries import RETRY_WAITS, EventSender
from bot.demo.slack.scheduled import ScheduledMessages
from bot.demo.slack.signing import Credentials
from bot.demo.slack.sockets import SocketHub
from bot.demo.slack.triggers import Triggers
from bot.demo.slack.unfurls import Unfurls
from bot.demo.slack.view_book import ViewBook
from bot.demo.slack.view_methods import ViewMethods
from bot.demo.slack.web_api import Arguments, WebApi
from bot.demo.slack.workspace import APP_ID, BOT_USER_ID, Channel, User, Workspace

ACK_LIMIT = 3.0  # Slack: docs "Implementing slash commands": 3,000 ms


class SlackMachine:
    """A Slack workspace with one installed app, served on loopback; the people come in `SlackEmulator`.

    `manifest` is the app's manifest.yaml, read; without it nothing is declared and everything let through.
    """

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
        manifest: Mapping[str, Any] | None = None,
        trigger_lifetime: float = triggers.LIFETIME,
        installed: bool = True,
    ) -> None:
        self.clock = clock or DemoClock()
        self.workspace = workspace or Workspace.seeded()
        self.app = App.of(manifest)
        self.scopes = set(self.app.scopes)
        self.faults = Faults()
        self._credentials = credentials or Credentials()
        self._tokens = BotTokens(self.clock.now, self._credentials.bot_token if installed else None)
        self._listeners: list[Callable[[], None]] = []
        self._log = ExchangeLog(self.clock.now, self._changed, log_most)
        self._board = MessageBoard(self.workspace, self.clock.timestamp, self._changed)
        self._reads = ReadMarks(self._board, self._changed)
        self._rejections = Rejections(self.clock.now, self._changed)
        self._urls = ResponseUrls(self.clock.now)
        self._triggers = Triggers(trigger_lifetime)
        self._views = ViewBook(self.clock.timestamp, self._changed)
        self._mentions = Mentions()
        self._responses = Responses(self._board, self._urls, self.faults, self._log, self._rejections)
        self._hub = SocketHub(self._log)
        self._dispatcher = Dispatcher(
            clock=self.clock,
            signing_secret=self._credentials.signing_secret,
            log=self._log,
            hub=self._hub,
            ack_limit=ack_limit,
        )
        self._events = EventSender(self.clock, self._dispatcher, retry_waits)
        world, app = self.workspace, self.app
        self._chat = ChatMethods(world, app, self._board, post_rate, self._rejections, self._mentions.heard)
        self._scheduled = ScheduledMessages(
            self.clock, world, self._board, self._chat, self._rejections, self._tokens
        )
        history = HistoryMethods(world, self._board, self.scopes)
        directory = DirectoryMethods(world, app, self.clock.now, self.scopes, self._open_socket)
        self._unfurls = Unfurls(world, app, self._board)
        views = ViewMethods(world, app, self._views, self._triggers)
        parts = (directory, self._chat, self._scheduled, self._unfurls, history, views)
        methods = {name: method for part in parts for name, method in part.table().items()}
        self.web_api = WebApi(
            self._credentials.app_token,
            self._tokens,
            self.scopes,
            self.faults,
            self._log,
            methods,
            self._rejections,
            self._whom,
            self.clock.now,
        )
        self._server = LoopbackServer(tells_date=False)
        self._front: str | None = None

    async def start(self, port: int = 0) -> None:
        """Serve on loopback, on this port if it is free; after a stop on the same as before, with all that was."""
        routes = [
            Route("/api/{method}", self.web_api.serve, methods=["GET", "POST"]),
            Route("/response/{team}/{secret}", self.serve_response, methods=["POST"]),
            WebSocketRoute("/link", self._hub.serve),
        ]
        await self._server.start(Starlette(routes=routes), port or self._server.port)
        self._scheduled.start()

    def stand_behind(self, url: str) -> None:
        """Be served by somebody else, at that address, instead of starting a server."""
        self._front = url

    async def serve_response(self, request: Request) -> Response:
        """One POST to a response_url of this workspace."""
        return await self._responses.serve(request)

    async def stop(self) -> None:
        """Close everything; no retry is made any more, and nothing that is held gets posted."""
        await self._events.stop()
        await self._scheduled.stop()
        await self._server.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    @property
    def api_url(self) -> str:
        """The Web API's base address, for SLACK_API_URL."""
        return f"{self._url}/api/"

    @property
    def bot_token(self) -> str:
        """The installed app's xoxb- token, the newest of them."""
        return self._tokens.newest

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
    def installed(self) -> bool:
        """Whether the app is in this workspace."""
        return self._tokens.installed

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

    @property
    def rejections(self) -> list[Rejection]:
        """What Slack refused of the bot's for its content or for coming too late, oldest first."""
        return list(self._rejections.entries)

    def on_exchange(self, callback: Callable[[Exchange], None]) -> Callable[[], None]:
        """Call this with every new entry of the log; returns how to stop it."""
        self._log.listeners.append(callback)
        return lambda: self._log.listeners.remove(callback)

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call this after every change of messages, views, marks or log; returns how to stop it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    async def event(self, event: dict[str, Any]) -> Delivery:
        """Tell the bot of an event; returns after the first attempt, `settled` is set after the last."""
        who = event.get("user")
        delivery = Delivery(EVENTS_API, self.clock.now(), {}, who if isinstance(who, str) else None)
        await self._tell(delivery, event)
        return delivery

    async def _tell(self, delivery: Delivery, event: dict[str, Any]) -> None:
        delivery.payload = payloads.event_callback(
            workspace=self.workspace,
            event=event,
            token=self._credentials.verification_token,
            event_id=f"Ev{secrets.token_hex(8).upper()}",
            event_time=int(delivery.sent_at.timestamp()),
        )
        kind = str(event.get("type"))
        if not self.installed and kind not in payloads.FAREWELLS:
            delivery.refuse(f"{self.app.name} is not installed")
        elif self.app.hears_of(kind, self.scopes):
            await self._events.send(delivery)
        else:
            delivery.refuse(f"{self.app.name} is not subscribed to {kind}, or lacks its scope")

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            delivery.ack = await self._dispatcher.send(delivery.kind, delivery.payload, delivery.user)
        except UndeliveredError as failure:
            delivery.error, delivery.ack = failure.error, failure.ack
        finally:
            delivery.settled.set()

    def _standing(self, user: str, channel: str) -> tuple[User, Channel]:
        person = self.workspace.user(user)
        place = self.workspace.channel(channel, person)
        if person.deleted or not place.shows_to(person):
            raise LookupError(f"{person.name} cannot open {channel}")
        return person, place

    def _seen(self, person: User, key: str) -> Message:
        message = self._board.find(key)
        if message is None or not self._board.shows_to(message, person):
            raise LookupError(f"{person.name} sees no message {key}")
        return message

    @property
    def _url(self) -> str:
        return self._front or self._server.url

    def _moment(self) -> str:
        return f"{self.clock.timestamp():.6f}"

    def _whom(self, arguments: Arguments) -> str | None:
        """The person that a call of the Web API is for, as far as it tells."""
        for name in ("user", "user_id"):
            if isinstance(arguments.get(name), str):
                return str(arguments[name])
        if arguments.get("trigger_id"):
            return self._triggers.owner_of(str(arguments["trigger_id"]))
        place = self.workspace.channels.get(str(arguments.get("channel")))
        if place is not None and place.is_im:
            return next(iter(place.members - {BOT_USER_ID}), None)
        return self._views.owner_of(str(arguments.get("view_id")))

    def signed(self, body: bytes, content_type: str, timestamp: int | None = None) -> dict[str, str]:
        """Headers that make this body a request of Slack's."""
        return self._dispatcher.signed(body, content_type, timestamp)

    async def disconnect_sockets(self, reason: str = "refresh_requested") -> None:
        """Ask every Socket Mode client to come back on a new connection."""
        await self._hub.disconnect(reason)

    def drop_sockets(self, most: int | None = None) -> None:
        """Cut every websocket without a word, or so many of them, the oldest first."""
        self._hub.drop(most)

    def _response_url(
        self, delivery: Delivery, place: Channel, person: User, source: Source | None = None
    ) -> str:
        secret = self._urls.issue(delivery, place.id, person.id, source)
        return f"{self._url}/response/{self.team_id}/{secret}"

    def _open_socket(self) -> str:
        return f"ws://127.0.0.1:{self.port}/link?ticket={self._hub.issue_ticket()}&app_id={APP_ID}"

    def _changed(self) -> None:
        for listener in list(self._listeners):
            listener()
