"""Codes, access tokens and refresh tokens. All that come of one sign-in are a family, and end together."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.demo.clock import DemoClock
from bot.demo.idp.clients import OAuthError
from bot.demo.idp.people import Person

CODE_LIVES = timedelta(minutes=1)


@dataclass(kw_only=True, eq=False)
class Grant:
    """What a person allowed at one sign-in."""

    person: Person
    scopes: frozenset[str]
    nonce: str | None
    auth_time: datetime
    ended: bool = False


@dataclass(kw_only=True, eq=False)
class Token:
    """A code, an access token or a refresh token."""

    grant: Grant
    expires: datetime
    used: bool = False
    redirect_uri: str = ""
    challenge: str = field(default="", repr=False)


class Grants:
    """All of them. A used code or refresh token that comes again ends its family (RFC 9700, sections 2.1.1, 4.14)."""

    def __init__(self, clock: DemoClock) -> None:
        self.access_lives = timedelta(hours=1)
        self.refresh_lives = timedelta(days=90)
        self._clock = clock
        self._codes: dict[str, Token] = {}
        self._access: dict[str, Token] = {}
        self._refresh: dict[str, Token] = {}
        self._all: list[Grant] = []

    def allow(
        self, person: Person, *, scopes: frozenset[str], nonce: str | None, redirect_uri: str, challenge: str
    ) -> str:
        """Note what a person allowed; returns the code for it."""
        now = self._clock.now()
        grant = Grant(person=person, scopes=scopes, nonce=nonce, auth_time=now)
        self._all.append(grant)
        code = secrets.token_urlsafe(24)
        self._codes[code] = Token(
            grant=grant, expires=now + CODE_LIVES, redirect_uri=redirect_uri, challenge=challenge
        )
        return code

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> Grant:
        """The grant behind a code, once, by whoever began the sign-in; OAuthError."""
        token = self._spent(self._codes, code)
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if token.redirect_uri != redirect_uri or not secrets.compare_digest(token.challenge, challenge):
            raise _invalid_grant("The code was made for another redirect_uri or code_verifier.")
        return token.grant

    def renew(self, refresh_token: str) -> Grant:
        """The grant behind a refresh token, which is void from now on; OAuthError."""
        return self._spent(self._refresh, refresh_token).grant

    def issue(self, grant: Grant) -> tuple[str, str | None]:
        """A new access token, and a new refresh token if the person allowed offline access."""
        now, access_token, refresh_token = self._clock.now(), f"idp-at-{secrets.token_urlsafe(32)}", None
        self._access[access_token] = Token(grant=grant, expires=now + self.access_lives)
        if "offline_access" in grant.scopes:
            refresh_token = f"idp-rt-{secrets.token_urlsafe(32)}"
            self._refresh[refresh_token] = Token(grant=grant, expires=now + self.refresh_lives)
        return access_token, refresh_token

    def behind(self, access_token: str) -> Grant:
        """The grant behind an access token that is still good; OAuthError (RFC 6750, section 3.1)."""
        token = self._access.get(access_token)
        if token is None or token.grant.ended:
            raise OAuthError("invalid_token", "The access token is not known or was revoked.", 401)
        if self._clock.now() >= token.expires:
            raise OAuthError("invalid_token", "The access token has expired.", 401)
        return token.grant

    def of(self, person: Person) -> list[Grant]:
        """A person's living grants, oldest first."""
        return [grant for grant in self._all if grant.person == person and not grant.ended]

    def _spent(self, tokens: dict[str, Token], value: str) -> Token:
        token = tokens.get(value)
        if token is None:
            raise _invalid_grant("There is no such code or refresh token.")
        if token.used:
            token.grant.ended = True
            raise _invalid_grant("It was used before, so everything that came of it has ended.")
        if token.grant.ended or self._clock.now() >= token.expires:
            raise _invalid_grant("It was revoked or has expired.")
        token.used = True
        return token


def _invalid_grant(description: str) -> OAuthError:
    return OAuthError("invalid_grant", description)
