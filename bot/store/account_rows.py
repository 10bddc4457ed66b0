"""Linked accounts as rows: what is sealed in them, and to what it is bound."""

import logging
from typing import Any

from sqlalchemy import Row

from bot.model.accounts import AccountSummary, Identity, LinkedAccount, LinkMethod, SlackUser
from bot.model.errors import KeyMissing, SealBroken
from bot.store.seal import Keyring, row_identity

KINDS = {"credential": "account", "refresh_token": "refresh"}
"""The sealed columns, and what each is bound to besides the row: so that neither opens in the other's place."""

log = logging.getLogger(__name__)


def values_of(account: LinkedAccount, keyring: Keyring) -> dict[str, Any]:
    """Return the account as a new row of its own: version 0, not ended."""
    person = account.slack_user
    place = (person.workspace, person.user_id, account.vault_host)
    refresh_token = account.refresh_token
    return {
        "workspace": person.workspace,
        "slack_user_id": person.user_id,
        "vault_host": account.vault_host,
        "team_id": person.team_id,
        "vault_id": account.identity.vault_id,
        "vault_user_id": account.identity.vault_user_id,
        "vault_user_name": account.vault_user_name,
        "vault_full_name": account.vault_full_name,
        "method": account.method.value,
        "credential": keyring.seal(account.credential, identity("credential", *place)),
        "refresh_token": keyring.seal(refresh_token, identity("refresh_token", *place))
        if refresh_token
        else None,
        "linked_at": account.linked_at,
        "valid_until": account.valid_until,
        "session_started": account.session_started,
        "last_used": account.last_used or account.linked_at,
        "ended_at": None,
        "preferred_at": account.preferred_at,
        "version": 0,
    }


def account_of(row: Row[Any], keyring: Keyring) -> LinkedAccount:
    """Return the account in a row; SealBroken or KeyMissing when a sealed value in it does not open."""
    place = (row.workspace, row.slack_user_id, row.vault_host)
    refresh_token = row.refresh_token
    return LinkedAccount(
        slack_user=SlackUser(row.workspace, row.slack_user_id, row.team_id),
        vault_host=row.vault_host,
        identity=Identity(vault_user_id=row.vault_user_id, vault_id=row.vault_id),
        vault_user_name=row.vault_user_name,
        vault_full_name=row.vault_full_name,
        method=LinkMethod(row.method),
        credential=keyring.open(row.credential, identity("credential", *place)),
        linked_at=row.linked_at,
        valid_until=row.valid_until,
        refresh_token=None
        if refresh_token is None
        else keyring.open(refresh_token, identity("refresh_token", *place)),
        session_started=row.session_started,
        last_used=row.last_used,
        ended_at=row.ended_at,
        preferred_at=row.preferred_at,
        version=row.version,
    )


def account_or_none(row: Row[Any] | None, keyring: Keyring) -> LinkedAccount | None:
    """Return the account in a row; None, and a line in the log, where it does not open."""
    if row is None:
        return None
    try:
        return account_of(row, keyring)
    except (SealBroken, KeyMissing) as error:
        warn(row, error)
        return None


def summary_of(row: Row[Any]) -> AccountSummary:
    """Return what an operator may see of a row, which needs no sealed column but has `renewable`."""
    return AccountSummary(
        slack_user=SlackUser(row.workspace, row.slack_user_id, row.team_id),
        vault_host=row.vault_host,
        vault_user_id=row.vault_user_id,
        vault_user_name=row.vault_user_name,
        method=LinkMethod(row.method),
        linked_at=row.linked_at,
        valid_until=row.valid_until,
        last_used=row.last_used,
        ended_at=row.ended_at,
        renewable=bool(row.renewable),
    )


def identity(column: str, workspace: str, user_id: str, vault_host: str) -> str:
    """Return what a sealed value is bound to: its row and its column."""
    return row_identity(KINDS[column], workspace, user_id, vault_host)


def warn(row: Row[Any], error: SealBroken | KeyMissing) -> None:
    """Log whose account it is that does not open, and nothing of what is in it."""
    log.warning(
        "account of %s %s at %s cannot be opened: %s",
        row.workspace,
        row.slack_user_id,
        row.vault_host,
        error.sentence,
    )
