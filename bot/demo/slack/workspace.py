"""The people and conversations of the emulated workspace."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self
from zoneinfo import ZoneInfo

TEAM_ID = "T0NORDLICHT"
GUEST_TEAM_ID = "T0CONTRACT"
APP_ID = "A0UPLOADS"
BOT_USER_ID = "U0UPLOADS"
BOT_ID = "B0UPLOADS"
SLACKBOT = "USLACKBOT"
ENTERPRISE_NAME = "Nordlicht Group"
HERE = "dm"  # where a person names a channel: their direct message with the app


@dataclass(frozen=True, slots=True)
class User:
    """A person, or the app's bot user."""

    id: str
    name: str
    real_name: str
    email: str | None
    tz: str
    team_id: str = TEAM_ID
    is_admin: bool = False
    is_bot: bool = False
    is_stranger: bool = False  # of another company, met in a shared channel (Slack Connect)
    is_restricted: bool = False  # a guest
    deleted: bool = False  # deactivated
    enterprise_id: str | None = None  # the Enterprise organisation that the person's team belongs to
    locale: str = "en-US"

    def as_json(self, now: datetime, *, with_email: bool, with_locale: bool = False) -> dict[str, Any]:
        """The user object of `users.info`. Slack: without users:read.email the profile has no e-mail."""
        local = now.astimezone(ZoneInfo(self.tz))
        offset = local.utcoffset()
        profile = {"real_name": self.real_name, "display_name": self.name, "team": self.team_id}
        if with_email and self.email:
            profile["email"] = self.email
        return {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": self.deleted,
            "tz": self.tz,
            "tz_label": local.tzname(),
            "tz_offset": int(offset.total_seconds()) if offset else 0,
            "profile": profile,
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_bot": self.is_bot,
            "is_stranger": self.is_stranger,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": False,
            "is_app_user": False,
            "updated": int(now.timestamp()),
            **({"locale": self.locale} if with_locale else {}),
            **({"enterprise_user": self._in_enterprise()} if self.enterprise_id else {}),
        }

    def _in_enterprise(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "enterprise_id": self.enterprise_id,
            "enterprise_name": ENTERPRISE_NAME,
            "is_admin": False,
            "is_owner": False,
            "teams": [self.team_id],
        }


@dataclass(slots=True)
class Channel:
    """A conversation: public channel, private channel, or direct message with the app."""

    id: str
    name: str
    members: set[str] = field(default_factory=set)
    is_private: bool = False
    is_im: bool = False
    is_archived: bool = False
    is_home: bool = (
        False  # the app's Home tab in a person's sidebar: no conversation, nothing is posted there
    )

    def shows_to(self, user: User) -> bool:
        """Whether this person can open the conversation; people of other companies only where they are in."""
        is_open = not (self.is_private or self.is_im or user.is_stranger)
        return is_open or user.id in self.members

    @property
    def command_name(self) -> str:
        """Its `channel_name` in payloads: Slack names neither private channels nor direct messages."""
        return "directmessage" if self.is_im else "privategroup" if self.is_private else self.name


class Workspace:
    """Everyone and every conversation, found by id or by name.

    With an `enterprise_id` the team belongs to an Enterprise organisation, as people of its other teams may.
    """

    def __init__(
        self,
        users: Iterable[User],
        channels: Iterable[Channel],
        name: str,
        domain: str,
        *,
        team_id: str = TEAM_ID,
        enterprise_id: str | None = None,
    ) -> None:
        self.name = name
        self.domain = domain
        self.team_id = team_id
        self.enterprise_id = enterprise_id
        self.org_wide = False  # whether the app is installed for the whole organisation
        self.users = {user.id: user for user in users}
        self.channels = {channel.id: channel for channel in channels}
        self._user_ids = {user.name: user.id for user in self.users.values()}
        self._channel_ids = {channel.name: channel.id for channel in self.channels.values()}

    @classmethod
    def seeded(cls) -> Self:
        """Nordlicht Bio: two owners of uploads, the Vault Admin, one who never linked, and an outsider."""
        host = "nordlicht.example"
        people = [
            User("U0ALICE", "alice", "Alice Moreau", f"alice.moreau@{host}", "Europe/Paris"),
            User("U0BOB", "bob", "Bob Tanaka", f"bob.tanaka@{host}", "Asia/Tokyo"),
            User(
                "U0VERA",
                "vera",
                "Vera Lindqvist",
                f"vera.lindqvist@{host}",
                "Europe/Stockholm",
                is_admin=True,
            ),
            User("U0NILS", "nils", "Nils Okafor", f"nils.okafor@{host}", "Europe/London"),
        ]
        gina = User(
            "U0GINA",
            "gina",
            "Gina Park",
            "gina.park@contractlab.example",
            "America/New_York",
            team_id=GUEST_TEAM_ID,
            is_stranger=True,
        )
        bot = User(BOT_USER_ID, "vault_uploads", "Vault Uploads", None, "UTC", is_bot=True)
        ids = {person.id for person in people}
        channels = [
            Channel("C0GENERAL", "general", set(ids)),
            Channel("C0TRIALUPLOADS", "trial-uploads", ids | {gina.id, bot.id}),
            Channel("C0RANDOM", "random", set(ids)),
            Channel("C0MIGRATION", "migration", {"U0ALICE", "U0VERA"}, is_private=True),
        ]
        return cls([*people, gina, bot], channels, name="Nordlicht Bio", domain="nordlicht")

    def user(self, name_or_id: str) -> User:
        """A person by name or id; LookupError if there is none."""
        name = name_or_id.removeprefix("@")
        found = self.users.get(self._user_ids.get(name, name))
        if found is None:
            raise LookupError(f"nobody is called {name_or_id}; there are {', '.join(sorted(self._user_ids))}")
        return found

    def deactivate(self, name_or_id: str) -> User:
        """Take a person's account away; return them as they are then."""
        gone = replace(self.user(name_or_id), deleted=True)
        self.users[gone.id] = gone
        return gone

    def channel(self, name_or_id: str, user: User | None = None) -> Channel:
        """A conversation by #name, name or id; "dm" is this user's with the app. LookupError if there is none."""
        if name_or_id == HERE and user is not None:
            return self.open_dm(user)
        name = name_or_id.removeprefix("#")
        found = self.channels.get(self._channel_ids.get(name, name))
        if found is None:
            raise LookupError(f"there is no channel {name_or_id}")
        return found

    def open_dm(self, user: User) -> Channel:
        """The direct message between this person and the app, opened if it was not yet."""
        dm = self.dm_of(user)
        return self.channels.setdefault(dm.id, dm)

    def dm_of(self, user: User) -> Channel:
        """The same direct message, without opening it."""
        dm_id = f"D{user.id[1:]}"
        return self.channels.get(dm_id) or Channel(dm_id, dm_id, {user.id, BOT_USER_ID}, is_im=True)
