"""Upload ids as they arrive: every row of what Slack, keyboards and people do to them (facts on Slack, section 2)."""

import re
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.errors import MalformedUploadId
from bot.model.pasting import LONGEST_PASTED, Pasted, read_upload_id
from tests.factories import DASHED_ID

HEX_ID = "7b0e42c9d15f4a3e8f60b2a7c9d4e113"
STEM = DASHED_ID.removesuffix("--")
HOST = "nordlicht-promomats.veevavault.com"
ADDRESS = f"https://{HOST}/api/v24.3/services/file_staging/upload/"
ALPHABET = re.compile(r"[A-Za-z0-9._-]{1,200}")


def linked(target: str, label: str | None = None) -> str:
    """As Slack writes a link into a text."""
    return f"<{target}|{label}>" if label is not None else f"<{target}>"


# Rows of the table


@pytest.mark.parametrize("upload_id", [DASHED_ID, HEX_ID, "a", "_a_b", "..a", "a" * 200, ".Qm3x--"])
def test_read__id_as_it_is(upload_id: str) -> None:
    pasted = read_upload_id(upload_id)
    assert (pasted.upload_id, pasted.vault, pasted.changed) == (upload_id, None, False)


@pytest.mark.parametrize("dash", ["\u2014", "\u2015", "\u2013\u2013"])
def test_read__typographic_dash_at_the_end_was_two_hyphens(dash: str) -> None:
    pasted = read_upload_id(STEM + dash)
    assert pasted.upload_id == DASHED_ID
    assert pasted.changed


def test_read__long_dash_may_also_have_been_one_hyphen() -> None:
    assert read_upload_id(f"{STEM}\u2014").others == (f"{STEM}-",)


def test_read__middling_dash_was_one_hyphen_or_else_two() -> None:
    pasted = read_upload_id(f"{STEM}\u2013")
    assert pasted.upload_id == f"{STEM}-"
    assert pasted.others == (DASHED_ID,)


def test_read__both_kinds_of_dash_give_all_four_readings() -> None:
    pasted = read_upload_id("a\u2014b\u2013c")
    assert pasted.upload_id == "a--b-c"
    assert set(pasted.others) == {"a--b--c", "a-b-c", "a-b--c"}


def test_read__two_long_dashes_were_four_hyphens_or_two() -> None:
    pasted = read_upload_id("abc\u2014\u2014")
    assert (pasted.upload_id, pasted.others) == ("abc----", ("abc--",))


@pytest.mark.parametrize("hyphen", ["\u2010", "\u2011", "\u2012", "\u2212", "\ufe63", "\uff0d"])
def test_read__hyphen_from_mail_or_pdf(hyphen: str) -> None:
    pasted = read_upload_id(STEM + hyphen * 2)
    assert (pasted.upload_id, pasted.others, pasted.changed) == (DASHED_ID, (), True)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("`", "`"),
        ("```", "```"),
        ("```\n", "\n```"),
        ("*", "*"),
        ("_", "_"),
        ("~", "~"),
        ("*_`", "`_*"),
        ("“", "”"),
        ("‘", "’"),
        ("„", "“"),
        ("«", "»"),
        ('"', '"'),
        ("'", "'"),
        ("(", ")"),
        ("<", ">"),
        ("&lt;", "&gt;"),
    ],
)
def test_read__formatting_and_quotes_round_it(opening: str, closing: str) -> None:
    pasted = read_upload_id(f"{opening}{DASHED_ID}{closing}")
    assert pasted.upload_id == DASHED_ID
    assert pasted.changed


@pytest.mark.parametrize("upload_id", ["_abc_", "__abc__", "_abc--_"])
def test_read__underscores_are_legal_so_the_text_as_it_stood_is_a_reading_too(upload_id: str) -> None:
    pasted = read_upload_id(upload_id)
    assert pasted.upload_id == upload_id.strip("_")
    assert upload_id in pasted.others


def test_read__lone_underscore_belongs_to_the_id() -> None:
    assert read_upload_id(f"_{HEX_ID}").upload_id == f"_{HEX_ID}"


def test_read__part_of_the_id_taken_for_a_host() -> None:
    before, host, after = "TpE_3ro-", "AEbb8.co", "-kWbZ--"
    for target, label in ((f"http://{host}", host), (f"http://{host}", None), (host, None)):
        pasted = read_upload_id(f"{before}{linked(target, label)}{after}")
        assert (pasted.upload_id, pasted.vault, pasted.changed) == ("TpE_3ro-AEbb8.co-kWbZ--", None, True)


@pytest.mark.parametrize("ampersand", ["&amp;", "&"])
@pytest.mark.parametrize(
    "address",
    [
        ADDRESS + DASHED_ID,
        f"{ADDRESS}{DASHED_ID}/parts",
        f"{ADDRESS}{DASHED_ID}/parts?limit=200&offset=0",
        f"{ADDRESS}{DASHED_ID}?x=1#top",
        f"https://{HOST}/ui/#/upload?id=none".replace("#/upload?id=none", f"?tab=1&id={DASHED_ID}"),
        f"https://{HOST}/x?upload_session_id={DASHED_ID}&id=other",
        f"https://{HOST}/x?upload_id={DASHED_ID}",
    ],
)
def test_read__address_of_vault(address: str, ampersand: str) -> None:
    as_slack_sends_it = address.replace("&", ampersand)
    for text in (
        as_slack_sends_it,
        linked(as_slack_sends_it),
        linked(as_slack_sends_it, "my upload"),
        linked(as_slack_sends_it, as_slack_sends_it),
        f"see {as_slack_sends_it} please",
        f"`{as_slack_sends_it}`",
        f"({as_slack_sends_it}).",
    ):
        pasted = read_upload_id(text)
        assert (pasted.upload_id, pasted.vault, pasted.changed) == (DASHED_ID, HOST, True), text


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("http://127.0.0.1:8090/api/v24.3/services/file_staging/upload/", "127.0.0.1:8090"),
        (
            "HTTPS://Nordlicht.VeevaVault.com/api/v24.3/services/file_staging/upload/",
            "nordlicht.veevavault.com",
        ),
        ("https://u:secret@v.example/api/v24.3/services/file_staging/upload/", "v.example"),
        ("/api/v24.3/services/file_staging/upload/", None),
        ("GET /services/file_staging/upload/", None),
    ],
)
def test_read__address_in_any_form(address: str, host: str | None) -> None:
    pasted = read_upload_id(address + HEX_ID)
    assert (pasted.upload_id, pasted.vault) == (HEX_ID, host)


def test_read__percent_encoding_in_an_address() -> None:
    encoded = "".join(f"%{ord(sign):02X}" for sign in DASHED_ID)
    assert read_upload_id(f"{ADDRESS}{encoded}/parts").upload_id == DASHED_ID
    assert read_upload_id(f"https://{HOST}/x?id={quote(DASHED_ID)}").upload_id == DASHED_ID


def test_read__percent_encoding_is_no_way_out_of_the_path() -> None:
    with pytest.raises(MalformedUploadId):
        read_upload_id(f"{ADDRESS}..%2F..%2Fobjects")


def test_read__address_that_cannot_be_taken_apart() -> None:
    with pytest.raises(MalformedUploadId):
        read_upload_id(f"https://[broken/services/file_staging/upload/{HEX_ID}")


@pytest.mark.parametrize(
    "unseen", ["\u00a0", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\t", "\n", "  "]
)
def test_read__signs_that_cannot_be_seen(unseen: str) -> None:
    pasted = read_upload_id(f"{unseen}{DASHED_ID}{unseen}")
    assert (pasted.upload_id, pasted.changed) == (DASHED_ID, False)


@pytest.mark.parametrize("unseen", ["\u200b", "\u200d", "\u00ad", "\u202e", "\ufeff"])
def test_read__signs_that_cannot_be_seen_within(unseen: str) -> None:
    assert read_upload_id(f"{STEM[:9]}{unseen}{STEM[9:]}--").upload_id == DASHED_ID


@pytest.mark.parametrize("mark", [".", ",", ";", ":", ")", "!", "?", ".)", "..."])
def test_read__closing_marks_of_a_sentence(mark: str) -> None:
    pasted = read_upload_id(DASHED_ID + mark)
    assert (pasted.upload_id, pasted.changed) == (DASHED_ID, True)


def test_read__closing_dot_is_legal_so_the_text_as_it_stood_is_a_reading_too() -> None:
    assert read_upload_id(f"{HEX_ID}.").others == (f"{HEX_ID}.",)


# Vaults behind it


@pytest.mark.parametrize(
    ("behind", "vault"),
    [
        (" @quality", "quality"),
        ("@quality", "quality"),
        (" @ quality", "quality"),
        (" @QuaLity", "QuaLity"),
        (" @quality.", "quality"),
        (" @quality,", "quality"),
        (" @my_vault-2", "my_vault-2"),
        (f" @{HOST}", HOST),
        (" @127.0.0.1:8090", "127.0.0.1:8090"),
    ],
)
def test_read__vault_behind_the_id(behind: str, vault: str) -> None:
    pasted = read_upload_id(DASHED_ID + behind)
    assert (pasted.upload_id, pasted.vault, pasted.changed) == (DASHED_ID, vault, False)


@pytest.mark.parametrize(
    "text",
    [
        f"`{STEM}\u2014` @quality",
        f"`{STEM}\u2014 @quality`",
        f"*`{STEM}\u2014` @quality*",
        f"“{STEM}\u2014” @quality.",
        f"_{STEM}\u2014 @quality_",
        f"{STEM}\u2014\u00a0@quality",
        f"`{ADDRESS}{STEM}\u2014/parts?limit=5` @quality",
        f"<{ADDRESS}{STEM}\u2014|that one> @quality",
        f"`{STEM[:-2]}<http://w.co|{STEM[-2:]}>\u2014`, @quality",
    ],
)
def test_read__everything_at_once(text: str) -> None:
    pasted = read_upload_id(text)
    assert (pasted.upload_id, pasted.vault, pasted.changed) == (DASHED_ID, "quality", True)


def test_read__vault_named_wins_over_the_host_of_the_address() -> None:
    assert read_upload_id(f"{ADDRESS}{HEX_ID} @quality").vault == "quality"


def test_read__taken_for_an_email_address() -> None:
    text = f"<mailto:{HEX_ID}@v.example|{HEX_ID}@v.example>"
    pasted = read_upload_id(text)
    assert (pasted.upload_id, pasted.vault) == (HEX_ID, "v.example")


def test_at__is_the_same_id_elsewhere() -> None:
    pasted = read_upload_id(f"{STEM}\u2014")
    there = pasted.at("quality")
    assert (there.vault, there.upload_id, there.others) == ("quality", pasted.upload_id, pasted.others)


# What cannot be an id


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("  \u200b ", "it is empty"),
        ("my video", "it has a space in it"),
        ("/u1/a.mp4", "it may hold only letters, digits, dots, - and _, but has /"),
        ("ä/ö?x!ü", "but has ä / ö"),
        ("a\x00b", "but has U+0000"),
        ("a\ud800b", "but has U+D800"),
        (".", "it is only dots"),
        ("..", "it is only dots"),
        ("a" * 201, "it has 201 characters, and no id has more than 200"),
        ("a" * 5000, "it has 5,000 characters"),
        ("\u2014" * 101, "it has 202 characters"),
    ],
)
def test_read__malformed_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(MalformedUploadId) as caught:
        read_upload_id(text)
    assert reason in str(caught.value.details["reason"])
    assert len(str(caught.value.details["text"])) <= 60
    assert caught.value.near == ()


SIGNS = "ab_.- \u2014\u2013\u2012`*~_“”\"'<>|@&;:/?#=%\u00a0\u200b\ud800é!)("
PIECES = [
    *SIGNS,
    DASHED_ID,
    HEX_ID,
    ADDRESS,
    "http://",
    "://",
    "&amp;",
    "&lt;",
    "<http://",
    "|x>",
    "```",
    "?id=",
    "%2D",
    "%",
    "@quality",
    "/parts",
    "[",
]


def outcome(text: str) -> Pasted | MalformedUploadId:
    """The one or the other; anything else is raised."""
    try:
        return read_upload_id(text)
    except MalformedUploadId as error:
        return error


WILD = st.text() | st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@given(WILD)
def test_read__anything_gives_an_id_or_says_why_not(text: str) -> None:
    pasted = outcome(text)
    if isinstance(pasted, MalformedUploadId):
        assert 0 < len(str(pasted)) < 400
        return
    for one in (pasted.upload_id, *pasted.others):
        assert ALPHABET.fullmatch(one)
        assert one not in (".", "..")
    assert pasted.upload_id not in pasted.others
    assert len(pasted.others) == len(set(pasted.others)) <= 12
    typed = text.replace("\u00a0", " ").strip()
    if not pasted.changed and pasted.vault is None:
        assert pasted.upload_id == re.sub("[\u00ad\u200b-\u200f\u2060\ufeff\u202a-\u202e]", "", typed).strip()
    if typed == pasted.upload_id:
        assert not pasted.changed


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,198}[A-Za-z0-9-]", fullmatch=True))
def test_read__every_id_survives_every_dress(upload_id: str) -> None:
    assert read_upload_id(upload_id).upload_id == upload_id
    for dressed in (
        f"`{upload_id}`",
        f"*{upload_id}*",
        f" {upload_id}. ",
        ADDRESS + upload_id,
        f"“{upload_id}”",
    ):
        assert read_upload_id(dressed).upload_id == upload_id


@pytest.mark.parametrize("unit", [*PIECES, "*~", "@a", " @", "<a|", "a.", "<@", "—–", "@a.", "`_*"])
def test_read__long_inputs_take_no_time(unit: str) -> None:
    started = time.process_time()
    for length in (40_000, LONGEST_PASTED - 20):
        repeated = unit * (length // len(unit))
        for text in (repeated, f"@{repeated}é", f"<{repeated}é", f"`{repeated}", f" {repeated} @quality"):
            outcome(text)
    assert time.process_time() - started < 0.5
