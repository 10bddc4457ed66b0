"""Links to uploads in messages."""

from collections.abc import Mapping

from bot.model.found_ids import upload_in_address
from bot.model.pasting import unescaped
from bot.slack.blocks import unfurl
from bot.slack.blocks.kit import Block
from bot.slack.calls import Event, Payload
from bot.slack.listeners.collaborators import Collaborators

MOST_LINKS = 20
"""Slack tells of five at most in one message."""


class Unfurling:
    """Puts a neutral card below a link to an upload. Vault is not asked: what everybody sees must not tell whether an
    upload is there, and nobody has asked with their own rights yet."""

    def __init__(self, given: Collaborators) -> None:
        self._given = given

    async def unfurl(self, event: Event) -> None:
        """One card for each upload that the message links to. SlackUnavailable, NotInstalled, StoreError."""
        place, cards = _place(event.content), self._cards(event.content)
        if place and cards:
            await self._given.posts.unfurl(event.home, place, cards)

    def _cards(self, content: Payload) -> dict[str, Block]:
        """The cards by the address as Slack gives it."""
        several = self._given.vaults.several
        vaults = {vault.host: vault.name for vault in self._given.vaults.all}
        cards, seen = dict[str, Block](), set[tuple[str, str]]()
        links = content.get("links")
        for link in links[:MOST_LINKS] if isinstance(links, list) else ():
            url = str(link.get("url") or "") if isinstance(link, Mapping) else ""
            meant = upload_in_address(unescaped(url), vaults)
            if meant is None or meant.vault not in vaults or (meant.vault, meant.upload_id) in seen:
                continue
            seen.add((meant.vault, meant.upload_id))
            cards[url] = unfurl.card(meant.upload_id, meant.vault, vaults[meant.vault] if several else None)
        return cards


def _place(content: Payload) -> dict[str, str]:
    """Where the link stands, as chat.unfurl wants to be told; empty where the event does not tell. Slack: docs
    "Unfurling links in messages": in the composer there is no message yet."""
    for names in ({"unfurl_id": "unfurl_id", "source": "source"}, {"channel": "channel", "ts": "message_ts"}):
        found = {name: content.get(key) for name, key in names.items()}
        if all(found.values()):
            return {name: str(value) for name, value in found.items()}
    return {}
