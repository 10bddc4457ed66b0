"""What a company's administrators do: how a person signs in, and where no longer."""

from bot.demo.page import fields
from bot.demo.page.fields import Body, Refused
from bot.demo.page.log import SIGN_IN
from bot.demo.page.stage import Stage
from bot.demo.vault import SignIn, User


class PeopleActs:
    """The acts under "Sign-in"."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._vault = stage.demo.vault

    async def sign_in_way(self, body: Body) -> None:
        """`sign_in_way`: password, SAML or OpenID Connect, as the person's security policy in Vault says."""
        user, way = self._user(body), fields.text(body, "way", longest=40)
        if way not in list(SignIn):
            raise Refused(f"There is no way to sign in called “{way}”.")
        user.sign_in = SignIn(way)

    async def sign_out(self, body: Body) -> None:
        """`sign_out`: end all that the person has open, at the company's sign-in and in every Vault."""
        user = self._user(body)
        self._stage.demo.idp.revoke(user.key)
        self._vault.end_sessions(user)
        self._stage.note(SIGN_IN, "is signed out everywhere", user.key)

    def _user(self, body: Body) -> User:
        key = fields.text(body, "person")
        if key not in self._vault.users:
            raise Refused(f"Nobody called “{key}” is a user of these Vaults.", 404)
        return self._vault.users[key]
