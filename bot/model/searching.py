"""Finding an upload among many by what a person remembers of it."""

from collections.abc import Iterable

from bot.model.errors import MalformedUploadId
from bot.model.pasting import read_upload_id
from bot.model.uploads import UploadSession

LONGEST_QUERY = 100


def found_by(query: str, uploads: Iterable[UploadSession]) -> list[UploadSession]:
    """Return the uploads of which name, path or id hold every word of the query, in whatever case; all for no word.

    An id is also found as it comes when pasted, with formatting round it or with its dashes made typographic.
    """
    words = query.casefold().split()
    ids = _ids(query) if words else frozenset()
    return [upload for upload in uploads if upload.id in ids or _holds(upload, words)]


def _holds(upload: UploadSession, words: list[str]) -> bool:
    told = f"{upload.name}\n{upload.path}\n{upload.id}".casefold()
    return all(word in told for word in words)


def _ids(query: str) -> frozenset[str]:
    try:
        pasted = read_upload_id(query)
    except MalformedUploadId:
        return frozenset()
    return frozenset((pasted.upload_id, *pasted.others))
