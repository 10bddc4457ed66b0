"""`@Vault Uploads …`: asked in public, answered in public in a thread; what is one's own goes to the asker alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.demo.slack import ApiError
from bot.demo.slack.messages import Message
from bot.demo.vault import seed
from bot.demo.vault.faults import Delay, Maintenance
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.operating import two_replicas
from tests.acceptance.steps import (
    NOT_VISIBLE,
    Traffic,
    ask,
    buttons,
    calm,
    click,
    deliver,
    done_count,
    shown,
    until,
    workspace,
)
from tests.acceptance.talking_steps import AT_BOT, Ears, is_for, is_public, mention, raw_mention

pytestmark = pytest.mark.asyncio(loop_scope="module")

over_http = pytest.mark.parametrize("shared", ["http"], indirect=True)
"""What the way in cannot matter to; all else is asked by HTTP and by Socket Mode."""

M5 = "7b0e42c9d15f4a3e8f60b2a7c9d4e113"
FILM = "Cholecap-Commercial-2021.mp4"
OWN = {
    "link": "Link",
    "whoami": "Alice Moreau",
    "watches": "You watch nothing.",
    "unwatch all": "You watch nothing.",
}
"""About the asker alone: what each answer holds."""


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["http", "socket"])
async def shared(request: pytest.FixtureRequest) -> AsyncIterator[DemoWorkspace]:
    """Alice, Bob and Vera linked, reached by HTTP or by Socket Mode; Nils is not linked."""
    async with workspace(socket_mode=request.param == "socket") as demo:
        for person in ("alice", "bob", "vera"):
            await demo.link(person, method="token")  # outlives what the clock does here
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(shared: DemoWorkspace) -> AsyncIterator[DemoWorkspace]:
    """The app is in the channel, and nobody watches anything."""
    calm(shared)
    yield shared
    calm(shared)
    shared.slack.archive(CHANNEL, archived=False)
    shared.slack.invite_app(CHANNEL)


@pytest_asyncio.fixture(loop_scope="module", params=["channel", "thread"])
async def thread(demo: DemoWorkspace, request: pytest.FixtureRequest) -> Message | None:
    """Where it is asked: None in the channel itself, else a thread that has replies."""
    return await a_thread(demo) if request.param == "thread" else None


async def a_thread(demo: DemoWorkspace) -> Message:
    """A thread of Bob's with one reply."""
    root = await demo.slack.say("bob", CHANNEL, "How far are the films?")
    await demo.slack.say("vera", CHANNEL, "No idea", root)
    return root


def public_answer(heard: list[Message], asked: Message | None, thread: Message | None) -> Message:
    """The only answer: public, in the thread of the question, or below it."""
    (answer,) = heard
    assert asked is not None
    assert is_public(answer)
    assert answer.channel == asked.channel
    assert answer.thread_ts == (thread or asked).ts
    return answer


def answer_alone(demo: DemoWorkspace, heard: list[Message], person: str, thread: Message | None) -> Message:
    """The only answer: to the asker alone, in the thread where that is active, else by direct message."""
    (answer,) = heard
    assert is_for(demo, answer, person)
    if thread is None:
        assert answer.channel.startswith("D")
    else:
        assert (answer.is_ephemeral, answer.thread_ts) == (True, thread.ts)
    assert demo.slack.rejections == []
    return answer


# For all to read


@pytest.mark.parametrize("words", [seed.CHOLECAP, f"status {seed.CHOLECAP}", f"{seed.CHOLECAP} share"])
async def test_status__is_answered_in_the_thread(
    demo: DemoWorkspace, thread: Message | None, words: str
) -> None:
    traffic = Traffic(demo)
    delivery, heard = await mention(demo, "alice", words, thread=thread)
    answer = public_answer(heard, delivery.message, thread)
    assert answer.text.startswith("Asked by <@U0ALICE>, as they could see it ")
    for fact in (FILM, "31%", "10.0 MB of 31.3 MB", "2 parts", "Uploading", "Owner: Alice Moreau."):
        assert fact in answer.text
    assert "(you)" not in shown(answer)
    assert answer.key in {message.key for message in demo.slack.seen_by("bob")}
    assert traffic.vault_calls == 1
    assert traffic.slack_calls == ["POST /api/chat.postMessage"]


@over_http
@pytest.mark.parametrize(
    ("words", "fact"), [("list", "Your uploads"), ("help", "How to use this"), (f"watch {M5}", "I watch m5")]
)
async def test_words__are_answered_in_the_thread(
    demo: DemoWorkspace, thread: Message | None, words: str, fact: str
) -> None:
    delivery, heard = await mention(demo, "alice", words, thread=thread)
    assert public_answer(heard, delivery.message, thread).text.startswith(fact)
    await ask(demo, "alice", "unwatch all")


@over_http
async def test_card__buttons_answer_the_clicker_in_the_thread(demo: DemoWorkspace) -> None:
    """Bob sees the card, and with his own rights nothing; Vera may see it, and her answer is hers alone."""
    delivery, heard = await mention(demo, "alice", seed.CHOLECAP)
    card = public_answer(heard, delivery.message, None)
    refused = await click(demo, "bob", card, "refresh")
    assert refused.text.startswith(NOT_VISIBLE)
    own = await click(demo, "vera", card, "refresh")
    assert FILM in own.text
    for answer in (refused, own):
        assert answer.is_ephemeral
        assert answer.thread_ts == card.thread_ts
    assert demo.slack.message(card.key) == card


@over_http
async def test_list__buttons_answer_the_clicker(demo: DemoWorkspace) -> None:
    delivery, heard = await mention(demo, "alice", "list")
    listed = public_answer(heard, delivery.message, None)
    answer = await click(demo, "bob", listed, "open_list")
    assert answer.is_ephemeral
    assert "archive.tar.gz" in answer.text
    assert FILM not in shown(answer)
    assert demo.slack.message(listed.key) == listed


@over_http
async def test_watch_here__goes_into_that_thread(demo: DemoWorkspace, thread: Message | None) -> None:
    """What is promised, who promised it, and then what was promised: all of it below the question."""
    made = demo.vault.create_upload("alice", "/here/rushes.mov", 10 * 1024 * 1024)
    delivery, heard = await mention(demo, "alice", f"watch {made.id} here", thread=thread)
    assert delivery.message is not None
    root = (thread or delivery.message).ts
    assert {message.thread_ts for message in heard} == {root}
    assert all(is_public(message) for message in heard)
    assert sum("I watch rushes.mov." in message.text for message in heard) == 1
    assert sum(message.text.startswith("<@U0ALICE> watches rushes.mov here") for message in heard) == 1
    ears = Ears(demo)
    demo.vault.abort(made.id)
    demo.clock.run_at(600)
    try:
        await until(lambda: bool(ears.heard), "the thread is told how it ended")
    finally:
        demo.clock.run_at(0)
    assert ears.heard[0].thread_ts == root
    assert "rushes.mov" in ears.heard[0].text


# To the asker alone


@over_http
@pytest.mark.parametrize("words", OWN)
async def test_own__is_told_to_the_asker_alone(
    demo: DemoWorkspace, thread: Message | None, words: str
) -> None:
    _, heard = await mention(demo, "alice", words, thread=thread)
    assert OWN[words] in shown(answer_alone(demo, heard, "alice", thread))


@over_http
async def test_unlink__is_told_to_the_asker_alone(demo: DemoWorkspace, thread: Message | None) -> None:
    _, heard = await mention(demo, "vera", "unlink", thread=thread)
    assert "Unlinked from promomats" in answer_alone(demo, heard, "vera", thread).text
    await demo.link("vera", method="token")


@over_http
async def test_unwatch__is_told_to_the_asker_alone(demo: DemoWorkspace, thread: Message | None) -> None:
    await ask(demo, "alice", f"watch {M5}")
    _, heard = await mention(demo, "alice", f"unwatch {M5}", thread=thread)
    assert answer_alone(demo, heard, "alice", thread).text == "I no longer watch m5-datasets.zip."


@over_http
async def test_nothing_said__is_a_list_for_the_asker_alone(
    demo: DemoWorkspace, thread: Message | None
) -> None:
    """People also name an app to have it invited: no reason to show their uploads to the channel."""
    _, heard = await mention(demo, "alice", "", thread=thread)
    assert answer_alone(demo, heard, "alice", thread).text.startswith("Your uploads")


@over_http
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        pytest.param(seed.CHOLECAP, NOT_VISIBLE, id="not yours"),
        pytest.param("0123456789abcdef0123456789abcdef", NOT_VISIBLE, id="unknown"),
        pytest.param(f"watch {seed.CHOLECAP} here", NOT_VISIBLE, id="watch what is not yours"),
        pytest.param("hello there", "I do not know “hello there”.", id="no words of ours"),
        pytest.param("share abc1", "Type `/upload-status abc1 share`.", id="the other way round"),
        pytest.param("id#with?signs1", "cannot be an upload id", id="no id"),
        pytest.param("archive.tar.g", "archive.tar.gz", id="a near name"),
        pytest.param(f"{seed.BOB_ARCHIVE} @clinical", "no Vault called “clinical”", id="no such Vault"),
        pytest.param("watch vault here", "Only a Vault Admin", id="no Admin"),
    ],
)
async def test_refusal__is_told_to_the_asker_alone(
    demo: DemoWorkspace, thread: Message | None, words: str, answer: str
) -> None:
    _, heard = await mention(demo, "bob", words, thread=thread)
    assert answer in answer_alone(demo, heard, "bob", thread).text


@over_http
async def test_vault_down__is_told_to_the_asker_alone(demo: DemoWorkspace, thread: Message | None) -> None:
    demo.vault.faults.add(Maintenance(), times=None)
    _, heard = await mention(demo, "alice", seed.CHOLECAP, thread=thread)
    assert "Vault (promomats) is in maintenance" in answer_alone(demo, heard, "alice", thread).text


@pytest.mark.parametrize("words", [seed.CHOLECAP, "list", "link", f"watch {M5} here"])
async def test_not_linked__gets_a_way_to_link_alone(
    demo: DemoWorkspace, thread: Message | None, words: str
) -> None:
    """A link's address is a secret: whoever opens it becomes the asker."""
    _, heard = await mention(demo, "nils", words, thread=thread)
    answer = answer_alone(demo, heard, "nils", thread)
    assert [one["action_id"] for one in buttons(answer)] == ["link"]
    assert "/link?ticket=" in buttons(answer)[0]["url"]


@over_http
async def test_other_company__is_refused_alone(demo: DemoWorkspace, thread: Message | None) -> None:
    traffic = Traffic(demo)
    _, heard = await mention(demo, "gina", seed.CHOLECAP, thread=thread)
    assert "only members of the workspace" in answer_alone(demo, heard, "gina", thread).text
    assert traffic.vault_calls == 0


@over_http
async def test_refusal__where_slack_takes_nothing_in_the_thread_comes_directly(demo: DemoWorkspace) -> None:
    thread = await a_thread(demo)
    demo.slack.faults.add("chat.postEphemeral", ApiError("user_not_in_channel"))
    _, heard = await mention(demo, "bob", seed.CHOLECAP, thread=thread)
    assert answer_alone(demo, heard, "bob", None).text.startswith(NOT_VISIBLE)


# Where the app is no longer


@pytest.mark.parametrize("archived", [False, True])
async def test_answer__to_a_place_that_closes_meanwhile_comes_directly(
    demo: DemoWorkspace, archived: bool
) -> None:
    """While Vault thinks, the app is put out of the channel, or nobody may post there any more."""
    demo.vault.faults.add(Delay(0.3))
    ears = Ears(demo)
    await demo.slack.mention(user="alice", channel=CHANNEL, text=seed.CHOLECAP)
    if archived:
        demo.slack.archive(CHANNEL)
    else:
        demo.slack.remove_app(CHANNEL)
    assert FILM in answer_alone(demo, await ears.hear(), "alice", None).text


@over_http
@pytest.mark.parametrize(
    "reason", ["not_in_channel", "channel_not_found", "is_archived", "restricted_action"]
)
async def test_answer__where_the_app_may_no_longer_post_comes_directly(
    demo: DemoWorkspace, reason: str
) -> None:
    """The card is then the asker's own, as by the command."""
    demo.slack.faults.add("chat.postMessage", ApiError(reason))
    _, heard = await mention(demo, "alice", seed.CHOLECAP)
    card = answer_alone(demo, heard, "alice", None)
    assert card.text.startswith(f"{FILM}: Uploading, 31%")
    assert "(you)" in card.text
    assert "take_back" not in [one["action_id"] for one in buttons(card)]


@over_http
@pytest.mark.parametrize("words", ["list", f"watch {M5}"])
async def test_words__where_the_app_may_no_longer_post_are_answered_directly(
    demo: DemoWorkspace, words: str
) -> None:
    demo.slack.faults.add("chat.postMessage", ApiError("not_in_channel"))
    _, heard = await mention(demo, "alice", words)
    answer_alone(demo, heard, "alice", None)
    await ask(demo, "alice", "unwatch all")


@over_http
async def test_mention__of_an_app_that_is_not_there_reaches_nobody(demo: DemoWorkspace) -> None:
    demo.slack.remove_app(CHANNEL)
    delivery = await demo.slack.mention(user="alice", channel=CHANNEL, text=seed.CHOLECAP)
    assert delivery.refusal is not None
    assert delivery.answers == []


# Once


async def test_event__sent_again_is_answered_once(demo: DemoWorkspace) -> None:
    """Slack sends what was not acknowledged in time again, with the same id and another header or frame."""
    delivery, heard = await mention(demo, "alice", seed.CHOLECAP)
    ears = Ears(demo)
    for number, later in enumerate((1, 60, 300), start=1):
        demo.clock.advance(timedelta(seconds=later))
        retry = (number, "http_timeout")
        await demo.slack._dispatcher.send(delivery.kind, delivery.payload, delivery.user, retry)
    # Of the first two the bot knows before the ack, and begins nothing.
    assert await ears.hear(calls=1) == []
    assert len(heard) == 1


async def test_event__many_times_at_once_is_answered_once(demo: DemoWorkspace) -> None:
    delivery, _ = await mention(demo, "alice", "help")
    ears = Ears(demo)
    again = [{**delivery.payload, "event_id": "EvATONCE", "event_time": number} for number in range(8)]
    await asyncio.gather(*(deliver(demo, delivery.kind, one) for one in again))
    assert len(await ears.hear(calls=8)) == 1


async def test_events__without_an_id_are_answered_each(demo: DemoWorkspace) -> None:
    delivery, _ = await mention(demo, "alice", "help")
    nameless = {name: value for name, value in delivery.payload.items() if name != "event_id"}
    ears = Ears(demo)
    for number in range(2):
        await deliver(demo, delivery.kind, {**nameless, "event_time": number})
    assert len(await ears.hear(calls=2)) == 2


@pytest.mark.asyncio(loop_scope="function")
async def test_event__sent_again_to_another_replica_is_answered_once(
    postgres_url: str, tmp_path: Path
) -> None:
    async with two_replicas(postgres_url, tmp_path) as (demo, second):
        await demo.link("alice")
        delivery, heard = await mention(demo, "alice", seed.CHOLECAP)
        assert len(heard) == 1
        ears, done = Ears(demo), second.log_text().count('"event": "answered"')
        demo.slack.request_url = f"{second.url}/slack/events"
        for number in (1, 3):  # the last one is taken first, and looked at then
            retry = (number, "http_timeout")
            demo.clock.advance(timedelta(seconds=1))
            await demo.slack._dispatcher.send(delivery.kind, delivery.payload, delivery.user, retry)
        await until(lambda: second.log_text().count('"event": "answered"') > done, "the other one is done")
        assert ears.heard == []
        new = json.loads(json.dumps(delivery.payload)) | {"event_id": "EvNEW"}
        await deliver(demo, delivery.kind, new)
        await until(lambda: len(ears.heard) == 1, "the other one answers what is new")


# Who speaks, and how


@pytest.mark.parametrize("event", [{"bot_id": "B0OTHER"}, {"bot_id": "B0OTHER", "user": None}, {"user": ""}])
async def test_app__that_names_this_one_is_not_answered(
    demo: DemoWorkspace, event: dict[str, object]
) -> None:
    delivery, _ = await mention(demo, "alice", "help")
    content = {**delivery.payload["event"], **event}
    ears, done = Ears(demo), done_count(demo)
    await deliver(
        demo, delivery.kind, {**delivery.payload, "event": content, "event_id": f"Ev{hash(str(event))}"}
    )
    await mention(demo, "alice", "help")
    assert done_count(demo) == done + 1
    assert len(ears.heard) == 1


PASTED = {
    "em dash": seed.CHOLECAP.removesuffix("--") + "\u2014",
    "code": f"status `{seed.CHOLECAP}`",
    "code block": f"```{seed.CHOLECAP}```",
    "code block on lines of its own": f"\n```\n{seed.CHOLECAP}\n```",
    "bold": f"status *{seed.CHOLECAP}*",
    "quotes": f"“{seed.CHOLECAP}”",
    "auto-link": seed.CHOLECAP.replace("Sy.HnUj", "<http://Sy.HnUj|Sy.HnUj>"),
    "address": f"<https://HOST/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}>",
    "address with label": f"<https://HOST/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}|the film>",
    "full stop": f"status {seed.CHOLECAP}.",
    "spaces": f"\u00a0 status \u200b{seed.CHOLECAP} ",
    "vault": f"{seed.CHOLECAP} @promomats",
    "who reads along": f"status {seed.CHOLECAP} <@U0BOB> <!here>",
    "a line for the others": f"status {seed.CHOLECAP}\nThanks &amp; bye",
    "named twice": f"{AT_BOT} status {seed.CHOLECAP} {AT_BOT}",
    "colon": f": {seed.CHOLECAP}",
}


@over_http
@pytest.mark.parametrize("words", PASTED.values(), ids=PASTED)
async def test_words__as_slack_hands_them_on(demo: DemoWorkspace, words: str) -> None:
    typed = f"{AT_BOT} {words}".replace("HOST", demo.vault.vaults["promomats"].dns)
    delivery, heard = await raw_mention(demo, "alice", typed)
    assert FILM in public_answer(heard, delivery.message, None).text


@over_http
@pytest.mark.parametrize(
    "text",
    [
        f"<@U0BOB> {AT_BOT} status {seed.CHOLECAP}",
        f"Dear all, {AT_BOT} {seed.CHOLECAP}",
        f"status {seed.CHOLECAP} {AT_BOT}",
        f"{seed.CHOLECAP}, {AT_BOT}?",
        f"Dear all\nstatus {seed.CHOLECAP} {AT_BOT}",
        f"<@U0UPLOADS|vault_uploads> {seed.CHOLECAP}",
    ],
)
async def test_mention__need_not_come_first(demo: DemoWorkspace, text: str) -> None:
    delivery, heard = await raw_mention(demo, "alice", text)
    assert FILM in public_answer(heard, delivery.message, None).text


@over_http
async def test_mention__by_its_name_as_people_type_it(demo: DemoWorkspace) -> None:
    ears = Ears(demo)
    delivery = await demo.type("alice", f"@Vault Uploads status {seed.CHOLECAP}")
    assert delivery is not None
    assert FILM in public_answer(await ears.hear(), delivery.message, None).text
