"""Details: a modal at once, what Vault says in it, and a line that resumes the upload in a real shell."""

import asyncio
import hashlib
import html
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.demo.slack import ApiError
from bot.demo.slack.views import View
from bot.demo.vault import seed
from bot.demo.vault.calls import Kind
from bot.demo.vault.faults import Delay, Maintenance
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.modal_steps import block_with, buttons_of, press, read, stack
from tests.acceptance.reminder_steps import MINUTE, at_a_moment, jump
from tests.acceptance.steps import (
    NOT_VISIBLE,
    Traffic,
    ask,
    calm,
    click,
    crafted_click,
    done_count,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 1024 * 1024


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    """Alice, Bob and Vera linked by token, their time ours."""
    async with at_a_moment("alice", "bob", "vera") as demo:
        yield demo


@pytest.fixture
def demo(shared: DemoWorkspace) -> DemoWorkspace:
    """The module's workspace, free of faults, with no modal open."""
    calm(shared)
    for person in ("alice", "bob", "vera", "nils"):
        shared.slack._views.clear(shared.slack.workspace.user(person).id)
    return shared


async def details(demo: DemoWorkspace, person: str, upload_id: str) -> View:
    """Ask for the card, press Details, and return the modal."""
    return await press(demo, person, await ask(demo, person, upload_id), "details", views=2)


def md5(data: bytes) -> str:
    """As Vault tells it of a part."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def line_in(view: View) -> str:
    """The line for the shell, as a person copies it."""
    (line,) = re.findall(r"```\n((?:tail|curl) .*)\n```", read(view))
    return str(line)


async def test_details__tell_all_that_vault_knows(demo: DemoWorkspace) -> None:
    card = await ask(demo, "alice", seed.CHOLECAP)
    traffic = Traffic(demo)
    modal = await press(demo, "alice", card, "details", views=2)
    shown = read(modal)
    for fact in (
        "Cholecap-Commercial-2021.mp4",
        "31%  ·  10.0 MB of 31.3 MB  ·  2 parts",
        "Uploading",
        f"`{seed.CHOLECAP}`",
        "`/u10001400/cholecap-2021/Cholecap-Commercial-2021.mp4`",
        "Next part: 3* of 7, 5,242,880 bytes from byte offset *10,485,760*",
        "Left to send: *22,376,552 bytes*",
        "Parts*: 2 of 7, each of 5.0 MB",
        "   2  5,242,880  ",
        "known only while you watch",
        "on average",
    ):
        assert fact in shown
    assert traffic.vault_calls == 2
    assert [call.rpartition("/")[2].split()[0] for call in traffic.slack_calls] == [
        "views.open",
        "views.update",
    ]
    assert demo.slack.message(card.key) == card
    assert "abort" not in [one["action_id"] for one in buttons_of(modal)]


async def test_details__open_before_vault_has_answered(demo: DemoWorkspace) -> None:
    card = await ask(demo, "alice", seed.CHOLECAP)
    done = done_count(demo)
    slow = demo.vault.faults.add(Delay(1.0), times=None, endpoint=Kind.UPLOAD_DETAILS)
    delivery = await demo.slack.click(user="alice", message=card, action_id="details")
    assert read(await delivery.shown()) == "Looking…"
    assert done_count(demo) == done
    demo.vault.faults.remove(slow)
    assert "Next part: 3" in read(await delivery.shown(count=2))


async def test_details__refresh_stays_in_the_same_modal(demo: DemoWorkspace) -> None:
    made = demo.vault.create_upload("alice", "/details/film.mov", 20 * MIB)
    modal = await details(demo, "alice", made.id)
    assert "No part is there yet" in read(modal)
    for number in (1, 2, 3):
        demo.vault.send_part(made.id)
        fresh = await press(demo, "alice", modal, "details", views=1)
        assert fresh.id == modal.id
        assert f"Next part: {number + 1}* of 4" in read(fresh)
        modal = fresh
    assert len(stack(demo, "alice")) == 1
    demo.vault.finish_bytes(made.id)
    modal = await press(demo, "alice", modal, "details", views=1)
    assert "only the commit is missing" in read(modal)
    demo.vault.abort(made.id)
    gone = await press(demo, "alice", modal, "details", views=1)
    assert NOT_VISIBLE in read(gone)
    assert "film.mov" not in read(gone)


async def all_done(demo: DemoWorkspace, count: int) -> None:
    """Wait until the bot has seen so many acts through."""
    await until(lambda: done_count(demo) >= count, "the bot is done")


# The line for the shell

AWKWARD_NAMES = ("a; touch never; `touch never` $(touch never) it's.bin", "two\nlines, gpj.\u202eexe", "-n")


@pytest.mark.parametrize("name", AWKWARD_NAMES)
async def test_resume__the_line_sends_the_next_part_and_at_last_commits(
    demo: DemoWorkspace, name: str, tmp_path: Path
) -> None:
    """As a person does it: copy, run, Refresh, until there is a file. Nothing else happens in their folder."""
    content = os.urandom(12 * MIB + 5)
    (tmp_path / name).write_bytes(content)
    made = demo.vault.create_upload("alice", "/resumed/x", len(content), part_size=5 * MIB)
    # Vault's own clients send such names in forms; here only what Vault then says of them matters.
    made.path = f"{made.path.rpartition('/')[0]}/{name}"
    made.put_part(1, 5 * MIB, demo.clock.now(), md5(content[: 5 * MIB]))
    modal = await details(demo, "alice", made.id)
    token = demo.vault.access_token("alice")
    assert token not in read(modal)
    for number, begins, ends in ((2, 5 * MIB, 10 * MIB), (3, 10 * MIB, len(content))):
        assert "SUCCESS" in await in_bash(line_in(modal), tmp_path, token)
        part = demo.vault.upload(made.id).parts[number - 1]
        assert (part.number, part.size) == (number, ends - begins)
        assert part.md5 == md5(content[begins:ends])
        modal = await press(demo, "alice", modal, "details", views=1)
    assert line_in(modal).startswith("curl -X POST ")
    assert "job_id" in await in_bash(line_in(modal), tmp_path, token)
    assert made.id not in [one.id for one in demo.vault.uploads()]
    assert [one.name for one in tmp_path.iterdir()] == [name]


async def test_resume__a_first_part_of_the_suggested_size(demo: DemoWorkspace, tmp_path: Path) -> None:
    content = os.urandom(6 * MIB)
    (tmp_path / "small.bin").write_bytes(content)
    made = demo.vault.create_upload("alice", "/resumed/small.bin", len(content))
    modal = await details(demo, "alice", made.id)
    assert "SUCCESS" in await in_bash(line_in(modal), tmp_path, demo.vault.access_token("alice"))
    (part,) = demo.vault.upload(made.id).parts
    assert part.md5 == md5(content)
    assert "only the commit is missing" in read(await press(demo, "alice", modal, "details", views=1))
    demo.vault.abort(made.id)


async def in_bash(line: str, folder: Path, credential: str) -> str:
    """Run the very line with a credential in its place; return what Vault said."""
    running = await asyncio.create_subprocess_exec(
        "bash", "--norc", "-c", line, cwd=folder, env={"PATH": os.environ["PATH"], "VAULT_SESSION": credential},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(running.communicate(), 120)
    assert running.returncode == 0, err
    return out.decode()


# Whose they are


async def test_details__of_what_one_may_not_see_are_the_one_refusal(demo: DemoWorkspace) -> None:
    """Bob clicks on a card that Alice has shared, and on one of an upload that never was."""
    await ask(demo, "alice", f"{seed.CHOLECAP} share")
    card = next(one for one in reversed(demo.slack.messages) if "Shared by <@U0ALICE>" in one.text)
    refusal = await press(demo, "bob", card, "details", views=2)
    for secret in ("Cholecap", "10001400", "31%", "32,862,312"):
        assert secret not in read(refusal)
    typed = await ask(demo, "bob", seed.CHOLECAP)
    assert html.unescape(typed.blocks[0]["text"]["text"]) in read(refusal)
    retry = next(one for one in buttons_of(refusal) if one["text"]["text"] == "Try again")
    again = await press(demo, "bob", refusal, "details", views=1, block_id=retry["block_id"])
    assert read(again) == read(refusal)
    assert demo.vault.calls(Kind.LIST_PARTS) == 0


async def test_details__of_somebody_elses_upload_say_who_may_send(demo: DemoWorkspace) -> None:
    modal = await details(demo, "vera", seed.BOB_UPLOADING)
    assert "Vault takes it only from its owner, Vault user 10001522." in read(modal)
    assert "Next part: 13* of 90" in read(modal)


async def test_details__not_linked_gets_the_link_button_in_the_modal(demo: DemoWorkspace) -> None:
    await ask(demo, "alice", f"{seed.CHOLECAP} share")
    card = next(one for one in reversed(demo.slack.messages) if "Shared by <@U0ALICE>" in one.text)
    modal = await press(demo, "nils", card, "details", views=2)
    assert "not linked" in read(modal)
    (link,) = [one for one in buttons_of(modal) if one["action_id"] == "link"]
    assert link["url"].startswith(f"{demo.bot.url}/link?ticket=")


async def test_details__draw_the_pace_of_ones_own_watching_alone(demo: DemoWorkspace) -> None:
    made = demo.vault.create_upload("alice", "/paced/raw.mov", 100 * MIB)
    await ask(demo, "alice", f"watch {made.id}", channel="dm")
    for _ in range(4):
        demo.vault.send_part(made.id)
        await jump(demo, 15 * MINUTE)
    own = read(await details(demo, "alice", made.id))
    assert "While you watched it" in own
    assert "▰▰▰" in own.partition("While you watched it")[2]
    admins = read(await details(demo, "vera", made.id))
    assert "raw.mov" in admins
    assert "known only while you watch the upload" in admins
    await ask(demo, "alice", "unwatch all", channel="dm")
    demo.vault.abort(made.id)


# What goes wrong


async def test_details__without_the_parts_tell_the_rest(demo: DemoWorkspace) -> None:
    demo.vault.faults.add(Maintenance(minutes=45), times=None, endpoint=Kind.LIST_PARTS)
    modal = await details(demo, "alice", seed.ALICE_STALLED)
    for fact in (
        "42%",
        "Stalled",
        "I could not read them",
        "is in maintenance",
        "cannot say where it goes on",
    ):
        assert fact in read(modal)
    demo.vault.faults.clear()
    fresh = await press(demo, "alice", modal, "details", views=1)
    assert "Next part: 122* of 287" in read(fresh)


async def test_details__with_vault_down_say_so_in_the_modal_and_can_be_tried_again(
    demo: DemoWorkspace,
) -> None:
    card = await ask(demo, "alice", seed.ALICE_STALLED)
    demo.vault.faults.add(Maintenance(minutes=45), times=None)
    modal = await press(demo, "alice", card, "details", views=2)
    assert "is in maintenance" in read(modal)
    demo.vault.faults.clear()
    fresh = await press(demo, "alice", modal, "details", views=1)
    assert (fresh.id, "Next part: 122" in read(fresh)) == (modal.id, True)


@pytest.mark.parametrize("reason", ["expired_trigger_id", "exchanged_trigger_id", "fatal_error"])
async def test_details__that_slack_does_not_open_come_in_short(demo: DemoWorkspace, reason: str) -> None:
    card = await ask(demo, "alice", seed.CHOLECAP)
    demo.slack.faults.add("views.open", ApiError(reason))
    answer = await click(demo, "alice", card, "details")
    assert answer.text.startswith("Slack did not open the details in time")
    assert "Next part: 3 of 7" in answer.text
    assert answer.key != card.key
    assert stack(demo, "alice") == []
    assert "Next part: 3" in read(await press(demo, "alice", answer, "details", views=2))


async def test_details__closed_before_vault_answers_are_nobodys_business(demo: DemoWorkspace) -> None:
    card = await ask(demo, "alice", seed.CHOLECAP)
    demo.vault.faults.add(Delay(0.5), times=None, endpoint=Kind.UPLOAD_DETAILS)
    for is_down in (False, True):
        if is_down:
            demo.vault.faults.add(Maintenance(minutes=45), times=None)
        wanted, before = done_count(demo) + 1, len(demo.slack.messages)
        delivery = await demo.slack.click(user="alice", message=card, action_id="details")
        await delivery.shown()
        await demo.slack.close_view("alice")
        await all_done(demo, wanted)
        assert (delivery.answers, len(demo.slack.messages), stack(demo, "alice")) == ([], before, [])


async def test_details__that_slack_does_not_draw_come_in_short(demo: DemoWorkspace) -> None:
    """The modal is open, and Slack fails for a while: the person is not left with “Looking…”."""
    card = await ask(demo, "alice", seed.CHOLECAP)
    demo.slack.faults.add("views.update", ApiError("fatal_error"), times=2)
    answer = await click(demo, "alice", card, "details")
    assert "Next part: 3 of 7" in answer.text


@pytest.mark.parametrize("value", [None, "", "{}", '{"u":7}', '{"u":""}', '{"r":1}', "[]"])
async def test_details__odd_buttons_get_an_answer(demo: DemoWorkspace, value: str | None) -> None:
    answer = await crafted_click(demo, "alice", "details", value)
    assert "older version" in answer.text


async def test_details__a_forged_refresh_outside_a_modal_is_a_click_like_any_other(
    demo: DemoWorkspace,
) -> None:
    answer = await crafted_click(demo, "bob", "details", f'{{"u":"{seed.CHOLECAP}","r":1}}')
    assert NOT_VISIBLE in answer.text


async def test_details__from_a_list_lie_above_it_or_in_its_place(demo: DemoWorkspace) -> None:
    """At most three modals lie on each other: then the details come into the one that was clicked in."""
    wanted = done_count(demo) + 1
    delivery = await demo.slack.shortcut("alice", "my_uploads")
    listed = await delivery.shown(count=2)
    await all_done(demo, wanted)
    row = block_with(listed, seed.CHOLECAP)
    above = await press(demo, "alice", listed, "details", views=2, block_id=row)
    assert [one.id for one in stack(demo, "alice")] == [listed.id, above.id]
    assert "Next part: 3" in read(above)
    await demo.slack.close_view("alice")
    demo.slack.faults.add("views.push", ApiError("push_limit_reached"))
    placed = await press(demo, "alice", listed, "details", views=1, block_id=row)
    assert [one.id for one in stack(demo, "alice")] == [placed.id] == [listed.id]
    assert "Next part: 3" in read(placed)
    assert "Parts*: 2 of 7" in read(placed)
