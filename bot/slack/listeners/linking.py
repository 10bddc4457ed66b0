"""Linking, unlinking and who one is: as words and as buttons."""

from bot.model.errors import NotLinked
from bot.slack.blocks import linking
from bot.slack.blocks.kit import Message
from bot.slack.calls import Call
from bot.slack.listeners.collaborators import Collaborators


class LinkingAnswers:
    """Answers about linked accounts."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def link(self, call: Call, vault: str | None = None) -> Message:
        """`link [vault]`: a way to the link page; a Vault that is linked already becomes the default."""
        if vault and self._given.vaults.several:
            account = await self._given.linking.prefer(call.asker, vault)
            if account is not None:
                url = await self._given.link_url(call.slack_user, vault)
                return linking.preferred(account, self._given.vaults, url)
        return await self._prompt(call, vault)

    async def link_button(self, call: Call) -> Message:
        """A link button without an address of its own."""
        vault = self._given.vaults.at(call.state("v") or "")
        return await self._prompt(call, vault.name if vault else None)

    async def forget(self, call: Call, vault: str | None, *, every: bool = False) -> Message:
        """`unlink [vault|all]`"""
        return linking.unlinked(await self._given.leaving.unlink(call.asker, vault, every=every))

    async def unlink_button(self, call: Call) -> Message:
        """A click on Unlink: the clicker's own account, whoever the message was for."""
        return await self.forget(call, call.state("v"))

    async def who_am_i(self, call: Call) -> Message:
        """`whoami`"""
        accounts = await self._given.linking.accounts_of(call.slack_user)
        if not accounts:
            raise NotLinked(vault=self._given.vaults.default.name)
        return linking.who_am_i(accounts, self._given.vaults, self._given.clock())

    async def _prompt(self, call: Call, vault: str | None) -> Message:
        return linking.prompt(await self._given.link_url(call.slack_user, vault), vault)
