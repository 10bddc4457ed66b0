"""Signing a person in at their company's OpenID Connect provider, and renewing it later without them.

Authorization code flow with PKCE (Core, section 3.1; RFC 7636). What goes through the browser are single-use values
alone; the tokens come from the token endpoint directly.

The libraries for it are imported where they are used, here and in the modules beside: they would be a tenth of every
start of the bot, and the first who signs in does not notice.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import httpx
import structlog

from bot.idp.calls import Calls, Document, unusable
from bot.idp.discovery import Discovery, Metadata
from bot.idp.id_token import NotTrusted, SignedByUnknownKey, read_subject
from bot.model.clock import Clock
from bot.model.errors import ProviderRefused, ProviderUnavailable, RenewalRefused
from bot.model.secret import Secret

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

_FORM = "application/x-www-form-urlencoded"
_CODE = re.compile(r"[a-z_]{1,40}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
"""What can stand in a header and a form. RFC 6749, appendix A.12 and A.17, and room for signed tokens."""

_REASONS = {
    "access_denied": "the sign-in was cancelled, or you may not use this app",
    "account_selection_required": "it wants you to choose an account first",
    "consent_required": "it wants your consent first",
    "interaction_required": "it wants to ask you something first",
    "login_required": "it wants you to sign in there first",
    "invalid_client": "it does not accept this app's registration",
    "invalid_grant": "the sign-in took too long, or was used already",
    "invalid_request": "it did not understand this app's request",
    "invalid_scope": "this app may not ask it for so much",
    "server_error": "it has trouble of its own",
    "temporarily_unavailable": "it is not available just now",
    "unauthorized_client": "this app may not use it in this way",
    "unsupported_response_type": "it does not offer the way of signing in that this app uses",
}
"""RFC 6749, sections 4.1.2.1 and 5.2; Core, section 3.1.2.6."""
_PASSING = frozenset({"server_error", "temporarily_unavailable", "slow_down"})
_ABOUT_THE_PERSON = frozenset(
    {
        "access_denied",
        "account_selection_required",
        "consent_required",
        "interaction_required",
        "invalid_grant",
        "login_required",
    }
)
"""Only these end a link. Whatever else is refused is refused to the bot: it must not end everybody's link at once."""

_log = structlog.get_logger("bot.idp")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the provider granted. `refresh_token` is None where it gave none: after a renewal the old one goes on.
    `subject` is whom its ID token is about, empty after a renewal that brought none."""

    access_token: Secret
    refresh_token: Secret | None
    subject: str


class IdentityProvider:
    """The one provider of OIDC_ISSUER. Everything raises ProviderUnavailable for its passing faults.

    `client_secret` is None for a public client; `seconds` is what one call to the provider may take.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        issuer: str,
        client_id: str,
        client_secret: Secret | None,
        scopes: str,
        redirect_uri: str,
        clock: Clock,
        seconds: float = 5.0,
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._scopes = scopes
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._calls = Calls(http, seconds=seconds)
        self._discovery = Discovery(
            self._calls, issuer=issuer, has_secret=client_secret is not None, clock=clock
        )

    async def sign_in_url(self, *, state: str, nonce: str, verifier: str) -> str:
        """Return the address that a person's browser is sent to, to sign in."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # type: ignore[import-untyped]
        from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

        metadata = await self._discovery.metadata()
        url: str = prepare_grant_uri(
            metadata.authorization_endpoint,
            self._client_id,
            "code",
            self._redirect_uri,
            self._scopes,
            state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            # Core, section 11: a refresh token is given only for this.
            prompt="consent" if "offline_access" in self._scopes.split() else None,
        )
        return url

    async def redeem(self, *, code: str, verifier: str, nonce: str, issuer_seen: str | None) -> Tokens:
        """Return the tokens for the code that the browser came back with; ProviderRefused when there are none.

        `issuer_seen` is the callback's parameter `iss`: a code of another provider is sent to nobody (RFC 9207).
        """
        if not nonce:
            raise ValueError("a sign-in needs a nonce")
        metadata = await self._discovery.metadata()
        if issuer_seen != self._issuer and (issuer_seen is not None or metadata.tells_issuer):
            _log.warning("sign-in refused", check="issuer of the callback")
            raise ProviderRefused(reason="the answer came from another sign-in service", error_type="issuer")
        granted = await self._granted(
            metadata,
            "authorization_code",
            code=code,
            redirect_uri=self._redirect_uri,
            code_verifier=verifier,
        )
        try:
            return await self._tokens(granted, nonce)
        except NotTrusted as error:
            raise ProviderRefused(reason=error.reason, error_type=f"id_token_{error.check}") from None

    async def refresh(self, refresh_token: Secret, keep: Callable[[Secret], Awaitable[None]]) -> Tokens:
        """Return new tokens; RenewalRefused when the provider gives no more to this person.

        A refresh token in place of the given one goes to `keep` before anything else in the answer is judged: the
        given one may be void by now, and the rest may be of use only later. What `keep` raises is raised.
        """
        metadata = await self._discovery.metadata()
        try:
            granted = await self._granted(metadata, "refresh_token", refresh_token=refresh_token.reveal())
        except ProviderRefused as error:
            code = str(error.details["error_type"])
            if code not in _ABOUT_THE_PERSON:
                _log.error("identity provider refuses this app", grant="refresh_token", error=code)
                raise ProviderUnavailable(reason=f"token: {code}") from None
            by = "has ended it" if code == "invalid_grant" else "refused to renew it"
            raise RenewalRefused(reason=f"your company's sign-in {by}", error_type=code) from None
        given = _refresh_token(granted)
        if given is not None and given != refresh_token:
            await keep(given)
        try:
            return await self._tokens(granted, None)
        except NotTrusted as error:
            raise unusable("token", f"token: the ID token is not to be trusted: {error.check}") from None

    def refusal(self, error_code: str) -> ProviderRefused:
        """Return the error for the code that came back to the callback, or from the token endpoint."""
        code = error_code if _CODE.fullmatch(error_code) else "unknown"
        said = "it gave no reason" if code == "unknown" else f"it said “{code}”"
        return ProviderRefused(reason=_REASONS.get(code, said), error_type=code)

    async def _granted(self, metadata: Metadata, grant_type: str, **fields: str) -> Document:
        """Return the token endpoint's good answer; ProviderRefused with its code for a refusal."""
        from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        # The keys first: what is granted only once must not be lost because they cannot be had.
        await self._discovery.keys()
        # RFC 6749, section 2.3.1: both are form-encoded before they become a user name and a password.
        quoting = quote_plus if metadata.client_auth == "client_secret_basic" else str
        client = ClientAuth(
            quoting(self._client_id),
            quoting(self._client_secret.reveal()) if self._client_secret is not None else "",
            metadata.client_auth,
        )
        url, headers, form = client.prepare(
            "POST",
            metadata.token_endpoint,
            {"Content-Type": _FORM},
            prepare_token_request(grant_type, **fields),
        )
        reply = await self._calls.post("token", url, headers, form)
        error = reply.document.get("error") if reply.document is not None else None
        if isinstance(error, str) and reply.status < 500 and reply.status != 429 and error not in _PASSING:
            refusal = self.refusal(error)
            _log.warning("identity provider refused", grant=grant_type, error=refusal.details["error_type"])
            raise refusal
        if 400 <= reply.status < 500 and reply.status not in (408, 429) and error is None:
            _log.error("identity provider refuses this app", grant=grant_type, error="unknown")
        if reply.status != 200 or reply.document is None or error is not None:
            raise unusable("token", f"token: HTTP {reply.status}, no tokens")
        return reply.document

    async def _tokens(self, granted: Document, nonce: str | None) -> Tokens:
        """Return what was granted, once its ID token is trusted; a sign-in needs one. NotTrusted otherwise."""
        access_token, refresh_token = granted.get("access_token"), _refresh_token(granted)
        if not _is_token(access_token) or str(granted.get("token_type")).lower() != "bearer":
            raise unusable("token", "token: no bearer token in the answer")
        id_token, subject = granted.get("id_token"), ""
        if id_token is not None or nonce is not None:
            subject = await self._subject(id_token, nonce, str(access_token))
        return Tokens(
            access_token=Secret(str(access_token)),
            refresh_token=refresh_token,
            subject=subject,
        )

    async def _subject(self, id_token: object, nonce: str | None, access_token: str) -> str:
        if not isinstance(id_token, str):
            raise NotTrusted("missing")

        def read(keys: "KeySet") -> str:
            return read_subject(
                id_token,
                keys,
                issuer=self._issuer,
                client_id=self._client_id,
                nonce=nonce,
                access_token=access_token,
                now=int(self._clock().timestamp()),
            )

        try:
            try:
                return read(await self._discovery.keys())
            except SignedByUnknownKey:
                return read(await self._discovery.newer_keys())
        except NotTrusted as error:
            _log.warning("ID token refused", check=error.check)
            raise


def _refresh_token(granted: Document) -> Secret | None:
    found = granted.get("refresh_token")
    if found is None:
        return None
    if not _is_token(found):
        raise unusable("token", "token: the refresh token cannot be one")
    return Secret(str(found))


def _is_token(value: object) -> bool:
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None
