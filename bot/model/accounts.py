"""Who is who: Slack users, Vaults, and the link between the two."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from bot.model.errors import UnknownVault
from bot.model.secret import Secret

SHORTEST_IDLE_TIME = timedelta(minutes=10)


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

    def name_of(self, host: str) -> str:
        """Return the name of the Vault at that host, or the host where no such Vault is served any more."""
        vault = self.at(host)
        return vault.name if vault else host

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


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants something, and the reference code under which log and audit log keep what came of it."""

    slack_user: SlackUser
    reference: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SlackProfile:
    """What Slack tells of a person; `email` is empty where the scope is missing or none is set."""

    real_name: str
    workspace_name: str
    email: str


class LinkMethod(StrEnum):
    """How a person proves to Vault who they are."""

    TOKEN = "token"  # noqa: S105 - the name of a method
    OIDC = "oidc"
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
    def sees_whole_vault(self) -> bool:
        """Whether this person is shown every upload session of the Vault, not only their own.

        Vault: "Resumable Upload Sessions": Vault Owners and System Admins are.
        """
        return self.security_profile in ("vault_owner__v", "system_admin__v")

    @property
    def full_name(self) -> str:
        """First and last name, or the user name where Vault shows none."""
        return f"{self.first_name} {self.last_name}".strip() or self.user_name


@dataclass(slots=True)
class Heard:
    """What Vault's answers said of themselves; Vault's support asks for the execution ids."""

    execution_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """What one call to Vault is made with: which Vault, whose credential, and who must be answering.

    `identity` is None only while linking, when nobody knows yet whom the credential belongs to. The client adds to
    `heard` what each answer says of itself.
    """

    vault: Vault
    credential: Secret
    identity: Identity | None
    heard: Heard = field(default_factory=Heard, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedAccount:
    """A Slack user tied to a Vault user of one Vault, with the credential that acts for them.

    `valid_until` is the moment after which the credential cannot work (48 hours after a login, or the day a token
    ends), None where nobody said; idle time may end a session before. `version` counts the credential's changes, so
    that whoever acts on an older one can notice. `last_used` is kept to about five minutes.
    """

    slack_user: SlackUser
    vault_host: str
    identity: Identity
    vault_user_name: str
    vault_full_name: str
    method: LinkMethod
    credential: Secret
    linked_at: datetime
    valid_until: datetime | None
    refresh_token: Secret | None = None
    session_started: datetime | None = None
    last_used: datetime | None = None
    ended_at: datetime | None = None
    preferred_at: datetime | None = None
    version: int = 0

    @property
    def renewable(self) -> bool:
        """Whether the identity provider gives us new Vault sessions without asking the person."""
        return self.refresh_token is not None

    def why_ended(self, now: datetime) -> str:
        """Why Vault most probably refuses the credential, as the end of a sentence; from what is known of its life.

        Vault: a session ends 48 hours after the login, and after the domain's idle time, which is 10 minutes at the
        least ("Session Management").
        """
        if self.method is LinkMethod.TOKEN:
            if self.valid_until is not None and now >= self.valid_until:
                return "the API access token has expired"
            return "Vault no longer accepts the API access token; it was revoked or has expired"
        if self.renewable:
            return "your company's sign-in no longer renews it"
        if self.valid_until is not None and now >= self.valid_until:
            return "a Vault session lasts 48 hours at most"
        if now - (self.last_used or self.linked_at) >= SHORTEST_IDLE_TIME:
            return "Vault ends sessions that are not used for a while"
        return "Vault no longer accepts it"

    @property
    def is_session(self) -> bool:
        """Whether the credential is a Vault session of the bot's own making, which ends and can be ended."""
        return self.method is not LinkMethod.TOKEN


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountSummary:
    """A linked account as an operator may see it: no credential, not even a sealed one."""

    slack_user: SlackUser
    vault_host: str
    vault_user_id: str
    vault_user_name: str
    method: LinkMethod
    linked_at: datetime
    valid_until: datetime | None
    last_used: datetime | None
    ended_at: datetime | None
    renewable: bool


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


def default_first(vaults: Vaults, accounts: Sequence[LinkedAccount]) -> list[LinkedAccount]:
    """Return the accounts in Vaults that are served, the person's default first: the one they preferred last, else the
    operator's order. The one rule for which Vault is meant when none is named."""
    served = [account for vault in vaults.all for account in accounts if account.vault_host == vault.host]
    preferred = [account for account in served if account.preferred_at is not None]
    if not preferred:
        return served
    first = max(preferred, key=lambda account: account.preferred_at or account.linked_at)
    return [first, *(account for account in served if account is not first)]
