"""What a watch over a whole Vault tells its channel, with the rights of the Admin who put it there."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.model.accounts import Asker
from bot.model.audit import Action
from bot.model.due import Again, Claimed
from bot.model.errors import LinkEnded, NoStagingAccess, NotLinked, UnknownVault
from bot.model.references import new_reference
from bot.model.reminders import NOT_CROWDED, Kind
from bot.model.watches import Watch
from bot.usecases.acting import Acting
from bot.usecases.auditing import Auditing
from bot.usecases.looking import Look
from bot.usecases.owners import OwnerNames
from bot.usecases.sending import Sending
from bot.vault.client import VaultClient

UNLINKED_PAUSE = timedelta(hours=1)


class VaultNews:
    """Tells that most upload sessions are taken, or that some are about to expire."""

    def __init__(
        self,
        *,
        acting: Acting,
        client: VaultClient,
        owner_names: OwnerNames,
        sending: Sending,
        auditing: Auditing,
    ) -> None:
        self._acting = acting
        self._client = client
        self._owner_names = owner_names
        self._sending = sending
        self._auditing = auditing

    async def tell(self, watch: Watch, job: Claimed, now: datetime) -> Again | None:
        """What an Admin's watch over a Vault tells, from a fresh list."""
        asker = Asker(watch.owner, new_reference())
        try:
            async with self._auditing.recording(Action.REMIND, asker, note=str(job.payload["k"])) as record:
                person = await self._acting.person(asker, watch.vault_host, record.heard)
                record.acted_as(watch.vault_host, person.account.identity)
                uploads = await self._acting.ask(person, self._client.uploads, unasked=True)
                user, _ = await self._acting.ask(person, self._client.me, unasked=True)
        except (NotLinked, LinkEnded, UnknownVault, NoStagingAccess):
            # Told when the Admin has linked again, if it is still so.
            return Again(due_at=now + UNLINKED_PAUSE, payload=job.payload)
        if not user.sees_whole_vault:
            return None  # an Admin no more: what they see is not the Vault
        kind = Kind(str(job.payload["k"]))
        lead = timedelta(seconds=int(job.payload.get("lead") or 0))
        active = sorted(
            (one for one in uploads if one.expires > now), key=lambda one: (one.expires, one.name, one.id)
        )
        expiring = [one for one in active if one.expires - lead <= now] if lead else []
        if (kind is Kind.VAULT_EXPIRING and not expiring) or (
            kind is Kind.CROWDED and len(active) < NOT_CROWDED
        ):
            return None
        reminder = replace(
            self._sending.reminder(watch, kind, Look(person=person), job, lead=lead),
            expiring=expiring,
            owner_names=await self._owner_names.of(person, expiring),
            in_use=len(active),
        )
        await self._sending.send(watch, job, reminder)
        return None
