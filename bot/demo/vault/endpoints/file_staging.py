"""Resumable upload sessions, their parts, and the files they become (facts §2)."""

import base64
import hashlib
import re

from bot.demo.vault.calls import Call
from bot.demo.vault.envelope import (
    JsonObject,
    RefusedError,
    invalid,
    missing,
    no_more_bytes,
    not_allowed,
    not_the_owner,
    success,
)
from bot.demo.vault.paging import as_query, cut_page, read_limit
from bot.demo.vault.uploads import Upload, full_path


def list_uploads(call: Call) -> JsonObject:
    """All of the Vault for an Admin, else one's own (facts §0.4, E2 to E5)."""
    uploads = call.vault.staging.active(call.now, lambda upload: _is_visible(call, upload))
    page = cut_page(
        uploads,
        lambda upload: (upload.created.timestamp(), upload.id),
        limit=call.behaviour.page_size,
        cursor=call.request.query_params.get("cursor"),
        now=call.now,
    )
    brief = call.behaviour.omit_optional_fields
    data = [upload.record(call.user, brief=brief) for upload in uploads[page.start : page.stop]]
    return _paged(call, data, page.cursor)


def create_upload(call: Call) -> JsonObject:
    """Begin an upload session (facts §2.1, E1, E22, E23)."""
    path, size, overwrite = call.form.get("path"), call.form.get("size"), call.form.get("overwrite", "false")
    if not path:
        raise missing("path")
    if not size:
        raise missing("size")
    if not re.fullmatch("[0-9]{1,18}", size):
        raise invalid("Parameter [size] must be a number of bytes.")
    if overwrite.lower() not in {"true", "false"}:
        raise invalid("Parameter [overwrite] must be true or false.")
    if path.endswith("/") or {"..", "."} & set(path.split("/")):
        raise invalid("Parameter [path] must name a file.")
    staging, replaces = call.vault.staging, overwrite.lower() == "true"
    if int(size) > staging.limits.file_size:
        raise RefusedError("EXCEEDS_FILE_MAX_SIZE", "The file is larger than this Vault allows.")
    staging.refuse_if_full(call.now)
    whole_path = full_path(path, call.user)
    if not replaces:
        staging.refuse_if_taken(whole_path, call.now)
    upload = staging.create(call.user, whole_path, int(size), call.now, overwrite=replaces)
    return success(data=upload.record(call.user))


def read_upload(call: Call) -> JsonObject:
    """One session, for its owner or an Admin (facts §2.1, E6)."""
    brief = call.behaviour.omit_optional_fields
    return success(data=_visible_upload(call).record(call.user, brief=brief))


def list_parts(call: Call) -> JsonObject:
    """The parts that are there, in pages (facts §2.1, E8, E9)."""
    upload = _visible_upload(call)
    given = call.request.query_params.get("limit")
    page = cut_page(
        upload.parts,
        lambda part: (part.number,),
        limit=read_limit(given),
        cursor=call.request.query_params.get("cursor"),
        now=call.now,
    )
    data = [upload.part_record(part) for part in upload.parts[page.start : page.stop]]
    return _paged(call, data, page.cursor, limit=given)


def send_part(call: Call) -> JsonObject:
    """The next part, or one again, from the owner only (facts §2.1, §2.3, E7, E21)."""
    upload = _own_upload(call)
    given = call.request.headers.get("x-vaultapi-filepartnumber")
    if not given:
        raise missing("X-VaultAPI-FilePartNumber")
    if not re.fullmatch("[0-9]{1,9}", given) or int(given) < 1:
        raise invalid("The part number must be 1 or more.")
    digest = hashlib.md5(call.body, usedforsecurity=False)
    promised = call.request.headers.get("content-md5")
    if promised not in (None, digest.hexdigest(), base64.b64encode(digest.digest()).decode()):
        raise invalid("The part's bytes do not match Content-MD5.")
    _check_part_size(call, upload, int(given), len(call.body))
    part = upload.put_part(int(given), len(call.body), call.now, digest.hexdigest())
    return success(data=upload.part_record(part))


def commit(call: Call) -> JsonObject:
    """Assemble a complete upload; by the owner (assumed, facts §8); a job follows (facts E10)."""
    upload = _own_upload(call)
    job = call.vault.staging.commit(upload, call.now)
    return success(data={"job_id": job.id, "url": f"/api/{call.version}/services/jobs/{job.id}"})


def abort(call: Call) -> JsonObject:
    """Discard an upload session and all its parts; by the owner or an Admin (facts §2.1, E14)."""
    call.vault.staging.drop(_visible_upload(call))
    return success()


def read_job(call: Call) -> JsonObject:
    """A commit's job, for who committed and for Admins; once in 10 s for each job (facts §2.4, §1.6)."""
    staging = call.vault.staging
    staging.finish_jobs(call.now)
    given = call.path_values["job_id"]
    job = staging.jobs.get(int(given)) if re.fullmatch("[0-9]{1,18}", given) else None
    if job is None or not _is_visible(call, job.upload):
        raise invalid("No job with that ID.")
    job.refuse_if_asked_too_soon(call.now)
    return {**success(responseMessage="OK"), "data": job.record(call.now, call.version or "")}


def list_items(call: Call) -> JsonObject:
    """Finished files and the folders they lie in (facts §2.1, E42)."""
    query = call.request.query_params
    staging, folder = call.vault.staging, full_path(call.path_values.get("path", ""), call.user)
    staging.finish_jobs(call.now)
    items = staging.items(folder, call.user, recursive=query.get("recursive", "").lower() == "true")
    page = cut_page(
        items,
        lambda item: (str(item["path"]),),
        limit=min(read_limit(query.get("limit")), call.behaviour.page_size),
        cursor=query.get("cursor"),
        now=call.now,
    )
    return _paged(call, items[page.start : page.stop], page.cursor, limit=query.get("limit"))


def _is_visible(call: Call, upload: Upload) -> bool:
    return upload.owner is call.user or call.user.is_admin


def _visible_upload(call: Call) -> Upload:
    """Unknown, foreign, ended and expired are one and the same answer (facts §7.1.4)."""
    upload = call.vault.staging.find(call.path_values["upload_id"], call.now)
    if upload is None or not _is_visible(call, upload):
        raise call.behaviour.not_visible.refusal()
    return upload


def _own_upload(call: Call) -> Upload:
    """An Admin may look at others' sessions and abort them, yet not send to them (facts §2.1)."""
    upload = _visible_upload(call)
    if upload.owner is not call.user:
        raise not_the_owner()
    return upload


def _check_part_size(call: Call, upload: Upload, number: int, size: int) -> None:
    """All parts but the last are of one size, within the Vault's limits (facts §2.3)."""
    limits = call.vault.staging.limits
    if number > limits.parts or size > limits.largest_part:
        raise not_allowed("The part is too large, or there are too many of them.")
    if number > len(upload.parts) + 1:
        raise no_more_bytes()
    is_next = number == len(upload.parts) + 1
    before = upload.uploaded if is_next else sum(part.size for part in upload.parts[: number - 1])
    if before + size >= upload.size:
        return
    if size < limits.smallest_part:
        raise not_allowed("Only the last part may be so small.")
    others = upload.parts[:1] if number > 1 else upload.parts[1:2]
    if any(other.size != size for other in others):
        raise not_allowed("All parts but the last must have the same size.")


def _paged(call: Call, data: list[JsonObject], cursor: str | None, limit: str | None = None) -> JsonObject:
    """`next_page` is the full address of the next page (facts §1.7, E5, E8)."""
    if cursor is None:
        return success(data=data)
    query = as_query(cursor) if limit is None else f"{as_query(cursor)}&limit={limit}"
    recursive = call.request.query_params.get("recursive")
    query += f"&recursive={'true' if recursive.lower() == 'true' else 'false'}" if recursive else ""
    next_page = f"{call.vault.url}{call.path}?{query}"
    return success(responseDetails={"next_page": next_page}, data=data)
