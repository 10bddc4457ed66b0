"""What each kind of setting may hold. A checker returns the value or raises ValueError with a sentence part.

Sentences never repeat the value: it may be a secret in the wrong place.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit

from bot.model.accounts import LinkMethod, Vault
from bot.model.addresses import is_loopback
from bot.model.durations import parse_duration
from bot.model.secret import Secret
from bot.model.watches import ordered


def address(text: str) -> SplitResult:
    """Return the parts of an https address; plain http passes only for this machine itself."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a web address") from None
    if parts.scheme not in ("http", "https") or not host or re.search(r"[\s\\@]", text):
        raise ValueError("is not a web address such as https://example.com")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must begin with https:// (plain http only for this machine itself)")
    return parts


def base_url(value: str) -> str:
    """Return a web address without a slash at its end."""
    parts = address(value)
    if parts.query or parts.fragment:
        raise ValueError("must not have a query or fragment")
    return value.rstrip("/")


def api_url(value: str) -> str:
    """Return a web address with a slash at its end."""
    return base_url(value) + "/"


def issuer(value: str) -> str:
    """Return an issuer to the letter, since it is compared so (OpenID Connect Discovery 1.0, section 4.3)."""
    base_url(value)
    return value


def scopes(value: str) -> str:
    """Return OAuth scopes separated by single spaces; without `openid` there would be no ID token."""
    words = value.replace(",", " ").split()
    if "openid" not in words or not all(re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", word) for word in words):
        raise ValueError("must be scopes separated by spaces, openid among them")
    return " ".join(dict.fromkeys(words))


def workspaces(value: str) -> frozenset[str]:
    """Return ids of Slack workspaces and Enterprise organisations: Slack's begin with T and E."""
    words = [word.strip() for word in value.split(",") if word.strip()]
    if not words or not all(re.fullmatch(r"[TE][A-Z0-9]{1,30}", word) for word in words):
        raise ValueError(
            "must be ids of workspaces (T…) or Enterprise organisations (E…), separated by commas"
        )
    return frozenset(words)


_VAULT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


def vaults(value: str) -> tuple[Vault, ...]:
    """Return the Vaults of `[name=]https://host, …`."""
    vaults: list[Vault] = []
    for entry in (piece.strip() for piece in value.split(",") if piece.strip()):
        name, equals, url = entry.partition("=")
        if not equals or "/" in name:
            name, url = "", entry
        parts = address(url.strip())
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(
                "give only the host of each Vault, such as https://mine.veevavault.com, without a path"
            )
        name = name.strip() or (parts.hostname or "").split(".")[0]
        if not _VAULT_NAME.fullmatch(name):
            raise ValueError("a Vault's name may hold letters, digits, - and _ (40 at most)")
        # Vault names itself without the port that goes without saying, and hosts are compared.
        host = parts.netloc.lower().removesuffix(":443" if parts.scheme == "https" else ":80")
        vaults.append(Vault(name, f"{parts.scheme}://{host}"))
    for what in ({vault.name.lower() for vault in vaults}, {vault.host for vault in vaults}):
        if len(what) != len(vaults):
            raise ValueError("each Vault needs a name and host of its own; write name=https://host")
    return tuple(vaults)


def methods(value: str) -> tuple[LinkMethod, ...]:
    """Return the ways to link, in the order given."""
    words = [word.strip().lower() for word in value.split(",") if word.strip()]
    known = [method.value for method in LinkMethod]
    if not words or any(word not in known for word in words):
        raise ValueError(f"may hold these, separated by commas: {', '.join(known)}")
    return tuple(dict.fromkeys(LinkMethod(word) for word in words))


def secret(*, not_prefix: tuple[str, ...] = (), hint: str = "") -> Callable[[str], Secret]:
    """Return a checker for tokens; `not_prefix` catches tokens that were swapped."""

    def check(value: str) -> Secret:
        if value.startswith(not_prefix) and not_prefix:
            raise ValueError(hint)
        if re.search(r"\s", value):
            raise ValueError("must not contain white space")
        return Secret(value)

    return check


def boolean(value: str) -> bool:
    """Return the truth value of true/false, yes/no, on/off, 1/0."""
    word = value.strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ValueError("must be true or false")


def port(value: str) -> int:
    """Return a port number."""
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise ValueError("must be a number from 1 to 65535")
    return int(value)


def positive_duration(value: str) -> timedelta:
    """Return a length of time above zero."""
    length = parse_duration(value)
    if length <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return length


def lead_times(value: str) -> tuple[timedelta, ...]:
    """Return times before expiry, the longest first."""
    return ordered(parse_duration(word) for word in re.split(r"[,\s]+", value) if word)


def at_least(shortest: timedelta) -> Callable[[str], timedelta]:
    """Return a checker for lengths of time that are not too short."""

    def check(value: str) -> timedelta:
        length = parse_duration(value)
        if length < shortest:
            raise ValueError("is too short" + (f": at least {shortest.days}d" if shortest.days else ""))
        return length

    return check


def matches(pattern: str, hint: str) -> Callable[[str], str]:
    """Return a checker for text of that form."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(hint)
        return value

    return check


def one_of(*words: str) -> Callable[[str], str]:
    """Return a checker for one of these words, in any case."""

    def check(value: str) -> str:
        folded = {word.lower(): word for word in words}
        if value.lower() not in folded:
            raise ValueError(f"must be one of {', '.join(words)}")
        return folded[value.lower()]

    return check
