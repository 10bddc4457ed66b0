"""The installed app as its manifest declares it: commands, shortcuts, events, tabs and scopes."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import urlsplit

DEFAULT_SCOPES = frozenset({"chat:write", "commands", "im:write", "users:read", "users:read.email"})
MESSAGE_SHORTCUT, GLOBAL_SHORTCUT = "message", "global"

# Slack: reference "Events": an event comes only to an app that holds its scope. Others need none.
_EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "link_shared": "links:read",
    "user_change": "users:read",
}


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command; its name begins with the slash."""

    name: str
    description: str = ""
    usage_hint: str = ""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """An entry of a message's menu ("message") or of the composer's menu ("global")."""

    callback_id: str
    name: str
    kind: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class App:
    """What Slack knows of the app. Slack: reference "App manifest".

    Without a manifest (`declared` is False) everything is let through: any command, shortcut and event.
    """

    name: str = "Vault Uploads"
    description: str = ""
    commands: tuple[Command, ...] = (Command("/upload-status"),)
    shortcuts: tuple[Shortcut, ...] = ()
    events: frozenset[str] = frozenset()
    scopes: frozenset[str] = DEFAULT_SCOPES
    home_tab: bool = True
    messages_tab: bool = True
    messages_tab_read_only: bool = False
    redirect_urls: tuple[str, ...] = ()
    unfurl_domains: tuple[str, ...] = ()
    declared: bool = False

    @classmethod
    def of(cls, manifest: Mapping[str, Any] | None) -> Self:
        """The app of this manifest; None is an app of which nothing is declared."""
        if manifest is None:
            return cls()
        features, settings = _part(manifest, "features"), _part(manifest, "settings")
        scopes = _part(_part(manifest, "oauth_config"), "scopes")
        home = _part(features, "app_home")
        display = _part(manifest, "display_information")
        return cls(
            name=str(_part(features, "bot_user").get("display_name") or display.get("name") or cls().name),
            description=str(display.get("description") or ""),
            commands=tuple(
                Command(one["command"], str(one.get("description", "")), str(one.get("usage_hint", "")))
                for one in features.get("slash_commands") or ()
            ),
            shortcuts=tuple(
                Shortcut(one["callback_id"], one["name"], one["type"], str(one.get("description", "")))
                for one in features.get("shortcuts") or ()
            ),
            events=frozenset(_part(settings, "event_subscriptions").get("bot_events") or ()),
            scopes=frozenset([*(scopes.get("bot") or ()), *(scopes.get("bot_optional") or ())]),
            home_tab=bool(home.get("home_tab_enabled", False)),
            messages_tab=bool(home.get("messages_tab_enabled", True)),
            messages_tab_read_only=bool(home.get("messages_tab_read_only_enabled", False)),
            redirect_urls=tuple(_part(manifest, "oauth_config").get("redirect_urls") or ()),
            unfurl_domains=tuple(features.get("unfurl_domains") or ()),
            declared=True,
        )

    def has_command(self, name: str) -> bool:
        """Whether this slash command is the app's."""
        return not self.declared or name in {command.name for command in self.commands}

    @property
    def takes_messages(self) -> bool:
        """Whether people may write to it in its direct message."""
        return self.messages_tab and not self.messages_tab_read_only

    def hears_of(self, event: str, granted: set[str]) -> bool:
        """Whether this kind of event is sent to it, with the scopes it was granted."""
        if not self.declared:
            return True
        return event in self.events and _EVENT_SCOPES.get(event) in {None, *granted}

    def unfurl_domain(self, url: str) -> str | None:
        """The app's domain that a link leads to, or to a host below it, whatever the port; None if to none of them.

        Slack: docs "Unfurling links in messages": addresses by number match nothing. Here those of this machine do,
        since the emulated Vaults have no others.
        """
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            return None
        for domain in self.unfurl_domains:
            name = domain.lower().partition(":")[0]
            if host == name:
                return domain if _may_match(host) else None
            if host.endswith(f".{name}"):
                return domain
        return None

    def shortcut(self, callback_id: str, kind: str) -> Shortcut:
        """The shortcut of this kind; LookupError if it is not declared."""
        for shortcut in self.shortcuts:
            if (shortcut.callback_id, shortcut.kind) == (callback_id, kind):
                return shortcut
        if self.declared:
            there = ", ".join(f"{one.callback_id} ({one.kind})" for one in self.shortcuts) or "none"
            raise LookupError(f"the app declares no {kind} shortcut {callback_id}; there are: {there}")
        return Shortcut(callback_id, callback_id, kind)


def _may_match(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return True


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, Mapping) else {}
