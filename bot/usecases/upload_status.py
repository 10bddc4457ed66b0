"""Where one upload stands, and which uploads a person has."""

import asyncio
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from bot.model.accounts import Asker, Heard
from bot.model.audit import Action
from bot.model.clock import Clock
from bot.model.errors import (
    BotError,
    LinkEnded,
    NearMiss,
    NoStagingAccess,
    NotFoundInVault,
    UploadNotVisible,
    VaultTemporary,
)
from bot.model.pasting import Pasted
from bot.model.statuses import UploadList, UploadLists, UploadStatus, VaultTrouble
from bot.model.uploads import UploadSession, most_urgent_first
from bot.usecases.acting import Acting, Person
from bot.usecases.auditing import Auditing
from bot.vault.client import VaultClient

MOST_NEAR = 3
LONGEST_NEAR = 300


class UploadStatuses:
    """Reads Vault as the asking person and nobody else, keeps nothing, and writes each look into the audit log."""

    def __init__(
        self,
        *,
        acting: Acting,
        client: VaultClient,
        auditing: Auditing,
        clock: Clock,
        stall_after: timedelta,
    ) -> None:
        self._acting = acting
        self._client = client
        self._auditing = auditing
        self._clock = clock
        self._stall_after = stall_after

    async def look_up(self, asker: Asker, pasted: Pasted) -> UploadStatus:
        """Return the upload's status: one database read, one Vault call and one audit row when the id is right.

        Without a Vault's name the person's default Vault is asked first, then all their others at the same time.
        Where no Vault shows anything under that id, one more call lists what the person can see in the first. All
        these are made for every such id alike, so that neither the answer nor its time tells "unknown" from "not
        yours" or "ended".
        """
        async with self._auditing.recording(Action.LOOK_UP, asker, upload_id=pasted.upload_id) as record:
            people = await self._people(asker, pasted.vault, record.heard)
            record.acted_as(people[0].vault.host, people[0].account.identity)
            person, upload = await self._find(people, pasted)
            record.acted_as(person.vault.host, person.account.identity)
            record.saw(upload)
        changed = pasted.changed or upload.id != pasted.upload_id
        return UploadStatus(
            upload=upload,
            vault=person.vault,
            account=person.account,
            understood=upload.id if changed else None,
        )

    async def list_all(
        self, asker: Asker, vault_name: str | None, *, unasked: bool = False, shown_in: str = ""
    ) -> UploadLists:
        """Return the uploads that are active at this moment: of one Vault, or of all that the person has linked.

        What one Vault refuses does not hide the others; when none answers, the first one's error is raised. `unasked`
        as in `Acting.ask`; `shown_in` is the channel that reads it too, for the audit log.
        """
        async with self._auditing.recording(Action.LIST, asker, note=shown_in) as record:
            people = await self._people(asker, vault_name, record.heard)
            record.acted_as(people[0].vault.host, people[0].account.identity)
            first, *others = people
            found = await asyncio.gather(
                self._list(first, unasked=unasked),
                *(self._listed_too(person, unasked=unasked) for person in others),
                return_exceptions=True,
            )
            lists = [one for one in found if isinstance(one, UploadList)]
            if not lists:
                raise _first_error(found)
        troubles = [
            VaultTrouble(vault=person.vault, error=_bot_error(one))
            for person, one in zip(people, found, strict=True)
            if isinstance(one, BaseException)
        ]
        return UploadLists(lists=tuple(lists), troubles=tuple(troubles))

    async def add_near(self, error: NearMiss, asker: Asker, text: str) -> None:
        """Add to the error the person's own uploads that the text may mean; none if they cannot be read.

        A Vault behind `@` is the one looked into, else the person's default.
        """
        wanted, _, vault_name = text.partition("@")
        try:
            people = await self._people(asker, vault_name.strip() or None, Heard())
            listed = await self._listed_too(people[0])
        except BotError:
            # The person asked something else: the trouble with their words is what they need to hear of.
            return
        error.near = _close_to(wanted, listed.uploads, listed.account.identity.vault_user_id)
        error.near_vault = listed.vault.host

    async def _people(self, asker: Asker, vault_name: str | None, heard: Heard) -> list[Person]:
        if vault_name:
            return [await self._acting.person(asker, vault_name, heard)]
        return await self._acting.everywhere(asker, heard)

    async def _find(self, people: list[Person], pasted: Pasted) -> tuple[Person, UploadSession]:
        first, *others = people
        trouble: BotError | None = None
        try:
            return first, await self._upload(first, pasted.upload_id)
        except NotFoundInVault:
            pass
        except (VaultTemporary, LinkEnded, NoStagingAccess) as error:
            if not others:
                raise
            trouble = error
        found = await asyncio.gather(
            self._seen_in_list(first, pasted, pasted.others) if trouble is None else _again(trouble),
            *(self._elsewhere(person, pasted) for person in others),
            return_exceptions=True,
        )
        # An id that is right to the letter in another Vault goes before another reading of it in the first.
        for person, one in [*zip(others, found[1:], strict=True), (first, found[0])]:
            if isinstance(one, UploadSession):
                return person, one
        if not isinstance(found[0], UploadNotVisible):
            raise _first_error(found)
        found[0].name_unasked(
            [
                person.vault.name
                for person, one in zip(others, found[1:], strict=True)
                if not isinstance(_bot_error(one), NotFoundInVault | UploadNotVisible)
            ]
        )
        raise found[0]

    async def _upload(self, person: Person, upload_id: str) -> UploadSession:
        return await self._acting.ask(person, lambda access: self._client.upload(access, upload_id))

    async def _elsewhere(self, person: Person, pasted: Pasted) -> UploadSession:
        """Look in another Vault of the person; its list is needed only where the id can be read in several ways."""
        if not pasted.others:
            return await self._upload(person, pasted.upload_id)
        return await self._seen_in_list(person, pasted, (pasted.upload_id, *pasted.others))

    async def _seen_in_list(self, person: Person, pasted: Pasted, readings: Sequence[str]) -> UploadSession:
        uploads = await self._acting.ask(person, self._client.uploads)
        visible = {upload.id: upload for upload in uploads}
        for reading in readings:
            if reading in visible:
                return visible[reading]
        missing = UploadNotVisible(upload_id=pasted.upload_id)
        missing.near = _close_to(pasted.upload_id, uploads, person.account.identity.vault_user_id)
        missing.near_vault = person.vault.host
        raise missing

    async def _list(self, person: Person, *, unasked: bool = False) -> UploadList:
        found = await self._acting.ask(person, self._client.uploads, unasked=unasked)
        now = self._clock()
        active = [upload for upload in found if upload.expires > now]
        return UploadList(
            uploads=tuple(most_urgent_first(active, now, self._stall_after)),
            vault=person.vault,
            account=person.account,
        )

    async def _listed_too(self, person: Person, *, unasked: bool = False) -> UploadList:
        """List one more Vault, with an audit row of its own."""
        async with self._auditing.recording(Action.LIST, person.asker) as record:
            record.acted_as(person.vault.host, person.account.identity)
            return await self._list(replace(person, heard=record.heard), unasked=unasked)


async def _again(error: BotError) -> UploadSession:
    raise error


def _bot_error(found: object) -> BotError:
    """The failure as what people read; anything unforeseen goes on as what it is."""
    if isinstance(found, BotError):
        return found
    raise found if isinstance(found, BaseException) else AssertionError("no failure")


def _first_error(found: Sequence[object]) -> BaseException:
    return next(one for one in found if isinstance(one, BaseException))


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
