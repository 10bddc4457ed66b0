"""From words to requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model.errors import MalformedUploadId, UnknownWords, UsageError
from bot.slack.parse import WORDS, Help, Link, ListUploads, Request, ShowStatus, Unlink, WhoAmI, read
from tests.factories import DASHED_ID

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
        ("help", Help()),
        ("*help*", Help()),
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
        ("list all my uploads", "Type `/upload-status list`."),
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
        "watch",
        f"watch {HEX_ID}",
        f"watch {DASHED_ID} 24h 4h here",
        f"unwatch {HEX_ID}",
        "unwatch all",
        "watches",
        f"subscribe {HEX_ID}",
        f"remind {HEX_ID} dm",
        f"unsubscribe {HEX_ID}",
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


@pytest.mark.parametrize("text", ["/u10001400/cholecap-2021/Cholecap.mp4", f"{HEX_ID} share", "2 3"])
def test_read__what_is_neither_word_nor_id_is_malformed(text: str) -> None:
    with pytest.raises(MalformedUploadId):
        read(text)


def test_read__what_was_typed_is_repeated_only_in_short() -> None:
    with pytest.raises(UnknownWords) as caught:
        read("lnk " + "x" * 5000)
    assert len(str(caught.value)) < 400


def test_read__each_word_is_its_own_nearest() -> None:
    for word in WORDS:
        if word != "status":
            read(word)


@given(
    st.text()
    | st.lists(st.sampled_from([*WORDS, "@q", "`", "all", HEX_ID, " ", "<id>", "\ud800"])).map(" ".join)
)
def test_read__anything_is_a_request_or_a_usage_error(text: str) -> None:
    found: Request | UsageError
    try:
        found = read(text)
    except UsageError as error:
        found = error
    assert isinstance(found, Request | UnknownWords | MalformedUploadId)
    if isinstance(found, UsageError):
        assert 0 < len(str(found)) < 600
