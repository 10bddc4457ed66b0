"""What the identity provider says of itself, and the keys it signs with: fetched when needed, kept for an hour."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlsplit

from bot.idp.calls import Calls, Document, unusable
from bot.idp.id_token import import_keys
from bot.model.addresses import is_loopback
from bot.model.clock import Clock

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

KEPT = timedelta(hours=1)
KEYS_AGAIN = timedelta(minutes=1)
"""An unknown key is looked for in keys that are younger than this before they are fetched again."""
MAY_AUTHENTICATE = ("client_secret_basic", "client_secret_post")

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """A value that is fetched when it is needed and too old; whoever needs it meanwhile waits for that same fetch."""

    def __init__(self, fetch: Callable[[], Awaitable[Value]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._found: tuple[datetime, Value] | None = None
        self._fetching: asyncio.Task[Value] | None = None

    async def get(self, age: timedelta = KEPT) -> Value:
        """Return the value, not older than `age`; whatever the fetch raises."""
        if self._found is not None and timedelta(0) <= self._clock() - self._found[0] < age:
            return self._found[1]
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetched(), name="identity provider")
            self._fetching.add_done_callback(self._done)
        fetching = self._fetching
        await asyncio.wait({fetching})  # one who stops waiting does not end it for the others
        return fetching.result()

    async def _fetched(self) -> Value:
        value = await self._fetch()
        self._found = (self._clock(), value)
        return value

    def _done(self, fetching: asyncio.Task[Value]) -> None:
        self._fetching = None
        if not fetching.cancelled():
            fetching.exception()  # taken note of, also when nobody waits any more


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """The part of the provider's metadata that is used. `tells_issuer`: it names itself in each answer it sends by
    way of the browser (RFC 9207)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    client_auth: str
    tells_issuer: bool


class Discovery:
    """Finds and keeps both. All of it raises ProviderUnavailable for what cannot be had or used."""

    def __init__(self, calls: Calls, *, issuer: str, has_secret: bool, clock: Clock) -> None:
        self._calls = calls
        self._issuer = issuer
        self._has_secret = has_secret
        self._metadata = Kept(self._read_metadata, clock)
        self._keys = Kept(self._read_keys, clock)

    async def metadata(self) -> Metadata:
        """Return the metadata that stands under the issuer's well-known address."""
        return await self._metadata.get()

    async def keys(self) -> "KeySet":
        """Return the keys that ID tokens are signed with."""
        return await self._keys.get()

    async def newer_keys(self) -> "KeySet":
        """Return them as they are now, to about a minute: the provider may have changed them."""
        return await self._keys.get(KEYS_AGAIN)

    async def _read_metadata(self) -> Metadata:
        from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped]

        # Discovery, section 4.3: the issuer in it must be exactly the one that was asked.
        document = await self._calls.get("metadata", get_well_known_url(self._issuer, external=True))
        if document.get("issuer") != self._issuer:
            raise unusable("metadata", "metadata: its issuer is not OIDC_ISSUER to the letter")
        return Metadata(
            authorization_endpoint=_address(document, "authorization_endpoint"),
            token_endpoint=_address(document, "token_endpoint"),
            jwks_uri=_address(document, "jwks_uri"),
            client_auth=self._client_auth(document),
            tells_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        )

    async def _read_keys(self) -> "KeySet":
        keys = import_keys(await self._calls.get("keys", (await self.metadata()).jwks_uri))
        if not keys:
            raise unusable("keys", "keys: none that can be used for signatures")
        return keys

    def _client_auth(self, document: Document) -> str:
        """Return how to prove at the token endpoint which client this is (Core, section 9)."""
        if not self._has_secret:
            return "none"
        # Discovery, section 3: where it says nothing, client_secret_basic is meant.
        offered = document.get("token_endpoint_auth_methods_supported") or [MAY_AUTHENTICATE[0]]
        for way in MAY_AUTHENTICATE:
            if isinstance(offered, list) and way in offered:
                return way
        raise unusable("metadata", "metadata: it takes a client secret in no way that this bot knows")


def _address(document: Document, name: str) -> str:
    address = document.get(name)
    try:
        parts = urlsplit(address if isinstance(address, str) else "")
        fine = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
        fine = (
            fine
            and bool(parts.hostname)
            and parts.port != 0
            and not parts.fragment
            and "@" not in parts.netloc
        )
    except ValueError:
        fine = False
    if not isinstance(address, str) or not fine or not address.isascii() or not address.isprintable():
        raise unusable("metadata", f"metadata: {name} is no https address")
    return address
