"""The modal with the details: as golden files, by Slack's rules, with wild contents, and its line in a real bash."""

import html
import json
import re
import shlex
import subprocess
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.views import View

from bot.demo.slack.block_kit import MODAL
from bot.demo.slack.views import read_view
from bot.model.details import Details
from bot.model.errors import BotError, LinkEnded, VaultAnswerStrange, VaultSlow
from bot.model.pace import stretches
from bot.model.resume import resume_of
from bot.model.uploads import Part, UploadSession
from bot.model.watches import Sample
from bot.slack.blocks.details import LOOKING, NOT_OPENED, in_short, looking, view
from bot.slack.blocks.kit import LONGEST_SECTION
from bot.slack.blocks.resuming import fenced, ready_line, shell_word
from tests.factories import (
    AWKWARD,
    BOB_IN_VAULT,
    DASHED_ID,
    GB,
    HOUR,
    MB,
    MINUTE,
    NOW,
    PROMOMATS,
    QUALITY,
    a_look,
    a_status,
    an_upload,
    begun,
)
from tests.unit.golden_files import agrees
from tests.unit.slack_eyes import DATE, ENTITY, assert_slack_takes, buttons_in, mrkdwn_in
from tests.unit.test_resume import WILD_PARTS, some_parts
from tests.unit.wild_uploads import FOREIGN, MOMENTS, wild_uploads

REFERENCE = "K7QX2M9B"
DIGEST = "0cc175b9c0f1b6a831c399e269772661"
WILD_NAMES = (
    "a; rm -rf ~",
    'it\'s $(touch /tmp/never) `id` "x" !! \\ * ? ~',
    "-rf",
    "two\nlines\tand\ra bell\x07",
    "gpj.\u202eexe",
    "$HOME/../../etc/passwd",
    "Überprüfung 日本 🎬.zip",
    "  spaces  ",
)


def some_details(
    upload: UploadSession | None = None,
    parts: list[Part] | None = None,
    trouble: BotError | None = None,
    samples: tuple[Sample, ...] = (),
    **changes: Any,
) -> Details:
    """The details of an upload with these parts, by default the two of the published example."""
    upload = upload or an_upload()
    if parts is None:
        parts = some_parts(5 * MB, 5 * MB)
    parts = [replace(part, md5=f"{part.number:02x}{DIGEST[2:]}") for part in parts]
    status, segment = a_status(upload, **changes), quote(upload.id, safe="", errors="replace")
    return Details(
        status=status,
        parts=() if trouble else tuple(parts),
        trouble=trouble,
        resume=None if trouble else resume_of(upload, parts),
        pace=tuple(stretches(samples, Sample(at=NOW, uploaded=upload.uploaded))),
        address=f"{status.vault.url}/api/v24.3/services/file_staging/upload/{segment}",
    )


def with_parts(parts: list[Part], size: int, **changes: Any) -> Details:
    """The details of an upload that has just these bytes."""
    uploaded = sum(part.size for part in parts)
    return some_details(an_upload(size=size, uploaded=uploaded, uploaded_parts=len(parts), **changes), parts)


SAMPLES = tuple(
    Sample(at=NOW - minutes * MINUTE, uploaded=uploaded)
    for minutes, uploaded in ((60, 0), (40, 6 * MB), (20, 6 * MB), (4, 10 * MB))
)
WITH_GAPS = [*some_parts(5 * MB, 5 * MB), *some_parts(5 * MB, 3 * MB, 5 * MB, first=6)]
UNSTARTED = begun(35 * MINUTE, last_uploaded=NOW - 35 * MINUTE, size=40 * GB, uploaded=0, uploaded_parts=0)
DETAILS: dict[str, Details] = {
    "details": some_details(samples=SAMPLES),
    "details_gaps_and_odd_sizes": with_parts(WITH_GAPS, 80 * MB),
    "details_short_part": with_parts(some_parts(5 * MB, 5 * MB, 2 * MB), 80 * MB),
    "details_2000_parts": with_parts(some_parts(*[50 * MB] * 1999), 1999 * 50 * MB + 7),
    "details_2000_parts_flagged": with_parts(
        [*some_parts(*[MB] * 900), *some_parts(*[MB] * 1000, 3, *[MB] * 99, first=902)], 3000 * MB
    ),
    "details_all_there": with_parts(some_parts(25 * MB, 15 * MB), 40 * MB),
    "details_no_part": some_details(UNSTARTED, []),
    "details_empty_file": with_parts([], 0),
    "details_moved": some_details(parts=some_parts(5 * MB, 5 * MB, 5 * MB)),
    "details_expired": some_details(begun(80 * HOUR, last_uploaded=NOW - 78 * HOUR)),
    "details_too_many_parts": with_parts(some_parts(5 * MB), 40 * GB),
    "details_huge_file": some_details(replace(UNSTARTED, size=500 * GB), []),
    "details_of_another": some_details(an_upload(owner=BOB_IN_VAULT)),
    "details_several_vaults": some_details(an_upload(id=DASHED_ID), vault=QUALITY, understood=DASHED_ID),
    "details_awkward": some_details(an_upload(name=AWKWARD, path=f"/u10001400/{AWKWARD}")),
    "details_long_name": some_details(an_upload(name="ü`" * 900)),
    "details_vault_slow": some_details(trouble=VaultSlow(vault="promomats")),
    "details_vault_slow_all_there": some_details(
        an_upload(uploaded=32862312), trouble=VaultSlow(vault="promomats")
    ),
    "details_link_ended": some_details(trouble=LinkEnded(vault="promomats")),
    "details_unexpected": some_details(trouble=VaultAnswerStrange(vault="promomats", reason="x")),
}


def drawn(name: str, *, allow_abort: bool = False) -> dict[str, Any]:
    """The modal of that name."""
    several = name == "details_several_vaults"
    return view(DETAILS[name], a_look(several_vaults=several), allow_abort=allow_abort, reference=REFERENCE)


def assert_slack_shows(modal: dict[str, Any]) -> None:
    """Slack's limits by two opinions, and no markup but our own."""
    read_view(modal, MODAL)
    View(**modal).validate_json()
    for text in mrkdwn_in(modal["blocks"]):
        assert len(text) <= LONGEST_SECTION
        bare = DATE.sub("", text)
        assert "<" not in bare, text
        assert ">" not in bare, text
        assert "&" not in ENTITY.sub("", bare), text
        assert text.count("```") in (0, 2), text


def told(modal: dict[str, Any]) -> str:
    """All that stands in the modal, as a person reads it."""
    return html.unescape("\n".join(mrkdwn_in(modal["blocks"])))


@pytest.mark.parametrize("name", DETAILS)
def test_view__golden_and_as_slack_takes_it(name: str) -> None:
    modal = drawn(name)
    assert agrees(name, modal)
    assert_slack_shows(modal)


def test_looking__golden() -> None:
    assert agrees("details_looking", looking())
    assert told(looking()) == LOOKING
    assert_slack_shows(looking())


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        (
            "details",
            (
                "Next part: 3* of 7, 5,242,880 bytes from byte offset *10,485,760*",
                "Left to send: *22,376,552 bytes* (21.3 MB) in 5 parts",
                "tail -c +10485761 ./Cholecap-Commercial-2021.mp4 | head -c 5242880 | curl -X PUT ",
                "'X-VaultAPI-FilePartNumber: 3'",
                "32,862,312 bytes",
                "   1  5,242,880  01c175b9",
                "2 of 7, each of 5.0 MB",
                "about 1.2 MB/min",
                "nothing came",
            ),
        ),
        (
            "details_gaps_and_odd_sizes",
            (
                "Next part: 3*",
                "It is missing, though later ones are there.",
                "Missing before later ones: 3–5",
                "Not as large as they must be: 7",
                " 3–5    missing",
                "   7  3,145,728  07c175b9  size!",
            ),
        ),
        (
            "details_short_part",
            ("Next part: 3*", "send it again, and all after it", "byte offset *10,485,760*"),
        ),
        (
            "details_2000_parts",
            ("Next part: 2,000* of 2,000, 7 bytes from", "Left to send: *7 bytes*", "1,979 more"),
        ),
        (
            "details_2000_parts_flagged",
            ("  901    missing", "1,902          3  76ec175b  size!", "Next part: 901*"),
        ),
        ("details_all_there", ("only the commit is missing", "curl -X POST", "--data ''")),
        ("details_no_part", ("No part is there yet", "Next part: 1* of 1,639", "offset *0*", "tail -c +1 ")),
        ("details_empty_file", ("Next part: 1* of 1, 0 bytes", "--data-binary ''")),
        ("details_moved", ("press Refresh before you send anything",)),
        ("details_expired", ("It has expired, so it cannot be resumed",)),
        ("details_too_many_parts", ("make 8,192 of them", "takes 2,000 unless it allows more")),
        ("details_huge_file", ("make 10,240 of them", "ask its administrator first")),
        ("details_of_another", (f"only from its owner, Vault user {BOB_IN_VAULT}",)),
        ("details_several_vaults", ("Vault: quality", f"`{DASHED_ID}`", QUALITY.url)),
        ("details_long_name", ('"$FILE"', "put it into `FILE`")),
        ("details_vault_slow", ("I could not read them", "did not answer in time", "Press Refresh")),
        ("details_vault_slow_all_there", ("only the commit is missing", "curl -X POST")),
        ("details_link_ended", ("has ended", "31%")),
        ("details_unexpected", (f"Reference: {REFERENCE}", "31%")),
    ],
)
def test_view__says(name: str, facts: tuple[str, ...]) -> None:
    shown = told(drawn(name))
    for fact in facts:
        assert fact in shown, fact


@pytest.mark.parametrize("name", ["details_expired", "details_vault_slow", "details_link_ended"])
def test_view__has_no_line_where_nothing_can_be_sent(name: str) -> None:
    assert "curl" not in told(drawn(name))


@pytest.mark.parametrize("name", DETAILS)
def test_view__names_no_credential_but_the_placeholder(name: str) -> None:
    assert "never-shown" not in json.dumps(drawn(name))
    assert ("VAULT_SESSION" in told(drawn(name))) == ("curl" in told(drawn(name)))


def test_view__buttons_say_what_is_meant_and_nothing_more() -> None:
    target = {"u": an_upload().id, "v": PROMOMATS.host}
    for allow_abort in (False, True):
        refresh, watch, *abort = buttons_in(drawn("details", allow_abort=allow_abort)["blocks"])
        assert (refresh["action_id"], json.loads(refresh["value"])) == ("details", {**target, "r": 1})
        assert (watch["action_id"], json.loads(watch["value"])) == ("watch", target)
        assert [(one["action_id"], one["style"], json.loads(one["value"])) for one in abort] == (
            [("abort", "danger", target)] if allow_abort else []
        )
    over = buttons_in(drawn("details_expired", allow_abort=True)["blocks"])
    assert [one["action_id"] for one in over] == ["details"]


@pytest.mark.parametrize("name", ["details", "details_vault_slow", "details_long_name"])
def test_in_short__is_the_card_with_the_next_part(name: str) -> None:
    message = in_short(DETAILS[name], a_look())
    assert agrees(f"{name}_in_short", asdict(message))
    assert_slack_takes(message)
    assert message.text.startswith(NOT_OPENED)
    assert "31%" in message.text
    if name == "details":
        assert "Next part: 3 of 7" in message.text
    assert "details" in [one["action_id"] for one in buttons_in(message.blocks)]


@settings(max_examples=60)
@given(
    upload=wild_uploads(),
    parts=WILD_PARTS,
    md5=FOREIGN,
    now=MOMENTS,
    looks=st.lists(st.tuples(MOMENTS, st.integers(0, 2**63 - 1)), max_size=5),
)
def test_view__anything_at_all(
    upload: UploadSession, parts: list[Part], md5: str, now: Any, looks: list[tuple[Any, int]]
) -> None:
    parts = sorted(
        {part.number: replace(part, md5=md5) for part in parts}.values(), key=lambda one: one.number
    )
    samples = [Sample(at=at, uploaded=count) for at, count in looks]
    found = replace(
        some_details(upload),
        parts=tuple(parts),
        resume=resume_of(upload, parts),
        pace=tuple(stretches(samples, Sample(at=now, uploaded=upload.uploaded))),
    )
    look = a_look(now=now, several_vaults=True)
    assert_slack_shows(view(found, look, allow_abort=True, reference=REFERENCE))
    assert_slack_takes(in_short(found, look))


# The line for the shell


def in_bash(word: str) -> bytes:
    """What bash makes of a word."""
    done = subprocess.run(
        ["bash", "--norc", "-c", f"printf '%s\\0' {word}"], capture_output=True, check=True, timeout=60
    )
    return done.stdout


def copied(code: str) -> str:
    """What a person copies out of a block of code, as Slack shows it."""
    found = re.fullmatch(r"```\n(.*)\n```", code, re.DOTALL)
    assert found
    return html.unescape(found[1])


@pytest.mark.parametrize("name", WILD_NAMES)
def test_shell_word__is_nothing_but_the_name(name: str) -> None:
    assert in_bash(shell_word(name)) == name.encode() + b"\0"


@settings(max_examples=80)
@given(FOREIGN)
def test_shell_word__of_anything_is_one_word_and_survives_slack(text: str) -> None:
    word = shell_word(text[:300])
    assert word.isprintable()
    assert "`" not in word
    assert copied(fenced([word])) == word
    possible = text[:300].replace("\0", "?").encode("utf-8", "replace")
    assert in_bash(word) == possible + b"\0"


@pytest.mark.parametrize("name", WILD_NAMES)
def test_ready_line__reads_the_file_of_that_name_and_runs_nothing_else(name: str, tmp_path: Any) -> None:
    """The line runs in a folder of its own, where tail, head and curl are all there is to call."""
    details = some_details(an_upload(name=name, path=f"/u10001400/{name}"))
    file = name.rpartition("/")[2]
    (tmp_path / file).write_bytes(b"x" * 10 * MB + b"the third part")
    tools, work = tmp_path / "tools", tmp_path
    tools.mkdir()
    for tool in ("tail", "head"):
        (tools / tool).symlink_to(f"/usr/bin/{tool}")
    (tools / "curl").write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" > "$OUT/called"\nexec /bin/cat > "$OUT/sent"\n'
    )
    (tools / "curl").chmod(0o755)
    out = tmp_path / "out"
    out.mkdir()
    shown = mrkdwn_in(view(details, a_look(), allow_abort=False, reference=REFERENCE)["blocks"])
    (line,) = [copied(text) for text in shown if text.startswith("```\ntail")]
    done = subprocess.run(
        ["/bin/bash", "--norc", "-c", line],
        cwd=work,
        env={
            "PATH": str(tools),
            "OUT": str(out),
            "VAULT_SESSION": "s e$cr'et",
            "HOME": str(tmp_path / "out"),
        },
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == b""
    assert (out / "sent").read_bytes() == b"the third part"
    assert (out / "called").read_text().splitlines() == [
        "-X", "PUT", "-H", "Authorization: Bearer s e$cr'et", "-H", "X-VaultAPI-FilePartNumber: 3", "-H",
        "Content-Type: application/octet-stream", "--data-binary", "@-", details.address,
    ]  # fmt: skip


@given(upload=wild_uploads())
def test_ready_line__of_anything_is_whole(upload: UploadSession) -> None:
    """Never cut in the middle, where a quote would stay open."""
    line = ready_line(some_details(upload), a_look(now=upload.created))
    if line:
        assert len(fenced([line])) <= LONGEST_SECTION
        assert line.isprintable()
        assert copied(fenced([line])) == line
        assert line.endswith(f" {shlex.quote(some_details(upload).address)}")
