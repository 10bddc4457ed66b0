"""Who can sign in at the emulated provider."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """One person of the company."""

    key: str
    """Short name by which the demo and the tests call this person; clients never see it."""
    subject: str
    """The provider's own name for them, which never changes (Core, section 2: `sub`)."""
    name: str
    email: str
    user_name: str
    """What the company's applications know them by."""

    def claims(self, scopes: frozenset[str]) -> dict[str, object]:
        """What the scopes let a client know of them (Core, section 5.4)."""
        known: dict[str, object] = {"sub": self.subject}
        if "profile" in scopes:
            known |= {"name": self.name, "preferred_username": self.user_name}
        if "email" in scopes:
            known |= {"email": self.email, "email_verified": True}
        return known
