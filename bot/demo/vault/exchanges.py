"""The log of all exchanges with the emulated Vaults, secrets masked, and how many there were."""

import re
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from bot.demo.vault.calls import Answer, Call, Kind
from bot.demo.vault.envelope import JsonObject

KEPT = 500
LONGEST_BODY = 20_000
MASK = "•••"

_SECRETS = re.compile(r"veeva-vault-[A-Za-z0-9._-]+|\b[0-9A-Fa-f]{128}\b")
_SECRET_FIELDS = frozenset({"password", "access_token"})


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer."""

    number: int
    at: datetime
    vault: str
    method: str
    path: str
    endpoint: Kind
    user: str | None
    """Short name of the person whose credential was good."""
    client_id: str
    reference_id: str | None
    status: int
    """HTTP status; 0 when the connection was dropped."""
    response_status: str | None
    error_type: str | None
    seconds: float
    """Real time it took."""
    request_headers: dict[str, str]
    request_body: str
    response_headers: dict[str, str]
    response_body: str


class ExchangeLog:
    """The last exchanges, and counters of all."""

    def __init__(self) -> None:
        self.entries: deque[Exchange] = deque(maxlen=KEPT)
        self._counts: Counter[tuple[str, Kind]] = Counter()
        self._listeners: list[Callable[[Exchange], None]] = []
        self._number = 0

    def count(self, vault: str, kind: Kind) -> None:
        """A request has arrived."""
        self._counts[vault, kind] += 1

    def calls(self, endpoint: Kind | str | None = None, vault: str | None = None) -> int:
        """How many requests have arrived, of one kind or of all, at one Vault or at all."""
        kind = None if endpoint is None else Kind(endpoint)
        return sum(
            count
            for (one_vault, one_kind), count in self._counts.items()
            if kind in (None, one_kind) and vault in (None, one_vault)
        )

    def forget_calls(self) -> None:
        """Count from zero again."""
        self._counts.clear()

    def listen(self, callback: Callable[[Exchange], None]) -> Callable[[], None]:
        """Call back with every new exchange, until the returned function is called."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def write(
        self, call: Call, answer: Answer, *, sent: int, headers: dict[str, str], seconds: float
    ) -> None:
        """Keep one exchange, masked."""
        self._number += 1
        envelope = answer.envelope or {}
        request = call.request
        query = urlencode(
            [(name, _masked_field(name, value)) for name, value in request.query_params.multi_items()]
        )
        entry = Exchange(
            number=self._number,
            at=call.now,
            vault=call.vault.key,
            method=request.method,
            path=_masked(f"{call.path}?{query}" if query else call.path),
            endpoint=call.kind,
            user=call.credential.user.key if call.credential else None,
            client_id=call.client_id,
            reference_id=request.headers.get("x-vaultapi-referenceid"),
            status=sent,
            response_status=envelope.get("responseStatus"),
            error_type=_first_error(envelope),
            seconds=seconds,
            request_headers=_masked_headers(dict(request.headers)),
            request_body=_request_text(call),
            response_headers=headers,
            response_body=_masked(answer.body.decode("utf-8", "replace"))[:LONGEST_BODY],
        )
        self.entries.append(entry)
        for listener in list(self._listeners):
            listener(entry)


def _first_error(envelope: JsonObject) -> str | None:
    errors = envelope.get("errors")
    return str(errors[0]["type"]) if errors else None


def _request_text(call: Call) -> str:
    """A form field by field; of anything else only how long it was, since it may hold anything."""
    if call.form:
        fields = [f"{name}={_masked_field(name, value)}" for name, value in call.form.items()]
        return "\n".join(fields)[:LONGEST_BODY]
    return f"<{len(call.body)} bytes>" if call.body else ""


def _masked(text: str) -> str:
    return _SECRETS.sub(MASK, text)


def _masked_field(name: str, value: str) -> str:
    return MASK if name.lower() in _SECRET_FIELDS else _masked(value)


def _masked_headers(headers: dict[str, str]) -> dict[str, str]:
    return {
        name: MASK if name.lower() in {"authorization", "cookie"} else _masked(value)
        for name, value in headers.items()
    }
