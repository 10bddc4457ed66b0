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
from tests.acceptance.operating import link_states
from tests.acceptance.steps import ACK_LIMIT, PATIENCE, ask, calm, done_count, log_lines, until, workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(bot.__file__).parents[1]
ROOM, MOST_OF_ONE = 4, 2
LITTLE_ROOM = f"""
from bot.slack import room, rooms

rooms.MOST_ANSWERS, rooms.MOST_OF_ONE, rooms.MOST_REFUSALS = {ROOM}, {MOST_OF_ONE}, 1
rooms.MOST_EVENTS, rooms.EVENTS_AT_ONCE = 2, 1
room.PERIOD = 0.01
"""
"""Python runs a module of this name, `sitecustomize`, before anything else."""
BUSY = f"{Busy.what} {Busy.next_step}"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["http", "socket"])
async def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[DemoWorkspace]:
    """Alice, Bob and Vera linked to a bot that has room for few."""
    folder = tmp_path_factory.mktemp("narrow")
    (folder / "sitecustomize.py").write_text(LITTLE_ROOM)
    paths = {"PYTHONPATH": f"{folder}:{ROOT}"}
    async with workspace(
        "alice", "bob", "vera", socket_mode=request.param == "socket", settings=paths
    ) as demo:
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


class Waiting:
    """Commands that wait for Vault: one of each of these people, in this order. By default they take all the room."""

    def __init__(self, demo: DemoWorkspace, *people: str) -> None:
        self._demo, self._held, self._taken = demo, Held(), list[Delivery]()
        self._people = people or ("alice", "bob") * MOST_OF_ONE

    async def __aenter__(self) -> "Waiting":
        self._demo.vault.faults.add(self._held, times=None)
        for person in self._people:
            await self.join(person)
        return self

    async def join(self, person: str) -> None:
        """One more, who finds room."""
        there = self._demo.vault.calls()
        self._taken.append(await self._demo.slack.slash(user=person, text=seed.CHOLECAP))
        await until(lambda: self._demo.vault.calls() > there, f"{person}'s is under way")

    async def __aexit__(self, *_: object) -> None:
        """Vault answers: so does the bot, and there is room again."""
        self._demo.vault.faults.clear()
        self._held.let_go.set()
        for delivery in self._taken:
            answer = await delivery.answered(timeout=25)
            is_alices = delivery.user == self._demo.slack.workspace.user("alice").id
            assert ("31%" in answer.text) == is_alices
            assert answer.text != BUSY
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
    async with Waiting(demo):
        calls = demo.vault.calls()
        for text in (seed.CHOLECAP, "list", "nonsense"):
            delivery = await demo.slack.slash(user="bob", text=text)
            assert delivery.ack is not None
            assert delivery.ack.seconds < ACK_LIMIT
            [answer] = delivery.answers
            assert (answer.text, answer.via, answer.visible_to) == (BUSY, "ack", delivery.user)
        assert demo.vault.calls() == calls
        await until(lambda: turned_away(demo, "answers") == before + 3, "the log tells of them")


async def test_command__of_who_has_many_under_way_leaves_room_for_others(demo: DemoWorkspace) -> None:
    """While more than half of the places are taken, one person gets no more of them; all others do."""
    async with Waiting(demo, *["alice"] * (ROOM // 2 + 1)) as waiting:
        refused = await demo.slack.slash(user="alice", text="list")
        assert [(one.text, one.via) for one in refused.answers] == [(BUSY, "ack")]
        await waiting.join("bob")


async def test_click__beyond_the_room_is_answered_beside_its_card(
    demo: DemoWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While too many are being told even that, a click is not acknowledged, and so Slack tells the person that it
    failed; the log counts it, and all goes on."""
    card = await ask(demo, "alice", seed.CHOLECAP)

    async def press() -> Delivery:
        return await demo.slack.click(user="alice", message=card, action_id="refresh")

    before = turned_away(demo, "refusals")
    async with Waiting(demo):
        refused = await press()
        assert (await refused.answered()).text == BUSY
        assert refused.answers[0].key != card.key
        demo.slack.faults.add("response_url", Slow(5))
        late = await press()
        await until(lambda: demo.slack.faults.waiting("response_url") == 0, "the refusal is on its way")
        with monkeypatch.context() as short:
            # By websocket nothing says that no ack will come: Slack waits as long as it ever does, here as in truth.
            short.setattr(demo.slack._dispatcher, "_ack_limit", ACK_LIMIT)
            pressing = asyncio.create_task(press())
            await until(lambda: turned_away(demo, "refusals") == before + 1, "the log tells of it")
    assert (await late.answered()).text == BUSY
    unheard = await pressing
    assert [one.error for one in (refused, late)] == [None, None]
    assert unheard.error in ("dispatch_failed", "operation_timeout")
    assert unheard.answers == []


async def test_mention__beyond_the_room_is_answered_to_the_asker_alone(demo: DemoWorkspace) -> None:
    def told() -> int:
        return sum(message.text == BUSY for message in demo.slack.seen_by("bob", "dm"))

    before = told()
    async with Waiting(demo):
        delivery = await demo.slack.mention(user="bob", channel=CHANNEL, text=seed.BOB_ARCHIVE)
        assert delivery.attempts == ["ok"]
        await until(lambda: told() == before + 1, "Bob is told")
        assert delivery.answers == []


async def test_mention__that_finds_no_room_at_all_is_answered_when_it_comes_again(
    demo: DemoWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could even be told that the bot is busy, twice: that counts for nothing when Slack sends it again."""
    card = await ask(demo, "alice", seed.CHOLECAP)
    before, answered = turned_away(demo, "refusals"), done_count(demo)
    async with Waiting(demo):
        demo.slack.faults.add("response_url", Slow(8))
        late = await demo.slack.click(user="alice", message=card, action_id="refresh")
        await until(lambda: demo.slack.faults.waiting("response_url") == 0, "the refusal is on its way")
        with monkeypatch.context() as short:
            short.setattr(demo.slack._dispatcher, "_ack_limit", 0.5)
            delivery = await demo.slack.mention(user="alice", channel=CHANNEL, text=seed.CHOLECAP)
            async with asyncio.timeout(PATIENCE):
                while turned_away(demo, "refusals") < before + 2:
                    demo.clock.advance(timedelta(seconds=1))
                    await asyncio.sleep(0.1)
    assert (await late.answered()).text == BUSY
    async with asyncio.timeout(PATIENCE):
        while not delivery.answers:
            demo.clock.advance(timedelta(minutes=1))
            await asyncio.sleep(0.3)
    assert "31%" in delivery.answers[0].text
    assert delivery.attempts[-1] == "ok"
    assert len(delivery.attempts) > 2, "it was not taken at first, and not when it came again"
    # Four commands and the one after them, the click, the mention.
    await until(lambda: done_count(demo) == answered + ROOM + 3, "all is done")
    assert len(delivery.answers) == 1


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


async def test_departure__is_dealt_with_beside_a_flood_of_previews(demo: DemoWorkspace) -> None:
    """Links that anybody may post take all the room of events, and what a leaver has linked is forgotten meanwhile."""
    vera = demo.slack.workspace.user("vera").id
    assert (await link_states(demo))[vera] == "active"

    def forgotten() -> bool:
        return any(
            line["event"] == "event dealt with" and line["kind"] == "user_change" for line in log_lines(demo)
        )

    before = turned_away(demo, "events")
    demo.slack.faults.add("chat.unfurl", Slow(5), times=50)
    link = f"{demo.vault.vaults[seed.PROMOMATS].url}/api/v24.3/services/file_staging/upload/{seed.CHOLECAP}"
    posting = [asyncio.create_task(demo.slack.say("bob", CHANNEL, f"{link}?{number}")) for number in range(4)]
    try:
        await until(lambda: turned_away(demo, "events") > before, "there is no room for events")
        left = await demo.slack.deactivate("vera")
        assert left.attempts == ["ok"]
        await until(forgotten, "the person who left is forgotten")
        assert vera not in await link_states(demo)
    finally:
        demo.slack.faults.clear()
        for one in posting:
            one.cancel()
