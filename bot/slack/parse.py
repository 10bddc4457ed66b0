"""From the words people type to a request. Case and extra spaces do not matter; ids are kept to the letter."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.model.durations import parse_duration
from bot.model.errors import MalformedUploadId, UnknownWords
from bot.model.pasting import Pasted, read_upload_id
from bot.model.watches import Target, ordered


@dataclass(frozen=True, slots=True)
class ShowStatus:
    """One upload's status card."""

    pasted: Pasted


@dataclass(frozen=True, slots=True)
class ShareUpload:
    """One upload's status card, for everybody in the conversation."""

    pasted: Pasted


@dataclass(frozen=True, slots=True)
class ListUploads:
    """The person's uploads in one Vault (None: in every one they have linked)."""

    vault: str | None = None


@dataclass(frozen=True, slots=True)
class WatchUpload:
    """Reminders about one upload, `here` in the channel or else by direct message; no lead times: those that are
    usual for the person."""

    pasted: Pasted
    lead_times: tuple[timedelta, ...] | None = None
    here: bool = False


@dataclass(frozen=True, slots=True)
class WatchMany:
    """Reminders about all of the person's own uploads, or about a whole Vault (None: the person's default)."""

    target: Target
    vault: str | None = None
    lead_times: tuple[timedelta, ...] | None = None
    here: bool = False


@dataclass(frozen=True, slots=True)
class ListWatches:
    """What the person watches."""


@dataclass(frozen=True, slots=True)
class Unwatch:
    """No more reminders about one upload; about nothing at all where none is named."""

    pasted: Pasted | None = None


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
class Doctor:
    """How things stand for the person: links, rights, reminders."""


@dataclass(frozen=True, slots=True)
class Help:
    """How it is used."""


Request = (
    ShowStatus
    | ShareUpload
    | ListUploads
    | WatchUpload
    | WatchMany
    | ListWatches
    | Unwatch
    | Link
    | Unlink
    | WhoAmI
    | Doctor
    | Help
)

WORDS = ("list", "status", "watch", "watches", "unwatch", "link", "unlink", "whoami", "doctor", "help")
SYNONYMS = {"subscribe": "watch", "remind": "watch", "unsubscribe": "unwatch"}
_TAKES_A_VAULT = ("list", "link", "unlink")
NEEDS_AN_ID = ("status", "watch", "unwatch")
TAKES_AN_ID = (*NEEDS_AN_ID, *SYNONYMS)
_MANY = {"all": Target.OWN, "auto": Target.OWN, "vault": Target.VAULT}
SHARE = "share"
_FIRST_WORDS = frozenset((*WORDS, *SYNONYMS))
_MARKS = "`*_~“”\"'"


def read(text: str) -> Request:
    """Return what the text asks for; UsageError says what is wrong with it."""
    pieces = text.replace("\u00a0", " ").split()
    if not pieces:
        return ListUploads()
    word, rest = pieces[0].strip(_MARKS).lower(), pieces[1:]
    word = SYNONYMS.get(word, word)
    if word in NEEDS_AN_ID and rest:
        return _about_an_id(word, rest)
    if word in WORDS and word not in NEEDS_AN_ID and _is_whole(word, rest):
        return _command(word, rest[0] if rest else None)
    if word in WORDS:
        example = f"{word} <id>" if word in NEEDS_AN_ID else word
        raise _unknown(text, f"Type `/upload-status {example}`.")
    if word == SHARE:
        raise _unknown(text, f"Type `/upload-status {_shown(rest[:1]) or '<id>'} {SHARE}`.")
    if _is_word(pieces):
        raise _unknown(text, _nearest(word, rest))
    return _status(pieces)


def begins_with_a_word(text: str) -> bool:
    """Whether it is a word of ours that comes first: else the text can only be an id, or nothing at all."""
    pieces = text.replace("\u00a0", " ").split(None, 1)
    return bool(pieces) and pieces[0].strip(_MARKS).lower() in _FIRST_WORDS


def _status(pieces: Sequence[str]) -> ShowStatus | ShareUpload:
    """An id, with the word `share` behind it or not, before or behind the Vault."""
    at = len(pieces) - (2 if pieces[-1].startswith("@") else 1)
    if at > 0 and pieces[at].strip(_MARKS).lower() == SHARE:
        return ShareUpload(read_upload_id(" ".join([*pieces[:at], *pieces[at + 1 :]])))
    return ShowStatus(read_upload_id(" ".join(pieces)))


def read_lead_times(text: str) -> tuple[timedelta, ...]:
    """Return the times before expiry in such as `24h, 4h 1h`, the longest first; ValueError with a sentence, without
    its full stop, for anything else."""
    pieces = [piece for piece in re.split(r"[\s,;]+", text) if piece]
    if not pieces:
        raise ValueError("write at least one time before expiry, such as 24h")
    return ordered(_duration(piece) for piece in pieces)


def _is_whole(word: str, rest: Sequence[str]) -> bool:
    return not rest or (len(rest) == 1 and word in _TAKES_A_VAULT)


def _nearest(word: str, rest: Sequence[str]) -> str:
    """What may have been meant, with what stood behind the word where that word takes it."""
    close = difflib.get_close_matches(word, (*WORDS, *SYNONYMS), n=1, cutoff=0.7)
    if not close:
        return ""
    meant = SYNONYMS.get(close[0], close[0])
    kept = (
        list(rest) if meant == "watch" else list(rest[:1]) if meant in (*NEEDS_AN_ID, *_TAKES_A_VAULT) else []
    )
    return f"Did you mean `/upload-status {f'{meant} {_shown(kept)}'.rstrip()}`?"


def _shown(pieces: Sequence[str]) -> str:
    """What somebody typed, to be said back; no id and no Vault's name is longer."""
    return " ".join(pieces)[:200].replace("`", "")


def _about_an_id(word: str, rest: list[str]) -> Request:
    if word == "watch":
        return _watch(rest)
    if word == "unwatch":
        every = len(rest) == 1 and rest[0].strip(_MARKS).lower() == "all"
        return Unwatch() if every else Unwatch(read_upload_id(" ".join(rest)))
    return _status(rest)


def _watch(pieces: list[str]) -> WatchUpload | WatchMany:
    """`<id>|all|auto|vault`, then lead times, a place and a Vault in any order."""
    subject, *behind = re.sub(r"\s@\s+", " @", " ".join(pieces)).split()
    places, vault, leads = set[str](), None, list[timedelta]()
    for piece in behind:
        bare = piece.strip(f"{_MARKS},;")
        if bare.lower() in ("here", "dm"):
            places.add(bare.lower())
        elif bare.startswith("@") and len(bare) > 1:
            vault = bare.lstrip("@")
        elif bare:
            leads += _leads(bare, subject)
    if len(places) > 1:
        raise _unusable("here dm", "say either `here` or `dm`", subject)
    lead_times = None
    if leads:
        try:
            lead_times = ordered(leads)
        except ValueError as error:
            raise _unusable(" ".join(behind), str(error), subject) from None
    many = _MANY.get(subject.strip(_MARKS).lower())
    if many is not None:
        return WatchMany(many, vault, lead_times, here="here" in places)
    pasted = read_upload_id(subject)
    return WatchUpload(pasted.at(vault) if vault else pasted, lead_times, here="here" in places)


def _leads(piece: str, subject: str) -> list[timedelta]:
    try:
        return [_duration(one) for one in piece.split(",") if one]
    except ValueError as error:
        hint = (
            str(error)
            if piece[0].isdigit()
            else "behind the id go times before expiry, `here` or `dm`, and `@vault`"
        )
        raise _unusable(piece, hint, subject) from None


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError(f"for each time before expiry, {error}") from None


def _unusable(words: str, why: str, subject: str) -> UnknownWords:
    shown = subject[:200].replace("`", "")
    example = f"For example: `/upload-status watch {shown} 24h 4h here`."
    return _unknown(words, f"{why[0].upper()}{why[1:]}. {example}")


def _command(word: str, vault: str | None) -> Request:
    vault = vault.strip("`*~“”\"'").lstrip("@") if vault else None
    match word:
        case "list":
            return ListUploads(vault or None)
        case "watches":
            return ListWatches()
        case "link":
            return Link(vault or None)
        case "unlink":
            return Unlink(every=True) if vault and vault.lower() == "all" else Unlink(vault or None)
        case "whoami":
            return WhoAmI()
        case "doctor":
            return Doctor()
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
