"""File staging of one Vault: active upload sessions, the jobs that assemble them, and finished files."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.demo.vault.envelope import JsonObject, RefusedError, asked_too_soon, invalid, moment, not_allowed
from bot.demo.vault.uploads import (
    LARGEST_PART,
    MOST_PARTS,
    SMALLEST_PART,
    Upload,
    fitting_part_size,
    shown_path,
)
from bot.demo.vault.users import User

JOB_PAUSE = timedelta(seconds=10)


@dataclass(kw_only=True)
class Limits:
    """A Vault's limits; Veeva can change each of them for a customer (facts §2.3)."""

    active_uploads: int = 50
    lifetime: timedelta = timedelta(hours=72)
    """From creation; later parts do not lengthen it."""
    file_size: int = 500 * 1024**3
    smallest_part: int = SMALLEST_PART
    largest_part: int = LARGEST_PART
    parts: int = MOST_PARTS
    job_queued: timedelta = timedelta(seconds=3)
    job_running: timedelta = timedelta(seconds=30)


@dataclass(kw_only=True, eq=False)
class StagedFile:
    """A finished file in staging (facts §2.1)."""

    path: str
    size: int
    modified: datetime

    def record(self, viewer: User) -> JsonObject:
        """One entry of the item list (facts E42)."""
        return {
            "kind": "file",
            "path": shown_path(self.path, viewer),
            "name": self.path.rpartition("/")[2],
            "size": self.size,
            "modified_date": moment(self.modified),
        }


@dataclass(kw_only=True, eq=False)
class Job:
    """The job that assembles a committed upload; its status follows from the clock (facts §2.4)."""

    id: int
    upload: Upload
    created: datetime
    runs_at: datetime
    ends_at: datetime
    fails: bool = False
    last_asked: datetime | None = None

    def status(self, now: datetime) -> str:
        """QUEUED, then RUNNING, then SUCCESS or ERRORS_ENCOUNTERED."""
        if now < self.runs_at:
            return "QUEUED"
        if now < self.ends_at:
            return "RUNNING"
        return "ERRORS_ENCOUNTERED" if self.fails else "SUCCESS"

    def refuse_if_asked_too_soon(self, now: datetime) -> None:
        """The status may be asked for once in 10 s (facts §1.6)."""
        if self.last_asked is not None and now - self.last_asked < JOB_PAUSE:
            raise asked_too_soon()
        self.last_asked = now

    def record(self, now: datetime, version: str) -> JsonObject:
        """The answer of the job's status; dates stand there once they are reached (facts E11, E12)."""
        href = f"/api/{version}/services/jobs/{self.id}"
        done = now >= self.ends_at
        itself = {"rel": "self", "href": href, "method": "GET", "accept": "application/json"}
        record: JsonObject = {
            "id": self.id,
            "status": self.status(now),
            "method": "POST",
            "links": [] if done else [itself],
            "created_by": self.upload.owner.id,
            "created_date": moment(self.created),
        }
        if now >= self.runs_at:
            record["run_start_date"] = moment(self.runs_at)
        if done:
            record["run_end_date"] = moment(self.ends_at)
        return record


@dataclass(kw_only=True, eq=False)
class Staging:
    """Knows only *active* upload sessions: there is no history of them (facts §0.2)."""

    limits: Limits = field(default_factory=Limits)
    files: dict[str, StagedFile] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)
    _uploads: dict[str, Upload] = field(default_factory=dict)
    _unfinished: list[Job] = field(default_factory=list)
    _next_job: int = 771204

    def add(self, upload: Upload) -> Upload:
        """Make an upload session known."""
        self._uploads[upload.id] = upload
        return upload

    def create(self, owner: User, path: str, size: int, now: datetime, *, overwrite: bool = False) -> Upload:
        """Begin an upload session; `path` counts from the staging root (facts §2.1)."""
        return self.add(
            Upload(
                id=uuid.uuid4().hex,
                owner=owner,
                path=path,
                size=size,
                created=now,
                expires=now + self.limits.lifetime,
                overwrite=overwrite,
                part_size=fitting_part_size(size),
            )
        )

    def refuse_if_full(self, now: datetime) -> None:
        """At most so many active upload sessions in a Vault, all people together (facts §0.6, E23)."""
        if len(self.active(now)) >= self.limits.active_uploads:
            raise not_allowed("Too many active upload sessions in this Vault.")

    def refuse_if_taken(self, path: str, now: datetime) -> None:
        """Without `overwrite` a finished file is not replaced (facts §1.5)."""
        self.finish_jobs(now)
        if path in self.files:
            raise RefusedError("ITEM_NAME_EXISTS", "A file with that name exists already.")

    def find(self, upload_id: str, now: datetime) -> Upload | None:
        """An active upload session as it stands now; an expired one is purged (facts §2.3)."""
        upload = self._uploads.get(upload_id)
        if upload is None:
            return None
        if now >= upload.expires:
            del self._uploads[upload_id]
            return None
        upload.settle(now)
        return upload

    def active(self, now: datetime, visible: Callable[[Upload], bool] = lambda _: True) -> list[Upload]:
        """Active upload sessions, oldest first (facts §7.1.3)."""
        found = [self.find(upload.id, now) for upload in list(self._uploads.values()) if visible(upload)]
        return sorted((one for one in found if one is not None), key=lambda one: (one.created, one.id))

    def drop(self, upload: Upload) -> None:
        """Forget an upload session and all its parts."""
        self._uploads.pop(upload.id, None)

    def commit(self, upload: Upload, now: datetime) -> Job:
        """Turn a complete upload session into a job; it leaves the list at once (facts §7.1.5)."""
        if upload.uploaded != upload.size:
            raise not_allowed("Not every byte of the file has been uploaded.")
        self.finish_jobs(now)
        runs_at = now + self.limits.job_queued
        job = Job(
            id=self._next_job,
            upload=upload,
            created=now,
            runs_at=runs_at,
            ends_at=runs_at + self.limits.job_running,
            fails=upload.path in self.files and not upload.overwrite,
        )
        self._next_job += 1
        self.jobs[job.id] = job
        self._unfinished.append(job)
        self.drop(upload)
        return job

    def finish_jobs(self, now: datetime) -> None:
        """Let the files of jobs that have succeeded by `now` appear (facts §2.4)."""
        for job in [job for job in self._unfinished if now >= job.ends_at]:
            self._unfinished.remove(job)
            if not job.fails:
                upload = job.upload
                self.files[upload.path] = StagedFile(path=upload.path, size=upload.size, modified=job.ends_at)

    def items(self, folder: str, viewer: User, *, recursive: bool) -> list[JsonObject]:
        """Finished files below a folder, and folders themselves, as this viewer sees them (facts E42).

        A folder lives by its files; one that holds none is not there, except a person's own directory.
        """
        prefix = folder if folder.endswith("/") else f"{folder}/"
        found: dict[str, JsonObject] = {}
        for file in self.files.values():
            if not file.path.startswith(prefix):
                continue
            inner = file.path[len(prefix) :].split("/")
            for depth in range(1, len(inner) if recursive else min(2, len(inner))):
                path = prefix + "/".join(inner[:depth])
                shown = shown_path(path, viewer)
                found[path] = {"kind": "folder", "path": shown, "name": inner[depth - 1]}
            if recursive or len(inner) == 1:
                found[file.path] = file.record(viewer)
        if not found and folder not in ("/", viewer.home):
            raise invalid("No such folder in file staging.")
        return sorted(found.values(), key=lambda item: str(item["path"]))
