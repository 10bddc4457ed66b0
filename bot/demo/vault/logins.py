"""Credentials of the domain: Vault sessions, which die by idleness and by age, and API access tokens."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.demo.vault.users import User

LONGEST_SESSION = timedelta(hours=48)
"""No Vault session outlives this, however busy (facts §3.5)."""
WRONG_PASSWORDS = 5
"""So many wrong passwords in a row lock an account (facts §1.5)."""
TOKEN_PREFIX = "veeva-vault-"  # noqa: S105 - the public prefix, no secret


@dataclass(kw_only=True, eq=False)
class VaultSession:
    """One login of a person into one Vault (facts §3.1, §3.5)."""

    id: str = field(repr=False)
    user: User
    vault_id: int
    created: datetime
    last_used: datetime

    @property
    def truncated_id(self) -> str:
        """The loggable form (facts §1.6)."""
        return f"{self.id[:4]}..."


@dataclass(kw_only=True, eq=False)
class AccessToken:
    """An API access token: one user, one Vault, until a day (facts §3.4)."""

    id: str
    name: str
    value: str = field(repr=False)
    user: User
    vault_id: int
    expires: datetime
    last_used: datetime | None = None

    def is_active(self, now: datetime) -> bool:
        """Whether it opens the Vault."""
        return now < self.expires


Credential = VaultSession | AccessToken


class Logins:
    """All credentials that open a Vault of this domain."""

    def __init__(self, idle_time: timedelta = timedelta(minutes=20)) -> None:
        self.idle_time = idle_time
        """The domain's setting, 10 minutes to 8 hours (facts §3.5)."""
        self._sessions: dict[str, VaultSession] = {}
        self._tokens: dict[str, AccessToken] = {}
        self._granted = 0

    def open(self, user: User, vault_id: int, now: datetime) -> VaultSession:
        """Begin a session; its id is 128 upper-case hex digits, as in Veeva's samples (facts §3.1)."""
        session = VaultSession(
            id=secrets.token_hex(64).upper(), user=user, vault_id=vault_id, created=now, last_used=now
        )
        self._sessions[session.id] = session
        return session

    def grant(
        self, value: str, user: User, vault_id: int, expires: datetime, name: str = "Upload tools"
    ) -> AccessToken:
        """Make an API access token known; its id is like those of Veeva's samples (facts E41)."""
        self._granted += 1
        token_id = f"V8T{self._granted:012X}"
        token = AccessToken(
            id=token_id, name=name, value=value, user=user, vault_id=vault_id, expires=expires
        )
        self._tokens[value] = token
        return token

    def grant_new(self, user: User, vault_id: int, expires: datetime, name: str) -> AccessToken:
        """Make up an API access token."""
        return self.grant(TOKEN_PREFIX + secrets.token_hex(32), user, vault_id, expires, name)

    def identify(self, authorization: str, vault_id: int, now: datetime) -> Credential | None:
        """Who calls: a session id, raw or as Bearer; an access token as Bearer alone (facts §1.2).

        A credential is good for its own Vault only, and for a person who is still an active member of it.
        """
        scheme, _, rest = authorization.strip().partition(" ")
        bearer = scheme.lower() == "bearer" and bool(rest)
        value = rest.strip() if bearer else authorization.strip()
        credential: Credential | None
        if value.startswith(TOKEN_PREFIX):
            credential = self._living_token(value, now) if bearer else None
        else:
            credential = self._living_session(value, now)
        if credential is None or credential.vault_id != vault_id:
            return None
        if not credential.user.active or vault_id not in credential.user.vault_ids:
            return None
        return credential

    def touch(self, credential: Credential, now: datetime) -> None:
        """Any activity counts as use, and idle time runs from the end of the last request (facts §3.5)."""
        credential.last_used = max(credential.last_used or now, now)

    def end(self, session: VaultSession) -> None:
        """Log out of just this session (facts §3.5)."""
        self._sessions.pop(session.id, None)

    def end_all(self, user: User | None = None) -> int:
        """End every session of a person, or of everybody; returns how many."""
        ended = [one for one in self._sessions.values() if user is None or one.user is user]
        for session in ended:
            self.end(session)
        return len(ended)

    def revoke_all(self, user: User) -> int:
        """Revoke a person's access tokens; returns how many."""
        values = [token.value for token in self._tokens.values() if token.user is user]
        for value in values:
            del self._tokens[value]
        return len(values)

    def tokens(self, user: User | None = None) -> list[AccessToken]:
        """The access tokens of a person, or of everybody, in the order they were granted."""
        return [token for token in self._tokens.values() if user is None or token.user is user]

    def _living_session(self, value: str, now: datetime) -> VaultSession | None:
        session = self._sessions.get(value)
        if session is None:
            return None
        if now - session.last_used >= self.idle_time or now - session.created >= LONGEST_SESSION:
            self.end(session)
            return None
        return session

    def _living_token(self, value: str, now: datetime) -> AccessToken | None:
        token = self._tokens.get(value)
        return token if token is not None and token.is_active(now) else None
