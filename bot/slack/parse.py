"""From the words people type to a request. Case and extra spaces do not matter; ids are kept to the letter."""

import difflib
import re
from dataclasses import dataclass

from bot.model.errors import MalformedUploadId, UnknownWords
from bot.model.pasting import Pasted, read_upload_id


@dataclass(frozen=True, slots=True)
class ShowStatus:
    """One upload's status card."""

    pasted: Pasted


@dataclass(frozen=True, slots=True)
class ListUploads:
    """The person's uploads in one Vault (None: the default)."""

    vault: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A way to the link page."""

    vault: str | None = None


@dataclass(frozen=True, slots=True)
class Unlink:
    """Forget one account, or every one."""

    vault: str | None = None
    every: bool = False


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """The person's links."""


@dataclass(frozen=True, slots=True)
class Help:
    """How it is used."""


Request = ShowStatus | ListUploads | Link | Unlink | WhoAmI | Help

WORDS = ("list", "status", "link", "unlink", "whoami", "help")
_TAKES_A_VAULT = ("list", "link", "unlink")


def read(text: str) -> Request:
    """Return what the text asks for; UsageError says what is wrong with it."""
    pieces = text.replace("\u00a0", " ").split()
    if not pieces:
        return ListUploads()
    word, rest = pieces[0].strip("`*_~“”\"'").lower(), pieces[1:]
    if word == "status" and rest:
        return ShowStatus(read_upload_id(" ".join(rest)))
    if word in WORDS and word != "status" and (not rest or (len(rest) == 1 and word in _TAKES_A_VAULT)):
        return _command(word, rest[0] if rest else None)
    if word in WORDS:
        example = "status <id>" if word == "status" else word
        raise _unknown(text, f"Type `/upload-status {example}`.")
    if _is_word(pieces):
        close = difflib.get_close_matches(word, WORDS, n=1, cutoff=0.7)
        # What stood behind the word is repeated where the word takes it; no id and no Vault's name is longer.
        takes = bool(close) and close[0] in ("status", *_TAKES_A_VAULT)
        kept = [rest[0][:200].replace("`", "")] if rest and takes else []
        raise _unknown(text, f"Did you mean `/upload-status {' '.join([*close, *kept])}`?" if close else "")
    return ShowStatus(read_upload_id(text))


def _command(word: str, vault: str | None) -> Request:
    vault = vault.strip("`*~“”\"'").lstrip("@") if vault else None
    match word:
        case "list":
            return ListUploads(vault or None)
        case "link":
            return Link(vault or None)
        case "unlink":
            return Unlink(every=True) if vault and vault.lower() == "all" else Unlink(vault or None)
        case "whoami":
            return WhoAmI()
        case _:
            return Help()


def _is_word(pieces: list[str]) -> bool:
    """Whether people meant a command: a word of letters alone. An id has digits or other signs, or is long."""
    letters = re.fullmatch(r"[^\W\d_]{1,31}[?!.]*", pieces[0]) is not None
    if len(pieces) == 1 or pieces[1].startswith("@"):
        return letters
    try:
        read_upload_id(" ".join(pieces))
    except MalformedUploadId:
        return letters
    return False


def _unknown(text: str, suggestion: str) -> UnknownWords:
    shown = " ".join(text.split())
    return UnknownWords(words=shown if len(shown) <= 60 else f"{shown[:59]}…", suggestion=suggestion)
