"""Names of uploads' owners, as one person may read them; kept for an hour, for that person alone."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.model.clock import Clock
from bot.model.errors import BotError
from bot.model.uploads import UploadSession
from bot.usecases.acting import Acting, Person
from bot.vault.client import VaultClient

KEPT = timedelta(hours=1)
MOST_ASKED = 10
MOST_KEPT = 2000


class OwnerNames:
    """Looks up who the owners are; where Vault hides it, the Vault user's id says who."""

    def __init__(self, *, acting: Acting, client: VaultClient, clock: Clock) -> None:
        self._acting = acting
        self._client = client
        self._clock = clock
        self._known: dict[tuple[str, str, str, str], tuple[str, datetime]] = {}

    async def of(self, person: Person, uploads: Sequence[UploadSession]) -> list[str]:
        """Return one name for each upload, in their order."""
        names: dict[str, str] = {}
        for upload in uploads:
            if upload.owner not in names and len(names) < MOST_ASKED:
                names[upload.owner] = await self._name(person, upload.owner)
        return [names.get(upload.owner, f"Vault user {upload.owner}") for upload in uploads]

    async def _name(self, person: Person, owner: str) -> str:
        reader = person.asker.slack_user
        key, now = (reader.workspace, reader.user_id, person.vault.host, owner), self._clock()
        kept = self._known.get(key)
        if kept is not None and now - kept[1] < KEPT:
            return kept[0]
        try:
            user = await self._acting.ask(
                person, lambda access: self._client.user(access, owner), unasked=True
            )
            name = user.full_name
        except BotError:
            # Vault: "Hide User Information" hides people from some users; the id still tells them apart.
            name = f"Vault user {owner}"
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        self._known[key] = (name, now)
        return name
