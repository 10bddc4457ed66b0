"""Where one upload stands, and which uploads a person has."""

import difflib
from collections.abc import Iterable
from datetime import timedelta

from bot.model.accounts import SlackUser
from bot.model.clock import Clock
from bot.model.errors import BotError, NearMiss, NotFoundInVault, UploadNotVisible
from bot.model.pasting import Pasted
from bot.model.statuses import UploadList, UploadStatus
from bot.model.uploads import UploadSession, most_urgent_first
from bot.usecases.acting import Acting, Person
from bot.vault.client import VaultClient

MOST_NEAR = 3
LONGEST_NEAR = 300


class UploadStatuses:
    """Reads Vault as the asking person, never as anyone else, and keeps nothing."""

    def __init__(self, *, acting: Acting, client: VaultClient, clock: Clock, stall_after: timedelta) -> None:
        self._acting = acting
        self._client = client
        self._clock = clock
        self._stall_after = stall_after

    async def look_up(self, slack_user: SlackUser, pasted: Pasted) -> UploadStatus:
        """Return the upload's status: one database read and one Vault call when the id is right.

        Where Vault shows nothing under that id, one more call lists what the person can see. It is made for every
        such id alike, so that neither the answer nor its time tells "unknown" from "not yours" or "ended".
        """
        async with self._acting.acting_as(slack_user, pasted.vault) as person:
            try:
                upload = await self._client.upload(person.access, pasted.upload_id)
            except NotFoundInVault:
                upload = await self._other_reading(person, pasted)
        changed = pasted.changed or upload.id != pasted.upload_id
        return UploadStatus(
            upload=upload,
            vault=person.vault,
            account=person.account,
            understood=upload.id if changed else None,
        )

    async def list_all(self, slack_user: SlackUser, vault_name: str | None) -> UploadList:
        """Return the uploads of one Vault that are active at this moment."""
        async with self._acting.acting_as(slack_user, vault_name) as person:
            found = await self._client.uploads(person.access)
        now = self._clock()
        active = [upload for upload in found if upload.expires > now]
        return UploadList(
            uploads=tuple(most_urgent_first(active, now, self._stall_after)),
            vault=person.vault,
            account=person.account,
        )

    async def add_near(self, error: NearMiss, slack_user: SlackUser, text: str) -> None:
        """Add to the error the person's own uploads that the text may mean; none if they cannot be read.

        A Vault behind `@` is the one looked into.
        """
        wanted, _, vault_name = text.partition("@")
        try:
            listed = await self.list_all(slack_user, vault_name.strip() or None)
        except BotError:
            # The person asked something else: the trouble with their words is what they need to hear of.
            return
        error.near = _close_to(wanted, listed.uploads, listed.account.identity.vault_user_id)
        error.near_vault = listed.vault.host

    async def _other_reading(self, person: Person, pasted: Pasted) -> UploadSession:
        uploads = await self._client.uploads(person.access)
        visible = {upload.id: upload for upload in uploads}
        for reading in pasted.others:
            if reading in visible:
                return visible[reading]
        missing = UploadNotVisible(upload_id=pasted.upload_id)
        missing.near = _close_to(pasted.upload_id, uploads, person.account.identity.vault_user_id)
        missing.near_vault = person.vault.host
        raise missing


def _close_to(text: str, uploads: Iterable[UploadSession], owner: str) -> tuple[UploadSession, ...]:
    """The owner's uploads that the text may have meant: by a piece of the id or name, or a slip in either."""
    wanted = text.casefold().strip()
    # Comparing costs the product of both lengths: nothing as long as that is a slip in an id or a name.
    if not 3 <= len(wanted) <= LONGEST_NEAR:
        return ()
    scored = []
    for upload in uploads:
        if upload.owner != owner:
            continue
        names = (upload.id.casefold(), upload.name.casefold())
        score = max(
            1.0 if wanted in name else difflib.SequenceMatcher(None, wanted, name).ratio() for name in names
        )
        if score >= 0.75:
            scored.append((-score, upload.name, upload))
    return tuple(upload for _, _, upload in sorted(scored, key=lambda one: one[:2])[:MOST_NEAR])
