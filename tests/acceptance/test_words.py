"""What people type when they do not know the words, or when an id went wrong on its way."""

import pytest

from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.steps import Traffic, ask, buttons, click, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("words", ["help", "HELP", " help ", "`help`", "*help*"])
async def test_help__tells_every_word(demo: DemoWorkspace, words: str) -> None:
    traffic = Traffic(demo)
    answer = await ask(demo, "alice", words)
    for word in ("list", "link", "whoami", "unlink", "help", "@vault"):
        assert f"/upload-status {word}" in answer.text or word == "@vault"
        assert word in shown(answer)
    assert "promomats, quality" in answer.text
    assert traffic.vault_calls == 0


@pytest.mark.parametrize(
    ("words", "suggestion"),
    [
        ("lst", "/upload-status list"),
        ("LISTE", "/upload-status list"),
        ("lnk quality", "/upload-status link quality"),
        ("unlnk", "/upload-status unlink"),
        ("whoam", "/upload-status whoami"),
        ("hlep", "/upload-status help"),
        ("hello", None),
        ("xyzzy plugh", None),
        ("was ist das?", None),
    ],
)
async def test_unknown_words__get_usage_and_a_suggestion(
    demo: DemoWorkspace, words: str, suggestion: str | None
) -> None:
    traffic = Traffic(demo)
    answer = await ask(demo, "alice", words)
    assert f"I do not know “{words}”." in answer.text
    assert "How to use this" in answer.text
    if suggestion:
        assert f"Did you mean `{suggestion}`?" in answer.text
    else:
        assert "Did you mean" not in answer.text
    assert traffic.vault_calls == 0


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("1abc 123 def", "it has a space in it"),
        ("id#with?signs1", "it may hold only letters, digits, dots, - and _"),
        ("..", "it is only dots"),
        ("a1" * 150, "it has 300 characters, and no id has more than 200"),
        ("ключ-123", "it may hold only letters"),
        ("../../etc/passwd1", "it may hold only letters"),
    ],
)
async def test_malformed_id__says_what_is_wrong(demo: DemoWorkspace, typed: str, reason: str) -> None:
    answer = await ask(demo, "alice", typed)
    assert "cannot be an upload id" in answer.text
    assert reason in answer.text
    assert "/upload-status list" in answer.text


async def test_malformed_id__shows_near_uploads(demo: DemoWorkspace) -> None:
    """A file's name in place of the id, and an id with a strange sign: each offers the upload to show."""
    for typed in ("video-demo.mp4!", seed.CHOLECAP[:40] + "#" + seed.CHOLECAP[41:]):
        answer = await ask(demo, "alice", typed)
        assert "Did you mean one of your uploads?" in answer.text
        card = await click(demo, "alice", answer, "refresh")
        assert "Owner: Alice Moreau (you)" in card.text


async def test_near__several_are_each_a_button(demo: DemoWorkspace) -> None:
    made = [
        demo.vault.create_upload("alice", f"/near/minutes-of-2024-0{number}.pdf", 10) for number in (1, 2)
    ]
    answer = await ask(demo, "alice", "minutes-of-2024-0")
    assert len(buttons(answer)) == 2
    for upload in made:
        assert upload.name in answer.text
        demo.vault.abort(upload.id)


@pytest.mark.parametrize(
    "typed",
    [
        "<script>alert(1)</script>",
        "<!channel> <@U0BOB> <!here>",
        "*bold* _it_ ~no~ `code`",
        "&lt;b&gt; &amp;amp;",
        "\u202egnp.exe",
        "\x00\x01\x02",
        "\n\n\n",
        "💥" * 100,
        "x" * 20_000,
        "%s %d {0} {upload_id} $(id)",
        "'; DROP TABLE accounts; --",
    ],
)
async def test_anything__gets_one_answer_without_markup_of_its_own(demo: DemoWorkspace, typed: str) -> None:
    answer = await ask(demo, "alice", typed)
    assert "Something went wrong" not in answer.text
    for markup in ("<!channel>", "<@U0BOB>", "<script>", "\u202e"):
        assert markup not in shown(answer)


@pytest.mark.parametrize("channel", ["#general", "#migration", "dm", "#random"])
async def test_place__does_not_matter(demo: DemoWorkspace, channel: str) -> None:
    """The bot is a member of none of these; only the asker sees the answer."""
    answer = await ask(demo, "alice", seed.CHOLECAP, channel=channel)
    assert "31%" in answer.text
    assert answer.key not in {message.key for message in demo.slack.seen_by("vera")}
