"""Who is who: Slack users, Vaults, and the link between the two."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from bot.model.errors import UnknownVault
from bot.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Vault:
    """One Vault the operator configured. `host` (with a port, if any) is its identity; `name` is for people."""

    name: str
    url: str

    @property
    def host(self) -> str:
        """Host and port as they stand in the address, in lower case."""
        return urlsplit(self.url).netloc.lower()


@dataclass(frozen=True, slots=True)
class Vaults:
    """The Vaults of this bot; the first is the default."""

    all: tuple[Vault, ...]

    @property
    def default(self) -> Vault:
        """The Vault meant when none is named."""
        return self.all[0]

    @property
    def several(self) -> bool:
        """Whether answers must say which Vault they speak of."""
        return len(self.all) > 1

    def named(self, text: str) -> Vault:
        """Return the Vault of that name or host, in any case; UnknownVault names those that exist."""
        wanted = text.strip().lstrip("@").lower()
        for vault in self.all:
            if wanted in (vault.name.lower(), vault.host):
                return vault
        raise UnknownVault(name=text[:60], known=", ".join(vault.name for vault in self.all))

    def at(self, host: str) -> Vault | None:
        """Return the configured Vault at that host, or None (an operator may have removed it since)."""
        return next((vault for vault in self.all if vault.host == host), None)


@dataclass(frozen=True, slots=True)
class SlackUser:
    """One person in Slack. `workspace` is the Enterprise's id where there is one, else the team's.

    Slack: a user id is unique within an Enterprise organisation, or within a workspace outside of one.
    `team_id` is the workspace the person is at home in.
    """

    workspace: str
    user_id: str
    team_id: str = field(compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class SlackProfile:
    """What Slack tells of a person; `email` is empty where the scope is missing or none is set."""

    real_name: str
    workspace_name: str
    email: str


class LinkMethod(StrEnum):
    """How a person proves to Vault who they are."""

    TOKEN = "token"  # noqa: S105 - the name of a method
    PASSWORD = "password"  # noqa: S105


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The Vault user and Vault that answers must come from (headers X-VaultAPI-UserId and -VaultId).

    Ids are compared as strings: Vault sends them as numbers in some places and as text in others.
    """

    vault_user_id: str
    vault_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VaultUser:
    """What Vault says of the person whose credential was used (`objects/users/me`)."""

    id: str
    user_name: str
    first_name: str
    last_name: str
    email: str
    security_profile: str

    @property
    def full_name(self) -> str:
        """First and last name, or the user name where Vault shows none."""
        return f"{self.first_name} {self.last_name}".strip() or self.user_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """What one call to Vault is made with: which Vault, whose credential, and who must be answering.

    `identity` is None only while linking, when nobody knows yet whom the credential belongs to.
    """

    vault: Vault
    credential: Secret
    identity: Identity | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedAccount:
    """A Slack user tied to a Vault user of one Vault, with the credential that acts for them."""

    slack_user: SlackUser
    vault_host: str
    identity: Identity
    vault_user_name: str
    vault_full_name: str
    method: LinkMethod
    credential: Secret
    linked_at: datetime
    valid_until: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkTicket:
    """A short-lived permission for one Slack user to link an account. The secret itself is not in here."""

    digest: str
    slack_user: SlackUser
    vault_host: str | None
    expires_at: datetime
    tries: int
    used: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Unlinked:
    """One account that was removed; `session_ended` is False when Vault could not be told.

    `method` is None where the stored account could not be read any more.
    """

    vault_name: str
    method: LinkMethod | None
    session_ended: bool
