"""What of Vault's API is emulated, and how far; a test compares this table with the endpoints."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Extent(StrEnum):
    """How much of an endpoint there is."""

    SUPPORTED = "supported"
    PARTIAL = "partial"


@dataclass(frozen=True)
class Covered:
    """One endpoint of Vault as the emulator answers it."""

    method: str
    path: str
    extent: Extent
    note: str


COVERAGE: Final = (
    Covered(
        "GET",
        "/api/",
        Extent.SUPPORTED,
        "every version from v20.3 to v26.2; list and need of a session can be set",
    ),
    Covered(
        "POST",
        "/auth/discovery",
        Extent.PARTIAL,
        "password, SAML, one OpenID Connect profile; of as_metadata the issuer",
    ),
    Covered("POST", "/api/{version}/auth", Extent.SUPPORTED, "defaulting, lock-out, auth burst limit"),
    Covered(
        "POST",
        "/auth/oauth/session/{profile_id}",
        Extent.PARTIAL,
        "defaulting; whose the token is, the provider's userinfo tells by e-mail address",
    ),
    Covered("POST", "/api/{version}/keep-alive", Extent.SUPPORTED, "idle and absolute life by the clock"),
    Covered("DELETE", "/api/{version}/session", Extent.SUPPORTED, "ends just this session"),
    Covered(
        "GET",
        "/api/{version}/objects/users/me",
        Extent.PARTIAL,
        "the common fields; no membership, no licences",
    ),
    Covered(
        "GET",
        "/api/{version}/objects/users/{user_id}",
        Extent.PARTIAL,
        "as users/me; an Admin may ask for everybody, anyone else for themselves",
    ),
    Covered(
        "POST",
        "/api/{version}/objects/users/me/api_access_token__sys",
        Extent.SUPPORTED,
        "since v26.2; at most 25 active ones of a person",
    ),
    Covered(
        "POST",
        "/api/{version}/query",
        Extent.PARTIAL,
        "api_access_token__sys alone, since v26.2; equalities joined by AND; one page",
    ),
    Covered(
        "GET",
        "/api/{version}/services/file_staging/upload",
        Extent.SUPPORTED,
        "pages of a length that can be set",
    ),
    Covered(
        "POST",
        "/api/{version}/services/file_staging/upload",
        Extent.SUPPORTED,
        "at most 50 active ones in a Vault",
    ),
    Covered(
        "GET",
        "/api/{version}/services/file_staging/upload/{upload_id}",
        Extent.SUPPORTED,
        "four ways to say that it is not visible",
    ),
    Covered(
        "PUT",
        "/api/{version}/services/file_staging/upload/{upload_id}",
        Extent.SUPPORTED,
        "order, overwriting, equal sizes, MD5",
    ),
    Covered(
        "POST",
        "/api/{version}/services/file_staging/upload/{upload_id}",
        Extent.SUPPORTED,
        "only when every byte is there; a job follows",
    ),
    Covered(
        "DELETE",
        "/api/{version}/services/file_staging/upload/{upload_id}",
        Extent.SUPPORTED,
        "by the owner or an Admin",
    ),
    Covered(
        "GET",
        "/api/{version}/services/file_staging/upload/{upload_id}/parts",
        Extent.SUPPORTED,
        "limit 1 to 1000, with cursor",
    ),
    Covered(
        "GET",
        "/api/{version}/services/file_staging/items",
        Extent.PARTIAL,
        "folders exist through their files only",
    ),
    Covered(
        "GET",
        "/api/{version}/services/file_staging/items/{path:path}",
        Extent.PARTIAL,
        "folders exist through their files only; no CSV",
    ),
    Covered(
        "GET",
        "/api/{version}/services/jobs/{job_id}",
        Extent.PARTIAL,
        "commit jobs: QUEUED, RUNNING, SUCCESS or ERRORS_ENCOUNTERED",
    ),
)
