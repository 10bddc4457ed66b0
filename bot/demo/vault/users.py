"""People of the domain and what they may do."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.demo.vault.envelope import JsonObject, moment

ADMIN_PROFILES = frozenset({"vault_owner__v", "system_admin__v"})
"""Security profiles whose people see the whole Vault (facts §0.4)."""


class SignIn(StrEnum):
    """How a person may log in (facts §3.3)."""

    PASSWORD = "password"  # noqa: S105 - the name of a way, no secret
    SAML = "saml"
    OIDC = "oidc"


@dataclass(kw_only=True, eq=False)
class User:
    """One person of the domain, member of some of its Vaults."""

    key: str
    """Short name by which the demo and the tests call this person; Vault knows nothing of it."""
    id: int
    user_name: str
    """Looks like an e-mail address and is none (facts §3.1)."""
    email: str
    first_name: str
    last_name: str
    password: str = field(repr=False)
    created: datetime
    vault_ids: set[int]
    security_profile: str = "document_user__v"
    timezone: str = "Europe/Stockholm"
    api_access: bool = True
    staging_access: bool = True
    active: bool = True
    locked: bool = False
    sign_in: SignIn = SignIn.PASSWORD
    wrong_passwords: int = 0
    last_login: datetime | None = None
    last_vault_id: int | None = None

    @property
    def is_admin(self) -> bool:
        """Whether this person sees everyone's upload sessions and paths from the root (facts §0.3, §0.4)."""
        return self.security_profile in ADMIN_PROFILES

    @property
    def home(self) -> str:
        """The person's own directory in file staging (facts §2.6)."""
        return f"/u{self.id}"

    def record(self) -> JsonObject:
        """The answer of ``users/me`` (facts §3.5, E34)."""
        return {
            "user_name__v": self.user_name,
            "user_first_name__v": self.first_name,
            "user_last_name__v": self.last_name,
            "user_email__v": self.email,
            "user_timezone__v": self.timezone,
            "user_locale__v": "en_GB",
            "is_domain_admin__v": False,
            "active__v": self.active,
            "security_policy_id__v": 2207,
            "id": self.id,
            "created_date__v": moment(self.created),
            "created_by__v": 1,
            "modified_date__v": moment(self.created),
            "modified_by__v": 1,
            "domain_id__v": 5012,
            "last_login__v": moment(self.last_login or self.created),
            "user_language__v": "en",
            "group_id__v": [1500021133001],
            "security_profile__v": self.security_profile,
            "license_type__v": "full__v",
        }
