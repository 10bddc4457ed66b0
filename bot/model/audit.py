"""What the audit log keeps: who did what with whose rights, and what came of it. Never a credential."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """What was asked for."""

    LOOK_UP = "look_up"
    LIST = "list"
    SHARE = "share"
    WATCH = "watch"
    UNWATCH = "unwatch"
    REMIND = "remind"
    LINK = "link"
    UNLINK = "unlink"
    RENEW = "renew"
    FORGET = "forget"
    ABORT = "abort"
    INSTALL = "install"
    UNINSTALL = "uninstall"
    PRUNE = "prune"
    REQUEST = "request"
    """A command or click that was refused before it could become one of the others."""


class Outcome(StrEnum):
    """What came of it."""

    BEGUN = "begun"
    """It is about to be done, and cannot be undone: a further row under the same reference says what came of it."""
    DONE = "done"
    REFUSED = "refused"
    """By Vault, by the identity provider, or by a rule of ours; `error` says which."""
    FAILED = "failed"
    """Something did not work; asking again may."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEntry:
    """One row, before it takes its place in the chain. Ids are text; what is not known is empty.

    `error` is our name for the failure, `error_type` Vault's stable code. `file_name` and `path` are filled only
    where the operator wants them (AUDIT_PATHS).
    """

    at: datetime
    action: Action
    outcome: Outcome
    reference: str = ""
    workspace: str = ""
    team_id: str = ""
    slack_user_id: str = ""
    vault_host: str = ""
    vault_user_id: str = ""
    upload_id: str = ""
    error: str = ""
    error_type: str = ""
    execution_id: str = ""
    note: str = ""
    file_name: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry in its place: numbered without gaps, with the hash that chains it to the row before."""

    seq: int
    entry: AuditEntry
    hash: str
