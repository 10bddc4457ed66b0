"""One Vault's HTTP server: the way of a call from its arrival to the answer (facts §7.1.2)."""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from bot.demo.clock import DemoClock
from bot.demo.serving import HangUp
from bot.demo.vault.behaviour import Behaviour
from bot.demo.vault.bursts import BurstWindow
from bot.demo.vault.calls import LOGIN_KINDS, Answer, Call, Delivery, Kind
from bot.demo.vault.domain import Domain, Vault
from bot.demo.vault.endpoints.authentication import wanted_dns
from bot.demo.vault.endpoints.table import Match, Needs, match
from bot.demo.vault.envelope import (
    JsonObject,
    LostPageError,
    RefusedError,
    dead_session,
    no_api_right,
    no_staging_right,
    too_many_logins,
)
from bot.demo.vault.exchanges import ExchangeLog
from bot.demo.vault.fault_plan import FaultPlan
from bot.demo.vault.faults import Fault
from bot.demo.vault.logins import VaultSession

STATUS_HEADER_SINCE = (23, 2)
REFERENCE_HEADER_SINCE = (23, 3)


class VaultServer:
    """ASGI app of one Vault of the domain."""

    def __init__(
        self,
        vault: Vault,
        *,
        domain: Domain,
        behaviour: Behaviour,
        clock: DemoClock,
        faults: FaultPlan,
        log: ExchangeLog,
        auth_bursts: BurstWindow,
        changed: Callable[[], None],
    ) -> None:
        self._vault = vault
        self._domain = domain
        self._behaviour = behaviour
        self._clock = clock
        self._faults = faults
        self._log = log
        self._bursts = BurstWindow(timedelta(minutes=5))
        self._auth_bursts = auth_bursts
        self._changed = changed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        request = Request(scope, receive)
        matched = match(request.method, scope["path"])
        kind = matched.endpoint.kind if matched.endpoint else Kind.UNKNOWN
        self._log.count(self._vault.key, kind)
        struck = self._faults.draw(kind, self._vault.key)
        try:
            call = await self._open(request, kind, matched)
        except ClientDisconnect:
            return
        answer = await self._answer(call, matched, struck)
        sent = 0 if answer.delivery is Delivery.NONE else answer.status
        headers = {"Content-Type": answer.content_type, **answer.headers}
        self._log.write(call, answer, sent=sent, headers=headers, seconds=time.perf_counter() - started)
        await _deliver(answer, headers, scope, receive, send)

    async def _open(self, request: Request, kind: Kind, matched: Match) -> Call:
        """Read the request as a whole."""
        values = dict(matched.values or {})
        body, form = b"", {}
        if request.method not in {"GET", "HEAD"}:
            body = await request.body()
            form = await _read_form(request)
        return Call(
            request=request,
            kind=kind,
            domain=self._domain,
            vault=self._vault,
            behaviour=self._behaviour,
            now=self._clock.now(),
            version=values.pop("version", None),
            path_values=values,
            body=body,
            form=form,
            limit=self._behaviour.burst_limit,
            remaining=self._behaviour.burst_limit,
        )

    async def _answer(self, call: Call, matched: Match, struck: Sequence[Fault]) -> Answer:
        for fault in struck:
            if (instead := await fault.before()) is not None:
                return instead
        call.now = self._clock.now()
        try:
            answer = Answer.of(await self._work(call, matched, struck), {})
            if call.request.method != "GET":
                self._changed()
        except RefusedError as refused:
            answer = Answer.of(refused.envelope(), {})
        except LostPageError:
            answer = Answer.lost_page({})
        if call.credential is not None:
            self._domain.logins.touch(call.credential, self._clock.now())
        answer.headers = _headers(call, answer)
        for fault in struck:
            answer = fault.after(answer)
        return answer

    async def _work(self, call: Call, matched: Match, struck: Sequence[Fault]) -> JsonObject:
        """The Vault's own steps, in their order."""
        endpoint = matched.endpoint
        if matched.values is None:
            raise LostPageError
        if call.version is not None and call.version not in self._behaviour.versions:
            raise LostPageError
        if endpoint is None:
            raise RefusedError("METHOD_NOT_SUPPORTED", "This resource does not know the method.")
        await self._throttle(call)
        self._check_client_id(call)
        if endpoint.needs is not Needs.NOTHING:
            self._identify(call, endpoint.needs)
        for fault in struck:
            fault.admit(call)
        body = endpoint.answer(call)
        return body if isinstance(body, dict) else await body

    async def _throttle(self, call: Call) -> None:
        """Delay calls beyond the burst limit; refuse logins beyond theirs (facts §1.6)."""
        refused = False
        if call.kind is Kind.AUTH:
            call.limit = self._behaviour.auth_burst_limit
            who = f"{call.form.get('username', '').lower()} {wanted_dns(call).lower()}"
            used = self._auth_bursts.count(call.now, who)
            too_fast, refused = used > call.limit / 2, used > call.limit
        else:
            used = 0 if call.kind in LOGIN_KINDS else self._bursts.count(call.now)
            too_fast = used > call.limit
        call.remaining = max(0, call.limit - used)
        if refused:
            raise too_many_logins()
        if too_fast:
            call.delayed = self._behaviour.burst_delay
            await asyncio.sleep(call.delayed)

    def _check_client_id(self, call: Call) -> None:
        """Client ID Filtering (facts §1.2); the refusal's type is assumed (facts §8)."""
        allowed = self._behaviour.client_ids
        if allowed is not None and call.client_id not in allowed:
            raise RefusedError("INSUFFICIENT_ACCESS", "The client ID is not allowed in this Vault.")

    def _identify(self, call: Call, needs: Needs) -> None:
        """Dead session, no API right, no staging right: in this order (facts §7.1.2)."""
        authorization = call.request.headers.get("authorization", "")
        call.credential = self._domain.logins.identify(authorization, self._vault.id, call.now)
        if call.credential is None:
            if call.kind is Kind.VERSIONS and not self._behaviour.versions_need_session:
                return
            raise dead_session()
        if not call.user.api_access:
            raise no_api_right(call.user.id)
        if needs is Needs.STAGING and not call.user.staging_access:
            raise no_staging_right(call.user.id)


FORM = "application/x-www-form-urlencoded"


async def _read_form(request: Request) -> dict[str, str]:
    """Fields of an urlencoded form; nothing if there is none that can be read."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return {}
    try:
        return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        return {}


def _headers(call: Call, answer: Answer) -> dict[str, str]:
    """The response headers of facts §1.6."""
    headers = {
        "X-VaultAPI-ExecutionId": str(uuid.uuid4()),
        "X-VaultAPI-VaultId": str(call.vault.id),
        "X-VaultAPI-BurstLimit": str(call.limit),
        "X-VaultAPI-BurstLimitRemaining": str(call.remaining),
        "Cache-Control": "no-store, no-cache",
    }
    if call.delayed:
        headers["X-VaultAPI-ResponseDelay"] = str(round(call.delayed * 1000))
    if call.credential is not None:
        headers["X-VaultAPI-UserId"] = str(call.user.id)
    if isinstance(call.credential, VaultSession):
        headers["X-VaultAPI-TruncatedSessionId"] = call.credential.truncated_id
    if answer.envelope is not None and call.release >= STATUS_HEADER_SINCE:
        headers["X-VaultAPI-Status"] = str(answer.envelope["responseStatus"])
    reference = call.request.headers.get("x-vaultapi-referenceid")
    if reference is not None and call.release >= REFERENCE_HEADER_SINCE:
        headers["X-VaultAPI-ReferenceId"] = reference
    return headers


async def _deliver(
    answer: Answer, headers: dict[str, str], scope: Scope, receive: Receive, send: Send
) -> None:
    """Send the answer, or as much of it as shall arrive; names of headers in lower case, as in HTTP/2."""
    if answer.delivery is Delivery.NONE:
        await HangUp()(scope, receive, send)
        return
    broken_off = answer.delivery is Delivery.BROKEN_OFF
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    raw.append((b"content-length", str(len(answer.body) + broken_off).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    body = answer.body[: len(answer.body) // 2] if broken_off else answer.body
    await send({"type": "http.response.body", "body": body, "more_body": broken_off})
    if broken_off:
        await asyncio.sleep(0.01)  # lets the half reach the wire
        await HangUp()(scope, receive, send)
