"""What can be chosen about the emulated Vaults: the open questions of the documentation, and their limits."""

from dataclasses import dataclass, field
from enum import StrEnum

from bot.demo.vault.envelope import LostPageError, RefusedError, invalid, not_the_owner


class NotVisible(StrEnum):
    """What is said of an upload session that is unknown, foreign, ended or expired.

    The documentation is silent, so every guess can be switched on (facts §8, E18 to E20).
    """

    INVALID_DATA = "INVALID_DATA"
    INSUFFICIENT_ACCESS = "INSUFFICIENT_ACCESS"
    MALFORMED_URL = "MALFORMED_URL"
    HTTP_404 = "HTTP_404"

    def refusal(self) -> Exception:
        """The answer to raise: the same for each of the four reasons."""
        if self is NotVisible.INVALID_DATA:
            return invalid("No active upload session with that ID.")
        if self is NotVisible.INSUFFICIENT_ACCESS:
            return not_the_owner()
        if self is NotVisible.MALFORMED_URL:
            return RefusedError("MALFORMED_URL", "The resource was not found.")
        return LostPageError()


def released_versions() -> list[str]:
    """v20.3, which introduced file staging, to v26.2, which introduced API access tokens (facts §2.8)."""
    every = [f"v{year}.{release}" for year in range(20, 27) for release in (1, 2, 3)]
    return every[every.index("v20.3") : every.index("v26.2") + 1]


@dataclass(kw_only=True, eq=False)
class Behaviour:
    """Options of the emulated Vaults; each may be changed while they run."""

    not_visible: NotVisible = NotVisible.INVALID_DATA
    omit_optional_fields: bool = False
    """Leave `name` and `overwrite` out of list and details (facts §2.2)."""
    page_size: int = 1000
    """Most upload sessions or files in one page of a list; whether a Vault pages the former is unknown (facts §8)."""
    versions: list[str] = field(default_factory=released_versions)
    """Versions that are served and listed; any other is a page that is not there."""
    versions_need_session: bool = True
    """Whether the list of versions is for people with a session only, as a third party reports (facts §1.1)."""
    token_query_allowed: bool = True
    """Whether people may ask by VQL for API access tokens (facts §3.4); the documentation names no right."""
    client_ids: frozenset[str] | None = None
    """Client ID Filtering (facts §1.2): only these may call; None lets every client in."""
    burst_limit: int = 2000
    """Calls of one Vault in five minutes (facts §1.6)."""
    burst_delay: float = 0.5
    """Real seconds by which a call beyond the burst limit is delayed (facts §1.6: 500 ms)."""
    auth_burst_limit: int = 20
    """Logins of one user name and Vault in one minute (facts §1.6)."""
