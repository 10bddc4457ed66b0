"""Upload ids in messages: found wherever people put them, and nothing else taken for one."""

import json
import random
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.slack import Workspace
from bot.demo.slack.composer import compose
from bot.demo.vault import seed
from bot.model.found_ids import find_upload_ids, upload_in_address
from tests.factories import DASHED_ID

HEX_ID = "7b0e42c9d15f4a3e8f60b2a7c9d4e113"
OTHER = "c41e6a09f7b84d3d92ab5e10f83c7d24"
STEM = DASHED_ID.removesuffix("--")
HOST, SECOND = "nordlicht-promomats.veevavault.com", "nordlicht-quality.veevavault.com"
HOSTS = (HOST, SECOND, "127.0.0.1:8090")
API = f"https://{HOST}/api/v24.3/services/file_staging/upload/"
STRANGER = "https://elsewhere.example/api/v24.3/services/file_staging/upload/"
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"


def ids(text: str, *blocks: object) -> list[str]:
    """Which ids are found."""
    return [one.upload_id for one in find_upload_ids(text, blocks, HOSTS)]


def found(text: str, *blocks: object) -> list[tuple[str, str | None]]:
    """Which ids are found, and where."""
    return [(one.upload_id, one.vault) for one in find_upload_ids(text, blocks, HOSTS)]


def rich_text(*elements: dict[str, Any], kind: str = "rich_text_section") -> dict[str, Any]:
    """A rich text block of one line."""
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements)}]}


def words(text: str, **style: bool) -> dict[str, Any]:
    """A piece of a line."""
    return {"type": "text", "text": text, **({"style": style} if style else {})}


# In words


@pytest.mark.parametrize(
    "upload_id", [HEX_ID, HEX_ID.upper(), DASHED_ID, seed.CHOLECAP, seed.ALICE_OLD_STYLE]
)
@pytest.mark.parametrize(
    "text",
    [
        "ID",
        "the id is ID, thanks",
        "Is ID done?",
        "ID.",
        "ID...",
        "ID: stuck!",
        "(ID)",
        "*ID*",
        "_ID_",
        "`ID`",
        "```\nID\n```",
        "~ID~",
        "“ID”",
        "id=ID",
        '{"upload_session_id":"ID"}',
        "status,ID,ok",
        "ID@promomats",
        "please commit ID",
        "&lt;ID&gt;",
        "<@U0ALICE> ID <#C01|general>",
        "\u200bID\ufeff",
        "• ID",
        "/upload-status ID",
    ],
)
def test_find__in_words(upload_id: str, text: str) -> None:
    for written in (text.replace("ID", upload_id), f"see\n{text.replace('ID', upload_id)}\nhere"):
        (pasted,) = find_upload_ids(written, [], HOSTS)
        assert upload_id in (pasted.upload_id, *pasted.others)
        assert pasted.vault is None
        assert not pasted.changed


@pytest.mark.parametrize(
    "text", [f"{STEM}\u2014", f"is {STEM}\u2014 done", f"{STEM}\u2014please look", f"`{STEM}\u2014`"]
)
def test_find__dash_that_a_keyboard_made(text: str) -> None:
    (pasted,) = find_upload_ids(text, [])
    assert (pasted.upload_id, pasted.changed) == (DASHED_ID, True)


@pytest.mark.parametrize("dash", ["\u2014", "--", "\u2013", " - ", "...", "\u2026"])
def test_find__dash_between_an_id_and_a_word(dash: str) -> None:
    assert ids(f"{HEX_ID}{dash}please look") == [HEX_ID]
    assert ids(f"look{dash}{HEX_ID}") == [HEX_ID]


def test_find__part_of_an_id_taken_for_a_host() -> None:
    whole = "TpE_3roQx9AEbb8.kWbZs7NhM0cVd4uYfGjL2iXoRt6PqKe5Ua1nBw-AEbb8.co-yHzCvDgSm--"
    before, behind = whole.split("AEbb8.co")
    label = {"type": "link", "url": "http://AEbb8.co", "text": "AEbb8.co"}
    assert ids(f"see {before}<http://AEbb8.co|AEbb8.co>{behind} now") == [whole]
    assert ids("", rich_text(words(f"see {before}"), label, words(behind))) == [whole]
    assert ids("", rich_text(words(before), {"type": "link", "url": "http://AEbb8.co"}, words(behind))) == [
        whole
    ]


# In blocks


@pytest.mark.parametrize("kind", ["rich_text_section", "rich_text_preformatted", "rich_text_quote"])
def test_find__in_rich_text(kind: str) -> None:
    """Text, code, links and what is written on them; in text and blocks alike it is one."""
    block = rich_text(
        words("look at "), words(HEX_ID, code=True), words(" and "), {"type": "user", "user_id": "U1"},
        words(DASHED_ID, bold=True), {"type": "link", "url": f"{API}{OTHER}/parts?limit=1&offset=2", "text": "it"},
        {"type": "link", "url": "https://wiki.example/x", "text": seed.BOB_ARCHIVE}, kind=kind,
    )  # fmt: skip
    expected = [(HEX_ID, None), (DASHED_ID, None), (OTHER, HOST), (seed.BOB_ARCHIVE, None)]
    assert found("", block) == expected
    assert found(f"look at `{HEX_ID}` and <@U1>*{DASHED_ID}*", block) == expected


def test_find__in_lists_and_other_blocks() -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": f"`{HEX_ID}`"}, "fields": [
        {"type": "plain_text", "text": OTHER}]}  # fmt: skip
    lines = [{"type": "rich_text_section", "elements": [words(one)]} for one in (seed.BOB_ARCHIVE, DASHED_ID)]
    bullets = {"type": "rich_text", "elements": [{"type": "rich_text_list", "elements": lines}]}
    attachment = {
        "text": f"was {seed.VERA_ROOT}",
        "fallback": "x",
        "fields": [{"title": "id", "value": seed.BOB_QUALITY}],
    }
    assert ids("", section, bullets, attachment) == [
        HEX_ID, OTHER, seed.BOB_ARCHIVE, DASHED_ID, seed.VERA_ROOT, seed.BOB_QUALITY,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "blocks",
    [
        [None, 1, "x", [], {}],
        [{"type": "rich_text"}],
        [
            {
                "type": "rich_text",
                "elements": [{"type": "rich_text_section"}, {"type": "rich_text_section", "elements": 1}],
            }
        ],
        [rich_text({"type": "text"}, {"type": "link"}, {"type": "text", "text": 5, "style": 1})],
        [{"type": "section", "text": {"type": "mrkdwn", "text": None}}],
        json.loads('{"elements":[' * 300 + "]}" * 300)["elements"],
    ],
)
def test_find__blocks_of_any_shape(blocks: list[object]) -> None:
    assert find_upload_ids("", blocks) == []


# In addresses


@pytest.mark.parametrize(
    "text",
    [
        f"<{API}{HEX_ID}>",
        f"<{API}{HEX_ID}|{API}{HEX_ID}>",
        f"<{API}{HEX_ID}/parts?limit=200&amp;offset=0|parts>",
        f"`curl -H 'Authorization: x' {API}{HEX_ID}`",
        f"({API}{HEX_ID}).",
        f"[it]({API}{HEX_ID})",
        f"<https://{HOST}/ui/?upload_id={HEX_ID}>",
        f"<https://{HOST}/ui/#/staging/{HEX_ID}?tab=1>",
        f"{HOST}/api/v24.3/services/file_staging/upload/{HEX_ID}",
        f"https://{HOST}:443/x/services/file_staging/upload/{HEX_ID}",
        f"HTTPS://{HOST.upper()}/api/v24.3/services/file_staging/upload/{HEX_ID}",
        f"{HEX_ID} is <{API}{HEX_ID}>",
        f"<{API}{HEX_ID}|{HEX_ID}>",
    ],
)
def test_find__address_names_the_vault(text: str) -> None:
    assert found(text) == [(HEX_ID, HOST)]


def test_find__path_of_the_api_alone() -> None:
    for text in (
        f"GET /api/v24.3/services/file_staging/upload/{HEX_ID}",
        f"$VAULT/services/file_staging/upload/{HEX_ID}/parts",
    ):
        assert found(text) == [(HEX_ID, None)]


def test_find__several_addresses() -> None:
    second = f"https://{SECOND}/api/v24.3/services/file_staging/upload/"
    assert found(f"{API}{HEX_ID},{second}{HEX_ID} {second}{OTHER}") == [
        (HEX_ID, HOST),
        (HEX_ID, SECOND),
        (OTHER, SECOND),
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"<{STRANGER}{HEX_ID}>",
        f"{STRANGER.removeprefix('https://')}{HEX_ID}",
        f"{HEX_ID} <{STRANGER}{HEX_ID}>",
        f"<{STRANGER}{HEX_ID}@promomats>",
    ],
)
def test_find__address_of_a_stranger_is_never_another_vaults(text: str) -> None:
    """Told apart, so that the answer can say that there is no such Vault; an id beside it stays one of its own."""
    expected: list[tuple[str, str | None]] = [(HEX_ID, "elsewhere.example")]
    assert found(text) == ([(HEX_ID, None)] if text.startswith(HEX_ID) else []) + expected


@pytest.mark.parametrize(
    "address",
    [
        f"https://{HOST}@elsewhere.example/api/v24.3/services/file_staging/upload/{HEX_ID}",
        f"https://elsewhere.example\\@{HOST}/api/v24.3/services/file_staging/upload/{HEX_ID}",
        f"elsewhere.example/{'x/' * 200}services/file_staging/upload/{HEX_ID}",
        f"xhttps://{HOST}/api/v24.3/services/file_staging/upload/{HEX_ID}",
        f"ftp://{HOST}/api/v24.3/services/file_staging/upload/{HEX_ID}",
        f"https://[{HOST}]/services/file_staging/upload/{HEX_ID}",
        f"https://{HOST}\u2024/services/file_staging/upload/{HEX_ID}",
        f"https://ｎordlicht-promomats.veevavault.com/services/file_staging/upload/{HEX_ID}",
        f"https:///services/file_staging/upload/{HEX_ID}",
    ],
)
def test_address__that_hides_where_it_leads_is_none(address: str) -> None:
    assert upload_in_address(address, HOSTS) is None
    assert HOST not in [vault for _, vault in found(address)]


@pytest.mark.parametrize(
    ("address", "upload_id"),
    [
        (f"{API}{HEX_ID}", HEX_ID),
        (f"{API}a1", "a1"),
        (f"{API}%37b0e42c9d15f4a3e8f60b2a7c9d4e113", HEX_ID),
        (f"https://{HOST}/{DASHED_ID}", DASHED_ID),
        (f"https://{HOST}/a?x=1&y={HEX_ID}", HEX_ID),
        (f"https://{HOST}/a#x={HEX_ID}", HEX_ID),
        (f"http://127.0.0.1:8090/x?id={HEX_ID}", HEX_ID),
        (f"https://{HOST}/x?upload_session_id=a1", "a1"),
        (f"https://{HOST}/x?id=42", None),
        (f"https://{HOST}/ui/#doc_info/123/0/1", None),
        (f"https://{HOST}/", None),
        (f"https://{HOST}", None),
        (f"{API}", None),
        (f"{API}..%2F..%2Fobjects", None),
        (f"{API}{{upload_session_id}}", None),
        (f"https://sub.{HOST}/{HEX_ID}", None),
        (f"https://{HOST}.evil.example/{HEX_ID}", None),
        (f"https://{HOST}:8443/{HEX_ID}", None),
        ("https://[broken/", None),
        ("", None),
        (f"https://{HOST}/?{'&'.join('a' * 200)}", None),
    ],
)
def test_address__of_a_vault(address: str, upload_id: str | None) -> None:
    pasted = upload_in_address(address, HOSTS)
    assert (pasted and pasted.upload_id) == upload_id
    assert pasted is None or pasted.vault in HOSTS


def test_address__where_any_host_may_be_a_vault() -> None:
    for address in (
        f"{STRANGER}a1",
        "https://elsewhere.example/x?upload_id=a1",
        f"https://elsewhere.example/x?id={HEX_ID}",
    ):
        pasted = upload_in_address(address, None)
        assert pasted is not None
        assert pasted.vault == "elsewhere.example"
    assert upload_in_address(f"https://elsewhere.example/{HEX_ID}", None) is None


# What is none


NO_IDS = [
    "Please look at the upload, it does not move since yesterday 24h 4h",
    "Cholecap-Commercial-2021-Final-Version2-Approved.mp4",
    "Ueberpruefung-der-Packungsbeilage-fuer-alle-Maerkte-2021-2024-rev-12.zip",
    "PROD-EU1_Label_v2.1_DE_AT_CH_2024-Q3_Cholecap20mg.pdf",
    "IMG_20240131_ABCD1234_Cholecap_EU_DE_V2_FINAL_APPROVED",
    f"{HEX_ID}.mp4",
    f"part-{HEX_ID}.bin",
    f"/u10001400/{HEX_ID}/film.mp4",
    f"s3/{HEX_ID}",
    f"C:\\temp\\{HEX_ID}",
    "7b0e42c9-d15f-4a3e-8f60-b2a7c9d4e113",
    f"{HEX_ID}{HEX_ID}",
    f"sha256:{HEX_ID}{HEX_ID}",
    f"{HEX_ID}abcd1234",
    HEX_ID[:31],
    f"md5 {HEX_ID}",
    f"MD5: `{HEX_ID}`",
    f'"etag": "{HEX_ID}"',
    "C0TRIALUPLOADS U01ALICE T01NORD 1790000000.000200",
    "<@U01ALICE> <#C01TRIALS|trials> <!subteam^S0123456789ABCDEF0123456789ABCDEF> <!here>",
    f"<https://nordlicht.slack.com/archives/C01/p1790000000000200?thread_ts=1790000000.000200&amp;cid={HEX_ID}>",
    f"<https://drive.example/file/d/{DASHED_ID}/view>",
    f"https://git.example/blob/{HEX_ID}/x.py",
    f"<https://drive.example/open?id={HEX_ID}|a file>",
    f"www.example.com/{HEX_ID}",
    "xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "veeva-vault-demo-alice-promomats-0123456789abcdef0123456789abcdef",
    "com.veeva.vault.sdk.api.core.RuntimeService2Impl",
    "testShouldReturnUploadStatusForOwner2AndAdminUser",
    "ec2-12-34-56-78.eu-central-1.compute.amazonaws.com",
    "-" * 75 + "aB3--",
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA+7b0e42c9D15f4A3e8F60b2a7C9d4e113QqRs==",
    "=" * 70,
    "a" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_IDS)
def test_find__nothing_else_counts(text: str) -> None:
    assert ids(text) == []
    assert ids("", rich_text(words(text))) == []
    assert ids(f"{text} {HEX_ID} {text}") == [HEX_ID]


# Many


def drawn(number: int) -> str:
    """An id as Vault draws them: in the newer form, or in the earlier one."""
    lots = random.Random(number)  # noqa: S311 - the same id for the same number
    if number % 2:
        return f"{lots.getrandbits(128):032x}"
    return "".join(lots.choices(SIGNS[:-1], k=lots.randint(64, 74))) + "x7Q--"


DRAWN = st.integers(0, 10**9).map(drawn)
BETWEEN = st.sampled_from([" ", "\n", ", ", "; ", " and ", "` `", " – ", "* *", " | ", ") (", "\t", "\u00a0"])


def test_find__twenty_five() -> None:
    wanted = [drawn(number) for number in range(25)]
    assert ids(", ".join(wanted + wanted)) == wanted


@given(st.lists(st.tuples(DRAWN, BETWEEN), max_size=30))
def test_find__every_id_once_and_in_order(pairs: list[tuple[str, str]]) -> None:
    text = "".join(upload_id + between for upload_id, between in pairs)
    assert ids(f"`{text}`") == list(dict.fromkeys(upload_id for upload_id, _ in pairs))


@given(st.lists(DRAWN | st.sampled_from(["see", "1.2 GB", "`x`", "@alice", f"{API}a1", "now."]), max_size=12))
def test_find__as_slacks_composer_writes_it(pieces: list[str]) -> None:
    """The text alone, the blocks alone and both together tell the same."""
    text, blocks = compose(" ".join(pieces), Workspace.seeded())
    expected = list(dict.fromkeys("a1" if one.startswith(API) else one for one in pieces if len(one) > 31))
    assert ids(text) == ids("", *blocks) == ids(text, *blocks) == expected


WILD = st.text() | st.lists(
    st.sampled_from(
        [*"<>|@&;:/?#=%.-_`*~ \u2014\u2013\ud800[", HEX_ID, DASHED_ID, API, STRANGER, "https://", "md5", "&lt;"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


@given(WILD)
def test_find__anything_gives_ids_or_none(text: str) -> None:
    for pasted in find_upload_ids(text, [rich_text(words(text))], HOSTS):
        for one in (pasted.upload_id, *pasted.others):
            assert re.fullmatch(r"[A-Za-z0-9._-]{1,200}", one)
        assert (pasted.vault or "") in text.lower() or pasted.vault in HOSTS


@given(WILD)
def test_address__anything_gives_an_id_of_a_vault_or_none(text: str) -> None:
    for address in (text, API + text, f"https://{HOST}{text}"):
        pasted = upload_in_address(address, HOSTS)
        assert pasted is None or pasted.vault in HOSTS or (pasted.vault or "-") in address.lower()


@pytest.mark.parametrize(
    "unit",
    [HEX_ID + " ", DASHED_ID + " ", API + HEX_ID + " ", "<", "<a|", "<http://a.b|a>", "a/", "a.", "a1B-", "\u2014", "https://",
     "/services/file_staging/upload/a", "md5 ", "aB3" * 30 + " ", "x" * 60 + "\u2014", "&lt;", "`", "word "],
)  # fmt: skip
def test_find__long_messages_take_no_time(unit: str) -> None:
    started = time.process_time()
    text = unit * (40_000 // len(unit))
    find_upload_ids(text, [rich_text(words(text))], HOSTS)
    assert time.process_time() - started < 2
