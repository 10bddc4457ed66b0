"""`/upload-status doctor`: how things stand for the person who asks, tried with their own rights and nobody else's."""

import re

import pytest

from bot import __version__
from bot.demo.slack.faults import ApiError
from bot.demo.slack.messages import Message
from bot.demo.vault import seed
from bot.demo.vault.calls import Kind
from bot.demo.vault.faults import Dropped
from bot.demo.workspace import DemoWorkspace
from bot.model.errors import NoStagingAccess, VaultUnavailable
from bot.slack.people import REACHED_KEPT
from tests.acceptance.operating import audit_rows
from tests.acceptance.steps import Traffic, ask, buttons, calm, click, log_lines, shown, workspace
from tests.acceptance.talking_steps import is_for, mention

pytestmark = pytest.mark.asyncio(loop_scope="module")


def reference_in(message: Message) -> str:
    found = re.search(r"Reference for the operator: (\w+)", message.text)
    assert found
    return found[1]


async def test_doctor__tells_link_age_end_rights_and_reminders(demo: DemoWorkspace) -> None:
    answer = await ask(demo, "alice", "doctor")
    for fact in (
        f"{seed.PROMOMATS}: linked to Alice Moreau",
        "by user name and password since",
        "Linked just now.",
        "It lasts until",
        "Your rights: file staging is open to you; you see",
        f"{seed.QUALITY}: not linked.",
        "Direct messages from me reach you.",
        "Quiet hours: none.",
        "Time zone: ",
        f"version {__version__}",
    ):
        assert fact in answer.text, fact
    assert answer.visible_to == demo.slack.workspace.user("alice").id
    assert buttons(answer) == []


async def test_doctor__gives_a_reference_that_the_log_and_the_audit_log_have(demo: DemoWorkspace) -> None:
    reference = reference_in(await ask(demo, "bob", "DOCTOR"))
    assert "answered" in [one["event"] for one in log_lines(demo) if one.get("reference") == reference]
    (row,) = [one for one in await audit_rows(demo) if one["reference"] == reference]
    assert (row["action"], row["outcome"], row["note"]) == ("list", "done", "doctor")
    assert row["slack_user_id"] == demo.slack.workspace.user("bob").id


async def test_doctor__each_sees_their_own(demo: DemoWorkspace) -> None:
    bob, vera = await ask(demo, "bob", "doctor"), await ask(demo, "vera", "doctor")
    counts = [re.search(r"you see (\d+) active upload", one.text) for one in (bob, vera)]
    own = sum(one.owner is demo.vault.users["bob"] for one in demo.vault.uploads(seed.PROMOMATS))
    every = len(demo.vault.uploads(seed.PROMOMATS))
    assert [int(found[1]) if found else None for found in counts] == [own, every]
    assert "Alice" not in shown(bob)


async def test_doctor__asked_by_mention_is_answered_to_the_asker_alone(demo: DemoWorkspace) -> None:
    _, (answer,) = await mention(demo, "alice", "doctor")
    assert is_for(demo, answer, "alice")
    assert "Your rights" in answer.text


async def test_doctor__of_somebody_who_is_not_linked(demo: DemoWorkspace) -> None:
    before = demo.vault.calls()
    answer = await ask(demo, "nils", "doctor")
    assert "You have not linked your Vault account" in answer.text
    assert "Direct messages from me reach you." in answer.text
    assert demo.vault.calls() == before
    (button,) = buttons(answer)
    asked = await click(demo, "nils", answer, "link", block_id=button["block_id"])
    assert "/link?ticket=" in shown(asked)


async def test_doctor__when_vault_is_down(demo: DemoWorkspace) -> None:
    demo.vault.faults.add(Dropped(), times=None, endpoint=Kind.LIST_UPLOADS)
    answer = await ask(demo, "alice", "doctor")
    calm(demo)
    assert VaultUnavailable(vault=seed.PROMOMATS).sentence in answer.text
    assert "linked to Alice Moreau" in answer.text
    assert "Direct messages from me reach you." in answer.text


async def test_doctor__asked_again_and_again_does_not_ask_slack_each_time(demo: DemoWorkspace) -> None:
    """That direct messages reach somebody is kept for ten minutes, for each person by themselves; a refusal is not."""
    demo.clock.advance(REACHED_KEPT)
    traffic = Traffic(demo)

    def opened() -> int:
        return sum("conversations.open" in what for what in traffic.slack_calls)

    demo.slack.faults.add("conversations.open", ApiError("missing_scope"))
    for expected in (1, 2, 2, 2):
        await ask(demo, "alice", "doctor")
        assert opened() == expected
    await ask(demo, "bob", "doctor")
    assert opened() == 3
    demo.clock.advance(REACHED_KEPT)
    await ask(demo, "alice", "doctor")
    assert opened() == 4


async def test_doctor__when_slack_lets_the_app_write_to_nobody(demo: DemoWorkspace) -> None:
    demo.clock.advance(REACHED_KEPT)
    demo.slack.faults.add("conversations.open", ApiError("missing_scope"))
    answer = await ask(demo, "alice", "doctor")
    assert "I cannot send you direct messages: Slack refuses it (missing_scope)." in answer.text
    assert "file staging is open to you" in answer.text


async def test_doctor__without_the_right_and_after_the_link_has_ended() -> None:
    async with workspace("alice") as demo:
        await demo.link("nils", method="token")
        refused = await ask(demo, "nils", "doctor")
        assert NoStagingAccess(vault=seed.PROMOMATS).sentence in refused.text
        assert NoStagingAccess(vault=seed.PROMOMATS).remedy in refused.text
        demo.vault.end_sessions("alice")
        ended = await ask(demo, "alice", "doctor")
        assert f"Your link to Vault ({seed.PROMOMATS}) has ended" in ended.text
        assert "Ended " in ended.text
        (again,) = buttons(ended)
        assert again["text"]["text"] == "Link again"
