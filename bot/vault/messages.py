"""What goes to Vault and what comes back, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.model.accounts import Heard, Identity, Vault
from bot.model.meters import LOGIN_HOST
from bot.vault.endpoints import Endpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request, ready to send. Printing it shows no credential, no person and no address with its ids.

    The client adds to `heard` what the answer says of itself.
    """

    endpoint: Endpoint
    vault: Vault
    identity: Identity | None = field(repr=False)
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    form: bytes = field(default=b"", repr=False)
    heard: Heard | None = field(default=None, repr=False, compare=False)

    @property
    def place(self) -> str:
        """What the call is counted under: the Vault's name, or `login` for the host that all Vaults share."""
        return LOGIN_HOST if self.endpoint.on_login_host else self.vault.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Burst:
    """How many calls the Vault allows in the current window (5 minutes, all users together), and how many are left."""

    limit: int
    remaining: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Meta:
    """What Vault's own headers say of an answer. Vault: "Response Headers"; HTTP/2 sends them in lower case."""

    vault_id: str | None = None
    vault_user_id: str | None = None
    execution_id: str | None = None
    truncated_session_id: str | None = None
    burst: Burst | None = None
    delay_ms: int | None = None
    downtime_minutes: int | None = None
    retry_after: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A call that Vault has done: the JSON object it sent, and what its headers say."""

    payload: Mapping[str, object]
    meta: Meta
