"""Watches as rows: what of them is JSON, what is a list of words, and what is sealed."""

import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from bot.model.accounts import SlackUser
from bot.model.clock import from_milliseconds, milliseconds_of
from bot.model.errors import KeyMissing, SealBroken
from bot.model.secret import Secret
from bot.model.uploads import UploadSession
from bot.model.watches import Failsafe, Over, Place, Snapshot, Target, Told, Topic, Watch
from bot.store.seal import Keyring, row_identity

KINDS = {"snapshot": "snapshot"}
"""The sealed column, and what it is bound to besides the row."""
CHANGING = (
    "lead_times",
    "topics",
    "expires",
    "snapshot",
    "told",
    "snoozed_until",
    "announced_ts",
    "failsafe",
    "created_at",
)
"""The columns that change while a watch lives."""

_UPLOAD_FIELDS = frozenset(field.name for field in fields(UploadSession))
_UPLOAD_MOMENTS = frozenset({"created", "expires", "last_uploaded"})
_TOPICS = frozenset(topic.value for topic in Topic)
_OVER = {over.value: over for over in Over}

log = logging.getLogger(__name__)


def values_of(watch: Watch, keyring: Keyring) -> dict[str, Any]:
    """Return the watch as a row; ValueError for a moment without a zone."""
    return {
        "id": watch.id,
        "workspace": watch.owner.workspace,
        "team_id": watch.owner.team_id,
        "slack_user_id": watch.owner.user_id,
        "vault_host": watch.vault_host,
        "target": watch.target.value,
        "upload_id": watch.upload_id,
        "channel_id": watch.place.channel_id,
        "thread_ts": watch.place.thread_ts,
        "lead_times": lead_times_text(watch.lead_times),
        "topics": ",".join(sorted(topic.value for topic in watch.topics)),
        "created_at": watch.created_at,
        "expires": watch.expires,
        "snapshot": _sealed(watch, keyring),
        "told": json.dumps(_plain(asdict(watch.told))),
        "snoozed_until": watch.snoozed_until,
        "announced_ts": watch.announced_ts,
        "failsafe": None if watch.failsafe is None else json.dumps(_plain(asdict(watch.failsafe))),
        "parent": watch.parent,
        "version": watch.version,
    }


def watch_of(row: Row[Any], keyring: Keyring) -> Watch:
    """Return the watch in a row. A snapshot that does not open is left out and logged: the next look brings another."""
    return Watch(
        id=row.id,
        owner=SlackUser(row.workspace, row.slack_user_id, row.team_id),
        vault_host=row.vault_host,
        target=Target(row.target),
        upload_id=row.upload_id,
        place=Place(row.channel_id, row.thread_ts),
        lead_times=lead_times_of(row.lead_times),
        topics=frozenset(Topic(word) for word in row.topics.split(",") if word in _TOPICS),
        created_at=row.created_at,
        expires=row.expires,
        snapshot=_opened(row, keyring),
        told=_told(json.loads(row.told)),
        snoozed_until=row.snoozed_until,
        announced_ts=row.announced_ts,
        failsafe=None if row.failsafe is None else _failsafe(json.loads(row.failsafe)),
        parent=row.parent,
        version=row.version,
    )


def lead_times_text(lead_times: Iterable[timedelta]) -> str:
    """Return lead times as they are stored: seconds with commas between."""
    return ",".join(str(int(lead.total_seconds())) for lead in lead_times)


def lead_times_of(text: str) -> tuple[timedelta, ...]:
    """Return stored lead times, in the order they were given."""
    return tuple(timedelta(seconds=int(word)) for word in text.split(",") if word)


def _sealed(watch: Watch, keyring: Keyring) -> str | None:
    """Return the snapshot, sealed to this very watch: it holds a file's name and path."""
    if watch.snapshot is None:
        return None
    text = json.dumps(
        {
            "upload": _plain(asdict(watch.snapshot.upload)),
            "read_at": milliseconds_of(watch.snapshot.read_at),
        }
    )
    return keyring.seal(Secret(text), row_identity(KINDS["snapshot"], watch.id))


def _opened(row: Row[Any], keyring: Keyring) -> Snapshot | None:
    if row.snapshot is None:
        return None
    try:
        secret = keyring.open(row.snapshot, row_identity(KINDS["snapshot"], row.id))
        found = json.loads(secret.reveal())
        upload: dict[str, Any] = {
            name: from_milliseconds(value) if name in _UPLOAD_MOMENTS else value
            for name, value in dict(found["upload"]).items()
            if name in _UPLOAD_FIELDS
        }
        return Snapshot(upload=UploadSession(**upload), read_at=from_milliseconds(found["read_at"]))
    except (SealBroken, KeyMissing) as error:
        log.warning("snapshot of watch %s cannot be opened: %s", row.id, error.sentence)
    except (KeyError, TypeError, ValueError) as error:
        # Written by another release; its text may be in the error.
        log.warning("snapshot of watch %s cannot be read: %s", row.id, type(error).__name__)
    return None


def _told(found: dict[str, Any]) -> Told:
    # What this release does not know is left out: a later one may have written the row.
    marks = {field.name: bool(found.get(field.name)) for field in fields(Told) if field.type is bool}
    lead = found.get("lead")
    return Told(
        **marks,
        lead=lead if isinstance(lead, int) else None,
        seen_until=_moment(found.get("seen_until")),
        reader=str(found.get("reader") or ""),
        drawn=str(found.get("drawn") or ""),
        drawn_at=_moment(found.get("drawn_at")),
        over=_OVER.get(str(found.get("over"))),
    )


def _moment(found: Any) -> datetime | None:
    return None if found is None else from_milliseconds(found)


def _failsafe(found: dict[str, Any]) -> Failsafe:
    return Failsafe(
        channel_id=found["channel_id"],
        message_id=found["message_id"],
        post_at=from_milliseconds(found["post_at"]),
    )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as JSON can hold them: moments as milliseconds."""
    return {
        name: milliseconds_of(value) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
