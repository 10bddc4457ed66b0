"""Links to uploads in people's messages: a card that tells nothing, and a button that answers with one's own rights."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.demo.slack import ApiError, ServerError
from bot.demo.slack.messages import Message
from bot.demo.vault import seed
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.steps import (
    NOT_VISIBLE,
    Traffic,
    calm,
    deliver,
    done_count,
    log_lines,
    shown,
    the_answer,
    until,
    workspace,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILE = "Cholecap-Commercial-2021.mp4"
UNKNOWN = "00000000000000000000000000000abc"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["http", "socket"])
async def demo(request: pytest.FixtureRequest) -> AsyncIterator[DemoWorkspace]:
    async with workspace("alice", "bob", socket_mode=request.param == "socket") as one:
        yield one


@pytest.fixture(autouse=True)
def calmed(demo: DemoWorkspace) -> None:
    calm(demo)


def api(demo: DemoWorkspace, upload_id: str, vault: str = seed.PROMOMATS) -> str:
    """The address of an upload in Vault's API."""
    return f"{demo.vault.vaults[vault].url}/api/v24.3/services/file_staging/upload/{upload_id}"


def now(demo: DemoWorkspace, message: Message) -> Message:
    """The message as it stands."""
    found = demo.slack.message(message.key)
    assert found is not None
    return found


def dealt_with(demo: DemoWorkspace) -> int:
    """How many events the bot has seen through."""
    return sum(one["event"] in ("event dealt with", "event came to nothing") for one in log_lines(demo))


async def post(demo: DemoWorkspace, text: str, channel: str = CHANNEL, person: str = "bob") -> Message:
    """Post a message with links; return it once the bot is done with them."""
    done = dealt_with(demo)
    message = await demo.slack.say(person, channel, text)
    await until(lambda: dealt_with(demo) > done, "the bot is done with the links")
    return now(demo, message)


async def check_as(demo: DemoWorkspace, person: str, message: Message, number: int = 0) -> Message:
    """Press “Check as me” of a card; return the one answer, which that person alone reads."""
    done = done_count(demo)
    card = message.attachments[number]
    [row] = [one for one in card["blocks"] if one["type"] == "actions"]
    delivery = await demo.slack.click(
        user=person, message=message, action_id="refresh", block_id=row["block_id"]
    )
    answer = await the_answer(demo, delivery, done)
    assert answer.is_ephemeral
    assert answer.channel == message.channel
    return answer


def undressed(message: Message, *parts: str) -> list[Any]:
    """The cards without the ids that Slack gives them, and without these parts of the address."""
    text = json.dumps([{**one, "id": 0} for one in message.attachments])
    for block in [block for one in message.attachments for block in one["blocks"]]:
        text = text.replace(block["block_id"], "")
    for part in parts:
        text = text.replace(part, "<id>")
    return list(json.loads(text))


async def test_unfurl__tells_nothing_and_asks_nobody(demo: DemoWorkspace) -> None:
    """Alice's upload, Bob's, an ended one and one that never was: the same card, and not one call of Vault."""
    ids = [seed.CHOLECAP, seed.BOB_ARCHIVE, seed.ALICE_EXPIRED, UNKNOWN]
    traffic = Traffic(demo)
    messages = [await post(demo, f"look at {api(demo, one)}") for one in ids]
    cards = [undressed(message, one) for message, one in zip(messages, ids, strict=True)]
    assert len(cards[0]) == 1
    assert all(one == cards[0] for one in cards)
    assert traffic.vault_calls == 0
    assert traffic.slack_calls == ["POST /api/chat.unfurl"] * 4
    told = json.dumps(messages[0].attachments)
    assert "A Vault upload in promomats" in told
    for secret in (FILE, "cholecap-2021", "10001400", "MB", "%", "Alice", "Uploading"):
        assert secret not in told.replace(api(demo, seed.CHOLECAP), "")


async def test_unfurl__check_as_me_answers_each_with_their_own_rights(demo: DemoWorkspace) -> None:
    message = await post(demo, api(demo, seed.CHOLECAP), channel="#random")
    traffic = Traffic(demo)
    card = await check_as(demo, "alice", message)
    assert FILE in card.text
    assert "31%" in card.text
    assert traffic.vault_calls == 1
    for person in ("bob", "vera", "nils"):
        answer = await check_as(demo, person, message)
        assert (NOT_VISIBLE if person == "bob" else "not linked") in answer.text
        assert FILE not in shown(answer)
    assert now(demo, message) == message
    assert FILE not in json.dumps([one.as_json("T1") for one in demo.slack.seen_by("vera", "#random")])


async def test_unfurl__in_a_thread_is_answered_there(demo: DemoWorkspace) -> None:
    root = await demo.slack.say("bob", CHANNEL, "which?")
    done = dealt_with(demo)
    reply = await demo.slack.say("bob", CHANNEL, api(demo, seed.CHOLECAP), root)
    await until(lambda: dealt_with(demo) > done, "the bot is done with the links")
    assert (await check_as(demo, "alice", now(demo, reply))).thread_ts == root.ts


async def test_unfurl__also_in_a_private_channel_and_by_a_stranger(demo: DemoWorkspace) -> None:
    private = await post(demo, api(demo, seed.CHOLECAP), "#migration", "alice")
    assert len(private.attachments) == 1
    assert "not linked" in (await check_as(demo, "vera", private)).text
    shared = await post(demo, api(demo, seed.CHOLECAP), CHANNEL, "gina")
    assert len(shared.attachments) == 1
    traffic = Traffic(demo)
    assert "only members of the workspace" in (await check_as(demo, "gina", shared)).text
    assert traffic.vault_calls == 0


async def test_unfurl__each_upload_once_in_its_own_vault(demo: DemoWorkspace) -> None:
    """Several links to one upload, one to another Vault, and a bare one."""
    url = demo.vault.vaults[seed.PROMOMATS].url
    links = [
        api(demo, seed.CHOLECAP),
        f"{api(demo, seed.CHOLECAP)}/parts?limit=5",
        api(demo, seed.ALICE_QUALITY, seed.QUALITY),
        f"{url}/ui/?tab=staging&upload={seed.ALICE_STALLED}",
    ]
    message = await post(demo, " ".join(links))
    assert [one["app_unfurl_url"] for one in message.attachments] == [links[0], links[2], links[3]]
    assert ["in promomats" in str(one) for one in message.attachments] == [True, False, True]
    assert "Safety-Narratives-wave2.zip" in (await check_as(demo, "alice", message, 2)).text
    assert "not linked your Vault account (quality)" in (await check_as(demo, "alice", message, 1)).text


async def test_unfurl__nothing_for_other_links(demo: DemoWorkspace) -> None:
    """Other pages of a Vault, and other hosts where Slack thinks them the app's: here, the bot's own pages."""
    url = demo.vault.vaults[seed.PROMOMATS].url
    traffic = Traffic(demo)
    for link in (
        f"{url}/ui/#doc_info/123/0/1",
        f"{url}/api/v24.3/services/file_staging/upload",
        f"{demo.bot.url}/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}",
        f"http://127.0.0.1:1/{seed.CHOLECAP}",
        f"http://sub.127.0.0.1/{seed.CHOLECAP}",
    ):
        assert (await post(demo, link)).attachments == ()
    assert traffic.slack_calls == []
    assert traffic.vault_calls == 0


async def test_unfurl__of_what_is_being_written(demo: DemoWorkspace) -> None:
    """A preview in the composer, by its own id."""
    done = dealt_with(demo)
    delivery = await demo.slack.draft("bob", f"look at {api(demo, seed.CHOLECAP)}")
    await until(lambda: dealt_with(demo) > done, "the bot is done with the links")
    preview = demo.slack.previews[delivery.payload["event"]["unfurl_id"]]
    assert list(preview) == [api(demo, seed.CHOLECAP)]


async def test_unfurl__slacks_trouble_passes_and_a_repeated_event_is_one(demo: DemoWorkspace) -> None:
    demo.slack.faults.add("chat.unfurl", ServerError(503))
    demo.slack.faults.add("chat.unfurl", ApiError("internal_error"))
    traffic = Traffic(demo)
    message = await post(demo, api(demo, seed.CHOLECAP))
    assert len(message.attachments) == 1
    assert traffic.slack_calls == ["POST /api/chat.unfurl"] * 3
    again = [one.request for one in demo.slack.log if "link_shared" in str(one.request)][-1]
    await deliver(demo, "events_api", again, "bob")
    await until(lambda: "Slack sent this before" in demo.bot.log_text(), "the repeated event is known")
    assert traffic.slack_calls == ["POST /api/chat.unfurl"] * 3


@pytest.mark.parametrize("error", ["cannot_unfurl_url", "cannot_find_message", "missing_scope"])
async def test_unfurl__what_slack_does_not_take_is_quiet(demo: DemoWorkspace, error: str) -> None:
    """Nobody is told; one try, one line in the log."""
    demo.slack.faults.add("chat.unfurl", ApiError(error))
    before, traffic = len(demo.slack.messages), Traffic(demo)
    message = await post(demo, api(demo, seed.CHOLECAP))
    assert message.attachments == ()
    assert traffic.slack_calls == ["POST /api/chat.unfurl"]
    assert len(demo.slack.messages) == before + 1
    assert [one["reason"] for one in log_lines(demo) if one["event"] == "no card below a link"][-1] == error


async def test_unfurl__message_deleted_before_and_after(demo: DemoWorkspace) -> None:
    message = await post(demo, api(demo, seed.CHOLECAP))
    done = done_count(demo)
    [row] = [one for one in message.attachments[0]["blocks"] if one["type"] == "actions"]
    delivery = await demo.slack.click(
        user="alice", message=message, action_id="refresh", block_id=row["block_id"]
    )
    demo.slack._board.delete(message.key)
    assert FILE in (await the_answer(demo, delivery, done)).text
    event = {**delivery.payload["container"], "type": "link_shared", "channel": message.channel, "links": [
        {"domain": "127.0.0.1", "url": api(demo, seed.CHOLECAP)}]}  # fmt: skip
    handled = dealt_with(demo)
    await demo.slack.event(event)
    await until(lambda: dealt_with(demo) > handled, "the bot is done with the links")
    assert [one["reason"] for one in log_lines(demo) if one["event"] == "no card below a link"][-1] == (
        "cannot_find_message"
    )
