"""The calls to Vault. Each takes the credential it is made with: every person has their own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

import aiohttp
import httpx
import stamina
import structlog

from bot.model.accounts import Access, Identity, Vault, VaultUser
from bot.model.errors import (
    BotError,
    IdentityMismatch,
    VaultAnswerStrange,
    VaultBusy,
    VaultConfiguring,
    VaultMaintenance,
    VaultNotReached,
    VaultSlow,
    VaultTemporary,
    VaultUnavailable,
)
from bot.model.secret import Secret
from bot.model.uploads import Part, UploadSession
from bot.vault import records, wire
from bot.vault.endpoints import Endpoint
from bot.vault.pool import http_client
from bot.vault.records import SignedIn
from bot.vault.wire import Answer, Burst, Meta, Request

__all__ = ["Burst", "SignedIn", "VaultClient", "http_client"]

ATTEMPTS = 4
LONGEST_PAUSE_SECONDS = 1.0
"""Between two tries; they grow from 0.2 s, with jitter."""
LONGEST_WAIT_SECONDS = 5.0
"""A person waits for the answer: what Vault wants postponed for longer is told at once."""
MOST_PAGES = 100
"""Far above what Vault allows: 50 upload sessions, 2000 parts at 1000 a page."""
LARGEST_ANSWER = 8 * 1024 * 1024

_log = structlog.get_logger("bot.vault")


class VaultClient:
    """Reads Vault for one person at a time, over one HTTP client for the whole process.

    `version` is Vault's API version, `client_id` how Vault's API usage log names us, `budget` the seconds that one
    method may take in all, with its repeated tries and further pages.
    """

    def __init__(
        self, http: httpx.AsyncClient, *, version: str, client_id: str, budget: float = 20.0
    ) -> None:
        self._http = http
        self._wire = wire.Wire(version, client_id)
        self._budget = budget
        self._bursts: dict[str, Burst] = {}

    async def versions(self, access: Access) -> list[str]:
        """Return the API versions this Vault speaks, oldest first."""
        async with self._deadline(access.vault) as deadline:
            answer = await self._ask(self._wire.versions(access), deadline)
        return records.read_versions(access.vault, answer.payload)

    async def sign_in(self, vault: Vault, user_name: str, password: Secret) -> SignedIn:
        """Open a Vault session. Tried once: Vault locks an account after five wrong passwords."""
        async with self._deadline(vault) as deadline:
            answer = await self._ask(self._wire.sign_in(vault, user_name, password), deadline)
        return records.read_sign_in(vault, answer.payload)

    async def me(self, access: Access) -> tuple[VaultUser, Identity]:
        """Return whose credential this is, and of which Vault."""
        async with self._deadline(access.vault) as deadline:
            answer = await self._ask(self._wire.me(access), deadline)
        user = records.read_me(access.vault, answer.payload)
        vault_id = answer.meta.vault_id or (access.identity.vault_id if access.identity else None)
        if vault_id is None:
            raise VaultAnswerStrange(vault=access.vault.name, reason="no X-VaultAPI-VaultId header")
        identity = Identity(vault_user_id=user.id, vault_id=vault_id)
        if access.identity not in (None, identity) or answer.meta.vault_user_id not in (None, user.id):
            raise IdentityMismatch(vault=access.vault.name, reason="users/me is another user")
        return user, identity

    async def uploads(self, access: Access) -> list[UploadSession]:
        """Return all active upload sessions this person may see: an Admin the Vault's, anyone else their own."""
        found: dict[str, UploadSession] = {}
        async with self._deadline(access.vault) as deadline:
            for answer in await self._pages(self._wire.uploads(access), deadline):
                for upload in records.read_uploads(access.vault, answer.payload):
                    found.setdefault(upload.id, upload)
        return list(found.values())

    async def upload(self, access: Access, upload_id: str) -> UploadSession:
        """Return one upload session; NotFoundInVault when it is not active or not visible to this person."""
        async with self._deadline(access.vault) as deadline:
            answer = await self._ask(self._wire.upload(access, upload_id), deadline)
        upload = records.read_upload(access.vault, answer.payload)
        if upload.id != upload_id:
            raise VaultAnswerStrange(vault=access.vault.name, reason="another upload than the one asked for")
        return upload

    async def parts(self, access: Access, upload_id: str) -> list[Part]:
        """Return the parts of one upload session by number. A number sent again replaced the part before."""
        found: dict[int, Part] = {}
        async with self._deadline(access.vault) as deadline:
            for answer in await self._pages(self._wire.parts(access, upload_id), deadline):
                found |= {part.number: part for part in records.read_parts(access.vault, answer.payload)}
        return [found[number] for number in sorted(found)]

    async def keep_alive(self, access: Access) -> None:
        """Lengthen the Vault session; CredentialRefused when it has ended."""
        async with self._deadline(access.vault) as deadline:
            await self._ask(self._wire.keep_alive(access), deadline)

    async def end_session(self, access: Access) -> None:
        """End this Vault session; others of the same person go on."""
        async with self._deadline(access.vault) as deadline:
            await self._ask(self._wire.end_session(access), deadline)

    def burst(self, vault: Vault) -> Burst | None:
        """Return the call limits that Vault told last, or None before its first answer."""
        return self._bursts.get(vault.host)

    @asynccontextmanager
    async def _deadline(self, vault: Vault) -> AsyncIterator[float]:
        """Give the moment (of the loop's clock) when the budget ends; what still runs then becomes VaultSlow."""
        deadline = asyncio.get_running_loop().time() + self._budget
        try:
            async with asyncio.timeout_at(deadline):
                yield deadline
        except TimeoutError:
            raise VaultSlow(vault=vault.name) from None

    async def _pages(self, request: Request, deadline: float) -> list[Answer]:
        """Return the answer to `request` and those of its further pages."""
        answers: list[Answer] = []
        seen: set[str] = set()
        following: Request | None = request
        while following is not None:
            if following.url in seen or len(seen) >= MOST_PAGES:
                raise VaultAnswerStrange(vault=request.vault.name, reason="next_page does not come to an end")
            seen.add(following.url)
            answer = await self._ask(following, deadline)
            answers.append(answer)
            following = self._wire.next_page(following, answer)
        return answers

    async def _ask(self, request: Request, deadline: float) -> Answer:
        """Return the answer; a GET is tried again after a passing fault while there is time for it."""
        if not request.endpoint.repeatable:
            return await self._try(request)

        def worth_another_try(error: Exception) -> bool | float:
            wait = _wait_before_retry(error)
            left = deadline - asyncio.get_running_loop().time()
            return False if wait is None or left <= (wait or LONGEST_PAUSE_SECONDS) else wait or True

        # stamina logs each repetition with the error before it: our sentences, which hold no id and no address.
        async for attempt in stamina.retry_context(
            worth_another_try,
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=0.2,
            wait_max=LONGEST_PAUSE_SECONDS,
            wait_jitter=0.3,
        ):
            with attempt:
                return await self._try(request)
        raise AssertionError("stamina leaves its loop by return or raise")

    async def _try(self, request: Request) -> Answer:
        """Make one call, and write one line about it."""
        started = perf_counter()
        status, meta, fault = None, Meta(), None
        try:
            status, meta, body = await self._exchange(request)
            if meta.burst is not None and request.endpoint is not Endpoint.SIGN_IN:
                self._bursts[request.vault.host] = meta.burst
            return wire.decipher(request, status, meta, body)
        except BotError as error:
            fault = error
            raise
        finally:
            _log.debug(
                "vault call",
                endpoint=request.endpoint.label,
                vault=request.vault.name,
                status=status,
                fault=type(fault).__name__ if fault else None,
                error_type=fault.details.get("error_type") if fault else None,
                reason=fault.details.get("reason") if fault else None,
                execution_id=meta.execution_id,
                truncated_session_id=meta.truncated_session_id,
                delay_ms=meta.delay_ms,
                seconds=round(perf_counter() - started, 3),
            )

    async def _exchange(self, request: Request) -> tuple[int, Meta, bytes]:
        """Send the request and read the whole answer. Foreign errors become ours here; their texts may hold addresses,
        so only their names go on."""
        name = request.vault.name
        try:
            outgoing = httpx.Request(
                request.endpoint.method, request.url, headers=request.headers, content=request.form or None
            )
            response = await self._http.send(outgoing, stream=True, follow_redirects=False)
            try:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > LARGEST_ANSWER:
                        raise VaultAnswerStrange(vault=name, reason="the answer is too large")
            finally:
                await response.aclose()
        except httpx.DecodingError as error:
            raise VaultAnswerStrange(vault=name, reason=type(error).__name__) from None
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError) as error:
            raise _kind_of(error)(vault=name, reason=type(error.__cause__ or error).__name__) from None
        return response.status_code, wire.read_meta(response.headers), bytes(body)


def _wait_before_retry(error: Exception) -> float | None:
    """Return how long to wait: 0 for the usual growing pauses, None where trying again does not help."""
    if isinstance(error, VaultBusy):
        seconds = error.details["seconds"]
        return max(seconds, 0.1) if isinstance(seconds, float) and seconds <= LONGEST_WAIT_SECONDS else None
    if isinstance(error, VaultTemporary) and not isinstance(error, VaultMaintenance | VaultConfiguring):
        return 0.0
    return None


def _kind_of(error: Exception) -> type[VaultTemporary]:
    if _is_timeout(error):
        return VaultSlow
    return VaultNotReached if isinstance(error.__cause__, aiohttp.ClientConnectorError) else VaultUnavailable


def _is_timeout(error: Exception) -> bool:
    """Whether time ran out. httpx-aiohttp calls every lost connection a ConnectTimeout; its cause tells them apart."""
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientError):
        return isinstance(cause, TimeoutError)
    return isinstance(error, httpx.TimeoutException | TimeoutError)
