"""One Slack with several workspaces, into each of which the same app may be installed by OAuth.

Each is a `SlackEmulator` of its own, with its people and its tokens; here is the one address that all of them have.
Deliveries go by HTTP: Socket Mode of several workspaces is not emulated.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.demo.clock import DemoClock
from bot.demo.serving import LoopbackServer
from bot.demo.slack.emulator import SlackEmulator
from bot.demo.slack.oauth import ACCESS, OAuth
from bot.demo.slack.signing import Credentials
from bot.demo.slack.web_api import read_arguments, token_of
from bot.demo.slack.workspace import Workspace


class SlackWorkspaces:
    """The workspaces by their domain. The app is in none of them at first; `rotating`: its tokens end."""

    def __init__(
        self,
        workspaces: Iterable[Workspace],
        *,
        clock: DemoClock,
        manifest: Mapping[str, Any] | None = None,
        rotating: bool = False,
    ) -> None:
        shared = Credentials()
        self.credentials = shared
        self.workspaces = {
            one.domain: SlackEmulator(
                clock=clock,
                workspace=one,
                manifest=manifest,
                credentials=replace(shared, bot_token=""),
                installed=False,
            )
            for one in workspaces
        }
        self.oauth = OAuth(shared, self.workspaces, clock.now, rotating=rotating)
        self._server = LoopbackServer(tells_date=False)

    def __getitem__(self, domain: str) -> SlackEmulator:
        return self.workspaces[domain]

    async def start(self, port: int = 0) -> None:
        """Serve all of them on loopback."""
        routes = [
            Route("/oauth/v2/authorize", self.oauth.authorize, methods=["GET", "POST"]),
            Route(f"/api/{ACCESS}", self.oauth.access, methods=["GET", "POST"]),
            Route("/api/{method}", self._call, methods=["GET", "POST"]),
            Route("/response/{team}/{secret}", self._respond, methods=["POST"]),
        ]
        await self._server.start(Starlette(routes=routes), port)
        for workspace in self.workspaces.values():
            workspace.stand_behind(self._server.url)

    async def stop(self) -> None:
        """Close everything."""
        for workspace in self.workspaces.values():
            await workspace.stop()
        await self._server.stop()

    @property
    def api_url(self) -> str:
        """The Web API's base address, for SLACK_API_URL."""
        return f"{self._server.url}/api/"

    def send_to(self, request_url: str) -> None:
        """Deliver everything to this address."""
        for workspace in self.workspaces.values():
            workspace.request_url = request_url

    def answer(self, authorize_url: str, place: str, answer: str = "allow") -> dict[str, str]:
        """The fields of the form that an administrator sends off at an authorize address.

        `place` is a workspace's domain, or an Enterprise organisation's id.
        """
        asked = dict(parse_qsl(urlsplit(authorize_url).query, keep_blank_values=True))
        return {**asked, "place": place, "answer": answer}

    async def _call(self, request: Request) -> Response:
        """A Web API call goes to the workspace whose token it carries."""
        token = token_of(request, await read_arguments(request)) or ""
        everyone = list(self.workspaces.values())
        owner = next((one for one in everyone if one.owns(token)), everyone[0])
        return await owner.web_api.serve(request)

    async def _respond(self, request: Request) -> Response:
        for workspace in self.workspaces.values():
            if workspace.team_id == request.path_params["team"]:
                return await workspace.serve_response(request)
        return PlainTextResponse("no_team", 404)
