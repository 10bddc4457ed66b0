"""Aborting an upload: what was done with whose rights, and who is told what of it."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.model.accounts import SlackUser
from bot.model.uploads import UploadSession

LONGEST_REASON = 500
"""Characters."""
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_TYPED_OTHERWISE = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛", "'"),
        **dict.fromkeys("“”„‟", '"'),
        **dict.fromkeys("‐‑‒–−", "-"),
        "—": "--",
        "…": "...",
        "ˋ": "`",
    }
)
"""What "smart punctuation" of phones and Macs makes of plain signs; and how inline code shows a backtick."""
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of signs that have no shape of their own."""
_SPACES = re.compile(r"\s+")


class News(StrEnum):
    """What a person is told of an abort."""

    YOURS = "yours"
    """The owner: somebody else has aborted their upload."""
    DONE = "done"
    """Who aborted it: it is done."""
    NOT_DONE = "not_done"
    """Who wanted to abort it: it is still there."""
    COMMITTED = "committed"
    """Who wanted to abort it: it became a file before."""
    UNKNOWN = "unknown"
    """Who wanted to abort it: nobody could find out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Abort:
    """One person's abort of one upload, from the moment it is certain that it will be tried.

    `vault_user_id` is whose rights are used, `owner` whose upload it is (both Vault users' ids). `upload` is as it
    was looked up at `at`; None, and `reason` empty, where that cannot be read any more.
    """

    by: SlackUser
    reference: str
    vault_host: str
    vault_user_id: str
    upload_id: str
    owner: str
    at: datetime
    upload: UploadSession | None
    reason: str

    @property
    def is_own(self) -> bool:
        """Whether the owner has done it themselves; else it was an Admin."""
        return self.owner == self.vault_user_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One message about an abort. `owners` are the Slack users' ids of those who are told as the upload's owner."""

    news: News
    to: SlackUser
    abort: Abort
    vault_name: str
    owners: tuple[str, ...] = ()


def comparable(name: str) -> str:
    """Return a file name for a comparison with one that was typed or copied: without what nobody sees or types."""
    for entity, sign in _ENTITIES:
        name = name.replace(entity, sign)
    plain = unicodedata.normalize("NFC", name.translate(_TYPED_OTHERWISE))
    # What cannot be seen is shown as U+FFFD, and may be copied as that.
    seen = "".join(sign for sign in plain if sign != "\ufffd" and unicodedata.category(sign) not in _UNSEEN)
    return _SPACES.sub(" ", seen).strip()
