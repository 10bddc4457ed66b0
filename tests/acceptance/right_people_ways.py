"""The ways in which people come to see something of Vault's, each as one function."""

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from bot.demo.slack.messages import Message, elements_of
from bot.demo.slack.views import View
from tests.acceptance.right_people_world import Marked, World
from tests.acceptance.steps import buttons, until
from tests.acceptance.talking_steps import forged_click

Act = Callable[[World, str, Marked, str], Awaitable[Message | View | None]]
"""Somebody does something about an upload somewhere; returned is what shows it to whoever may see it."""
AnyAct = TypeVar("AnyAct", bound=Act)
ACTS: dict[str, Act] = {}
LAST = ["abort", "others_delete", "unlink", "link_ends"]
"""Ways that end something."""


def way(act: AnyAct) -> AnyAct:
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
    return world.newest(place.id)


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
async def _others_delete(world: World, person: str, one: Marked, _: str) -> None:
    cards = world.public(person, "take_back")
    if cards:
        card = cards[int(one.id[:4], 16) % len(cards)]
        with suppress(LookupError):
            await world.step(world.demo.slack.click(user=person, message=card, action_id="take_back"))


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
        await world.step(world.demo.slack.submit_view(person, {"place": {"place": "here"}}))


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
        await until(lambda: bool(world.now(message).attachments), "there is a card below the link")
        delivery = await world.step(
            demo.slack.click(user=person, message=world.now(message), action_id="refresh")
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


@way
async def _link_ends(world: World, person: str, _: Marked, __: str) -> None:
    """Vault takes back the access tokens of whoever the person is linked as."""
    for vault_user in {user for (name, _), user in world.linked.items() if name == person}:
        world.demo.vault.revoke_tokens(vault_user)
        world.ended(vault_user)


async def _press_all(world: World, person: str, one: Marked, action_id: str) -> None:
    """The button on the newest cards of others that the person sees, those about this upload before all."""
    cards = world.public(person, action_id)
    about = [card for card in cards if one.id in json.dumps(list(card.blocks))]
    for card in (about or cards)[-2:]:
        current = world.demo.slack.message(card.key)
        if current is None or not _has(current, action_id):
            continue
        # A card that is drawn anew at this very moment has other block ids: then nobody has pressed anything.
        with suppress(LookupError):
            block_id = _block(current, action_id, one.id)
            click = world.demo.slack.click(
                user=person, message=current, action_id=action_id, block_id=block_id
            )
            await world.step(click)
        world.demo.slack._views.clear(world.demo.slack.workspace.user(person).id)


def _pressing(action_id: str) -> Act:
    async def act(world: World, person: str, one: Marked, _: str) -> None:
        await _press_all(world, person, one, action_id)

    return act


for _action_id in ("refresh", "details", "live", "unwatch"):
    ACTS[f"others_{_action_id}"] = _pressing(_action_id)


def _elements(what: Message | View) -> list[tuple[str, dict[str, Any]]]:
    return [(str(block["block_id"]), one) for block in what.blocks for one in elements_of(block)]


def _has(what: Message | View, action_id: str) -> bool:
    return any(one.get("action_id") == action_id for _, one in _elements(what))


def _block(what: Message | View, action_id: str, upload_id: str = "") -> str:
    found = [(block, one) for block, one in _elements(what) if one.get("action_id") == action_id]
    return next((block for block, one in found if upload_id in one.get("value", "")), found[0][0])
