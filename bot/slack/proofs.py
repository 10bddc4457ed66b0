"""Who put a card where others see it: carried by the card itself, since Slack gives every click its button's value."""

import hmac
from collections.abc import Callable

from bot.model.accounts import SlackUser
from bot.slack.calls import Call

PURPOSE = "card"


class Proofs:
    """Makes and checks proofs. A card's owner is whom the proof names, and the clicker is whom Slack names: only where
    both are one person does a click change the card, and only the card that holds the proof, so that nobody uses that
    of one card on another. A proof gives no right to see anything.

    `mac` is a keyed hash over a purpose and a message. After a key rotation earlier cards have no owner any more.
    """

    def __init__(self, mac: Callable[[str, str], str]) -> None:
        self._mac = mac

    def of(self, owner: SlackUser, vault_host: str, upload_id: str, channel_id: str) -> str:
        """Return the proof that this person showed this upload in this conversation."""
        said = (owner.workspace, owner.user_id, vault_host, upload_id, channel_id)
        return self._mac(PURPOSE, "\n".join(said))[:32]

    def is_owner(self, call: Call) -> bool:
        """Whether whoever clicked put the card there."""
        host, upload_id, proof = call.state("v"), call.state("u"), call.state("m")
        if (
            not (call.is_genuine and host and upload_id and proof)
            or call.state("by") != call.slack_user.user_id
        ):
            return False
        wanted = self.of(call.slack_user, host, upload_id, call.channel_id)
        return hmac.compare_digest(wanted.encode(), proof.encode(errors="replace"))
