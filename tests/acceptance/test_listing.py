"""Lists: most urgent first, a page at a time, each row a way to the card; what an Admin sees."""

from collections.abc import Iterator

import pytest

from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.steps import Traffic, ask, buttons, click, show_button, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def twelve_more(demo: DemoWorkspace) -> Iterator[list[str]]:
    """Twelve further uploads of Bob's."""
    made = [demo.vault.create_upload("bob", f"/many/file-{number:02}.bin", 1000).id for number in range(12)]
    yield made
    for upload_id in made:
        demo.vault.abort(upload_id)


@pytest.mark.parametrize("words", ["", "list", "LIST", "  list  ", "list promomats", "list @promomats"])
async def test_list__has_all_of_ones_own(demo: DemoWorkspace, words: str) -> None:
    traffic = Traffic(demo)
    listed = await ask(demo, "bob", words)
    assert "Your uploads in promomats: 3" in listed.text
    for name in ("archive.tar.gz", "Episode-07-raw.wav", "Poster-A0-proof.tif"):
        assert name in listed.text
    assert "Cholecap" not in shown(listed)
    assert traffic.vault_calls == 1


async def test_list__most_urgent_first(demo: DemoWorkspace) -> None:
    listed = await ask(demo, "alice", "list")
    names = [line.removeprefix("• ").partition(":")[0] for line in listed.text.splitlines()[1:]]
    assert names[:2] == ["Launch-Film-Master-4K.mov", "video-demo.mp4"]
    assert "pilot-export.zip" not in shown(listed)


async def test_list__show_opens_the_card_in_its_place(demo: DemoWorkspace) -> None:
    """And “All uploads” leads back."""
    listed = await ask(demo, "alice", "list")
    card = await click(demo, "alice", listed, "refresh", block_id=show_button(listed, seed.CHOLECAP))
    assert card.key == listed.key
    assert "31%" in card.text
    back = await click(demo, "alice", card, "open_list")
    assert back.key == listed.key
    assert back.text == listed.text


async def test_paging__forth_and_back(demo: DemoWorkspace, twelve_more: list[str]) -> None:
    first = await ask(demo, "bob", "list")
    assert "Your uploads in promomats: 15 (page 1 of 2)" in first.text
    assert len([one for one in buttons(first) if one["text"]["text"] == "Show"]) == 8
    with pytest.raises(LookupError):
        await demo.slack.click(user="bob", message=first, action_id="open_list:previous")
    second = await click(demo, "bob", first, "open_list:next")
    assert second.key == first.key
    assert "page 2 of 2" in second.text
    both = first.text + second.text
    assert all(both.count(upload_id) == 1 for upload_id in twelve_more)
    back = await click(demo, "bob", second, "open_list:previous")
    assert back.text == first.text


async def test_paging__uploads_that_went_meanwhile(demo: DemoWorkspace) -> None:
    """Page 2 of what has one page only by now."""
    made = [demo.vault.create_upload("bob", f"/brief/{number}.bin", 1000).id for number in range(8)]
    second = await click(demo, "bob", await ask(demo, "bob", "list"), "open_list:next")
    for upload_id in made:
        demo.vault.abort(upload_id)
    left = await click(demo, "bob", second, "open_list")
    assert "Your uploads in promomats: 3" in left.text


async def test_list__nothing_active(demo: DemoWorkspace) -> None:
    await demo.link("vera", "quality")
    for upload in demo.vault.uploads(seed.QUALITY):
        demo.vault.abort(upload.id)
    assert "You have no active uploads in quality." in (await ask(demo, "vera", "list quality")).text
    await ask(demo, "vera", "unlink quality")


async def test_admin__sees_others_with_their_owner_and_full_path(demo: DemoWorkspace) -> None:
    first = await ask(demo, "vera", "list")
    assert "Uploads you can see in promomats: 12" in first.text
    listed = first.text + (await click(demo, "vera", first, "open_list:next")).text
    for upload_id in (seed.CHOLECAP, seed.BOB_ARCHIVE):
        row = next(line for line in listed.splitlines() if upload_id in line)
        owner = "10001400" if upload_id == seed.CHOLECAP else "10001522"
        assert f"owner: Vault user {owner}" in row
    assert "yours" in next(line for line in listed.splitlines() if seed.VERA_ROOT in line)
    card = await ask(demo, "vera", seed.BOB_ARCHIVE)
    assert "Owner: Vault user 10001522" in card.text
    assert "/u10001522/exports/archive.tar.gz" in card.text
    own = await ask(demo, "bob", seed.BOB_ARCHIVE)
    assert "/exports/archive.tar.gz" in own.text
    assert "u10001522" not in own.text


async def test_old_style__name_is_taken_from_the_path(demo: DemoWorkspace) -> None:
    """Also when Vault leaves the optional fields out of every answer, and pages the list."""
    demo.vault.omit_optional_fields, demo.vault.page_size = True, 3
    try:
        listed = await ask(demo, "alice", "list")
    finally:
        demo.vault.omit_optional_fields, demo.vault.page_size = False, 1000
    assert "label set.pdf" in listed.text
    assert "Your uploads in promomats: 8" in listed.text
