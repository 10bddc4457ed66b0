"""The app's direct messages: what Slack lets people do there, and what they are told when they first look."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.demo.slack import ApiError, ServerError
from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.steps import NOT_VISIBLE, Traffic, ask, calm, log_lines, shown, until, workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")

WELCOME = "Here I write to you"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["http", "socket"])
async def demo(request: pytest.FixtureRequest) -> AsyncIterator[DemoWorkspace]:
    async with workspace("alice", socket_mode=request.param == "socket") as one:
        yield one


@pytest.fixture(autouse=True)
def calmed(demo: DemoWorkspace) -> None:
    calm(demo)


def welcomes(demo: DemoWorkspace, person: str) -> list[str]:
    """The messages that say what the direct messages are for."""
    return [message.text for message in demo.slack.seen_by(person, "dm") if WELCOME in message.text]


def dealt_with(demo: DemoWorkspace) -> int:
    """How many events the bot has seen through, by its own log."""
    return sum(line["event"] == "event dealt with" for line in log_lines(demo))


async def looked(demo: DemoWorkspace, person: str) -> None:
    """Open the tab; returns when the bot is done with it."""
    done = dealt_with(demo)
    await demo.slack.open_home(person, "messages")
    await until(lambda: dealt_with(demo) > done, "the bot is done")


async def test_tab__says_what_it_is_for_the_first_time(demo: DemoWorkspace) -> None:
    traffic = Traffic(demo)
    # Bob has no link, and Alice has.
    for person in ("alice", "bob"):
        await looked(demo, person)
        [told] = welcomes(demo, person)
        assert "/upload-status works here too" in told
        assert "What else you write here I cannot read" in told
        await looked(demo, person)
        assert len(welcomes(demo, person)) == 1
    assert traffic.vault_calls == 0


@pytest.mark.parametrize("fault", [ServerError(503), ApiError("internal_error")], ids=["down", "trouble"])
async def test_tab__slack_takes_nothing_just_then(demo: DemoWorkspace, fault: ServerError | ApiError) -> None:
    person = {"ServerError": "vera", "ApiError": "nils"}[type(fault).__name__]
    demo.slack.faults.add("chat.postMessage", fault)
    await demo.slack.open_home(person, "messages")
    await until(lambda: len(welcomes(demo, person)) == 1, "the welcome came")


async def test_command__in_the_apps_direct_messages(demo: DemoWorkspace) -> None:
    answer = await ask(demo, "alice", seed.ALICE_MOVING, channel="dm")
    assert answer.channel == "D0ALICE"
    assert "m5-datasets.zip" in shown(answer)
    assert NOT_VISIBLE in (await ask(demo, "alice", "0" * 32, channel="dm")).text


async def test_words__stay_unread(demo: DemoWorkspace) -> None:
    """People may write there, or Slack would take no command either; no event tells the app of it."""
    before = len(demo.bot.log_text())
    said = await demo.slack.say("alice", "dm", seed.ALICE_MOVING)
    answer = await ask(demo, "alice", "help", channel="dm")
    assert [message.key for message in demo.slack.seen_by("alice", "dm")][-2:] == [said.key, answer.key]
    assert demo.bot.log_text()[before:].count('"event": "answered"') == 1
    assert "message.im" not in demo.slack.app.events
