"""How results look on stdout: tables for people, JSON and CSV for programs. Pure."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime

from bot.model.accounts import AccountSummary, LinkMethod, Unlinked
from bot.model.audit import AuditRow


def what_became(link: Unlinked) -> str:
    """Return what became of a link that is removed, as the end of a line."""
    if link.method is None:
        return "removed; its credential could not be read, so a Vault session of it ends by itself"
    if link.method is LinkMethod.TOKEN:
        return "removed; the API access token is the person's own and was not ended"
    if link.session_ended:
        return "removed, Vault session ended"
    return "removed; the Vault session could not be ended and ends by itself within 48 hours"


def link_values(link: AccountSummary, now: datetime) -> dict[str, str | None]:
    """Return a link by the names that JSON and the table's head have; moments in ISO 8601, UTC."""
    over = link.valid_until is not None and link.valid_until <= now and not link.renewable
    return {
        "workspace": link.slack_user.workspace,
        "slack_user": link.slack_user.user_id,
        "vault": link.vault_host,
        "vault_user": link.vault_user_name,
        "method": link.method.value,
        "linked": _iso(link.linked_at),
        "valid_until": _iso(link.valid_until),
        "last_used": _iso(link.last_used),
        "state": "ended" if over or link.ended_at else "active",
    }


def row_values(row: AuditRow, columns: Sequence[str]) -> dict[str, str | int]:
    """Return an audit row in the order of these columns."""
    entry = {name: getattr(row.entry, name) for name in columns if name not in ("seq", "hash")}
    return {"seq": row.seq, **entry, "at": _iso(row.entry.at) or "", "hash": row.hash}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_json(values: object) -> str:
    """Return values as JSON for people and programs."""
    return json.dumps(values, ensure_ascii=False, indent=2)


def csv_line(cells: Sequence[str]) -> str:
    """Return one record (RFC 4180), which may have several lines, without the end of the last."""
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().removesuffix("\r\n")


def harmless(cell: str) -> str:
    """Return a cell that a spreadsheet shows and does not run (OWASP, "CSV Injection")."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def plain(text: str) -> str:
    """Return text that moves nothing on a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows of a table as lines, columns below each other."""
    shown = [[plain(cell) for cell in row] for row in table]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in shown
    ]
