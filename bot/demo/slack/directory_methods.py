"""Web API methods about who is who: auth.test, users.info, conversations.open and their like."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.demo.slack.web_api import APP, NONE, ApiFailureError, Arguments, Method
from bot.demo.slack.workspace import BOT_ID, BOT_USER_ID, User, Workspace


class DirectoryMethods:
    """People, conversations and the app itself."""

    def __init__(
        self,
        workspace: Workspace,
        now: Callable[[], datetime],
        scopes: set[str],
        open_socket: Callable[[], str],
    ) -> None:
        self._workspace = workspace
        self._now = now
        self._scopes = scopes
        self._open_socket = open_socket

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {
            "api.test": Method(self.echo, token=NONE),
            "apps.connections.open": Method(self.open_connection, token=APP),
            "auth.test": Method(self.identify_app),
            "conversations.open": Method(self.open_conversation, scope="im:write"),
            "users.info": Method(self.user_info, scope="users:read"),
        }

    def echo(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "api.test": says back what it was told, and fails on request."""
        said = {name: value for name, value in arguments.items() if name != "token"}
        if arguments.get("error"):
            raise ApiFailureError(str(arguments["error"]), args=said)
        return {"args": said}

    def open_connection(self, _arguments: Arguments) -> dict[str, Any]:
        """Slack: docs "Using Socket Mode"."""
        return {"url": self._open_socket()}

    def identify_app(self, _arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "auth.test"."""
        return {
            "url": f"https://{self._workspace.domain}.slack.com/",
            "team": self._workspace.name,
            "user": self._workspace.users[BOT_USER_ID].name,
            "team_id": self._workspace.team_id,
            "user_id": BOT_USER_ID,
            "bot_id": BOT_ID,
            "is_enterprise_install": False,
        }

    def user_info(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "users.info"."""
        with_locale = str(arguments.get("include_locale", "")).lower() in ("true", "1")
        with_email = "users:read.email" in self._scopes
        person = self._person(arguments.get("user"))
        return {"user": person.as_json(self._now(), with_email=with_email, with_locale=with_locale)}

    def open_conversation(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "conversations.open"; several people would need mpim:write."""
        if arguments.get("channel"):
            channel = self._workspace.channels.get(str(arguments["channel"]))
            if channel is None or not channel.is_im:
                raise ApiFailureError("channel_not_found")
            return {"no_op": True, "already_open": True, "channel": {"id": channel.id}}
        users = arguments.get("users")
        ids = users if isinstance(users, list) else [user for user in str(users or "").split(",") if user]
        if not ids:
            raise ApiFailureError("users_list_not_supplied")
        if len(ids) > 1:
            granted = ",".join(sorted(self._scopes))
            raise ApiFailureError("missing_scope", needed="mpim:write", provided=granted)
        person = self._person(ids[0])
        if person.is_bot:
            raise ApiFailureError("cannot_dm_bot")
        known = len(self._workspace.channels)
        channel = self._workspace.open_dm(person)
        already = len(self._workspace.channels) == known
        return {"no_op": already, "already_open": already, "channel": {"id": channel.id}}

    def _person(self, user_id: Any) -> User:
        found = self._workspace.users.get(str(user_id))
        if found is None:
            raise ApiFailureError("user_not_found")
        return found
