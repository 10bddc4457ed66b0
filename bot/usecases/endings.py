"""How an upload that Vault no longer shows has ended, as well as that can be known.

Vault's API has no history: committed, aborted and expired uploads are all simply no longer listed. A committed one
has become a file of the same size in the same folder, once Vault's job has run (Vault: "Resumable Upload Sessions",
"Commit"; only the committer learns the job).
"""

from datetime import datetime, timedelta

from bot.model.errors import NoStagingAccess, NotFoundInVault, VaultRefused
from bot.model.reminders import EXPIRY_GRACE, Kind
from bot.model.watches import Snapshot
from bot.usecases.acting import Acting, Person
from bot.vault.client import VaultClient

CLOCKS_MAY_DIFFER = timedelta(minutes=5)
JOB_MAY_TAKE = timedelta(minutes=10)
NEXT_LOOKS = (timedelta(minutes=1), timedelta(minutes=3), timedelta(minutes=6))
"""After an upload with all its bytes vanished: when to look for its file again."""


def has_run_out(expires: datetime | None, since: datetime) -> bool:
    """Whether what Vault does not show since then has expired: Vault's clock and ours may differ a little."""
    return expires is not None and since >= expires - EXPIRY_GRACE


def may_be_committed(snapshot: Snapshot, since: datetime) -> bool:
    """Whether all its bytes were there, or may have come between the last look and the one that missed it."""
    upload = snapshot.upload
    came = 2 * (upload.pace or 0.0) * max((since - snapshot.read_at).total_seconds(), 0.0)
    return upload.all_bytes_there or upload.remaining <= came


class Endings:
    """Looks for the file that an upload may have become."""

    def __init__(self, *, acting: Acting, client: VaultClient) -> None:
        self._acting = acting
        self._client = client

    async def how(self, person: Person, snapshot: Snapshot, since: datetime) -> Kind:
        """Return COMMITTED, EXPIRED or GONE (nobody can tell) for an upload that Vault does not show since then.

        Raises what a call to Vault may raise, but for a folder that may not be read.
        """
        if await self._has_become_a_file(person, snapshot):
            return Kind.COMMITTED
        return Kind.EXPIRED if has_run_out(snapshot.upload.expires, since) else Kind.GONE

    async def _has_become_a_file(self, person: Person, snapshot: Snapshot) -> bool:
        upload = snapshot.upload
        folder = upload.path.strip("/").rpartition("/")[0]
        try:
            items = await self._acting.ask(
                person, lambda access: self._client.items(access, folder), unasked=True
            )
        except (NoStagingAccess, NotFoundInVault, VaultRefused):
            # The folder may be gone, or hidden; then nobody can tell.
            return False
        last = upload.path.rpartition("/")[2]
        return any(
            item.size == upload.size
            and last in (item.name, item.path.rpartition("/")[2])
            and item.modified >= upload.last_uploaded - CLOCKS_MAY_DIFFER
            for item in items
        )
