"""A running Vault emulator with a clock that stands still, and people who call it over real sockets."""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from bot.demo.clock import DemoClock
from bot.demo.vault import Domain, IdentityProvider, User, VaultEmulator, seed
from tests.integration.raw_server import answer, raw_server

UPLOADS = "/api/v24.3/services/file_staging/upload"
PARTS_OF_5_MB = 5 * 1024 * 1024


@dataclass
class World:
    """The seeded domain, served."""

    emulator: VaultEmulator
    clock: DemoClock
    http: httpx.AsyncClient

    def pass_time(self, **units: float) -> None:
        """Let hours, minutes or seconds pass."""
        self.clock.advance(timedelta(**units))

    async def call(
        self,
        method: str,
        path: str,
        who: str | None = "alice",
        *,
        vault: str = seed.PROMOMATS,
        authorization: str | None = None,
        headers: dict[str, str] | None = None,
        **rest: Any,
    ) -> httpx.Response:
        """One call with a person's API access token, or with another credential, or with none."""
        sent = dict(headers or {})
        if authorization is not None:
            sent["Authorization"] = authorization
        elif who is not None:
            sent["Authorization"] = f"Bearer {seed.ACCESS_TOKENS[who, vault]}"
        url = path if path.startswith("http") else self.emulator.vaults[vault].url + path
        return await self.http.request(method, url, headers=sent, **rest)

    async def log_in(
        self, who: str = "alice", *, vault: str = seed.PROMOMATS, password: str | None = None, **form: str
    ) -> dict[str, Any]:
        """The body of a login by password."""
        credentials = {
            "username": f"{who}@nordlicht.example",
            "password": seed.PASSWORDS.get(who, "") if password is None else password,
        }
        answer = await self.call("POST", "/api/v24.3/auth", None, vault=vault, data={**credentials, **form})
        assert answer.status_code == 200
        body: dict[str, Any] = answer.json()
        return body

    async def error_type(self, method: str, path: str, who: str | None = "alice", **rest: Any) -> str | None:
        """The type of the first error of a call, or None if it was a success."""
        answer = await self.call(method, path, who, **rest)
        assert answer.status_code == 200
        return error_of(answer.json())

    async def listed(self, who: str = "alice", **rest: Any) -> list[dict[str, Any]]:
        """The upload sessions a person is shown."""
        answer = await self.call("GET", UPLOADS, who, **rest)
        listed: list[dict[str, Any]] = answer.json()["data"]
        return listed

    async def details(self, upload_id: str, who: str = "alice", **rest: Any) -> dict[str, Any]:
        """One upload session as a person is shown it."""
        answer = await self.call("GET", f"{UPLOADS}/{upload_id}", who, **rest)
        record: dict[str, Any] = answer.json()["data"]
        return record


def userinfo(head: str) -> bytes | None:
    """An identity provider's userinfo endpoint: the token `idp-alice` is Alice's, `idp-alice-expired` was."""
    token = re.search(r"\r\nauthorization: bearer idp-([a-z]+)(-expired)?\r\n", head, re.IGNORECASE)
    if token is None or token[2]:
        why = "The access token expired" if token else "unknown token"
        challenge = f'WWW-Authenticate: Bearer error="invalid_token", error_description="{why}"'
        return answer(b"", "401 Unauthorized", challenge)
    if token[1] == "broken":
        return answer(b"<html>", "200 OK", "Content-Type: text/html")
    people = {user.key: user.email for user in seeded_users()}
    claims = {
        "sub": f"sub-{token[1]}",
        "email": people.get(token[1], f"{token[1]}@elsewhere.example").upper(),
    }
    return answer(json.dumps(claims).encode(), "200 OK", "Content-Type: application/json")


def seeded_users() -> Iterator[User]:
    """The demo's people."""
    yield from Domain.seeded(DemoClock().now()).users.values()


@contextlib.asynccontextmanager
async def identity_provider(emulator: VaultEmulator) -> AsyncIterator[IdentityProvider]:
    """Give the domain an identity provider for a while."""
    async with raw_server(userinfo) as server:
        provider = IdentityProvider("https://idp.nordlicht.example", f"{server.url}/userinfo")
        emulator.domain.identity_provider = provider
        yield provider
    emulator.domain.identity_provider = None


def error_of(body: dict[str, Any]) -> str | None:
    """The type of the first error of an answer."""
    if body["responseStatus"] == "SUCCESS":
        assert not body.get("errors")
        return None
    return str(body["errors"][0]["type"])


@contextlib.asynccontextmanager
async def open_world() -> AsyncIterator[World]:
    """Start the seeded domain, and stop it."""
    clock = DemoClock()
    clock.run_at(0)
    emulator = VaultEmulator(clock=clock, domain=Domain.seeded(clock.now()))
    await emulator.start(ports=(0, 0))
    try:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
            yield World(emulator, clock, http)
    finally:
        await emulator.stop()
