"""What Vault does not show a person, nobody learns from the bot: one and the same answer."""

import json
from collections.abc import Iterator

import pytest

from bot.demo.vault import NotVisible, seed
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.steps import (
    NOT_VISIBLE,
    Traffic,
    ask,
    buttons,
    click,
    crafted_click,
    link_by_token,
    same_but,
    shown,
    workspace,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(params=list(NotVisible))
def variant(demo: DemoWorkspace, request: pytest.FixtureRequest) -> Iterator[NotVisible]:
    """Each guess at what Vault says of an upload that it does not show."""
    demo.vault.not_visible = request.param
    yield request.param
    demo.vault.not_visible = NotVisible.INVALID_DATA


async def test_not_visible__is_told_alike(demo: DemoWorkspace, variant: NotVisible) -> None:
    """Somebody else's, unknown, ended and expired: the same bytes but for the id, and the same calls."""
    ended = demo.vault.create_upload("bob", "/mine/once.bin", 1000)
    demo.vault.abort(ended.id)
    done = demo.vault.create_upload("bob", "/mine/done.bin", 1000)
    demo.vault.finish_bytes(done.id)
    demo.vault.commit(done.id)
    answers, calls = [], set()
    for upload_id in (seed.CHOLECAP, UNKNOWN, ended.id, done.id, seed.ALICE_EXPIRED, seed.ALICE_QUALITY):
        traffic = Traffic(demo)
        answers.append((await ask(demo, "bob", upload_id), upload_id))
        calls.add((traffic.vault_calls, tuple(traffic.web_api_calls), len(traffic.slack_calls)))
    assert same_but(answers)
    assert calls == {(2, (), 1)}
    assert NOT_VISIBLE in answers[0][0].text


async def test_not_visible__own_and_ended_reads_the_same(demo: DemoWorkspace, variant: NotVisible) -> None:
    """Alice's own upload that ended looks to her as Bob's looks to her."""
    ended = demo.vault.create_upload("alice", "/mine/once.bin", 1000)
    demo.vault.abort(ended.id)
    answers = [(await ask(demo, "alice", one), one) for one in (ended.id, seed.BOB_ARCHIVE, UNKNOWN)]
    assert same_but(answers)


async def test_button__of_anothers_card_gives_nothing(demo: DemoWorkspace, variant: NotVisible) -> None:
    """A client can send any value it has seen: each click is looked up with the clicker's own rights."""
    card = await ask(demo, "alice", seed.CHOLECAP)
    value = next(one["value"] for one in buttons(card) if one["action_id"] == "refresh")
    clicked = await crafted_click(demo, "bob", "refresh", value)
    unknown = json.dumps({**json.loads(value), "u": UNKNOWN})
    assert same_but([
        (clicked, seed.CHOLECAP),
        (await crafted_click(demo, "bob", "refresh", unknown), UNKNOWN),
        (await ask(demo, "bob", UNKNOWN), UNKNOWN),
    ])  # fmt: skip
    assert "Cholecap" not in shown(clicked)


async def test_button__of_anothers_ephemeral_message_cannot_be_pressed(demo: DemoWorkspace) -> None:
    card = await ask(demo, "alice", seed.CHOLECAP)
    with pytest.raises(LookupError):
        await demo.slack.click(user="bob", message=card, action_id="refresh")


@pytest.mark.parametrize(
    "value",
    [
        None, "", "null", "[]", "7", '"x"', "{", "{}", '{"u":null}', '{"u":7}', '{"u":""}', '{"u":["x"]}',
        '{"u":"' + "x" * 1900 + '"}', '{"u":"../../../keep-alive","v":null}', '{"u":"\\u0000","v":"x"}',
    ],
)  # fmt: skip
async def test_button__with_a_value_of_any_kind_is_answered(demo: DemoWorkspace, value: str | None) -> None:
    traffic = Traffic(demo)
    answer = await crafted_click(demo, "bob", "refresh", value)
    assert answer.text
    assert "Something went wrong" not in answer.text
    assert traffic.vault_calls == 0


async def test_button__cannot_lead_to_a_vault_that_is_not_configured(demo: DemoWorkspace) -> None:
    traffic = Traffic(demo)
    value = json.dumps({"u": seed.BOB_ARCHIVE, "v": "127.0.0.1:9"})
    for action_id in ("refresh", "open_list", "unlink"):
        answer = await crafted_click(demo, "bob", action_id, value)
        assert "There is no Vault called" in answer.text
    assert traffic.vault_calls == 0


async def test_near__names_only_ones_own(demo: DemoWorkspace) -> None:
    """Bob mistypes Alice's id, then his own: only his own is suggested, and one click shows it."""
    for mistyped in (seed.CHOLECAP[:-3], "Cholecap-Commercial-2021.mp"):
        assert "Did you mean" not in (await ask(demo, "bob", mistyped)).text
    guess = await ask(demo, "bob", seed.BOB_ARCHIVE[:-2] + "99")
    assert "Did you mean one of your uploads? archive.tar.gz" in guess.text
    card = await click(demo, "bob", guess, "refresh")
    assert "archive.tar.gz" in card.text
    assert card.key == guess.key


async def test_near__an_admins_are_the_admins_own(demo: DemoWorkspace) -> None:
    assert "Did you mean" not in (await ask(demo, "vera", seed.CHOLECAP[:-3])).text
    assert "migration-wave-3.csv.gz" in (await ask(demo, "vera", seed.VERA_ROOT[:-1])).text


async def test_no_staging_right__says_which_permission(demo: DemoWorkspace, variant: NotVisible) -> None:
    """Nils can link, and is then told what his Vault user lacks."""
    assert (await link_by_token(demo, "nils")).status_code == 200
    for words in (seed.CHOLECAP, UNKNOWN, "list"):
        answer = await ask(demo, "nils", words)
        assert "may not look at file staging" in answer.text
        assert "File Staging: Access" in answer.text
        assert "Cholecap" not in shown(answer)
    await ask(demo, "nils", "unlink")


@pytest.mark.parametrize("words", [seed.CHOLECAP, "list", "whoami", "unlink"])
async def test_not_linked__gets_a_way_to_link(demo: DemoWorkspace, words: str) -> None:
    traffic = Traffic(demo)
    answer = await ask(demo, "nils", words)
    assert "You have not linked your Vault account (promomats) yet." in answer.text
    assert [one["action_id"] for one in buttons(answer)] == ["link"]
    assert traffic.vault_calls == 0


@pytest.mark.parametrize("words", [seed.CHOLECAP, "list", "link", "whoami", "unlink all", "help", "xyzzy"])
async def test_other_company__is_refused(demo: DemoWorkspace, words: str) -> None:
    """Gina is in the channel by Slack Connect."""
    traffic = Traffic(demo)
    answer = await ask(demo, "gina", words)
    assert "only members of the workspace" in answer.text
    assert buttons(answer) == []
    assert traffic.vault_calls == 0


async def test_other_company__cannot_click_either(demo: DemoWorkspace) -> None:
    for action_id in ("refresh", "open_list", "link", "unlink", "never-heard-of"):
        answer = await crafted_click(demo, "gina", action_id, json.dumps({"u": seed.CHOLECAP}))
        assert "only members of the workspace" in answer.text


async def test_expiry__by_the_clock_alone() -> None:
    """Nobody acts; three days pass. Linked by token, since a Vault session would not live so long."""
    async with workspace() as demo:
        await link_by_token(demo, "alice")
        assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
        upload = demo.vault.upload(seed.CHOLECAP)
        demo.clock.set(upload.expires)
        assert same_but([(await ask(demo, "alice", one), one) for one in (seed.CHOLECAP, UNKNOWN)])
        assert "Cholecap" not in (await ask(demo, "alice", "list")).text
