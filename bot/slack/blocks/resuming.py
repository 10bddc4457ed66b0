"""How an upload that stopped is taken up again, with a line for the shell that sends just the next part.

The line holds no credential: whoever runs it puts their own into VAULT_SESSION. A file's name comes from whoever
began the upload, so it is quoted until it is nothing but a name, and until Slack shows it to the letter.
"""

import shlex

from bot.model import text as words
from bot.model.details import Details
from bot.model.resume import MOST_PARTS, Resume
from bot.model.uploads import Phase
from bot.slack.blocks.kit import LONGEST_SECTION, Block, context, escape, section
from bot.slack.blocks.upload_status import Look

AUTHORIZATION = '-H "Authorization: Bearer $VAULT_SESSION"'
"""Vault: "Request Headers": Bearer is right for a session id and for an API access token alike."""
FILE = '"$FILE"'
"""In place of a name that is too long for Slack."""

TITLE = "How to resume"
OVER = "It has expired, so it cannot be resumed: Vault deletes its parts. Start the upload again."
UNKNOWN = "Without its parts I cannot say where it goes on. Press Refresh in a minute."
ALL_THERE = "Every byte is there; only the commit is missing."
MAY_REFUSE = "Its parts are not as Vault wants them (see below), so Vault may refuse the commit."
HAS_MOVED = "A part came or went while I looked, so press Refresh before you send anything."
NO_PART = (
    "No part is there yet, so the size of the parts is still yours to choose: 5 to 50 MB by default, and the same for "
    "all but the last."
)
BESIDE = "It is uploading just now: do not send beside the tool that does."
HOW_TO_RUN = (
    "Run it in bash. First put your Vault session id or an API access token into `VAULT_SESSION`: "
    "`read -rs VAULT_SESSION`"
)
HOW_TO_GO_ON = "Vault has taken the part when it answers `SUCCESS`; then press Refresh for the next one."
HOW_TO_NAME = "The file's name is too long to stand here: put it into `FILE`."


def how_to_resume(details: Details, look: Look) -> list[Block]:
    """What comes next, and the line that does it."""
    blocks = [section(f"*{TITLE}*\n{' '.join(sentences(details, look))}")]
    line = ready_line(details, look)
    if not line:
        return blocks
    hints = [HOW_TO_RUN]
    if "--data-binary" in line:
        size = f"{details.status.upload.size:,} bytes"
        where = f"Run it in the folder of the file, which must be the one it was begun with: {size}."
        hints += [where, HOW_TO_NAME if FILE in line else "", HOW_TO_GO_ON]
        hints.append(BESIDE if _phase(details, look) is Phase.UPLOADING else "")
    return [*blocks, section(fenced([line])), context(*hints)]


def sentences(details: Details, look: Look) -> list[str]:
    """What comes next, as mrkdwn."""
    upload, resume = details.status.upload, details.resume
    if _phase(details, look) is Phase.EXPIRED:
        return [OVER]
    if resume is None:
        return [ALL_THERE if upload.all_bytes_there else UNKNOWN]
    owners = (
        ""
        if details.status.is_own
        else f"Vault takes it only from its owner, Vault user {escape(upload.owner)}."
    )
    found = [HAS_MOVED if resume.has_moved else "", *_next(resume), owners]
    if resume.too_many_parts:
        way_out = (
            "ask its administrator first"
            if resume.is_suggested
            else "it may need a new start with larger ones"
        )
        found.append(
            f"Parts of {words.size(resume.part_size)} make {resume.parts_in_all:,} of them, and a Vault takes "
            f"{MOST_PARTS:,} unless it allows more: {way_out}."
        )
    return [sentence for sentence in found if sentence]


def _next(resume: Resume) -> list[str]:
    if resume.number is None:
        return [f"*{ALL_THERE}*", MAY_REFUSE if resume.gaps or resume.odd else ""]
    of = f" of {resume.parts_in_all:,}"
    which = (
        f"*Next part: {resume.number:,}*{of}, {_bytes(resume.length)} from byte offset *{resume.offset:,}*. "
        f"Left to send: *{_bytes(resume.left)}* ({words.size(resume.left)}) "
        f"in {words.plural(resume.parts_left, 'part')}."
    )
    why = ""
    if resume.again:
        why = (
            "That part is there, but in a wrong size: send it again, and all after it; they are overwritten."
        )
    elif resume.gaps and resume.number == resume.gaps[0][0]:
        why = "It is missing, though later ones are there."
    return [NO_PART if resume.is_suggested and resume.length else "", which, why]


def ready_line(details: Details, look: Look) -> str:
    """One line of bash that sends the next part, or commits; empty where there is nothing to send, or it is not known
    what. It fits into a section."""
    upload, resume = details.status.upload, details.resume
    if _phase(details, look) is Phase.EXPIRED:
        return ""
    if resume is None:
        return _commit_line(details.address) if upload.all_bytes_there else ""
    if resume.number is None:
        return _commit_line(details.address)
    # A name is no path: what it says of folders must not lead to another file of whoever runs the line.
    name = upload.name.rpartition("/")[2]
    line = _part_line(details.address, resume, shell_word(f"./{name}"))
    return (
        line if name and len(fenced([line])) <= LONGEST_SECTION else _part_line(details.address, resume, FILE)
    )


def _part_line(address: str, resume: Resume, file: str) -> str:
    """Vault: "Upload to a Resumable Upload Session"."""
    send = (
        f"curl -X PUT {AUTHORIZATION} -H 'X-VaultAPI-FilePartNumber: {resume.number}' "
        f"-H 'Content-Type: application/octet-stream' --data-binary"
    )
    if not resume.length:
        return f"{send} '' {shlex.quote(address)}"
    # tail counts bytes from 1.
    cut = f"tail -c +{resume.offset + 1} {file} | head -c {resume.length}"
    return f"{cut} | {send} @- {shlex.quote(address)}"


def _commit_line(address: str) -> str:
    """Vault: "Commit Upload Session": an empty body, as JSON."""
    return (
        f"curl -X POST {AUTHORIZATION} -H 'Content-Type: application/json' --data '' {shlex.quote(address)}"
    )


def shell_word(text: str) -> str:
    """Return the text as one word for bash that is nothing but this text.

    What cannot be seen, and the backtick, which would end the code in Slack, are told by their bytes.
    """
    if text.isprintable() and "`" not in text:
        return shlex.quote(text)
    return f"$'{''.join(map(_spelled, text))}'"


def _spelled(sign: str) -> str:
    if sign in "\\'":
        return f"\\{sign}"
    if sign.isprintable() and sign != "`":
        return sign
    # No file's name holds a zero, and bash would end the word there.
    return "".join(f"\\x{byte:02x}" for byte in sign.encode("utf-8", "replace").replace(b"\0", b"?"))


def fenced(lines: list[str]) -> str:
    """Return lines as a block of code."""
    told = "\n".join(escape(line).replace("`", "ˋ") for line in lines)
    return f"```\n{told}\n```"


def in_words(details: Details, look: Look) -> tuple[str, list[Block]]:
    """Text and blocks for a message, without the line for the shell."""
    told = sentences(details, look)
    plain = " ".join(told).replace("*", "")
    return f"{TITLE}: {plain}", [section(f"*{TITLE}*\n{' '.join(told)}")]


def _phase(details: Details, look: Look) -> Phase:
    return details.status.upload.phase(look.now, look.stall_after)


def _bytes(count: int) -> str:
    return words.plural(count, "byte")
