"""The words of the verbs that give lines. Apart from what they do, so that nothing is imported to read them."""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.model.clock import aware


class WrongUsage(Exception):
    """The command line or a setting is off; exit code 2."""


class RunFailed(Exception):
    """A sentence for the operator; exit code 1."""


def add_verbs(verbs: Any, command: Callable[[argparse.Namespace], int]) -> None:
    """Add the verbs that give lines to a parser's; `command` is to run the one that `arguments.lines` names."""
    verb = verbs.add_parser(
        "doctor", help="check settings, database, Slack, Vaults: what is wrong, what to do"
    )
    verb.add_argument("--json", action="store_true", help="print JSON instead of words")
    verb.set_defaults(command=command, lines="cli_doctor:examined")

    verb = verbs.add_parser("migrate", help="bring the database (DATABASE_URL) to this release's schema")
    verb.set_defaults(command=command, lines="cli_store:migrated")

    keys = verbs.add_parser("keys", help="encryption keys")
    keys = keys.add_subparsers(title="commands", metavar="COMMAND", required=True)
    verb = keys.add_parser("new", help="print a fresh key for ENCRYPTION_KEYS")
    verb.set_defaults(command=command, lines="cli_store:fresh_key")
    verb = keys.add_parser(
        "rotate", help="seal every stored credential with the newest (first) key of ENCRYPTION_KEYS"
    )
    verb.set_defaults(command=command, lines="cli_store:keys_rotated")

    json_help = "print JSON instead of words"
    verb = verbs.add_parser("accounts", help="who is linked to what")
    verb.add_argument("--json", action="store_true", help=json_help)
    verb.set_defaults(command=command, lines="cli_store:accounts_listed")
    accounts = verb.add_subparsers(title="commands", metavar="COMMAND")
    # SUPPRESS: the inner verb's default would take back what was said before it.
    verb = accounts.add_parser("list", help="print every link without its credential (the default)")
    verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=json_help)
    verb = accounts.add_parser("forget", help="erase a person: links, Vault sessions, tickets, due work")
    verb.add_argument("slack_user", metavar="SLACK_USER", help="the person's Slack user ID, like U0123456789")
    verb.add_argument(
        "--workspace", metavar="W", help="workspace or organisation, where several know that ID"
    )
    verb.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=json_help)
    verb.set_defaults(lines="cli_store:person_forgotten")

    audit = verbs.add_parser("audit", help="the audit log")
    audit = audit.add_subparsers(title="commands", metavar="COMMAND", required=True)
    verb = audit.add_parser("verify", help="recompute the audit log's chain and tell every edit and gap")
    verb.set_defaults(command=command, lines="cli_store:audit_verified")
    verb = audit.add_parser("export", help="print the audit log, oldest row first")
    day = "; a day like 2026-11-22 means its beginning, and a time without a zone is UTC"
    verb.add_argument("--since", type=moment, metavar="D", help=f"only rows from D on{day}")
    verb.add_argument("--until", type=moment, metavar="D", help="only rows before D")
    verb.add_argument(
        "--format", choices=("jsonl", "csv"), default="jsonl", help="JSON Lines (the default) or CSV"
    )
    verb.set_defaults(command=command, lines="cli_store:audit_exported")

    verb = verbs.add_parser("backup", help="copy the SQLite database into a new file, while the bot runs")
    verb.add_argument("file", type=Path, metavar="FILE", help="where the copy goes; nothing is overwritten")
    verb.set_defaults(command=command, lines="cli_backup:backed_up")


def moment(text: str) -> datetime:
    """Return a day or moment in ISO 8601 as an aware UTC datetime; ArgumentTypeError, which ends with code 2."""
    try:
        found = datetime.fromisoformat(text.strip())
        return aware(found if found.tzinfo else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            "is not a day like 2026-11-22 or a moment like 2026-11-22T08:00:00Z"
        ) from None
