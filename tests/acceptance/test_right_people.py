"""Random people, links, uploads and ways to ask, one after the other and all at once: nothing of Vault's reaches anyone
who neither could read it nor was where somebody who could chose to show it. The oracle is Vault's own rule."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.demo.slack.messages import Message, elements_of
from bot.demo.slack.views import View
from bot.demo.workspace import CHANNEL
from tests.acceptance.live_steps import quick
from tests.acceptance.reminder_steps import MINUTE, SECOND, at_a_moment, jump
from tests.acceptance.right_people_world import PRIVATE, VAULTS, WITHOUT_APP, Marked, World
from tests.acceptance.steps import ask, buttons, done_count, link_by_token, shown, until
from tests.acceptance.talking_steps import forged_click

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

Act = Callable[[World, str, Marked, str], Awaitable[Message | View | None]]
"""Somebody does something about an upload somewhere; returned is what shows it to whoever may see it."""
ACTS: dict[str, Act] = {}
met: Counter[str] = Counter()
"""How often each way has shown somebody what they may see: none of them is right by silence alone."""


def way(act: Act) -> Act:
    """One way to ask."""
    ACTS[act.__name__.strip("_")] = act
    return act


@way
async def _command(world: World, person: str, one: Marked, where: str) -> Message | None:
    delivery = await world.step(
        world.demo.slack.slash(user=person, channel=world.place(person, where).id, text=one.id)
    )
    return delivery.answers[0]


@way
async def _list(world: World, person: str, one: Marked, where: str) -> Message | None:
    place = world.place(person, where).id
    delivery = await world.step(world.demo.slack.slash(user=person, channel=place, text=f"list {one.vault}"))
    return delivery.answers[0]


@way
async def _share(world: World, person: str, one: Marked, where: str) -> Message | None:
    """By the word."""
    place = world.place(person, where)
    world.discloses(person, place, one)
    await world.step(world.demo.slack.slash(user=person, channel=place.id, text=f"{one.id} share"))
    return _last_public(world, place.id)


@way
async def _share_button(world: World, person: str, one: Marked, where: str) -> None:
    """On a card that they alone see."""
    place = world.place(person, where)
    delivery = await world.step(world.demo.slack.slash(user=person, channel=place.id, text=one.id))
    if any(button["action_id"] == "share" for button in buttons(delivery.answers[0])):
        world.discloses(person, place, one)
        await world.step(world.demo.slack.click(user=person, message=delivery.answers[0], action_id="share"))


async def _mentioned(
    world: World, person: str, words: str, where: str, thread: Message | None = None
) -> Message | None:
    place = world.place(person, where)
    delivery = await world.step(
        world.demo.slack.mention(user=person, channel=place.id, text=words, in_thread_of=thread)
    )
    return delivery.answers[0] if delivery.answers else None


@way
async def _mention(world: World, person: str, one: Marked, where: str) -> Message | None:
    world.discloses(person, world.place(person, where), one)
    return await _mentioned(world, person, one.id, where)


@way
async def _mention_in_thread(world: World, person: str, one: Marked, where: str) -> Message | None:
    place = world.place(person, where)
    root = await world.demo.slack.say(person, place.id, "How far is it?")
    await world.demo.slack.say(person, place.id, "I mean:", root)
    world.discloses(person, place, one)
    return await _mentioned(world, person, f"status {one.id}", where, root)


@way
async def _mention_list(world: World, person: str, one: Marked, where: str) -> Message | None:
    world.discloses(person, world.place(person, where))
    return await _mentioned(world, person, f"list {one.vault}", where)


@way
async def _mention_watch(world: World, person: str, one: Marked, where: str) -> Message | None:
    world.discloses(person, world.place(person, where), one)
    return await _mentioned(world, person, f"watch {one.id} here", where)


@way
async def _watch(world: World, person: str, one: Marked, where: str) -> Message | None:
    """For themselves."""
    place = world.place(person, where).id
    delivery = await world.step(
        world.demo.slack.slash(user=person, channel=place, text=f"watch {one.id} 48h")
    )
    return delivery.answers[0]


@way
async def _watch_here(world: World, person: str, one: Marked, where: str) -> Message | None:
    place = world.place(person, where)
    world.discloses(person, place, one)
    await world.step(world.demo.slack.slash(user=person, channel=place.id, text=f"watch {one.id} here"))
    return None


@way
async def _message_shortcut(world: World, person: str, one: Marked, where: str) -> Message | None:
    """On somebody else's message, which also names an upload of their own."""
    place, other = world.place(person, where), world.marked[-1]
    message = await world.demo.slack.say("alice", world.place("alice", place.id).id, f"{one.id} {other.id}")
    if message.key not in {seen.key for seen in world.demo.slack.seen_by(person)}:
        return None
    delivery = await world.step(world.demo.slack.message_shortcut(person, message, "check_upload"))
    return delivery.answers[0]


@way
async def _my_uploads(world: World, person: str, one: Marked, _: str) -> View | None:
    """The modal, a search in it by the beginning of a name, and Details of what is found."""
    demo = world.demo
    await world.step(demo.slack.shortcut(person, "my_uploads"))
    modal = demo.slack.modal(person)
    if modal is None or not _has(modal, "search"):
        return None
    await world.step(
        demo.slack.click(
            user=person, view=modal, action_id="search", option=one.name.removesuffix(".bin")[:14]
        )
    )
    found = demo.slack.modal(person)
    assert found is not None
    if _has(found, "details"):
        await world.step(demo.slack.click(user=person, view=found, action_id="details"))
    return found


@way
async def _details(world: World, person: str, one: Marked, _: str) -> View | None:
    """From a button of their client's own making, where the upload is somebody else's."""
    cards = world.public(person, "details")
    if not cards:
        return None
    value = json.dumps({"u": one.id, "v": one.host})
    await world.step(forged_click(world.demo, person, cards[-1], "details", value))
    return world.demo.slack.modal(person)


@way
async def _abort(world: World, person: str, one: Marked, where: str) -> View | None:
    """Details, then the form with the name typed rightly by who knows it."""
    demo = world.demo
    view = await _details(world, person, one, where)
    if view is None or not _has(view, "abort"):
        return None
    await world.step(demo.slack.click(user=person, view=view, action_id="abort"))
    form = demo.slack.modal(person)
    assert form is not None
    if form.submit is not None and (person, one.id) in world.could:
        await world.step(
            demo.slack.submit_view(person, {"name": {"name": one.name}, "reason": {"reason": "Wrong file."}})
        )
    return None


@way
async def _others_refresh(world: World, person: str, _: Marked, __: str) -> None:
    await _press_all(world, person, "refresh")


@way
async def _others_details(world: World, person: str, _: Marked, __: str) -> None:
    await _press_all(world, person, "details")


@way
async def _others_live(world: World, person: str, _: Marked, __: str) -> None:
    await _press_all(world, person, "live")


@way
async def _others_delete(world: World, person: str, one: Marked, _: str) -> None:
    cards = world.public(person, "take_back")
    if cards:
        card = cards[int(one.id[:4], 16) % len(cards)]
        await world.step(world.demo.slack.click(user=person, message=card, action_id="take_back"))


@way
async def _others_stop(world: World, person: str, _: Marked, __: str) -> None:
    await _press_all(world, person, "unwatch")


@way
async def _others_watch(world: World, person: str, one: Marked, where: str) -> None:
    """By the form on somebody's card, to be told where the card is."""
    cards = [card for card in world.public(person, "watch") if one.id in json.dumps(list(card.blocks))]
    if not cards:
        return
    place = world.demo.slack.workspace.channels[cards[-1].channel]
    await world.step(world.demo.slack.click(user=person, message=cards[-1], action_id="watch"))
    if world.demo.slack.modal(person) is not None:
        if not place.is_im:
            world.discloses(person, place, one)
        await world.step(world.demo.slack.submit_view(person, {"place": {"place": "here"}} if place else {}))


@way
async def _forged(world: World, person: str, one: Marked, _: str) -> None:
    """All that a client can make of the buttons it has seen."""
    cards = world.public(person, "refresh")
    if not cards:
        return
    card = cards[-1]
    seen = json.loads(next(each["value"] for each in buttons(card) if each["action_id"] == "refresh"))
    for action_id in ("refresh", "share", "live", "take_back"):
        if action_id == "share" and not world.demo.slack.workspace.channels[card.channel].is_im:
            world.discloses(person, world.demo.slack.workspace.channels[card.channel], one)
        value = json.dumps({**seen, "u": one.id, "v": one.host, "by": seen.get("by", "")})
        await world.step(forged_click(world.demo, person, card, action_id, value))


@way
async def _unfurl(world: World, person: str, one: Marked, where: str) -> Message | None:
    """A link by somebody, and “Check as me” below it."""
    demo = world.demo
    place = world.place(person, where)
    if place.shows_to(demo.slack.workspace.user("alice")):
        message = await demo.slack.say("alice", place.id, f"look at {one.address}")
        await until(lambda: bool(_now(world, message).attachments), "there is a card below the link")
        delivery = await world.step(
            demo.slack.click(user=person, message=_now(world, message), action_id="refresh")
        )
        return delivery.answers[0]
    return None


@way
async def _home(world: World, person: str, _: Marked, __: str) -> None:
    """Opened, refreshed, and the first upload there shown in Details."""
    demo = world.demo
    await world.step(demo.slack.open_home(person))
    for action_id in ("refresh", "details"):
        home = demo.slack.home(person)
        if home is not None and _has(home, action_id):
            await world.step(
                demo.slack.click(
                    user=person, view=home, action_id=action_id, block_id=_block(home, action_id)
                )
            )


@way
async def _unlink(world: World, person: str, _: Marked, __: str) -> None:
    await world.step(world.demo.slack.slash(user=person, channel="dm", text="unlink all"))
    if person != "gina":
        world.unlinked(person)


async def _press_all(world: World, person: str, action_id: str) -> None:
    """The button on the newest cards of others that the person sees."""
    for card in world.public(person, action_id)[-2:]:
        await world.step(
            world.demo.slack.click(
                user=person, message=card, action_id=action_id, block_id=_block(card, action_id)
            )
        )
        world.demo.slack._views.clear(world.demo.slack.workspace.user(person).id)


def _elements(what: Message | View) -> list[tuple[str, dict[str, Any]]]:
    return [(str(block["block_id"]), one) for block in what.blocks for one in elements_of(block)]


def _has(what: Message | View, action_id: str) -> bool:
    return any(one.get("action_id") == action_id for _, one in _elements(what))


def _block(what: Message | View, action_id: str) -> str:
    return next(block for block, one in _elements(what) if one.get("action_id") == action_id)


def _now(world: World, message: Message) -> Message:
    found = world.demo.slack.message(message.key)
    assert found is not None
    return found


def _last_public(world: World, channel: str) -> Message | None:
    found = [each for each in world.demo.slack.messages if each.channel == channel and not each.is_ephemeral]
    return found[-1] if found else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Anybody may link as anybody, and all that the bot can do is switched on; time is ours."""
    folder: Path = tmp_path_factory.mktemp("quick")
    chosen = {**quick(folder), "LINK_ANY_EMAIL": "true", "ALLOW_ABORT": "true"}
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
    max_examples=8,
    deadline=None,
    derandomize=True,
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
        met[name] += one.name in told
    elif name not in ("share",):
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


async def test_right_people__every_way_has_shown_somebody_something() -> None:
    """Runs after the other: no way was right merely because nobody was told anything."""
    silent = {"share_button", "watch_here", "abort", "home", "unlink", "forged"}
    expected = {name for name in ACTS if name not in silent and not name.startswith("others_")}
    assert expected - set(met) == set()
