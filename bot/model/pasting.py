"""Upload ids as they arrive when people paste them: formatted, auto-linked, with dashes turned typographic.

Vault: ids are 69 to 79 characters of `A-Za-z0-9._-`, often ending in `--`, or 32 hex digits; any length up to
200 is accepted. What Slack and keyboards do to them: Slack docs, "Formatting text" (links, the three entities),
and "smart punctuation" of iOS and macOS, which turns a typed `--` into one dash.
"""

import itertools
import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, unquote, urlsplit

from bot.model.errors import MalformedUploadId

LONGEST_ID = 200
LONGEST_PASTED = 4000
_ID = re.compile(r"[A-Za-z0-9._-]{1,200}")
# Nothing was done to an id that is typed alone and has no sign at its ends that may be formatting or a full stop.
_UNTOUCHED = re.compile(r"[A-Za-z0-9-](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9-])?")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff\u202a-\u202e]")
_SPACES = re.compile(r"\s+")
_LINK = re.compile(r"<([a-z]+:(?://)?)?([^<>|]*)(?:\|([^<>]*))?>", re.IGNORECASE)
_VAULT = re.compile(r"\s*@\s*([A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9_-])?)[.,;:)!?`*~'\"’”]*$")
_PAIRS = (("```", "```"), ("`", "`"), ("*", "*"), ("~", "~"), ("_", "_"), ("“", "”"), ("„", "“"), ("«", "»"))
_QUOTES = ("\"'‘’“”‛`", "\"'‘’“”‛`")
UPLOAD_PATH = re.compile(r"/services/file_staging/upload/([^/?#\s]+)")
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)
ID_FIELDS = ("upload_session_id", "upload_id", "id")
_ID_IN_QUERY = re.compile(rf"[?&;](?:{'|'.join(ID_FIELDS)})=")
_MARKS = ".,;:)!?"
_SHORT_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2212\ufe63\uff0d", "-"))
_EM, _EN = re.compile("[\u2014\u2015]"), re.compile("\u2013")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pasted:
    """What was understood. `vault` is a name or host behind `@` or from an address, None where none was given.

    `others` are further readings to try when `upload_id` is not found, likeliest first. `changed` says that
    `upload_id` is not literally what was typed, so the answer should show it.
    """

    upload_id: str
    vault: str | None
    others: tuple[str, ...]
    changed: bool

    def at(self, vault: str) -> "Pasted":
        """The same id in that Vault."""
        return replace(self, vault=vault)


def read_upload_id(text: str) -> Pasted:
    """Return the upload id in what somebody pasted; MalformedUploadId with the reason where there is none."""
    if _UNTOUCHED.fullmatch(text):
        return Pasted(upload_id=text, vault=None, others=(), changed=False)
    typed = _visible(text)
    if len(typed) > LONGEST_PASTED:
        # An id, formatting and a long address round it stay far below; peeling off more would only cost time.
        raise MalformedUploadId(text=_clip(typed), reason=_too_long(typed))
    plain = _visible(unescaped(_LINK.sub(_unlink, typed)))
    vault: str | None = None
    whole = _unwrapped(plain)
    if named := _VAULT.search(whole):
        plain, vault = whole[: named.start()], named[1]
        typed = typed.rpartition("@")[0].rstrip()
    bare, host = _from_url(_unwrapped(plain))
    # `_` and dots are legal inside and at the ends of ids, so the text as it stood remains a reading.
    forms = [*_without_marks(bare), *([plain] if plain != bare and _ID.fullmatch(plain) else [])]
    readings = [reading for form in forms for reading in _dashes(form)]
    upload_id = readings[0]
    if reason := _fault(upload_id):
        raise MalformedUploadId(text=_clip(plain or text.strip()), reason=reason)
    others = tuple(dict.fromkeys(one for one in readings[1:] if one != upload_id and not _fault(one)))
    return Pasted(upload_id=upload_id, vault=vault or host, others=others, changed=upload_id != typed)


def _visible(text: str) -> str:
    return _SPACES.sub(" ", INVISIBLE.sub("", text.replace("\u00a0", " "))).strip()


def unescaped(text: str) -> str:
    """Undo the three entities Slack makes; the ampersand last, or `&amp;lt;` would be undone twice."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _unlink(match: re.Match[str]) -> str:
    """Give back what stood there before Slack made it a link; an address that carries an id is kept whole."""
    scheme, target, label = match[1] or "", match[2], match[3]
    if UPLOAD_PATH.search(target) or _ID_IN_QUERY.search(target):
        return scheme + target
    return label if label is not None else target


def _unwrapped(text: str) -> str:
    """Strip formatting that stands in pairs round the whole, as often as it does."""
    while True:
        for opening, closing in _PAIRS:
            if len(text) > len(opening + closing) and text.startswith(opening) and text.endswith(closing):
                text = text[len(opening) : -len(closing)].strip()
                break
        else:
            return text.lstrip(_QUOTES[0] + "<(").rstrip(_QUOTES[1] + ">)").strip()


def _from_url(text: str) -> tuple[str, str | None]:
    """Return the id and the host of an API address, or the text itself."""
    address = _ADDRESS.search(text)
    if address is None:
        found = UPLOAD_PATH.search(text)
        return (unquote(found[1]), None) if found else (text, None)
    try:
        parts = urlsplit(address[0])
        query = parse_qs(parts.query, max_num_fields=100)
    except ValueError:
        return text, None
    host = parts.netloc.rpartition("@")[2].lower() or None
    if found := UPLOAD_PATH.search(parts.path):
        return unquote(found[1]), host
    for name in ID_FIELDS:
        if name in query:
            return query[name][0], host
    return text, None


def _without_marks(text: str) -> list[str]:
    """The text without a sentence's closing marks; as it was, second, since an id may hold dots."""
    bare = _unwrapped(text.rstrip(_MARKS))
    return [bare, text] if bare and bare != text else [text]


def _dashes(text: str) -> list[str]:
    """All readings of typographic dashes, the likeliest first: a long one was `--`, a middling one `-`."""
    text = text.translate(_SHORT_DASHES)
    return list(
        dict.fromkeys(
            _EN.sub(en, _EM.sub(em, text)) for em, en in itertools.product(("--", "-"), ("-", "--"))
        )
    )


def _fault(text: str) -> str | None:
    if not text:
        return "it is empty"
    if " " in text:
        return "it has a space in it"
    if _ID.fullmatch(text):
        return "it is only dots" if text in (".", "..") else None
    if strange := [sign for sign in dict.fromkeys(text) if not _ID.fullmatch(sign)]:
        shown = " ".join(sign if sign.isprintable() else f"U+{ord(sign):04X}" for sign in strange[:3])
        return f"it may hold only letters, digits, dots, - and _, but has {shown}"
    return _too_long(text)


def _too_long(text: str) -> str:
    return f"it has {len(text):,} characters, and no id has more than {LONGEST_ID}"


def _clip(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
