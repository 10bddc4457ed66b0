"""One person, two Vaults: which is asked, which answers, and what is said when one of them does not."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from bot.demo.slack.messages import Message
from bot.demo.vault import seed
from bot.demo.vault.faults import Fault, Maintenance, Status, UnknownErrorType
from bot.demo.workspace import DemoWorkspace, link_address
from tests.acceptance.steps import (
    NOT_VISIBLE,
    Traffic,
    ask,
    buttons,
    calm,
    click,
    log_lines,
    same_but,
    show_button,
    shown,
    workspace,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "ffffffffffffffffffffffffffffffff"
DOWN = "is in maintenance"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def linked_to_both() -> AsyncIterator[DemoWorkspace]:
    """Alice is linked to promomats and quality; time stands still."""
    async with workspace("alice") as demo:
        await demo.link("alice", seed.QUALITY)
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def both(linked_to_both: DemoWorkspace) -> DemoWorkspace:
    """Free of faults, and promomats is Alice's default."""
    calm(linked_to_both)
    said = await name_default(linked_to_both, seed.PROMOMATS)
    assert "promomats is now your default Vault." in said.text
    linked_to_both.vault.forget_calls()
    return linked_to_both


async def name_default(demo: DemoWorkspace, vault: str) -> Message:
    """Make a Vault Alice's default, a second after whatever was before."""
    demo.clock.advance(timedelta(seconds=1))
    return await ask(demo, "alice", f"link {vault}")


def headings(message: Message) -> list[str]:
    """The lines of a list that are not uploads."""
    return [line for line in message.text.splitlines() if not line.startswith("• ")]


def down(demo: DemoWorkspace, vault: str, fault: Fault | None = None) -> None:
    """Let one Vault fail until the faults are taken away."""
    demo.vault.faults.add(fault or Maintenance(minutes=45), times=None, vault=vault)


# One upload


async def test_id__of_the_default_vault_costs_one_call(both: DemoWorkspace) -> None:
    traffic = Traffic(both)
    card = await ask(both, "alice", seed.CHOLECAP)
    assert "31%" in card.text
    assert "Vault: promomats" in card.text
    assert traffic.vault_calls == 1


async def test_id__of_another_vault_is_found_there_and_the_card_names_it(both: DemoWorkspace) -> None:
    """Its buttons go on asking that Vault alone."""
    card = await ask(both, "alice", seed.ALICE_QUALITY)
    assert "Site-Audit-Recordings.zip" in card.text
    assert "Vault: quality" in card.text
    assert "Vault: quality" in shown(card).partition("\n")[2]
    assert "Reading this as" not in card.text
    traffic = Traffic(both)
    again = await click(both, "alice", card, "refresh")
    assert again.text == card.text
    assert traffic.vault_calls == 1


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (f"{seed.ALICE_QUALITY} @quality", True),
        (f"{seed.ALICE_QUALITY}@QUALITY", True),
        (f"{seed.ALICE_QUALITY} @promomats", False),
        (f"{seed.CHOLECAP} @quality", False),
    ],
)
async def test_name__picks_one_vault_and_no_other_is_asked(
    both: DemoWorkspace, typed: str, *, found: bool
) -> None:
    other = seed.PROMOMATS if "quality" in typed.lower() else seed.QUALITY
    answer = await ask(both, "alice", typed)
    assert (NOT_VISIBLE in answer.text) is not found
    assert both.vault.calls(vault=other) == 0


async def test_id__that_none_shows_reads_the_same_whatever_it_is(both: DemoWorkspace) -> None:
    """Unknown, somebody else's here or there, and ended: the same words, from every Vault, for as many calls."""
    ids = (UNKNOWN, seed.BOB_ARCHIVE, seed.BOB_QUALITY, seed.ALICE_EXPIRED)
    answers, calls = [], set()
    for upload_id in ids:
        traffic = Traffic(both)
        answers.append((await ask(both, "alice", upload_id), upload_id))
        calls.add(traffic.vault_calls)
    assert same_but(answers)
    assert NOT_VISIBLE in answers[0][0].text
    assert "could not ask" not in answers[0][0].text
    assert calls == {3}


async def test_id__names_the_vault_that_could_not_be_asked(both: DemoWorkspace) -> None:
    down(both, seed.QUALITY)
    for upload_id in (UNKNOWN, seed.ALICE_QUALITY):
        answer = await ask(both, "alice", upload_id)
        assert NOT_VISIBLE in answer.text
        assert "I could not ask quality just now" in answer.text
    assert "31%" in (await ask(both, "alice", seed.CHOLECAP)).text


async def test_id__is_found_although_the_default_vault_is_down(both: DemoWorkspace) -> None:
    down(both, seed.PROMOMATS)
    card = await ask(both, "alice", seed.ALICE_QUALITY)
    assert "Vault: quality" in card.text
    assert "Vault (promomats) is in maintenance." in (await ask(both, "alice", UNKNOWN)).text


# The default


async def test_default__is_the_vault_that_was_named_last(both: DemoWorkspace) -> None:
    said = await name_default(both, "QUALITY")
    assert said.is_ephemeral
    assert "quality is now your default Vault." in said.text
    assert "/upload-status link promomats" in said.text
    traffic = Traffic(both)
    assert "Site-Audit-Recordings.zip" in (await ask(both, "alice", seed.ALICE_QUALITY)).text
    assert traffic.vault_calls == 1
    assert headings(await ask(both, "alice", "list"))[1].startswith("quality: ")
    who = await ask(both, "alice", "whoami")
    assert "quality (your default): linked to" in who.text
    assert who.text.count("(your default)") == 1


async def test_default__naming_it_also_offers_to_link_again(both: DemoWorkspace) -> None:
    said = await ask(both, "alice", "link quality")
    assert link_address(said).startswith(f"{both.bot.url}/link?ticket=")
    assert [one["text"]["text"] for one in buttons(said)] == ["Link again"]


async def test_default__is_not_made_of_a_vault_that_is_not_linked(both: DemoWorkspace) -> None:
    await ask(both, "alice", "unlink quality")
    said = await ask(both, "alice", "link quality")
    assert "Link your Vault account" in said.text
    assert "default" not in said.text
    assert "Your uploads in promomats: 8" in (await ask(both, "alice", "list")).text
    await both.link("alice", "quality")


async def test_default__unlink_without_a_name_means_it(both: DemoWorkspace) -> None:
    await name_default(both, seed.QUALITY)
    assert "Unlinked from quality." in (await ask(both, "alice", "unlink")).text
    await both.link("alice", "quality")


# The list


async def test_list__is_grouped_by_vault(both: DemoWorkspace) -> None:
    traffic = Traffic(both)
    listed = await ask(both, "alice", "list")
    assert headings(listed) == [
        "Your uploads in 2 Vaults: 9",
        "promomats: 8 uploads, the 4 most urgent here",
        "quality: 1 upload",
    ]
    assert "Launch-Film-Master-4K.mov" in listed.text.splitlines()[2]
    assert "Site-Audit-Recordings.zip" in listed.text.splitlines()[-1]
    assert traffic.vault_calls == 2


async def test_list__of_one_vault_by_its_button_and_back(both: DemoWorkspace) -> None:
    """Everything in one message: all of promomats, a card, and all Vaults again."""
    listed = await ask(both, "alice", "list")
    one = await click(both, "alice", listed, "open_list:vault_1")
    assert one.key == listed.key
    assert "Your uploads in promomats: 8" in one.text
    assert "quality" not in one.text
    card = await click(both, "alice", one, "refresh", block_id=show_button(one, seed.CHOLECAP))
    assert "31%" in card.text
    back = await click(both, "alice", card, "open_list")
    assert back.key == listed.key
    assert back.text == listed.text
    fresh = await click(both, "alice", back, "open_list")
    assert fresh.text == listed.text


async def test_list__show_opens_the_card_of_that_vault(both: DemoWorkspace) -> None:
    listed = await ask(both, "alice", "")
    card = await click(both, "alice", listed, "refresh", block_id=show_button(listed, seed.ALICE_QUALITY))
    assert "Vault: quality" in card.text
    assert both.vault.calls(vault=seed.QUALITY) == 2


async def test_list__by_name_is_of_that_vault_alone(both: DemoWorkspace) -> None:
    for words in ("list quality", "list @Quality"):
        listed = await ask(both, "alice", words)
        assert "Your uploads in quality: 1" in listed.text
    assert both.vault.calls(vault=seed.PROMOMATS) == 0


async def test_list__one_vault_down_does_not_hide_the_other(both: DemoWorkspace) -> None:
    down(both, seed.QUALITY)
    listed = await ask(both, "alice", "list")
    assert headings(listed)[0] == "Your uploads in 1 of 2 Vaults: 8"
    assert headings(listed)[1].startswith(
        "quality: Vault (quality) is in maintenance. Vault expects it to take 45 min."
    )
    assert "Launch-Film-Master-4K.mov" in listed.text
    assert "Reference: " not in listed.text
    both.vault.faults.clear()
    fresh = await click(both, "alice", listed, "open_list")
    assert headings(fresh)[0] == "Your uploads in 2 Vaults: 9"


async def test_list__both_down_is_one_answer_about_the_default(both: DemoWorkspace) -> None:
    both.vault.faults.add(Maintenance(minutes=45), times=None)
    listed = await ask(both, "alice", "list")
    assert listed.text.startswith("Vault (promomats) is in maintenance.")


async def test_list__an_ended_link_says_how_to_link_that_vault_again(both: DemoWorkspace) -> None:
    """The other list is there; when Vault accepts the credential again, all is as before."""
    down(both, seed.QUALITY, Status(401))
    listed = await ask(both, "alice", "list")
    assert headings(listed)[1].startswith("quality: Your link to Vault (quality) has ended: ")
    assert "/upload-status link quality" in headings(listed)[1]
    assert "Launch-Film-Master-4K.mov" in listed.text
    who = await ask(both, "alice", "whoami")
    assert "Ended " in who.text.splitlines()[1]
    both.vault.faults.clear()
    assert headings(await ask(both, "alice", "list"))[0] == "Your uploads in 2 Vaults: 9"
    assert "Ended " not in (await ask(both, "alice", "whoami")).text


async def test_list__an_ended_link_is_linked_and_not_preferred(both: DemoWorkspace) -> None:
    down(both, seed.QUALITY, Status(401))
    await ask(both, "alice", "list")
    both.vault.faults.clear()
    said = await ask(both, "alice", "link quality")
    assert "Link your Vault account (quality)" in said.text
    assert "default" not in said.text
    await both.link("alice", "quality")
    assert headings(await ask(both, "alice", "list"))[0] == "Your uploads in 2 Vaults: 9"


async def test_list__the_unexpected_has_a_reference_that_is_in_the_log(both: DemoWorkspace) -> None:
    down(both, seed.QUALITY, UnknownErrorType())
    listed = await ask(both, "alice", "list")
    assert "refused the request (QUOTA_OF_TOMORROW)" in headings(listed)[1]
    assert "Launch-Film-Master-4K.mov" in listed.text
    reference = listed.text.partition("Reference: ")[2][:8]
    assert any(line.get("reference") == reference and line["level"] == "error" for line in log_lines(both))


async def test_list__a_vault_without_uploads_says_so(both: DemoWorkspace) -> None:
    """Last: it takes Alice's only upload in quality away."""
    both.vault.abort(seed.ALICE_QUALITY)
    listed = await ask(both, "alice", "list")
    assert headings(listed)[-1] == "quality: no active uploads"
