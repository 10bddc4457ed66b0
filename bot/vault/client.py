"""The calls to Vault. Each takes the credential it is made with: every person has their own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from time import perf_counter

import httpx
import structlog

from bot.model import overheard
from bot.model.accounts import Access, Heard, Identity, Vault, VaultUser
from bot.model.errors import BotError, IdentityMismatch, VaultAnswerStrange, VaultError, VaultSlow
from bot.model.meters import CUT_OFF, NO_METERS, OK, Meters
from bot.model.secret import Secret
from bot.model.uploads import Part, StagedFile, UploadSession
from bot.vault import answers, records, wire
from bot.vault.messages import Answer, Burst, Meta, Request
from bot.vault.pool import http_client
from bot.vault.records import Discovery, SignedIn
from bot.vault.repeating import repeated
from bot.vault.sending import send

__all__ = ["Burst", "Discovery", "SignedIn", "VaultClient", "http_client"]

MOST_PAGES = 100
"""Far above what Vault allows: 50 upload sessions, 2000 parts at 1000 a page."""
MOST_EXECUTION_IDS = 20
"""The last ones are kept: a list of many pages names no more."""
ABORT_SECONDS = 7.0
"""What is left of a person's patience is for looking what became of it, where Vault does not say."""
TOKEN_SECONDS = 3.0
"""For a token's expiry, which is good to know and not worth a longer wait."""

_log = structlog.get_logger("bot.vault")


class VaultClient:
    """Reads Vault for one person at a time, over one HTTP client for the whole process.

    `version` is Vault's API version, `client_id` how Vault's API usage log names us, `budget` the seconds that one
    method may take in all, with its repeated tries and further pages; `login_url` the host that all Vaults share.
    Every method raises VaultError. Execution ids of its answers go to `heard`, that of the access or the one given.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        version: str,
        client_id: str,
        budget: float = 20.0,
        login_url: str = wire.LOGIN_URL,
        meters: Meters = NO_METERS,
    ) -> None:
        self._http = http
        self._meters = meters
        self._wire = wire.Wire(version, client_id, login_url)
        self._budget = budget
        self._bursts: dict[str, Burst] = {}

    async def versions(self, vault: Vault, access: Access | None) -> list[str]:
        """Return the API versions this Vault speaks, oldest first.

        Asked without a credential where there is no access; Vault may refuse that (CredentialRefused), which its
        documentation leaves open.
        """
        async with self._deadline(vault) as deadline:
            answer = await self._ask(self._wire.versions(vault, access), deadline)
        return records.read_versions(vault, answer.payload)

    async def discover(self, user_name: str) -> Discovery:
        """Return how a Vault user signs in. Tried once; errors name the login host in place of a Vault.

        Vault: "Authentication Type Discovery"; what it answers for unknown names is not documented.
        """
        request = self._wire.discover(user_name)
        async with self._deadline(request.vault) as deadline:
            answer = await self._ask(request, deadline)
        return records.read_discovery(request.vault, answer.payload)

    async def sign_in(
        self, vault: Vault, user_name: str, password: Secret, *, heard: Heard | None = None
    ) -> SignedIn:
        """Open a Vault session. Tried once: Vault locks an account after five wrong passwords."""
        request = self._wire.sign_in(vault, user_name, password, heard)
        async with self._deadline(vault) as deadline:
            answer = await self._ask(request, deadline)
        return records.read_sign_in(vault, answer.payload)

    async def exchange(
        self, vault: Vault, access_token: Secret, profile_id: str, *, heard: Heard | None = None
    ) -> SignedIn:
        """Open a Vault session by an access token of the identity provider behind that profile. Tried once.

        CredentialRefused when Vault does not accept the token, LoginRefused when it knows the person and will not
        let them in. As with `sign_in`, the session may be for another Vault.
        """
        request = self._wire.exchange(vault, access_token, profile_id, heard)
        async with self._deadline(vault) as deadline:
            answer = await self._ask(request, deadline)
        return records.read_sign_in(vault, answer.payload)

    async def token_expiry(self, access: Access, version: str) -> datetime | None:
        """Return when the API access token of this access ends (UTC); None when Vault does not tell. Tried once.

        `version` is one the Vault speaks, v26.2 or later. Vault lists a person's tokens and not which of them is in
        use; see `records.read_token_expiry`. Whoever may not ask, or gets no answer in 3 seconds, is told None.
        """
        if access.identity is None:
            return None
        try:
            async with self._deadline(access.vault, TOKEN_SECONDS) as deadline:
                answer = await self._ask(self._wire.tokens(access, version), deadline)
            return records.read_token_expiry(access.vault, answer.payload)
        except VaultError as error:
            _log.info("token expiry not told", vault=access.vault.name, error=type(error).__name__)
            return None

    async def me(self, access: Access) -> tuple[VaultUser, Identity]:
        """Return whose credential this is, and of which Vault."""
        async with self._deadline(access.vault) as deadline:
            answer = await self._ask(self._wire.me(access), deadline)
        user = records.read_user(access.vault, answer.payload)
        vault_id = answer.meta.vault_id or (access.identity.vault_id if access.identity else None)
        if vault_id is None:
            raise VaultAnswerStrange(vault=access.vault.name, reason="no X-VaultAPI-VaultId header")
        identity = Identity(vault_user_id=user.id, vault_id=vault_id)
        if access.identity not in (None, identity) or answer.meta.vault_user_id not in (None, user.id):
            raise IdentityMismatch(vault=access.vault.name, reason="users/me is another user")
        return user, identity

    async def user(self, access: Access, vault_user_id: str) -> VaultUser:
        """Return who a Vault user is. VaultRefused where this person may not know, or there is nobody of that id.

        Vault: which rights this takes is not documented, and "Hide User Information" hides people from some users.
        """
        async with self._deadline(access.vault) as deadline:
            answer = await self._ask(self._wire.user(access, vault_user_id), deadline)
        user = records.read_user(access.vault, answer.payload)
        if user.id != vault_user_id:
            raise VaultAnswerStrange(vault=access.vault.name, reason="another user than the one asked for")
        return user

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

    async def abort(self, access: Access, upload_id: str) -> None:
        """Discard an upload session with all its parts, for ever. Tried once; NotFoundInVault as `upload`.

        After VaultUnavailable, VaultSlow, VaultMaintenance and VaultAnswerStrange it may have been done all the same:
        only a look at the upload tells.
        """
        async with self._deadline(access.vault, ABORT_SECONDS) as deadline:
            await self._ask(self._wire.abort(access, upload_id), deadline)

    async def items(self, access: Access, folder: str) -> list[StagedFile]:
        """Return the files that lie in a folder of file staging, not those in folders below it.

        `folder` is as this person's paths begin, and empty for their root. VaultRefused or NoStagingAccess for one
        that does not exist or may not be seen; what Vault answers then is not documented.
        """
        found: dict[str, StagedFile] = {}
        async with self._deadline(access.vault) as deadline:
            for answer in await self._pages(self._wire.items(access, folder), deadline):
                found |= {file.path: file for file in records.read_items(access.vault, answer.payload)}
        return list(found.values())

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
    async def _deadline(self, vault: Vault, seconds: float | None = None) -> AsyncIterator[float]:
        """Give the moment (of the loop's clock) when the budget ends, or `seconds` if they are fewer; what still runs
        then becomes VaultSlow."""
        most = self._budget if seconds is None else min(seconds, self._budget)
        deadline = asyncio.get_running_loop().time() + most
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
        return await repeated(lambda: self._try(request), deadline)

    async def _try(self, request: Request) -> Answer:
        """Make one call, and write one line about it."""
        started = perf_counter()
        status, meta, fault = None, Meta(), None
        timing = self._meters.vault_call(request.place, request.endpoint.label)
        came_to = VaultSlow.__name__  # so it is where the time was over, which cancels without a word
        try:
            status, meta, body = await send(self._http, request)
            self._note(request, meta)
            answer = answers.decipher(request, status, meta, body)
            came_to = OK
            return answer
        except BotError as error:
            fault, came_to = error, type(error).__name__
            raise
        except asyncio.CancelledError as error:
            if CUT_OFF in error.args:
                came_to = CUT_OFF
            raise
        finally:
            timing.end(came_to)
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

    def _note(self, request: Request, meta: Meta) -> None:
        """Keep what any answer says of itself, a refusal's too."""
        if meta.burst is not None and not (request.endpoint.opens_session or request.endpoint.on_login_host):
            self._bursts[request.vault.host] = meta.burst
            self._meters.burst(request.vault.name, meta.burst.limit, meta.burst.remaining)
        if meta.execution_id is None:
            return
        overheard.note(meta.execution_id)
        if request.heard is not None:
            request.heard.execution_ids.append(meta.execution_id)
            del request.heard.execution_ids[:-MOST_EXECUTION_IDS]
