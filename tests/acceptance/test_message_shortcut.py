"""“Check upload status” in a message's menu: which uploads it finds, whose rights it uses, and who reads the answer."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.demo.slack.messages import Message
from bot.demo.vault import seed
from bot.demo.workspace import CHANNEL, DemoWorkspace
from bot.slack.blocks.found_uploads import NOTHING
from bot.slack.blocks.sharing import SHARED
from tests.acceptance.steps import (
    NOT_VISIBLE,
    Traffic,
    buttons,
    calm,
    done_count,
    shown,
    the_answer,
    until,
    workspace,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILE = "Cholecap-Commercial-2021.mp4"
UNKNOWN = [f"{number:032x}" for number in range(2**100, 2**100 + 40)]
"""Ids that no Vault has."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["http", "socket"])
async def demo(request: pytest.FixtureRequest) -> AsyncIterator[DemoWorkspace]:
    async with workspace("alice", "bob", socket_mode=request.param == "socket") as one:
        yield one


@pytest.fixture(autouse=True)
def calmed(demo: DemoWorkspace) -> None:
    calm(demo)


async def check(demo: DemoWorkspace, person: str, message: Message) -> Message:
    """Use the shortcut; return the one answer: in the message's thread, for that person alone."""
    done = done_count(demo)
    delivery = await demo.slack.message_shortcut(person, message, "check_upload")
    answer = await the_answer(demo, delivery, done)
    assert answer.is_ephemeral
    assert (answer.channel, answer.thread_ts) == (message.channel, message.thread_ts or message.ts)
    return answer


async def press(
    demo: DemoWorkspace, person: str, message: Message, action_id: str, upload_id: str
) -> list[Message]:
    """Press the button of one upload; return all that was posted because of it."""
    before, done = {one.key for one in demo.slack.messages}, done_count(demo)
    block = next(
        one["block_id"]
        for one in buttons(message)
        if one["action_id"] == action_id and upload_id in one["value"]
    )
    await demo.slack.click(user=person, message=message, action_id=action_id, block_id=str(block))
    await until(lambda: done_count(demo) > done, "the bot is done")
    return [one for one in demo.slack.messages if one.key not in before]


@pytest.mark.parametrize("channel", ["#random", CHANNEL])
async def test_check__one_id_gives_the_card_also_where_the_bot_is_not(
    demo: DemoWorkspace, channel: str
) -> None:
    """One Vault call, with the rights of who asks; somebody else wrote the message."""
    message = await demo.slack.say("bob", channel, f"how far is `{seed.CHOLECAP}`, please?")
    traffic = Traffic(demo)
    card = await check(demo, "alice", message)
    assert FILE in card.text
    assert "31%" in card.text
    assert "Reading this as" not in card.text
    assert "share" in {one["action_id"] for one in buttons(card)}
    assert traffic.vault_calls == 1
    assert traffic.web_api_calls == []
    others = await check(demo, "bob", message)
    assert NOT_VISIBLE in others.text
    assert FILE not in shown(others)
    unlinked = await check(demo, "nils", message)
    assert "not linked" in unlinked.text
    assert "link" in {one["action_id"] for one in buttons(unlinked)}


async def test_check__in_a_thread_and_shared_there(demo: DemoWorkspace) -> None:
    root = await demo.slack.say("bob", CHANNEL, "status?")
    reply = await demo.slack.say("bob", CHANNEL, f"it is {seed.CHOLECAP}", root)
    card = await check(demo, "alice", reply)
    posted = await press(demo, "alice", card, "share", seed.CHOLECAP)
    [public] = [one for one in posted if not one.is_ephemeral]
    assert (public.thread_ts, FILE in public.text) == (root.ts, True)
    assert any(SHARED in one.text for one in posted)


async def test_check__none_says_what_an_id_looks_like(demo: DemoWorkspace) -> None:
    message = await demo.slack.say(
        "bob", CHANNEL, "Cholecap-Commercial-2021-Final-Version2.mp4 is late, see https://wiki.example/x"
    )
    traffic = Traffic(demo)
    answer = await check(demo, "alice", message)
    assert answer.text.startswith(NOTHING)
    assert "/upload-status" in answer.text
    assert traffic.vault_calls == 0


async def test_check__several_each_with_ones_own_rights(demo: DemoWorkspace) -> None:
    """Alice's own two are told; Bob's, an unknown one and an ended one get one and the same answer."""
    wanted = [seed.CHOLECAP, seed.BOB_ARCHIVE, UNKNOWN[0], seed.ALICE_EXPIRED, seed.ALICE_STALLED]
    message = await demo.slack.say("bob", CHANNEL, "all of these: " + ", ".join(wanted))
    answer = await check(demo, "alice", message)
    assert "Uploads in this message: 5" in answer.text
    for fact in (FILE, "31%", "Safety-Narratives-wave2.zip", "42%", *wanted):
        assert fact in answer.text
        assert fact in shown(answer).partition("\n")[2]
    assert "archive.tar.gz" not in shown(answer)
    assert "pilot-export.zip" not in shown(answer)
    lines = {one: line for one in wanted for line in answer.text.splitlines() if one in line}
    refused = [lines[one].replace(one, "<id>") for one in (seed.BOB_ARCHIVE, UNKNOWN[0], seed.ALICE_EXPIRED)]
    assert len(set(refused)) == 1
    assert NOT_VISIBLE in refused[0]
    values = [one["value"] for one in buttons(answer)]
    assert len(values) == 4
    assert not [value for value in values if any(one in value for one in wanted[1:4])]


async def test_check__rows_are_opened_and_shared_beside_the_list(demo: DemoWorkspace) -> None:
    message = await demo.slack.say("bob", "#random", f"{seed.CHOLECAP} {seed.ALICE_STALLED}")
    answer = await check(demo, "alice", message)
    [card] = await press(demo, "alice", answer, "refresh:found", seed.ALICE_STALLED)
    assert card.visible_to == "U0ALICE"
    assert "Safety-Narratives-wave2.zip" in card.text
    posted = await press(demo, "alice", answer, "share", seed.CHOLECAP)
    [public] = [one for one in posted if not one.is_ephemeral]
    assert FILE in public.text
    assert "Safety-Narratives-wave2.zip" not in shown(public)
    assert demo.slack.message(answer.key) == answer


async def test_check__twenty_five_ids(demo: DemoWorkspace) -> None:
    """The first five are looked up, and no more; the others are counted."""
    message = await demo.slack.say("bob", CHANNEL, f"{seed.CHOLECAP}\n" + "\n".join(UNKNOWN[:24]))
    traffic = Traffic(demo)
    answer = await check(demo, "alice", message)
    assert "Uploads in this message: 25" in answer.text
    assert "20 more ids not looked up: I take the first 5 of a message" in answer.text
    assert FILE in answer.text
    assert answer.text.count(NOT_VISIBLE) == 4
    assert UNKNOWN[4] not in shown(answer)
    assert traffic.vault_calls == 9  # a look at each of five, and one at the list for each that is not there


async def test_check__same_id_twice_is_one(demo: DemoWorkspace) -> None:
    url = demo.vault.vaults[seed.PROMOMATS].url
    address = f"{url}/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}"
    message = await demo.slack.say("bob", CHANNEL, f"{seed.CHOLECAP}, {address} or `{seed.CHOLECAP}`")
    assert FILE in (await check(demo, "alice", message)).text


async def test_check__address_of_another_host_is_looked_up_nowhere(demo: DemoWorkspace) -> None:
    strange = "https://elsewhere.example/api/v24.3/services/file_staging/upload/"
    message = await demo.slack.say("bob", CHANNEL, strange + seed.CHOLECAP)
    traffic = Traffic(demo)
    answer = await check(demo, "alice", message)
    assert "no Vault called “elsewhere.example”" in answer.text
    several = await demo.slack.say("bob", CHANNEL, f"{strange}{seed.CHOLECAP} {strange}{seed.ALICE_STALLED}")
    answer = await check(demo, "alice", several)
    assert answer.text.count("elsewhere.example") == 2
    assert traffic.vault_calls == 0
    assert FILE not in shown(answer)


async def test_check__not_linked_is_said_once_with_the_button(demo: DemoWorkspace) -> None:
    """Also where some of the uploads are in a Vault that one has not linked."""
    message = await demo.slack.say("bob", CHANNEL, f"{seed.CHOLECAP} {seed.ALICE_STALLED} {UNKNOWN[0]}")
    answer = await check(demo, "nils", message)
    assert answer.text.count("not linked") == 1
    assert [one["action_id"] for one in buttons(answer)] == ["link"]
    quality = (
        f"{demo.vault.vaults[seed.QUALITY].url}/api/v24.3/services/file_staging/upload/{seed.ALICE_QUALITY}"
    )
    message = await demo.slack.say("bob", CHANNEL, f"{seed.CHOLECAP} {quality}")
    answer = await check(demo, "alice", message)
    assert FILE in answer.text
    assert f"{seed.ALICE_QUALITY}: You have not linked your Vault account (quality)" in answer.text.replace(
        "`", ""
    )


async def test_check__stranger_gets_nothing(demo: DemoWorkspace) -> None:
    message = await demo.slack.say("bob", CHANNEL, f"{seed.CHOLECAP} {seed.ALICE_STALLED}")
    traffic = Traffic(demo)
    answer = await check(demo, "gina", message)
    assert "only members of the workspace" in answer.text
    assert traffic.vault_calls == 0
