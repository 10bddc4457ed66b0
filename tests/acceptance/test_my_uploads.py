"""The global shortcut: one's uploads in a modal, searched, turned over and looked into, with one's own rights."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from bot.demo.slack import ApiError
from bot.demo.slack.views import View
from bot.demo.vault import seed
from bot.demo.vault.calls import Kind
from bot.demo.vault.faults import Delay, Maintenance
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.modal_steps import block_with, buttons_of, modal_after, press, read, stack
from tests.acceptance.steps import Traffic, ask, calm, done_count, until, workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")

Search = Callable[[DemoWorkspace, str, View, str], Awaitable[View]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    """Alice is linked to both Vaults, Bob and Vera to one."""
    async with workspace("alice", "bob", "vera") as demo:
        await demo.link("alice", "quality")
        await ask(demo, "alice", "link promomats")
        yield demo


@pytest.fixture
def demo(shared: DemoWorkspace) -> DemoWorkspace:
    """The module's workspace, free of faults, with no modal open."""
    calm(shared)
    for person in ("alice", "bob", "vera", "nils"):
        shared.slack._views.clear(shared.slack.workspace.user(person).id)
    return shared


async def my_uploads(demo: DemoWorkspace, person: str) -> View:
    """Use the shortcut; return the modal once it is filled."""
    done = done_count(demo)
    delivery = await demo.slack.shortcut(person, "my_uploads")
    return await modal_after(demo, delivery, done, 2)


async def enter(demo: DemoWorkspace, person: str, modal: View, query: str) -> View:
    """Type into the search and press Enter."""
    return await press(demo, person, modal, "search", views=1, option=query)


async def press_search(demo: DemoWorkspace, person: str, modal: View, query: str) -> View:
    """Type into the search and press the modal's own button."""
    done = done_count(demo)
    field = modal.blocks[0]["block_id"]
    delivery = await demo.slack.submit_view(person, {field: {"search": query}})
    assert "Looking…" in read(await delivery.shown())
    return await modal_after(demo, delivery, done, 2)


def listed(modal: View) -> list[str]:
    """The names of the uploads, in order."""
    sections = [block for block in modal.blocks if block["type"] == "section" and "accessory" in block]
    return [str(block["text"]["text"]).partition("\n")[0].strip("*`") for block in sections]


def typed(modal: View) -> str:
    """What stands in the search."""
    (block,) = [one for one in modal.blocks if one["type"] == "input"]
    return str(modal.state[block["block_id"]]["search"]["value"] or "")


async def test_my_uploads__are_all_of_ones_own_the_most_urgent_first(demo: DemoWorkspace) -> None:
    traffic = Traffic(demo)
    modal = await my_uploads(demo, "alice")
    names = listed(modal)
    assert names[0] == "Launch-Film-Master-4K.mov"
    assert set(names) > {"Cholecap-Commercial-2021.mp4", "Site-Audit-Recordings.zip", "label set.pdf"}
    assert len(names) == len(set(names)) == 9
    assert "Your uploads: 9" in read(modal)
    assert "31%  ·  10.0 MB of 31.3 MB  ·  2 parts  ·  expires in 71 h  ·  Vault: promomats" in read(modal)
    assert "Vault: quality" in read(modal)
    assert "owner" not in read(modal)
    assert traffic.vault_calls == 2
    assert traffic.slack_calls[0].endswith("views.open")


async def test_my_uploads__open_before_vault_has_answered(demo: DemoWorkspace) -> None:
    slow = demo.vault.faults.add(Delay(1.0), times=None)
    delivery = await demo.slack.shortcut("alice", "my_uploads")
    assert read(await delivery.shown()) == "Looking…"
    demo.vault.faults.remove(slow)
    assert len(listed(await delivery.shown(count=2))) == 9


async def test_my_uploads__of_bob_are_not_alices_and_veras_are_everybodys(demo: DemoWorkspace) -> None:
    bobs = await my_uploads(demo, "bob")
    assert set(listed(bobs)) == {"archive.tar.gz", "Episode-07-raw.wav", "Poster-A0-proof.tif"}
    assert listed(await enter(demo, "bob", bobs, "Cholecap")) == []
    veras = await my_uploads(demo, "vera")
    assert "Uploads you can see: 12 (page 1 of 2)" in read(veras)
    found = await enter(demo, "vera", veras, "poster")
    assert listed(found) == ["Poster-A0-proof.tif"]
    assert "owner: Vault user 10001522" in read(found)


@pytest.mark.parametrize("find", [enter, press_search], ids=["Enter", "Search"])
async def test_search__by_name_path_or_id_and_back_to_all(demo: DemoWorkspace, find: Search) -> None:
    modal = await my_uploads(demo, "alice")
    for query, names in (
        ("LAUNCH film", ["Launch-Film-Master-4K.mov"]),
        ("wave1", ["label set.pdf"]),
        (f"`{seed.ALICE_MOVING}`", ["m5-datasets.zip"]),
    ):
        modal = await find(demo, "alice", modal, query)
        assert listed(modal) == names
        assert typed(modal) == query
        assert "1 of 9 uploads found by" in read(modal)
    modal = await find(demo, "alice", modal, "nothing of the kind")
    assert (listed(modal), typed(modal)) == ([], "nothing of the kind")
    assert "None of 9 uploads found by “nothing of the kind”" in read(modal)
    modal = await press(demo, "alice", modal, "open_list:all", views=1)
    assert (len(listed(modal)), typed(modal)) == (9, "")
    assert len(stack(demo, "alice")) == 1


async def test_pages__keep_what_was_searched_and_list_anew(demo: DemoWorkspace) -> None:
    made = [demo.vault.create_upload("alice", f"/pages/leaf {number:02}.bin", 1000) for number in range(22)]
    modal = await enter(demo, "alice", await my_uploads(demo, "alice"), "leaf")
    assert "22 of 31 uploads found by “leaf” (page 1 of 3)" in read(modal)
    names = listed(modal)
    modal = await press(demo, "alice", modal, "open_list:next", views=1)
    names += listed(modal)
    traffic = Traffic(demo)
    modal = await press(demo, "alice", modal, "open_list:next", views=1)
    assert traffic.vault_calls == 2
    assert (len(listed(modal)), typed(modal)) == (2, "leaf")
    assert sorted([*names, *listed(modal)]) == [f"leaf {number:02}.bin" for number in range(22)]
    # What ends meanwhile is not there any more, and the nearest page is shown.
    for one in made[:5]:
        demo.vault.abort(one.id)
    modal = await press(demo, "alice", modal, "open_list", views=1)
    assert "17 of 26 uploads found by “leaf” (page 2 of 2)" in read(modal)
    modal = await press(demo, "alice", modal, "open_list:previous", views=1)
    assert len(listed(modal)) == 10
    for one in made[5:]:
        demo.vault.abort(one.id)


async def test_details__lie_above_the_list_and_are_of_the_right_vault(demo: DemoWorkspace) -> None:
    modal = await my_uploads(demo, "alice")
    row = block_with(modal, seed.ALICE_QUALITY)
    above = await press(demo, "alice", modal, "details", views=2, block_id=row)
    assert "Site-Audit-Recordings.zip" in read(above)
    assert "Vault: quality" in read(above)
    assert demo.vault.vaults["quality"].url in read(above)
    await demo.slack.close_view("alice")
    assert [one.id for one in stack(demo, "alice")] == [modal.id]


async def test_my_uploads__not_linked_gets_the_link_button(demo: DemoWorkspace) -> None:
    modal = await my_uploads(demo, "nils")
    assert "not linked" in read(modal)
    (link,) = [one for one in buttons_of(modal) if one["action_id"] == "link"]
    assert link["url"].startswith(f"{demo.bot.url}/link?ticket=")
    again = await press(demo, "nils", modal, "open_list", views=1)
    assert "not linked" in read(again)


async def test_my_uploads__one_vault_down_does_not_hide_the_other(demo: DemoWorkspace) -> None:
    demo.vault.faults.add(Maintenance(minutes=45), times=None, vault="quality")
    modal = await my_uploads(demo, "alice")
    assert "⚠️ *quality*: Vault (quality) is in maintenance." in read(modal)
    assert len(listed(modal)) == 8


async def test_my_uploads__no_vault_answers_and_it_can_be_tried_again(demo: DemoWorkspace) -> None:
    modal = await enter(demo, "alice", await my_uploads(demo, "alice"), "film")
    demo.vault.faults.add(Maintenance(minutes=45), times=None)
    failed = await press(demo, "alice", modal, "open_list", views=1)
    assert "is in maintenance" in read(failed)
    demo.vault.faults.clear()
    modal = await press(demo, "alice", failed, "open_list", views=1)
    assert (listed(modal), typed(modal)) == (["Launch-Film-Master-4K.mov"], "film")


async def test_my_uploads__closed_before_vault_answers_are_nobodys_business(demo: DemoWorkspace) -> None:
    demo.vault.faults.add(Delay(0.5), times=None, endpoint=Kind.LIST_UPLOADS)
    done, before = done_count(demo), len(demo.slack.messages)
    delivery = await demo.slack.shortcut("alice", "my_uploads")
    await delivery.shown()
    await demo.slack.close_view("alice")
    await until(lambda: done_count(demo) > done, "the bot is done")
    assert (delivery.answers, len(demo.slack.messages), stack(demo, "alice")) == ([], before, [])


async def test_my_uploads__that_slack_does_not_open_come_by_direct_message(demo: DemoWorkspace) -> None:
    demo.slack.faults.add("views.open", ApiError("expired_trigger_id"))
    done, dm = done_count(demo), demo.slack.workspace.channel("dm", demo.slack.workspace.user("alice")).id
    await demo.slack.shortcut("alice", "my_uploads")
    await until(lambda: done_count(demo) > done, "the bot is done")
    answer = [one for one in demo.slack.messages if one.channel == dm][-1]
    assert answer.text.startswith("Your uploads in 2 Vaults: 9")


async def test_my_uploads__of_nobody_who_has_any_say_so(demo: DemoWorkspace) -> None:
    for upload in demo.vault.uploads("promomats"):
        if upload.owner.key == "bob":
            demo.vault.abort(upload.id)
    modal = await my_uploads(demo, "bob")
    assert "You have no active uploads" in read(modal)
    assert "no longer shown" in read(modal)
    assert [one["action_id"] for one in buttons_of(modal)] == ["open_list"]
