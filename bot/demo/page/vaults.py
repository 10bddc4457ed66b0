"""The uploads as the Vaults see them, and what became of those that are gone."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.demo.page.log import iso
from bot.demo.vault import Upload, Vault, VaultEmulator

KEPT_ENDED = 20


@dataclass(frozen=True, kw_only=True)
class Ending:
    """An upload session that no Vault knows any more."""

    id: str
    name: str
    end: str
    at: datetime


class UploadWatch:
    """Compares what is active with what was, since Vault itself keeps no history."""

    def __init__(self, vault: VaultEmulator) -> None:
        self._vault = vault
        self._known: dict[str, dict[str, Upload]] = {key: {} for key in vault.vaults}
        self._ended: dict[str, deque[Ending]] = {key: deque(maxlen=KEPT_ENDED) for key in vault.vaults}
        self.look()

    def look(self) -> tuple[object, ...]:
        """Note what has ended; returns a value that differs whenever what is to be shown does."""
        seen: list[object] = []
        for key, one in self._vault.vaults.items():
            active = {upload.id: upload for upload in self._vault.uploads(key)}
            for gone in self._known[key].keys() - active.keys():
                self._ended[key].appendleft(self._ending(one, self._known[key][gone]))
            self._known[key] = active
            seen += [(upload.id, upload.uploaded, upload.flow is None) for upload in active.values()]
        return tuple(seen)

    def as_json(self) -> list[dict[str, Any]]:
        """Every Vault with its uploads, soonest expiry first, and what has ended, newest first."""
        self.look()
        return [
            {
                "key": key,
                "name": one.name,
                "url": one.url,
                "uploads": [
                    _upload(upload)
                    for upload in sorted(self._known[key].values(), key=lambda each: (each.expires, each.id))
                ],
                "ended": [
                    {"id": ending.id, "name": ending.name, "end": ending.end, "at": iso(ending.at)}
                    for ending in self._ended[key]
                ],
            }
            for key, one in self._vault.vaults.items()
        ]

    def _ending(self, vault: Vault, upload: Upload) -> Ending:
        now, end, at = self._vault.clock.now(), "aborted", self._vault.clock.now()
        job = next((job for job in vault.staging.jobs.values() if job.upload is upload), None)
        if job is not None:
            end, at = "committed", job.created
        elif upload.expires <= now:
            end, at = "expired", upload.expires
        return Ending(id=upload.id, name=upload.name, end=end, at=at)


def _upload(upload: Upload) -> dict[str, Any]:
    owner = upload.owner
    return {
        "id": upload.id,
        "name": upload.name,
        "path": upload.path,
        "owner": owner.key,
        "owner_name": f"{owner.first_name} {owner.last_name}",
        "size": upload.size,
        "uploaded": upload.uploaded,
        "parts": len(upload.parts),
        "created": iso(upload.created),
        "last": iso(upload.last_uploaded),
        "expires": iso(upload.expires),
        "bytes_per_second": upload.flow.bytes_per_second if upload.flow else 0,
        "complete": upload.uploaded == upload.size,
    }
