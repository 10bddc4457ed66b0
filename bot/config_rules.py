"""Rules over several settings, judged on the raw text, so that they are told together with all other faults."""

import difflib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from bot.model.addresses import is_loopback
from bot.model.durations import parse_duration

BEGINNINGS = ("SLACK_", "VAULT_", "OIDC_", "AUDIT_")
SHORTEST_POLL = timedelta(seconds=30)


def together(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what is wrong with settings taken together, as names and problems."""
    faults: list[tuple[str, str]] = []
    if "SLACK_CLIENT_ID" in values:
        if "SLACK_BOT_TOKEN" in values:
            faults.append(("SLACK_BOT_TOKEN", "must not be set beside SLACK_CLIENT_ID: use one of the two"))
        if "SLACK_CLIENT_SECRET" not in values:
            faults.append(("SLACK_CLIENT_SECRET", "is not set (needed with SLACK_CLIENT_ID)"))
    elif "SLACK_BOT_TOKEN" not in values:
        faults.append(("SLACK_BOT_TOKEN", "is not set (or SLACK_CLIENT_ID, to install into many workspaces)"))
    if "oidc" in values.get("LINK_METHODS", "").lower():
        faults += [
            (name, "is not set (needed with oidc in LINK_METHODS)")
            for name in ("OIDC_PROFILE_ID", "OIDC_CLIENT_ID", "OIDC_ISSUER")
            if name not in values
        ]
    if "SLACK_APP_TOKEN" not in values and "SLACK_SIGNING_SECRET" not in values:
        faults.append(
            ("SLACK_SIGNING_SECRET", "is not set (needed unless SLACK_APP_TOKEN chooses Socket Mode)")
        )
    if _polls_too_often(values):
        faults.append(("POLL_EVERY", "must be at least 30s (shorter only against a Vault on this machine)"))
    if "PUBLIC_URL" not in values and not is_loopback(values.get("HOST", "127.0.0.1")):
        faults.append(("PUBLIC_URL", "is needed when HOST is not this machine itself"))
    if "DEMO_CLOCK_FILE" in values and not _is_on_this_machine(values.get("SLACK_API_URL", "")):
        faults.append(("DEMO_CLOCK_FILE", "works only in the demo, with an emulated Slack on this machine"))
    return faults


def _is_on_this_machine(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname)
    except ValueError:
        return False


def _polls_too_often(values: Mapping[str, str]) -> bool:
    try:
        every = parse_duration(values.get("POLL_EVERY", "5m"))
    except ValueError:
        return False  # told where it is read
    hosts = [piece.rpartition("=")[2].strip() for piece in values.get("VAULTS", "").split(",")]
    return every < SHORTEST_POLL and not all(_is_on_this_machine(host) for host in hosts)


def near_misses(mapping: Mapping[str, str], known: Sequence[str]) -> list[str]:
    """Return a warning for each variable that begins like a setting and is none, with the nearest that is."""
    warnings = []
    for name in sorted(mapping):
        if not name.startswith(BEGINNINGS) or name.removesuffix("_FILE") in known:
            continue
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        warnings.append(f"{name} is not a setting of this bot{hint}")
    return warnings
