"""API access tokens: made, and asked for by VQL (facts §3.4, §4), both since v26.2."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.demo.vault.calls import Call
from bot.demo.vault.envelope import (
    JsonObject,
    LostPageError,
    RefusedError,
    invalid,
    missing,
    moment,
    not_allowed,
    success,
)
from bot.demo.vault.logins import AccessToken

SINCE: Final = (26, 2)
MOST_ACTIVE: Final = 25
"""Active tokens of one person (facts §3.4)."""
USUAL_LIFE: Final = timedelta(days=90)
"""Of a token made without a date; whether such a one may be endless depends on the security profile (facts §3.4)."""
PAGE: Final = 1000
TARGET: Final = "api_access_token__sys"

_QUERY = re.compile(
    r"\s*SELECT\s+(?P<fields>[\w\s,]+?)\s+FROM\s+(?P<target>\w+)(?:\s+WHERE\s+(?P<where>.+?))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"\s*(?P<field>\w+)\s*=\s*'(?P<value>[^']*)'\s*")


def create_token(call: Call) -> JsonObject:
    """One more for who calls; its value is shown this once (facts §3.4, E41)."""
    if call.release < SINCE:
        raise LostPageError
    name = call.form.get("name__v")
    if not name:
        raise missing("name__v")
    given = call.form.get("expiry_date__v")
    expires = _read_date(given) if given else call.now + USUAL_LIFE
    if expires <= call.now:
        raise invalid("The expiration date must lie in the future.")
    logins = call.domain.logins
    mine = [one for one in logins.tokens(call.user) if one.vault_id == call.vault.id]
    if sum(one.is_active(call.now) for one in mine) >= MOST_ACTIVE:
        raise not_allowed("No further API access token can be active.")
    token = logins.grant_new(call.user, call.vault.id, expires, name)
    return success(data={"id": token.id, "token__sys": token.value})


def query(call: Call) -> JsonObject:
    """Rows of one's own tokens, all of the Vault for an Admin; conditions are equalities joined by AND (facts §3.4).

    No other target can be asked for here.
    """
    text = call.form.get("q")
    if not text:
        raise missing("q")
    found = _QUERY.fullmatch(text)
    if found is None:
        raise _bad_syntax()
    if found["target"].lower() != TARGET or call.release < SINCE:
        raise invalid(f"[{found['target']}] is not a queryable object.")
    if not call.behaviour.token_query_allowed:
        raise RefusedError("INSUFFICIENT_ACCESS", f"User {call.user.id} may not read [{TARGET}].")
    fields = [field.strip().lower() for field in found["fields"].split(",")]
    wanted = _read_conditions(found["where"])
    shown = [
        token
        for token in call.domain.logins.tokens(None if call.user.is_admin else call.user)
        if token.vault_id == call.vault.id
    ]
    rows = [row for row in (_row(token, call.now) for token in shown) if _fits(row, wanted)]
    data = [{field: _value(row, field) for field in fields} for row in rows[:PAGE]]
    details = {"pagesize": PAGE, "pageoffset": 0, "size": len(data), "total": len(rows)}
    return success(responseDetails=details, data=data)


def _row(token: AccessToken, now: datetime) -> dict[str, Any]:
    """A token becomes inactive when it expires (VQL, "API Access Tokens")."""
    return {
        "id": token.id,
        "name__v": token.name,
        "user__sys": token.user.id,
        "status__v": ["active__v" if token.is_active(now) else "inactive__v"],
        "expiry_date__sys": moment(token.expires),
        "last_used_date__sys": moment(token.last_used) if token.last_used else None,
    }


def _read_conditions(where: str | None) -> dict[str, str]:
    if where is None:
        return {}
    found = [_CONDITION.fullmatch(part) for part in re.split(r"\s+AND\s+", where, flags=re.IGNORECASE)]
    if any(one is None for one in found):
        raise _bad_syntax()
    return {one["field"].lower(): one["value"] for one in found if one is not None}


def _fits(row: dict[str, Any], wanted: dict[str, str]) -> bool:
    return all(
        value in actual if isinstance(actual := _value(row, field), list) else value == str(actual)
        for field, value in wanted.items()
    )


def _value(row: dict[str, Any], field: str) -> Any:
    if field not in row:
        raise invalid(f"[{field}] is not a queryable field.")
    return row[field]


def _bad_syntax() -> RefusedError:
    return RefusedError("INCORRECT_QUERY_SYNTAX_ERROR", "The query cannot be read.")


def _read_date(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise invalid("Parameter [expiry_date__v] must be a date and time in UTC.") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
