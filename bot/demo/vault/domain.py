"""The domain: its Vaults, its people, and which Vault a login lands in."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Self

from bot.demo.vault import seed
from bot.demo.vault.envelope import login_refused
from bot.demo.vault.logins import WRONG_PASSWORDS, Logins, VaultSession
from bot.demo.vault.staging import Staging
from bot.demo.vault.users import SignIn, User

if TYPE_CHECKING:
    from bot.demo.vault.identity_provider import IdentityProvider


@dataclass(kw_only=True, eq=False)
class Vault:
    """One Vault of the domain, known by its host."""

    key: str
    """Short name by which the demo and the tests call this Vault."""
    id: int
    name: str
    created: datetime
    active: bool = True
    dns: str = ""
    """Its host, once the emulator has started: ``127.0.0.1:PORT``."""
    staging: Staging = field(default_factory=Staging)

    @property
    def url(self) -> str:
        """The Vault's address, without a slash at its end."""
        return f"http://{self.dns}"


class Domain:
    """A customer's domain: people are shared by its Vaults."""

    def __init__(self) -> None:
        self.vaults: dict[str, Vault] = {}
        self.users: dict[str, User] = {}
        self.logins = Logins()
        self.identity_provider: IdentityProvider | None = None
        """The customer's own; None: the domain has no OpenID Connect profile."""
        self.oidc_for_all = True
        """Whether people who sign in by password may come through the identity provider too."""

    @classmethod
    def seeded(cls, now: datetime) -> Self:
        """The demo's domain: four people, two Vaults, uploads in every phase."""
        domain = cls()
        seed.plant(domain, now)
        return domain

    def add_vault(self, key: str, vault_id: int, name: str, created: datetime) -> Vault:
        """A further Vault, empty."""
        vault = self.vaults[key] = Vault(key=key, id=vault_id, name=name, created=created)
        return vault

    def add_user(self, user: User) -> User:
        """A further person."""
        self.users[user.key] = user
        return user

    def user(self, who: str | int | User) -> User:
        """The person with this short name, user name or id."""
        if isinstance(who, User):
            return who
        for user in self.users.values():
            if who in (user.key, user.user_name, user.id):
                return user
        raise KeyError(f"no such person in the domain: {who}")

    def vaults_of(self, user: User) -> list[Vault]:
        """Active Vaults of which the person is a member, oldest first."""
        mine = [vault for vault in self.vaults.values() if vault.active and vault.id in user.vault_ids]
        return sorted(mine, key=lambda vault: (vault.created, vault.id))

    def sign_in(self, user_name: str, password: str, wanted_dns: str, now: datetime) -> VaultSession:
        """Log in by password (facts §3.1); five wrong ones in a row lock the account (facts §1.5).

        An unknown name reads like a wrong password, so that names cannot be guessed (assumed).
        """
        wrong = login_refused("USERNAME_OR_PASSWORD_INCORRECT", "User name or password is wrong.")
        user = self._named(user_name)
        if user is None or user.sign_in is not SignIn.PASSWORD:
            raise wrong
        if user.locked:
            raise login_refused("USER_LOCKED_OUT", "The account is locked.")
        if password != user.password:
            user.wrong_passwords += 1
            user.locked = user.wrong_passwords >= WRONG_PASSWORDS
            raise wrong
        session = self._open(user, wanted_dns, now)
        user.wrong_passwords = 0
        return session

    def sign_in_by_email(self, email: str, wanted_dns: str, now: datetime) -> VaultSession:
        """Log in whom the identity provider names (facts §3.2). A Vault goes by its policy's choice of user name or
        federated id; here it is the e-mail address, which in the demo's domain belongs to one person each."""
        wanted = email.strip().lower()
        users = (user for user in self.users.values() if wanted and user.email.lower() == wanted)
        user = next((user for user in users if self.oidc_for_all or user.sign_in is SignIn.OIDC), None)
        if user is None:
            raise login_refused("USER_NOT_FOUND", "No user of this domain signs in with this profile.")
        return self._open(user, wanted_dns, now)

    def sign_in_of(self, user_name: str) -> SignIn:
        """How this name would log in; unknown names look like passwords (facts §8)."""
        user = self._named(user_name)
        return SignIn.PASSWORD if user is None else user.sign_in

    def deactivate(self, user: User) -> None:
        """Take a person out of the domain; the sessions end at once (facts §3.5)."""
        user.active = False
        self.logins.end_all(user)

    def _open(self, user: User, wanted_dns: str, now: datetime) -> VaultSession:
        if not user.active:
            raise login_refused("INACTIVE_USER", "The user is not active.")
        vault = self._landing(user, wanted_dns)
        user.last_login, user.last_vault_id = now, vault.id
        return self.logins.open(user, vault.id, now)

    def _named(self, user_name: str) -> User | None:
        wanted = user_name.strip().lower()
        return next((user for user in self.users.values() if user.user_name.lower() == wanted), None)

    def _landing(self, user: User, wanted_dns: str) -> Vault:
        """The Vault asked for, else that of the last login, else the oldest, else none (facts §3.1)."""
        mine = self.vaults_of(user)
        for vault in mine:
            if vault.dns.lower() == wanted_dns.strip().lower():
                return vault
        for vault in mine:
            if vault.id == user.last_vault_id:
                return vault
        if not mine:
            raise login_refused("INSUFFICIENT_ACCESS", "The user has no active Vault.")
        return mine[0]
