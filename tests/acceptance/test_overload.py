"""More than the bot can answer in time: whoever comes then hears at once that it is busy, and nothing breaks."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

import bot
from bot.demo.slack.delivery import Delivery
from bot.demo.slack.faults import Slow
from bot.demo.vault import seed
from bot.demo.vault.calls import Answer
from bot.demo.vault.faults import Fault
from bot.demo.workspace import CHANNEL, DemoWorkspace
from bot.model.errors import Busy
from tests.acceptance.steps import ACK_LIMIT, ask, calm, log_lines, until, workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(bot.__file__).parents[1]
ROOM = 3
LITTLE_ROOM = f"""
from bot.slack import room, work

work.MOST_ANSWERS, work.MOST_REFUSALS, work.MOST_EVENTS, work.EVENTS_AT_ONCE = {ROOM}, 1, 2, 1
room.PERIOD = 0.01
"""
"""Python runs a module of this name, `sitecustomize`, before anything else."""
BUSY = f"{Busy.what} {Busy.next_step}"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["http", "socket"])
async def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[DemoWorkspace]:
    """Alice and Bob linked to a bot that has room for few."""
    folder = tmp_path_factory.mktemp("narrow")
    (folder / "sitecustomize.py").write_text(LITTLE_ROOM)
    paths = {"PYTHONPATH": f"{folder}:{ROOT}"}
    async with workspace("alice", "bob", socket_mode=request.param == "socket", settings=paths) as demo:
        yield demo


@pytest.fixture
def demo(shared: DemoWorkspace) -> DemoWorkspace:
    """The module's workspace, free of faults."""
    calm(shared)
    return shared


class Held(Fault):
    """Vault answers nobody until it is let go."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()

    async def before(self) -> Answer | None:
        """Wait."""
        await self.let_go.wait()
        return None


class Full:
    """All the room there is, taken by commands of Alice's that wait for Vault."""

    def __init__(self, demo: DemoWorkspace) -> None:
        self._demo, self._held, self._taken = demo, Held(), list[Delivery]()

    async def __aenter__(self) -> None:
        demo = self._demo
        demo.vault.faults.add(self._held, times=None)
        there = demo.vault.calls()
        for _ in range(ROOM):
            self._taken.append(await demo.slack.slash(user="alice", text=seed.CHOLECAP))
        await until(lambda: demo.vault.calls() == there + ROOM, "all are under way")

    async def __aexit__(self, *_: object) -> None:
        """Vault answers: so does the bot, and there is room again."""
        self._demo.vault.faults.clear()
        self._held.let_go.set()
        for delivery in self._taken:
            assert "31%" in (await delivery.answered(timeout=25)).text
            assert len(delivery.answers) == 1
        assert "31%" in (await ask(self._demo, "alice", seed.CHOLECAP)).text


def turned_away(demo: DemoWorkspace, what: str) -> int:
    """How many the log has told of."""
    return sum(
        line["turned_away"]
        for line in log_lines(demo)
        if line["event"] == "no room: turned away" and line["what"] == what and line["level"] == "warning"
    )


async def test_command__beyond_the_room_is_answered_in_its_ack(demo: DemoWorkspace) -> None:
    """At once, for the asker alone, without a question to Vault."""
    before = turned_away(demo, "answers")
    async with Full(demo):
        calls = demo.vault.calls()
        for text in (seed.CHOLECAP, "list", "nonsense"):
            delivery = await demo.slack.slash(user="bob", text=text)
            assert delivery.ack is not None
            assert delivery.ack.seconds < ACK_LIMIT
            [answer] = delivery.answers
            assert (answer.text, answer.via, answer.visible_to) == (BUSY, "ack", delivery.user)
        assert demo.vault.calls() == calls
        await until(lambda: turned_away(demo, "answers") == before + 3, "the log tells of them")


async def test_click__beyond_the_room_is_answered_beside_its_card(demo: DemoWorkspace) -> None:
    """While too many are being told even that, a click is only acknowledged; the log counts it, and all goes on."""
    card = await ask(demo, "alice", seed.CHOLECAP)

    async def press() -> Delivery:
        delivery = await demo.slack.click(user="alice", message=card, action_id="refresh")
        assert delivery.error is None
        return delivery

    before = turned_away(demo, "refusals")
    async with Full(demo):
        refused = await press()
        assert (await refused.answered()).text == BUSY
        assert refused.answers[0].key != card.key
        demo.slack.faults.add("response_url", Slow(2))
        late = await press()
        await until(lambda: demo.slack.faults.waiting("response_url") == 0, "the refusal is on its way")
        unheard = await press()
        await until(lambda: turned_away(demo, "refusals") == before + 1, "the log tells of it")
        assert (await late.answered()).text == BUSY
    assert unheard.answers == []


async def test_mention__beyond_the_room_is_answered_to_the_asker_alone(demo: DemoWorkspace) -> None:
    def told() -> int:
        return sum(message.text == BUSY for message in demo.slack.seen_by("bob", "dm"))

    before = told()
    async with Full(demo):
        delivery = await demo.slack.mention(user="bob", channel=CHANNEL, text=seed.BOB_ARCHIVE)
        assert delivery.attempts == ["ok"]
        await until(lambda: told() == before + 1, "Bob is told")
        assert delivery.answers == []


async def test_event__beyond_the_room_stays_with_slack(
    demo: DemoWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not acknowledged, so that Slack sends it again: at once, and after a minute. None is lost."""
    # By websocket nothing says that no ack will come: Slack waits as long as it ever does, tests let it wait longer.
    monkeypatch.setattr(demo.slack._dispatcher, "_ack_limit", ACK_LIMIT)
    demo.slack.faults.add("chat.unfurl", Slow(3))
    link = f"{demo.vault.vaults[seed.PROMOMATS].url}/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}"

    def dealt_with() -> int:
        return sum(line["event"] == "event dealt with" for line in log_lines(demo))

    before = dealt_with()
    posting = [asyncio.create_task(demo.slack.say("bob", CHANNEL, f"{link}?{number}")) for number in range(4)]
    await until(lambda: turned_away(demo, "events") >= 2, "some find no room")
    await until(lambda: dealt_with() >= before + 2, "those that found room are dealt with")
    posted = [await one for one in posting]
    async with asyncio.timeout(25):
        while dealt_with() < before + 4:
            demo.clock.advance(timedelta(minutes=1))
            await asyncio.sleep(0.3)
    assert all((now := demo.slack.message(one.key)) and now.attachments for one in posted)
