"""Upload ids in what people write to each other: in a message's text, in its blocks, in the addresses it holds.

Who types a command means an id; a message may hold anything. So an id counts here only where it stands in an address
of Vault's API, or looks like nothing else: 32 hex digits, or a long string of signs that follow no rule. Words, file
names, paths, checksums, tokens and addresses of other kinds do not count.
"""

import itertools
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from bot.model.errors import MalformedUploadId
from bot.model.message_text import texts_in
from bot.model.pasting import ID_FIELDS, INVISIBLE, LONGEST_ID, UPLOAD_PATH, Pasted, read_upload_id, unescaped

LONGEST_MESSAGE = 100_000
"""Characters that are looked at. Slack cuts a text at 40,000, and the blocks tell the same again."""

_LINK = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_SCHEME = re.compile(r"https?://|mailto:", re.IGNORECASE)
_SIGNS = r"A-Za-z0-9._\-\u2010-\u2015\u2212\ufe63\uff0d"
_PIECE = re.compile(
    r"(?P<address>https?://(?:(?!https?://)[^\s<>\"`])+)"
    r"|/services/file_staging/upload/(?P<path>[^/?#\s<>\"`]+)"
    rf"|(?P<token>[{_SIGNS}]+)",
    re.IGNORECASE,
)
SHORTEST_ID = 32
_BESIDE = 200
"""Characters before a piece that may belong to it."""
_UP_TO_HERE = re.compile(r"[\s<>\"'`(]")
_LONG_DASH = re.compile(r"-{2,}|\.{3,}|[\u2013-\u2015]+")
_ROUND_IT = "._-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d"
_OF_A_PATH = ("/", "\\", "+")
_CHECKSUM = re.compile(r"(?:md5|sha-?\d*|etag|checksum|digest|hash)[\"'`*_\s:=(]{0,6}$", re.IGNORECASE)
_SECRET = re.compile(r"xox|xapp-|eyJ|gh[opsu]_|sk-")
"""How tokens of Slack, of OpenID Connect and of others begin: nothing to send on."""
_HEX = re.compile(r"[0-9A-Fa-f]{32}")
_OLD_STYLE = re.compile(r"[A-Za-z0-9._-]{40,200}")
_VAULTS_OWN_LENGTHS = range(69, 80)

_PARTS = re.compile(r"[/?#&=;,]")
_NETLOC = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?")
_USUAL_PORTS = {"http": ":80", "https": ":443"}


def find_upload_ids(
    text: str, blocks: Sequence[object], hosts: Collection[str] | None = None
) -> list[Pasted]:
    """Return every upload id in a message's text and blocks, each once, in the order they stand in.

    `vault` is the host of the address that holds the id. `hosts` are those of the Vaults that are served: an address
    elsewhere then counts only where it is one of Vault's API, and its id is never taken for one of another Vault.
    """
    finds, left = _Finds(hosts), LONGEST_MESSAGE
    for one in (text, *texts_in(blocks)):
        for pasted in _found_in(one[:left], hosts):
            finds.add(pasted)
        left = max(0, left - len(one))
    return finds.all


def upload_in_address(address: str, hosts: Collection[str] | None) -> Pasted | None:
    """Return the upload that an address means, with the address's host as `vault`; None where it means none.

    That is what Vault's API calls by it; in one of the `hosts`, also what looks like an id anywhere in it. Without
    `hosts` any host may be a Vault's.
    """
    try:
        parts = urlsplit(address)
        host = _host_of(parts)
        named = list(_named_in(parts, hosts is None or host in hosts, is_vault=host in (hosts or ())))
    except ValueError:
        return None
    readings = (_read(one) for one in named)
    found = next((pasted for pasted in readings if pasted is not None), None)
    return None if host is None or found is None else found.at(host)


class _Finds:
    """What was found. The same id in an address and beside it is one, in that address's Vault."""

    def __init__(self, hosts: Collection[str] | None) -> None:
        self.all: list[Pasted] = []
        self._hosts = hosts
        self._places: dict[str, list[int]] = {}

    def add(self, pasted: Pasted) -> None:
        names = (pasted.upload_id, *pasted.others)
        for place in dict.fromkeys(place for name in names for place in self._places.get(name, ())):
            known = self.all[place]
            if known.vault == pasted.vault or self._is_beside(known.vault, pasted.vault):
                if known.vault is None and pasted.vault is not None:
                    self.all[place] = known.at(pasted.vault)
                return
        for name in names:
            self._places.setdefault(name, []).append(len(self.all))
        self.all.append(pasted)

    def _is_beside(self, one: str | None, other: str | None) -> bool:
        """Whether the id without a Vault is that of an address: not of one in a stranger's."""
        return None in (one, other) and (self._hosts is None or (one or other) in self._hosts)


def _found_in(text: str, hosts: Collection[str] | None) -> Iterator[Pasted]:
    plain = INVISIBLE.sub("", unescaped(_LINK.sub(_unlinked, text)).replace("\u00a0", " "))
    for piece in _PIECE.finditer(plain):
        before, behind = plain[max(0, piece.start() - _BESIDE) : piece.start()], plain[piece.end() :][:1]
        if piece["token"]:
            found = _in_token(piece["token"], before, behind)
        else:
            one = upload_in_address(piece[0], hosts) if piece["address"] else _in_path(piece, before, hosts)
            found = [] if one is None else [one]
        for one in found:
            yield replace(one, changed=one.upload_id not in text)


def _unlinked(match: re.Match[str]) -> str:
    """What stood there before Slack made it a link. Part of an id may have been taken for a host: it goes back to the
    signs round it. An address is kept apart from them, and so is what people wrote on it."""
    target, label = match[1], match[2] or ""
    if target.startswith(("@", "#", "!")):
        return " "
    bare = _SCHEME.sub("", target, count=1)
    if "/" not in bare.rstrip("/") and "?" not in bare:
        return label or bare
    return f" {target} {'' if '/' in label else label} "


def _in_path(piece: re.Match[str], before: str, hosts: Collection[str] | None) -> Pasted | None:
    """The id in a path of Vault's API that begins with no scheme; what stands before it may be a host."""
    written = _UP_TO_HERE.split(before)[-1]
    host = written.partition("/")[0]
    if "." in host and _NETLOC.fullmatch(host.lower()):
        return upload_in_address(f"https://{written}{piece[0]}", hosts)
    if ":" in host or "@" in host or len(written) == _BESIDE:
        # Some other scheme, something that hides where it leads, or a host that is too far away to be seen.
        return None
    found = _read(piece["path"])
    return None if found is None else replace(found, vault=None)


def _in_token(token: str, before: str, behind: str) -> list[Pasted]:
    """The ids in a run of signs that an id may hold: mostly none or one."""
    if len(token) < SHORTEST_ID or before.endswith(_OF_A_PATH) or behind.startswith((*_OF_A_PATH, "=")):
        return []
    # A long dash may be part of an id, or stand between an id and a word.
    ends = [0, *(dash.end() for dash in _LONG_DASH.finditer(token)), len(token)]
    parts = [token[start:end] for start, end in itertools.pairwise(ends) if start < end]
    for is_one in (_is_surely_id, _looks_like_id):
        for pieces in ([token], parts):
            if found := [pasted for piece in pieces if (pasted := _as_id(piece, is_one)) is not None]:
                is_checksum = _HEX.fullmatch(found[0].upload_id) and _CHECKSUM.search(before)
                return found[1:] if is_checksum else found
    return []


def _as_id(piece: str, is_one: Callable[[str], bool]) -> Pasted | None:
    if not SHORTEST_ID <= len(piece) <= LONGEST_ID + 20:
        return None
    core = piece.strip(_ROUND_IT)
    pasted = _read(core if _HEX.fullmatch(core) else piece)
    return pasted if pasted and any(map(is_one, (pasted.upload_id, *pasted.others))) else None


def _read(text: str) -> Pasted | None:
    try:
        return read_upload_id(unquote(text))
    except MalformedUploadId:
        return None


def _is_surely_id(text: str) -> bool:
    """32 hex digits, or Vault's earlier form: 69 to 79 mixed signs with two hyphens at the end."""
    is_old_style = len(text) in _VAULTS_OWN_LENGTHS and text.endswith("--") and _is_mixed(text)
    return _HEX.fullmatch(text) is not None or is_old_style


def _looks_like_id(text: str) -> bool:
    """As surely, or any long string as if drawn by lot: one kind of sign after another, and few dots and dashes.

    Of strings that are drawn by lot one in 400 fails this at 40 signs, one in 8,000 at 69. File names, host names and
    long names in programs fail it, since they are made of words.
    """
    if _is_surely_id(text):
        return True
    if not _OLD_STYLE.fullmatch(text) or not _is_mixed(text):
        return False
    length, kinds = len(text), [_kind(sign) for sign in text]
    changes = sum(one != other for one, other in itertools.pairwise(kinds))
    most_of_a_kind = max(kinds.count("upper"), kinds.count("lower"))
    marks = sum(sign in "._-" for sign in text.rstrip("-"))
    return changes >= 0.4 * (length - 1) and most_of_a_kind <= length * 2 / 3 and marks <= length / 6


def _is_mixed(text: str) -> bool:
    kinds = {_kind(sign) for sign in text}
    return {"upper", "lower", "digit"} <= kinds and not _SECRET.match(text)


def _kind(sign: str) -> str:
    return "upper" if sign.isupper() else "lower" if sign.islower() else "digit" if sign.isdigit() else "mark"


def _host_of(parts: SplitResult) -> str | None:
    """The host as that of a Vault is told: in lower case, with a port only where it does not go without saying. None
    for what could be read as another host, such as one with a user's name before it."""
    netloc = parts.netloc.lower()
    if parts.scheme not in _USUAL_PORTS or not _NETLOC.fullmatch(netloc):
        return None
    return netloc.removesuffix(_USUAL_PORTS[parts.scheme])


def _named_in(parts: SplitResult, may_be_vault: bool, *, is_vault: bool) -> Iterator[str]:
    """What an address may call an upload by, likeliest first."""
    if found := UPLOAD_PATH.search(parts.path):
        yield found[1]
        return
    if not may_be_vault:
        return
    query = dict(parse_qsl(parts.query, max_num_fields=100))
    for name in ID_FIELDS:
        if name in query and (name != "id" or _looks_like_id(query[name])):
            yield query[name]
    if is_vault:
        whole = unquote(f"{parts.path}?{parts.query}#{parts.fragment}")
        yield from (part for part in _PARTS.split(whole) if _looks_like_id(part))
