"""The jobs that see an abort through. Their keys and payloads are known here alone.

What they hold of a file's name, and the reason, is sealed to the job; ids are not.
"""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.model.aborts import Abort, News, Told
from bot.model.accounts import SlackUser, Vaults
from bot.model.clock import from_milliseconds, milliseconds_of
from bot.model.due import Claimed, Job, Payload
from bot.model.errors import KeyMissing, SealBroken
from bot.model.secret import Secret
from bot.model.uploads import UploadSession
from bot.store.seal import Keyring, row_identity

log = structlog.get_logger()

SETTLE, TELL = "abort", "aborted"
"""The kinds of due work: finding out what came of an abort, and telling one person."""
SETTLE_AFTER = timedelta(seconds=30)
"""Longer than an abort may take in all: whoever began it has ended by then, in whatever way."""


_MOMENTS = ("created", "expires", "last_uploaded")


def settle_key(abort: Abort) -> str:
    """Return the key of the job that finds out what came of it."""
    return f"abort:{abort.reference}:{abort.upload_id}"


def settling(abort: Abort, now: datetime, keyring: Keyring, *, is_done: bool) -> Job:
    """Return the job that tells everybody once it is done, and until then finds out whether it was."""
    key = settle_key(abort)
    return Job(
        key=key,
        kind=SETTLE,
        due_at=now if is_done else abort.at + SETTLE_AFTER,
        payload={**_payload(abort, key, keyring), "done": int(is_done)},
    )


def is_done(job: Claimed) -> bool:
    """Return whether Vault has said that it is done."""
    return bool(job.payload.get("done"))


def telling(told: Told, now: datetime, keyring: Keyring) -> Job:
    """Return the job that tells one person."""
    abort = told.abort
    whom = f"{told.to.workspace}:{told.to.user_id}"
    # An owner is told once, however many have tried at the same time.
    of = abort.vault_host if told.news is News.YOURS else abort.reference
    key = f"aborted:{of}:{abort.upload_id}:{told.news}:{whom}"
    to: Payload = {"to": told.to.user_id, "to_ws": told.to.workspace, "to_team": told.to.team_id}
    news: Payload = {"k": told.news.value, "owners": " ".join(told.owners)}
    return Job(key=key, kind=TELL, due_at=now, payload={**_payload(abort, key, keyring), **to, **news})


def told_in(job: Claimed, vaults: Vaults, keyring: Keyring) -> Told:
    """Return what a job is to tell whom."""
    given, abort = job.payload, abort_in(job, keyring)
    to = SlackUser(str(given["to_ws"]), str(given["to"]), str(given["to_team"]))
    return Told(
        news=News(str(given["k"])),
        to=to,
        abort=abort,
        vault_name=vaults.name_of(abort.vault_host),
        owners=tuple(str(given["owners"]).split()),
    )


def abort_in(job: Claimed, keyring: Keyring) -> Abort:
    """Return the abort that a job is about; without its upload where the seal does not open any more."""
    given, (upload, reason) = job.payload, _opened(job, keyring)
    return Abort(
        by=SlackUser(str(given["workspace"]), str(given["user"]), str(given["team"])),
        reference=str(given["ref"]),
        vault_host=str(given["vault"]),
        vault_user_id=str(given["as"]),
        upload_id=str(given["u"]),
        owner=str(given["owner"]),
        at=from_milliseconds(int(given["at"] or 0)),
        upload=upload,
        reason=reason,
    )


def _payload(abort: Abort, key: str, keyring: Keyring) -> dict[str, str | int | None]:
    sealed = None
    if abort.upload is not None:
        upload = {name: _plain(value) for name, value in asdict(abort.upload).items()}
        text = json.dumps({"upload": upload, "reason": abort.reason})
        sealed = keyring.seal(Secret(text), row_identity(SETTLE, key))
    return {
        "workspace": abort.by.workspace,
        "user": abort.by.user_id,
        "team": abort.by.team_id,
        "ref": abort.reference,
        "vault": abort.vault_host,
        "as": abort.vault_user_id,
        "u": abort.upload_id,
        "owner": abort.owner,
        "at": milliseconds_of(abort.at),
        "s": sealed,
    }


def _opened(job: Claimed, keyring: Keyring) -> tuple[UploadSession | None, str]:
    sealed = job.payload.get("s")
    if sealed is None:
        return None, ""
    try:
        found = json.loads(keyring.open(str(sealed), row_identity(SETTLE, job.key)).reveal())
        upload: dict[str, Any] = {
            name: from_milliseconds(value) if name in _MOMENTS else value
            for name, value in found["upload"].items()
        }
        return UploadSession(**upload), str(found["reason"])
    except (SealBroken, KeyMissing, ValueError, KeyError, TypeError) as error:
        # Its key was taken out of the ring, or another release wrote it. Whoever is to be told is told without it.
        log.warning("what an abort was about cannot be opened", error=type(error).__name__)
        return None, ""


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    return milliseconds_of(value) if isinstance(value, datetime) else value
