"""From words to requests."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.errors import MalformedUploadId, UnknownWords, UsageError
from bot.model.watches import Target
from bot.slack.parse import (
    NEEDS_AN_ID,
    SYNONYMS,
    WORDS,
    Doctor,
    Help,
    Link,
    ListUploads,
    ListWatches,
    Request,
    ShareUpload,
    ShowStatus,
    Unlink,
    Unwatch,
    WatchMany,
    WatchUpload,
    WhoAmI,
    read,
    read_lead_times,
)
from tests.factories import DASHED_ID, HOUR, MINUTE, SECOND

HEX_ID = "7b0e42c9d15f4a3e8f60b2a7c9d4e113"


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("", ListUploads()),
        (" \u00a0\t", ListUploads()),
        ("list", ListUploads()),
        ("LIST", ListUploads()),
        ("  List  ", ListUploads()),
        ("`list`", ListUploads()),
        ("“list”", ListUploads()),
        ("list quality", ListUploads("quality")),
        ("list @quality", ListUploads("quality")),
        ("list  \u00a0@Quality ", ListUploads("Quality")),
        ("`list quality`", ListUploads("quality")),
        ("list @", ListUploads()),
        ("link", Link()),
        ("Link Quality", Link("Quality")),
        ("link @quality", Link("quality")),
        ("unlink", Unlink()),
        ("unlink quality", Unlink("quality")),
        ("unlink all", Unlink(every=True)),
        ("UNLINK ALL", Unlink(every=True)),
        ("unlink @All", Unlink(every=True)),
        ("whoami", WhoAmI()),
        ("WhoAmI", WhoAmI()),
        ("doctor", Doctor()),
        ("`Doctor` ", Doctor()),
        ("help", Help()),
        ("*help*", Help()),
        ("watches", ListWatches()),
        ("Watches ", ListWatches()),
        ("unwatch all", Unwatch()),
        ("unsubscribe ALL", Unwatch()),
        ("UNWATCH `all`", Unwatch()),
        ("watch all", WatchMany(Target.OWN)),
        ("watch auto", WatchMany(Target.OWN)),
        ("Subscribe All 4h", WatchMany(Target.OWN, lead_times=(4 * HOUR,))),
        ("watch all here @quality 1h,24h", WatchMany(Target.OWN, "quality", (24 * HOUR, HOUR), here=True)),
        ("watch vault", WatchMany(Target.VAULT)),
        ("watch vault 24h here", WatchMany(Target.VAULT, None, (24 * HOUR,), here=True)),
        ("watch vault @ quality dm", WatchMany(Target.VAULT, "quality")),
    ],
)
def test_read__words(text: str, request_: Request) -> None:
    assert read(text) == request_


@pytest.mark.parametrize(
    ("text", "upload_id", "vault"),
    [
        (HEX_ID, HEX_ID, None),
        (DASHED_ID, DASHED_ID, None),
        (f"{DASHED_ID} @quality", DASHED_ID, "quality"),
        (f"status {DASHED_ID}", DASHED_ID, None),
        (f"Status  {DASHED_ID}  @quality", DASHED_ID, "quality"),
        (f"status `{DASHED_ID}`", DASHED_ID, None),
        ("status list", "list", None),
        ("Cholecap-Commercial-2021.mp4", "Cholecap-Commercial-2021.mp4", None),
        ("archive.tar.gz", "archive.tar.gz", None),
        ("video_demo", "video_demo", None),
        ("abcdefghijklmnopqrstuvwxyzabcdef", "abcdefghijklmnopqrstuvwxyzabcdef", None),
        ("help-me", "help-me", None),
    ],
)
def test_read__upload_ids_and_file_names_are_looked_up(text: str, upload_id: str, vault: str | None) -> None:
    found = read(text)
    assert isinstance(found, ShowStatus)
    assert (found.pasted.upload_id, found.pasted.vault) == (upload_id, vault)


@pytest.mark.parametrize(
    ("text", "upload_id", "vault"),
    [
        (f"{HEX_ID} share", HEX_ID, None),
        (f"  {DASHED_ID}  SHARE ", DASHED_ID, None),
        (f"status {DASHED_ID} share", DASHED_ID, None),
        (f"`{DASHED_ID} share`", DASHED_ID, None),
        (f"`{DASHED_ID}` *share*", DASHED_ID, None),
        (f"{DASHED_ID.removesuffix('--')}\u2014 share", DASHED_ID, None),
        (f"{HEX_ID} @quality share", HEX_ID, "quality"),
        (f"{HEX_ID} share @quality", HEX_ID, "quality"),
        ("archive.tar.gz share", "archive.tar.gz", None),
    ],
)
def test_read__share(text: str, upload_id: str, vault: str | None) -> None:
    found = read(text)
    assert isinstance(found, ShareUpload)
    assert (found.pasted.upload_id, found.pasted.vault) == (upload_id, vault)


@pytest.mark.parametrize(
    ("text", "example"),
    [
        ("share", "/upload-status <id> share"),
        (f"Share {HEX_ID}", f"/upload-status {HEX_ID} share"),
        (f"share {DASHED_ID} @quality", f"/upload-status {DASHED_ID} share"),
        ("share `a` b", "/upload-status a share"),
    ],
)
def test_read__share_the_other_way_round_says_how(text: str, example: str) -> None:
    with pytest.raises(UnknownWords) as caught:
        read(text)
    assert caught.value.remedy == f"Type `{example}`."


@pytest.mark.parametrize("word", ["watch", "WATCH", "subscribe", "remind", "`watch"])
@pytest.mark.parametrize(
    ("behind", "vault", "lead_times", "here"),
    [
        ("", None, None, False),
        ("dm", None, None, False),
        ("here", None, None, True),
        ("HERE 4h", None, (4 * HOUR,), True),
        ("24h 4h 1h", None, (24 * HOUR, 4 * HOUR, HOUR), False),
        ("1h 24h 4h 4h", None, (24 * HOUR, 4 * HOUR, HOUR), False),
        ("24h,4h", None, (24 * HOUR, 4 * HOUR), False),
        ("24h, 90M, 5s", None, (24 * HOUR, 90 * MINUTE, 5 * SECOND), False),
        ("4h @quality here 2d", "quality", (48 * HOUR, 4 * HOUR), True),
        ("@ quality", "quality", None, False),
        ("3d DM`", None, (72 * HOUR,), False),
    ],
)
def test_read__watch(
    word: str, behind: str, vault: str | None, lead_times: tuple[timedelta, ...] | None, *, here: bool
) -> None:
    found = read(f" {word}  {DASHED_ID} {behind}")
    assert isinstance(found, WatchUpload)
    assert (found.pasted.upload_id, found.pasted.vault) == (DASHED_ID, vault)
    assert (found.lead_times, found.here) == (lead_times, here)


@pytest.mark.parametrize("upload_id", ["list", "help", "dm", "4h", "whoami", HEX_ID])
@pytest.mark.parametrize("word", ["watch", "unwatch", "unsubscribe"])
def test_read__an_id_that_looks_like_a_word_is_an_id(word: str, upload_id: str) -> None:
    found = read(f"{word} {upload_id}")
    assert isinstance(found, WatchUpload | Unwatch)
    assert found.pasted is not None
    assert found.pasted.upload_id == upload_id


def test_read__a_vault_may_stand_at_the_id() -> None:
    for text in (f"watch {DASHED_ID}@quality 4h", f"unwatch {DASHED_ID} @quality"):
        found = read(text)
        assert isinstance(found, WatchUpload | Unwatch)
        assert found.pasted is not None
        assert (found.pasted.upload_id, found.pasted.vault) == (DASHED_ID, "quality")


EXAMPLE = f"For example: `/upload-status watch {HEX_ID} 24h 4h here`."


@pytest.mark.parametrize(
    ("behind", "words", "why"),
    [
        ("25x", "25x", "For each time before expiry, write a number and a unit, such as 90s, 15m, 4h or 2d."),
        (
            "4h 25",
            "25",
            "For each time before expiry, write a number and a unit, such as 90s, 15m, 4h or 2d.",
        ),
        ("24h,soon", "24h,soon", "For each time before expiry, write a number and a unit, such as"),
        ("5d", "5d", "A time before expiry is between 5s and 3d."),
        ("4s 4h", "4s 4h", "A time before expiry is between 5s and 3d."),
        ("1h 2h 3h 4h 5h 6h 7h", "1h 2h 3h 4h 5h 6h 7h", "Give at most 6 times before expiry."),
        ("hear", "hear", "Behind the id go times before expiry, `here` or `dm`, and `@vault`."),
        ("here dm", "here dm", "Say either `here` or `dm`."),
    ],
)
def test_read__what_is_wrong_behind_watch_is_said_with_an_example(behind: str, words: str, why: str) -> None:
    with pytest.raises(UnknownWords) as caught:
        read(f"watch {HEX_ID} {behind}")
    assert caught.value.details["words"] == words
    suggestion = str(caught.value.details["suggestion"])
    assert suggestion.startswith(why)
    assert suggestion.endswith(EXAMPLE)


@pytest.mark.parametrize(
    ("text", "lead_times"),
    [
        ("24h 4h 1h", (24 * HOUR, 4 * HOUR, HOUR)),
        (" 1h,24h; 4h\n", (24 * HOUR, 4 * HOUR, HOUR)),
        ("5s", (5 * SECOND,)),
        ("3d", (72 * HOUR,)),
    ],
)
def test_read_lead_times(text: str, lead_times: tuple[timedelta, ...]) -> None:
    assert read_lead_times(text) == lead_times


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "write at least one time"),
        (" , ", "write at least one time"),
        ("4", "write a number and a unit"),
        ("4s", "between 5s and 3d"),
        ("1h 2h 3h 4h 5h 6h 7h", "at most 6 times"),
    ],
)
def test_read_lead_times__says_what_is_wrong(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_lead_times(text)


@pytest.mark.parametrize("text", ["AbCdEf1", "a1", "TpE_"])
def test_read__letter_case_of_an_id_is_kept(text: str) -> None:
    found = read(text)
    assert isinstance(found, ShowStatus)
    assert found.pasted.upload_id == text


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("lsit", "Did you mean `/upload-status list`?"),
        ("LSIT", "Did you mean `/upload-status list`?"),
        ("lists", "Did you mean `/upload-status list`?"),
        ("help!", "Did you mean `/upload-status help`?"),
        ("hlp me", "Did you mean `/upload-status help`?"),
        ("whomai now", "Did you mean `/upload-status whoami`?"),
        ("unlnk all", "Did you mean `/upload-status unlink all`?"),
        ("lnk quality", "Did you mean `/upload-status link quality`?"),
        ("lnk `quality` now", "Did you mean `/upload-status link quality`?"),
        (f"stauts {HEX_ID}", f"Did you mean `/upload-status status {HEX_ID}`?"),
        ("status", "Type `/upload-status status <id>`."),
        ("help me", "Type `/upload-status help`."),
        ("whoami please", "Type `/upload-status whoami`."),
        ("doctor please", "Type `/upload-status doctor`."),
        ("docter", "Did you mean `/upload-status doctor`?"),
        ("list all my uploads", "Type `/upload-status list`."),
        ("watch", "Type `/upload-status watch <id>`."),
        ("remind", "Type `/upload-status watch <id>`."),
        ("unwatch", "Type `/upload-status unwatch <id>`."),
        ("watches now", "Type `/upload-status watches`."),
        (f"wacth {HEX_ID} 4h here", f"Did you mean `/upload-status watch {HEX_ID} 4h here`?"),
        (f"reminder {HEX_ID}", f"Did you mean `/upload-status watch {HEX_ID}`?"),
        ("unwach all", "Did you mean `/upload-status unwatch all`?"),
        ("wathces", "Did you mean `/upload-status watches`?"),
        ("unsubscribed", "Did you mean `/upload-status unwatch`?"),
    ],
)
def test_read__suggestion(text: str, suggestion: str) -> None:
    with pytest.raises(UnknownWords) as caught:
        read(text)
    assert caught.value.details["suggestion"] == suggestion


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "thank you",
        "archive",
        "Übergabe",
        "how far is it?",
        "label set.pdf",
        # words of later releases, and synonyms that never were promised
        "connect",
        "login",
        "uploads",
        "me",
        "abort",
    ],
)
def test_read__other_words_get_usage(text: str) -> None:
    with pytest.raises(UnknownWords) as caught:
        read(text)
    assert caught.value.details["words"] == (f"{text[:59]}…" if len(text) > 60 else text)
    assert HEX_ID not in str(caught.value.details["suggestion"])


@pytest.mark.parametrize("text", ["/u10001400/cholecap-2021/Cholecap.mp4", f"{HEX_ID} shared", "2 3"])
def test_read__what_is_neither_word_nor_id_is_malformed(text: str) -> None:
    with pytest.raises(MalformedUploadId):
        read(text)


def test_read__what_was_typed_is_repeated_only_in_short() -> None:
    with pytest.raises(UnknownWords) as caught:
        read("lnk " + "x" * 5000)
    assert len(str(caught.value)) < 400


def test_read__each_word_is_its_own_nearest() -> None:
    for word in WORDS:
        if word not in NEEDS_AN_ID:
            read(word)


BEHIND = [
    "@q",
    "@",
    "`",
    "all",
    "vault",
    HEX_ID,
    " ",
    "<id>",
    "\ud800",
    "4h",
    "4h,",
    "²h",
    "here",
    "dm",
    "9" * 50,
]


@given(st.text() | st.lists(st.sampled_from([*WORDS, *SYNONYMS, *BEHIND])).map(" ".join))
def test_read__anything_is_a_request_or_a_usage_error(text: str) -> None:
    found: Request | UsageError
    try:
        found = read(text)
    except UsageError as error:
        found = error
    assert isinstance(found, Request | UnknownWords | MalformedUploadId)
    if isinstance(found, UsageError):
        assert 0 < len(str(found)) < 600
