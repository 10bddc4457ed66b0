"""Web API methods about who is who: auth.test, users.info, conversations.open, conversations.info."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.demo.slack.apps import App
from bot.demo.slack.web_api import APP, NONE, ApiFailureError, Arguments, Method
from bot.demo.slack.workspace import BOT_ID, BOT_USER_ID, ENTERPRISE_NAME, Channel, User, Workspace


class DirectoryMethods:
    """People, conversations and the app itself."""

    def __init__(
        self,
        workspace: Workspace,
        app: App,
        now: Callable[[], datetime],
        scopes: set[str],
        open_socket: Callable[[], str],
    ) -> None:
        self._workspace = workspace
        self._app = app
        self._now = now
        self._scopes = scopes
        self._open_socket = open_socket

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {
            "api.test": Method(self.echo, token=NONE),
            "apps.connections.open": Method(self.open_connection, token=APP),
            "auth.test": Method(self.identify_app),
            "conversations.info": Method(self.conversation_info),
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
        """Slack: reference "auth.test"; for an org-wide install `team_id` is the organisation's (K)."""
        here = self._workspace
        enterprise = {"enterprise_id": here.enterprise_id} if here.enterprise_id else {}
        return {
            **enterprise,
            "url": f"https://{self._workspace.domain}.slack.com/",
            "team": ENTERPRISE_NAME if here.org_wide else here.name,
            "user": self._workspace.users[BOT_USER_ID].name,
            "team_id": here.enterprise_id if here.org_wide else here.team_id,
            "user_id": BOT_USER_ID,
            "bot_id": BOT_ID,
            "is_enterprise_install": here.org_wide,
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
        if person.deleted:
            raise ApiFailureError("user_disabled")
        if not self._app.messages_tab:
            raise ApiFailureError("messages_tab_disabled")
        known = len(self._workspace.channels)
        channel = self._workspace.open_dm(person)
        already = len(self._workspace.channels) == known
        return {"no_op": already, "already_open": already, "channel": {"id": channel.id}}

    def conversation_info(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "conversations.info": a scope for each kind; private ones only from within."""
        channel = self._workspace.channels.get(str(arguments.get("channel") or ""))
        is_member = channel is not None and BOT_USER_ID in channel.members
        if channel is None or ((channel.is_private or channel.is_im) and not is_member):
            raise ApiFailureError("channel_not_found")
        needed = "im:read" if channel.is_im else "groups:read" if channel.is_private else "channels:read"
        if needed not in self._scopes:
            granted = ",".join(sorted(self._scopes))
            raise ApiFailureError("missing_scope", needed=needed, provided=granted)
        counted = str(arguments.get("include_num_members", "")).lower() in ("true", "1")
        return {"channel": _described(channel) | ({"num_members": len(channel.members)} if counted else {})}

    def _person(self, user_id: Any) -> User:
        found = self._workspace.users.get(str(user_id))
        if found is None:
            raise ApiFailureError("user_not_found")
        return found


def _described(channel: Channel) -> dict[str, Any]:
    common = {"id": channel.id, "is_im": channel.is_im, "is_archived": channel.is_archived, "is_mpim": False}
    if channel.is_im:
        [person] = channel.members - {BOT_USER_ID}
        return {**common, "user": person, "is_user_deleted": False}
    return {
        **common,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_private": channel.is_private,
        "is_member": BOT_USER_ID in channel.members,
    }
