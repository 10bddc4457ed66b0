"""Work that is due at a moment: what is promised, and what a worker holds while it keeps the promise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.model.accounts import LinkedAccount, SlackUser

Payload = Mapping[str, str | int | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One thing to do at a moment. `key` is unique: scheduling it again changes it and cancels a run in progress."""

    key: str
    kind: str
    due_at: datetime
    payload: Payload = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A job that this worker holds for a while. `claim` is fresh for every claim, so a worker that was thought dead
    cannot overwrite what another did. `due_at` is the moment that was promised, `attempts` counts this one."""

    key: str
    kind: str
    due_at: datetime
    payload: Payload
    attempts: int
    claim: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Again:
    """What a handler returns when the same job is to come back, and when; a new payload replaces the old one."""

    due_at: datetime
    payload: Payload | None = None


def account_prefix(slack_user: SlackUser, vault_host: str) -> str:
    """Return how the keys of all jobs begin that belong to one linked account: they go when it goes."""
    return f"account:{slack_user.workspace}:{slack_user.user_id}:{vault_host}:"


def home_key(slack_user: SlackUser) -> str:
    """Return the key of the one job that redraws a person's home."""
    return f"home:{slack_user.workspace}:{slack_user.user_id}"


def account_payload(account: LinkedAccount) -> Payload:
    """Return what a job needs to find its account again."""
    person = account.slack_user
    return {
        "workspace": person.workspace,
        "user": person.user_id,
        "team": person.team_id,
        "vault": account.vault_host,
    }


def account_of(payload: Payload) -> tuple[SlackUser, str]:
    """Return whose job it is, and the host of the Vault; KeyError where the payload is of another kind."""
    slack_user = SlackUser(str(payload["workspace"]), str(payload["user"]), str(payload["team"]))
    return slack_user, str(payload["vault"])
