"""Random people, links, uploads and ways to ask, one after the other and all at once: nothing of Vault's reaches anyone
who neither could read it nor was where somebody who could chose to show it. The oracle is Vault's own rule."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.demo.slack.messages import Message
from bot.demo.workspace import CHANNEL
from tests.acceptance.live_steps import quick
from tests.acceptance.reminder_steps import MINUTE, SECOND, at_a_moment, jump
from tests.acceptance.right_people_ways import ACTS, LAST
from tests.acceptance.right_people_world import PRIVATE, VAULTS, WITHOUT_APP, Marked, World
from tests.acceptance.steps import ask, done_count, link_by_token, shown, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = ("alice", "bob", "vera", "nils", "gina")
LINKABLE = ("alice", "bob", "vera", "nils")
VAULT_PEOPLE = ("alice", "bob", "vera")
PLACES = (CHANNEL, PRIVATE, WITHOUT_APP)
TURN = 15 * SECOND
"""Long enough for the edits of live cards to have their turns."""

links = st.dictionaries(
    st.tuples(st.sampled_from(LINKABLE), st.sampled_from(VAULTS)),
    st.sampled_from(VAULT_PEOPLE),
    min_size=2,
    max_size=5,
)
owners = st.lists(st.tuples(st.sampled_from(VAULT_PEOPLE), st.sampled_from(VAULTS)), min_size=2, max_size=4)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Anybody may link as anybody, and all that the bot can do is switched on; time is ours."""
    chosen = {**quick(tmp_path_factory.mktemp("quick")), "LINK_ANY_EMAIL": "true", "ALLOW_ABORT": "true"}
    async with at_a_moment(settings=chosen) as demo:
        demo.slack.invite_app(PRIVATE)
        yield World(demo)


acts = st.lists(
    st.tuples(
        st.sampled_from(PEOPLE), st.sampled_from(sorted(ACTS)), st.integers(0, 3), st.sampled_from(PLACES)
    ),
    min_size=24,
    max_size=30,
)


@given(linked=links, owned=owners, asked=acts, number=st.integers(0, 10**6))
@settings(
    max_examples=16,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # to look for a shorter example would take many minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_right_people__whatever_is_done_wherever(
    world: World,
    linked: dict[tuple[str, str], str],
    owned: list[tuple[str, str]],
    asked: list[tuple[str, str, int, str]],
    number: int,
) -> None:
    demo = world.demo
    world.allow_all_tokens()
    for person in LINKABLE:
        await ask(demo, person, "unlink all", channel="dm")
    for (person, vault), as_user in linked.items():
        assert (await link_by_token(demo, person, vault=vault, as_user=as_user)).status_code == 200
    world.begin(linked, owned, number % 1000)
    try:
        for half in (asked[: len(asked) // 2], asked[len(asked) // 2 :]):
            for person, name, which, where in half:
                one = world.marked[which % len(world.marked)]
                await _do(world, name, person, one, where)
                demo.clock.advance(11 * SECOND)
            # What moves shows itself in live cards, homes and reminders.
            for one in world.marked:
                if world.is_there(one):
                    demo.vault.send_part(one.id)
            await jump(demo, 6 * MINUTE)
            await jump(demo, TURN)
            world.check()
        await _all_at_once(world)
        for one in world.marked[::2]:
            if world.is_there(one):
                demo.vault.finish_bytes(one.id)
        await jump(demo, 6 * MINUTE)
    finally:
        world.end()
    await jump(demo, 6 * MINUTE)
    await jump(demo, TURN)
    world.check()


async def _do(world: World, name: str, person: str, one: Marked, where: str) -> None:
    may, there = world.may(person, one), world.is_there(one)
    world.demo.slack._views.clear(world.demo.slack.workspace.user(person).id)
    answer = await ACTS[name](world, person, one, where)
    world.check()
    if answer is None or not there:
        return
    told = (
        shown(answer) if isinstance(answer, Message) else json.dumps(list(answer.blocks), ensure_ascii=False)
    )
    if may and person != "gina":
        assert one.name in told or name in ("list", "mention_list", "share"), f"{name}: {told[:500]}"
    elif name != "share":
        assert one.name not in told, f"{name} told {person}"


async def _all_at_once(world: World) -> None:
    """Everybody asks for everything at the same moment."""
    demo, done = world.demo, done_count(world.demo)
    asking = [
        demo.slack.slash(user=person, channel="dm", text=one.id) for person in PEOPLE for one in world.marked
    ]
    deliveries = await asyncio.gather(*asking)
    await until(lambda: done_count(demo) >= done + len(asking), "the bot is done")
    assert all(len(delivery.answers) == 1 for delivery in deliveries)
    world.check()


async def test_right_people__each_way_shows_the_right_one_what_it_should(world: World) -> None:
    """No way is right merely because nobody is told anything by it; and Bob, who may see nothing, uses each as well."""
    demo = world.demo
    world.allow_all_tokens()
    for person in LINKABLE:
        await ask(demo, person, "unlink all", channel="dm")
    for person in ("alice", "bob"):
        assert (await link_by_token(demo, person)).status_code == 200
    linked = {("alice", VAULTS[0]): "alice", ("bob", VAULTS[0]): "bob"}
    world.begin(linked, [("alice", VAULTS[0])], 1500)
    (one,) = world.marked
    silent = set()
    try:
        for name in [each for each in ACTS if each not in LAST] + LAST:
            for person in ("alice", "bob"):
                demo.slack._views.clear(demo.slack.workspace.user(person).id)
                before = len(world.shown)
                answer = await ACTS[name](world, person, one, CHANNEL)
                world.check()
                told = "".join(each.text for each in world.shown[before:])
                if person == "alice" and one.name not in told:
                    silent.add(name)
                if person == "bob" and answer is not None and name != "share":
                    assert one.name not in json.dumps(list(answer.blocks)), name
                demo.clock.advance(11 * SECOND)
        assert not world.is_there(one)
        await jump(demo, TURN)
    finally:
        world.end()
    await jump(demo, 6 * MINUTE)
    world.check()
    assert silent <= {"others_delete", "unlink", "link_ends"}
