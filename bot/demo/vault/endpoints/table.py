"""The table of all endpoints an emulated Vault answers."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from starlette.routing import compile_path

from bot.demo.vault.calls import Call, Kind
from bot.demo.vault.endpoints import access_tokens, authentication, file_staging
from bot.demo.vault.envelope import JsonObject


class Needs(IntEnum):
    """What a caller must have; each step asks for those before it (facts §7.1.2)."""

    NOTHING = 0
    SESSION = 1
    STAGING = 2


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One verb on one path, and the function that answers it."""

    kind: Kind
    method: str
    path: str
    answer: Callable[[Call], JsonObject | Awaitable[JsonObject]]
    needs: Needs = Needs.STAGING

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The path as an expression with its values as groups."""
        return compile_path(self.path)[0]


UPLOADS = "/api/{version}/services/file_staging/upload"
UPLOAD = UPLOADS + "/{upload_id}"
ITEMS = "/api/{version}/services/file_staging/items"

ENDPOINTS = (
    Endpoint(kind=Kind.UPLOAD_DETAILS, method="GET", path=UPLOAD, answer=file_staging.read_upload),
    Endpoint(kind=Kind.LIST_UPLOADS, method="GET", path=UPLOADS, answer=file_staging.list_uploads),
    Endpoint(kind=Kind.CREATE_UPLOAD, method="POST", path=UPLOADS, answer=file_staging.create_upload),
    Endpoint(kind=Kind.SEND_PART, method="PUT", path=UPLOAD, answer=file_staging.send_part),
    Endpoint(kind=Kind.COMMIT, method="POST", path=UPLOAD, answer=file_staging.commit),
    Endpoint(kind=Kind.ABORT, method="DELETE", path=UPLOAD, answer=file_staging.abort),
    Endpoint(kind=Kind.LIST_PARTS, method="GET", path=UPLOAD + "/parts", answer=file_staging.list_parts),
    Endpoint(kind=Kind.LIST_ITEMS, method="GET", path=ITEMS, answer=file_staging.list_items),
    Endpoint(kind=Kind.LIST_ITEMS, method="GET", path=ITEMS + "/{path:path}", answer=file_staging.list_items),
    Endpoint(
        kind=Kind.JOB_STATUS,
        method="GET",
        path="/api/{version}/services/jobs/{job_id}",
        answer=file_staging.read_job,
        needs=Needs.SESSION,
    ),
    Endpoint(
        kind=Kind.AUTH,
        method="POST",
        path="/api/{version}/auth",
        answer=authentication.log_in,
        needs=Needs.NOTHING,
    ),
    Endpoint(
        kind=Kind.DISCOVERY,
        method="POST",
        path="/auth/discovery",
        answer=authentication.discover,
        needs=Needs.NOTHING,
    ),
    Endpoint(
        kind=Kind.OIDC_EXCHANGE,
        method="POST",
        path="/auth/oauth/session/{profile_id}",
        answer=authentication.exchange,
        needs=Needs.NOTHING,
    ),
    Endpoint(
        kind=Kind.KEEP_ALIVE,
        method="POST",
        path="/api/{version}/keep-alive",
        answer=authentication.keep_alive,
        needs=Needs.SESSION,
    ),
    Endpoint(
        kind=Kind.END_SESSION,
        method="DELETE",
        path="/api/{version}/session",
        answer=authentication.end_session,
        needs=Needs.SESSION,
    ),
    Endpoint(
        kind=Kind.ME,
        method="GET",
        path="/api/{version}/objects/users/me",
        answer=authentication.read_me,
        needs=Needs.SESSION,
    ),
    Endpoint(
        kind=Kind.USER,
        method="GET",
        path="/api/{version}/objects/users/{user_id}",
        answer=authentication.read_user,
        needs=Needs.SESSION,
    ),
    Endpoint(
        kind=Kind.CREATE_TOKEN,
        method="POST",
        path="/api/{version}/objects/users/me/api_access_token__sys",
        answer=access_tokens.create_token,
        needs=Needs.SESSION,
    ),
    Endpoint(
        kind=Kind.QUERY,
        method="POST",
        path="/api/{version}/query",
        answer=access_tokens.query,
        needs=Needs.SESSION,
    ),
    Endpoint(
        kind=Kind.VERSIONS,
        method="GET",
        path="/api/",
        answer=authentication.list_versions,
        needs=Needs.SESSION,
    ),
)


@dataclass(frozen=True)
class Match:
    """What a request's path and verb led to."""

    endpoint: Endpoint | None = None
    values: dict[str, str] | None = None
    """Values from the path; None if no endpoint has such a path, whatever the verb."""


def match(method: str, path: str) -> Match:
    """The endpoint of a request, if there is one."""
    found = Match()
    for endpoint in ENDPOINTS:
        groups = endpoint.pattern.match(path)
        if groups is None:
            continue
        if endpoint.method == method:
            return Match(endpoint, groups.groupdict())
        found = Match(None, groups.groupdict())
    return found
