"""Values for tests: whole ones by default, with whatever a test cares about changed by name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.model.accounts import Identity, LinkedAccount, LinkMethod, SlackUser, Vault, Vaults
from bot.model.reminders import Kind, Reminder
from bot.model.secret import Secret
from bot.model.statuses import UploadList, UploadLists, UploadStatus, VaultTrouble
from bot.model.uploads import UploadSession
from bot.model.watches import Place, Snapshot, Target, Topic, Watch
from bot.slack.blocks.upload_status import Look

NOW = datetime(2026, 9, 22, 18, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
LIFETIME = timedelta(hours=72)
MB = 1024 * 1024
GB = 1024 * MB

PROMOMATS = Vault("promomats", "https://nordlicht-promomats.veevavault.com")
QUALITY = Vault("quality", "https://nordlicht-quality.veevavault.com")
BOTH = Vaults((PROMOMATS, QUALITY))

ALICE = SlackUser(workspace="T01NORD", user_id="U01ALICE", team_id="T01NORD")
BOB = SlackUser(workspace="T01NORD", user_id="U01BOB", team_id="T01NORD")
TRIALS = Place("C01TRIALS")
ALICE_IN_VAULT, BOB_IN_VAULT = "10001400", "10001522"

DASHED_ID = "TpE_3roQx9AEbb8.kWbZs7NhM0cVd4uYfGjL2iXoRt6PqKe5Ua1nBw_yHzCvDgSmUVL1w--"

AWKWARD = 'Q3 <final> & "véry" *long* _name_ `of` ~a~ <!channel> @here 🎬 \u202egpj.exe'

_SAMPLE = UploadSession(
    id="7b0e42c9d15f4a3e8f60b2a7c9d4e113",
    path="/u10001400/cholecap-2021/Cholecap-Commercial-2021.mp4",
    name="Cholecap-Commercial-2021.mp4",
    size=32862312,
    uploaded=10485760,
    uploaded_parts=2,
    created=NOW - 12 * MINUTE,
    expires=NOW - 12 * MINUTE + LIFETIME,
    last_uploaded=NOW - 4 * MINUTE,
    owner=ALICE_IN_VAULT,
)
"""Veeva's published example, as the contract tells it (section 7)."""


def an_upload(**changes: Any) -> UploadSession:
    """Alice's upload of the contract, under way."""
    return replace(_SAMPLE, **changes)


def begun(ago: timedelta, **changes: Any) -> UploadSession:
    """An upload created so long ago."""
    return an_upload(created=NOW - ago, expires=NOW - ago + LIFETIME, **changes)


def an_account(**changes: Any) -> LinkedAccount:
    """Alice's link to promomats."""
    account = LinkedAccount(
        slack_user=ALICE,
        vault_host=PROMOMATS.host,
        identity=Identity(vault_user_id=ALICE_IN_VAULT, vault_id="48120"),
        vault_user_name="alice@nordlicht.example",
        vault_full_name="Alice Moreau",
        method=LinkMethod.TOKEN,
        credential=Secret("veeva-vault-never-shown"),
        linked_at=NOW - 20 * HOUR,
        valid_until=None,
    )
    return replace(account, **changes)


def a_status(upload: UploadSession | None = None, **changes: Any) -> UploadStatus:
    """The upload as Alice sees it."""
    status = UploadStatus(
        upload=upload or an_upload(), vault=PROMOMATS, account=an_account(), understood=None
    )
    return replace(status, **changes)


def a_list(*uploads: UploadSession, **changes: Any) -> UploadList:
    """These uploads as Alice sees them."""
    listed = UploadList(uploads=uploads, vault=PROMOMATS, account=an_account())
    return replace(listed, **changes)


def some_lists(*lists: UploadList, troubles: tuple[VaultTrouble, ...] = ()) -> UploadLists:
    """What one look into several Vaults gave; into one, where there is one list."""
    return UploadLists(lists=lists, troubles=troubles)


def a_look(**changes: Any) -> Look:
    """One Vault, stalled after an hour."""
    return replace(Look(now=NOW, stall_after=HOUR, several_vaults=False), **changes)


def a_watch(upload: UploadSession | None = None, **changes: Any) -> Watch:
    """Alice's watch of the upload, told to her by direct message at the usual times, looked at this moment."""
    upload = upload or an_upload()
    watch = Watch(
        id="0a1b2c3d4e5f6a7b",
        owner=ALICE,
        vault_host=PROMOMATS.host,
        target=Target.UPLOAD,
        upload_id=upload.id,
        place=Place(),
        lead_times=(24 * HOUR, 4 * HOUR, HOUR),
        topics=frozenset(Topic),
        created_at=NOW - HOUR,
        expires=upload.expires,
        snapshot=Snapshot(upload=upload, read_at=NOW),
    )
    return replace(watch, **changes)


def a_wide_watch(target: Target, **changes: Any) -> Watch:
    """Alice's watch of all her uploads, or of the whole Vault."""
    return a_watch(**{"target": target, "upload_id": "", "expires": None, "snapshot": None, **changes})


def a_reminder(kind: Kind, upload: UploadSession | None = None, **changes: Any) -> Reminder:
    """A reminder about the upload, in time, with numbers of this moment."""
    upload = upload or an_upload()
    reminder = Reminder(
        kind=kind, watch=a_watch(upload), vault_name="promomats", upload=upload, as_of=NOW, now=NOW
    )
    return replace(reminder, **changes)
