"""Faults on demand: what a Vault, or the network before it, does wrong for a while.

A fault may act at three moments: `before` the Vault has the request, when the Vault could `admit` it, and
`after` the answer was made.
"""

import asyncio
import dataclasses
import json
from dataclasses import dataclass
from typing import ClassVar

from bot.demo.vault.calls import LOGIN_KINDS, Answer, Call, Delivery, Kind
from bot.demo.vault.envelope import (
    RefusedError,
    asked_too_soon,
    configuration_mode,
    crashed,
    too_many_logins,
)

ERROR_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>gateway</body></html>"


class Fault:
    """Something that goes wrong; this one does nothing."""

    async def before(self) -> Answer | None:
        """Answer in the Vault's place, or wait, before the request has reached it."""
        return None

    def admit(self, call: Call) -> None:
        """Refuse a caller whose credential and rights are good."""

    def after(self, answer: Answer) -> Answer:
        """Spoil the finished answer."""
        return answer


@dataclass(frozen=True)
class Delay(Fault):
    """The answer takes so many real seconds longer."""

    seconds: float

    async def before(self) -> Answer | None:
        """Wait, without holding up other calls."""
        await asyncio.sleep(self.seconds)
        return None


@dataclass(frozen=True)
class Throttled(Fault):
    """The burst limit is used up: a delay, and the headers that tell of it (facts §1.6)."""

    milliseconds: int = 500

    async def before(self) -> Answer | None:
        """Wait as long as Vault makes callers wait."""
        await asyncio.sleep(self.milliseconds / 1000)
        return None

    def after(self, answer: Answer) -> Answer:
        """No calls remain in this window."""
        return _with_headers(
            answer,
            {
                "X-VaultAPI-BurstLimitRemaining": "0",
                "X-VaultAPI-ResponseDelay": str(self.milliseconds),
            },
        )


@dataclass(frozen=True)
class ApiLimitExceeded(Fault):
    """API_LIMIT_EXCEEDED, in the words of the login or of other calls (facts E13, E29)."""

    def admit(self, call: Call) -> None:
        """Refuse."""
        raise too_many_logins() if call.kind is Kind.AUTH else asked_too_soon()


@dataclass(frozen=True)
class UnexpectedError(Fault):
    """The Vault crashes over the call: EXCEPTION (facts E24)."""

    def admit(self, call: Call) -> None:  # noqa: ARG002
        """Crash."""
        raise crashed()


@dataclass(frozen=True)
class UnknownErrorType(Fault):
    """An error type that no list knows; they occur (facts §1.5)."""

    error_type: str = "QUOTA_OF_TOMORROW"

    def admit(self, call: Call) -> None:  # noqa: ARG002
        """Refuse."""
        raise RefusedError(self.error_type, "A message nobody has seen before.")


@dataclass(frozen=True)
class ConfigurationMode(Fault):
    """Only Admins may enter just now (facts E25)."""

    def admit(self, call: Call) -> None:
        """Refuse everyone else, at the login by password too; an exchange names nobody before it is done."""
        if call.kind in LOGIN_KINDS:
            name = call.form.get("username", "").strip().lower()
            admins = {user.user_name for user in call.domain.users.values() if user.is_admin}
            if call.kind is Kind.AUTH and name not in admins:
                raise configuration_mode(at_login=True)
        elif call.credential is None or not call.user.is_admin:
            raise configuration_mode()


@dataclass(frozen=True)
class Status(Fault):
    """A proxy answers with this HTTP status, as HTML or JSON that is no envelope (facts §1.4)."""

    code: int
    as_json: bool = False

    async def before(self) -> Answer | None:
        """The proxy's answer; the Vault never sees the call."""
        if self.as_json:
            body = json.dumps({"error": f"status {self.code}"}).encode()
            return Answer(status=self.code, body=body, content_type="application/json")
        return Answer.page(self.code, ERROR_PAGE.format(self.code))


@dataclass(frozen=True)
class Maintenance(Fault):
    """A scheduled upgrade: 503, a page, and how long it will last (facts §1.4, §1.6)."""

    minutes: int | None = 45
    """None: the header is missing."""

    async def before(self) -> Answer | None:
        """The maintenance page."""
        header = "X-VaultAPI-DowntimeExpectedDurationMinutes"
        headers = {} if self.minutes is None else {header: str(self.minutes)}
        return Answer.page(503, ERROR_PAGE.format("Scheduled maintenance"), headers)


@dataclass(frozen=True)
class Dropped(Fault):
    """The connection ends: without an answer, or amid the body of one."""

    in_body: bool = False

    async def before(self) -> Answer | None:
        """Hang up before the Vault has done anything."""
        return None if self.in_body else Answer(delivery=Delivery.NONE)

    def after(self, answer: Answer) -> Answer:
        """Hang up although the Vault has done its work."""
        return dataclasses.replace(answer, delivery=Delivery.BROKEN_OFF)


@dataclass(frozen=True)
class RedirectTo(Fault):
    """Sends the caller, and perhaps the credential, elsewhere (facts §1.2)."""

    url: str
    status: int = 302

    async def before(self) -> Answer | None:
        """The redirect."""
        return Answer(status=self.status, content_type="text/html", headers={"Location": self.url})


@dataclass(frozen=True)
class Spoiled(Fault):
    """HTTP 200 with a body that cannot be what was asked for."""

    body: ClassVar[bytes] = b""
    content_type: ClassVar[str] = "application/json;charset=UTF-8"

    def after(self, answer: Answer) -> Answer:
        """Put the wrong body in place of the right one."""
        return dataclasses.replace(
            answer, status=200, body=self.body, content_type=self.content_type, envelope=None
        )


@dataclass(frozen=True)
class EmptyBody(Spoiled):
    """HTTP 200 and nothing."""


@dataclass(frozen=True)
class NotJsonObject(Spoiled):
    """JSON, and yet no object."""

    body = b'["SUCCESS", null, 7]'


@dataclass(frozen=True)
class HtmlWith200(Spoiled):
    """A login page of some proxy, with HTTP 200."""

    body = b"<!DOCTYPE html><html><body><h1>Sign in to the network</h1></body></html>"
    content_type = "text/html;charset=UTF-8"


@dataclass(frozen=True)
class TruncatedJson(Fault):
    """Half of the JSON, with a Content-Length that fits the half."""

    def after(self, answer: Answer) -> Answer:
        """Cut the body."""
        return dataclasses.replace(answer, body=answer.body[: len(answer.body) // 2], envelope=None)


@dataclass(frozen=True)
class WrongVaultId(Fault):
    """Another Vault seems to have served the call (facts §0.7)."""

    vault_id: int = 99999

    def after(self, answer: Answer) -> Answer:
        """Name the other Vault."""
        return _with_headers(answer, {"X-VaultAPI-VaultId": str(self.vault_id)})


@dataclass(frozen=True)
class WrongUserId(Fault):
    """The call seems to have been made by someone else (facts §0.7)."""

    user_id: int = 99999999

    def after(self, answer: Answer) -> Answer:
        """Name the other person."""
        return _with_headers(answer, {"X-VaultAPI-UserId": str(self.user_id)})


@dataclass(frozen=True)
class NextPageOnOtherHost(Fault):
    """`next_page` leads to another host, which would get the credential (facts §1.7)."""

    url: str = "http://127.0.0.2:9/api/v24.3/services/file_staging/upload?cursor=x"

    def after(self, answer: Answer) -> Answer:
        """Add or replace the link, in answers that carry a list."""
        if answer.envelope is None or not isinstance(answer.envelope.get("data"), list):
            return answer
        envelope = {**answer.envelope, "responseDetails": {"next_page": self.url}}
        return Answer.of(envelope, answer.headers)


def _with_headers(answer: Answer, headers: dict[str, str]) -> Answer:
    return dataclasses.replace(answer, headers={**answer.headers, **headers})
