"""Aborting an upload: by owner and Admin and nobody else, once, written down before and after, told to everybody whom
it concerns, also when Vault or the bot itself stops in the middle of it."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio

from bot.demo.slack.messages import elements_of
from bot.demo.vault import Exchange, Kind, seed
from bot.demo.vault.calls import Answer, Delivery
from bot.demo.vault.faults import Delay, Dropped, Fault, HtmlWith200, Status, UnknownErrorType
from bot.demo.workspace import CHANNEL, DemoWorkspace
from bot.model.aborts import comparable
from bot.store.digests import digest_of
from tests.acceptance.abort_steps import (
    REASON,
    abort,
    an_upload,
    crafted_abort,
    crafted_form,
    deletes,
    direct,
    ending_after,
    in_channel,
    is_there,
    jobs,
    modal_of,
    open_form,
    outcomes,
    send_form,
    written,
)
from tests.acceptance.live_steps import edits, live, replies
from tests.acceptance.modal_steps import buttons_of, press, read, stack
from tests.acceptance.operating import audit_is_whole, stored_bytes
from tests.acceptance.reminder_steps import Book, at_a_moment, watch
from tests.acceptance.steps import NOT_VISIBLE, ask, calm, done_count, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

LATER = timedelta(seconds=40)
"""When it is found out what came of an abort that nobody has seen to its end."""
MANY = timedelta(minutes=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[DemoWorkspace]:
    """Alice, Bob, and the Admin Vera, linked by token; their time is ours."""
    async with at_a_moment("alice", "bob", "vera", settings={"ALLOW_ABORT": "true"}) as demo:
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def demo(shared: DemoWorkspace) -> AsyncIterator[DemoWorkspace]:
    """The module's workspace, free of faults, with no modal open; nothing waits when a test has ended."""
    calm(shared)
    for person in ("alice", "bob", "vera"):
        shared.slack._views.clear(shared.slack.workspace.user(person).id)
    yield shared
    calm(shared)
    await until(lambda: jobs(shared) == [], "all is told")


# Who may, and who is told


async def test_owner__reads_what_will_be_lost_and_aborts(demo: DemoWorkspace) -> None:
    upload = an_upload(demo, "Film.mov")
    form = await open_form(demo, "alice", upload)
    for fact in (
        "`Film.mov`",
        "This cannot be undone.",
        "50.0 MB in 1 part",
        "50% of 100.0 MB",
        "(you)",
        upload.id,
    ):
        assert fact in read(form)
    assert form.submit is not None
    assert form.submit["text"] == "Abort upload"
    before = {person: direct(demo, person) for person in ("alice", "bob", "vera")}
    sent, told = await send_form(demo, "alice", "Film.mov")
    assert sent.answers == []
    assert told.startswith("Film.mov is aborted: 50.0 MB in 1 part are deleted for good.")
    assert "owner" not in told
    assert (is_there(demo, upload), deletes(demo)) == (False, 1)
    await until(lambda: jobs(demo) == [], "all is told")
    assert {**before, "alice": [*before["alice"], told]} == {one: direct(demo, one) for one in before}
    assert written(demo, upload) == [
        (outcome, "", "U0ALICE", REASON, "10001400") for outcome in ("begun", "done")
    ]


async def test_admin__the_owner_is_told_who_did_it_and_why(demo: DemoWorkspace) -> None:
    upload = an_upload(demo, "Of-Bob.mov", "bob")
    form = await open_form(demo, "vera", upload)
    assert "Owner: Vault user 10001522. They are told by direct message" in read(form)
    before = len(direct(demo, "bob"))
    _, told = await send_form(demo, "vera", "Of-Bob.mov", "Bob has <left> & we need the space")
    assert "I tell its owner, <@U0BOB>, by direct message" in told
    await until(lambda: len(direct(demo, "bob")) > before, "Bob is told")
    (heard,) = direct(demo, "bob")[before:]
    assert heard.startswith("<@U0VERA> has aborted your upload Of-Bob.mov: 50.0 MB in 1 part")
    assert "Reason: Bob has &lt;left&gt; &amp; we need the space." in heard
    assert [row[0] for row in written(demo, upload)] == ["begun", "done"]
    assert {row[4] for row in written(demo, upload)} == {"10000012"}
    assert (is_there(demo, upload), deletes(demo)) == (False, 1)


async def test_admin__is_asked_to_tell_an_owner_who_is_not_linked(demo: DemoWorkspace) -> None:
    upload = an_upload(demo, "Of-Nils.mov", "nils")
    told = await abort(demo, "vera", upload)
    assert "Its owner, Vault user 10001777, has no linked Slack account here" in told
    assert not is_there(demo, upload)


async def test_everybody_who_watches_is_told(demo: DemoWorkspace) -> None:
    upload = an_upload(demo, "Watched.mov")
    await watch(demo, "alice", upload)
    await watch(demo, "vera", upload, "here", channel=CHANNEL)
    card = await live(demo, upload)
    before, stood = len(direct(demo, "alice")), len(in_channel(demo))
    await abort(demo, "vera", upload)

    def ended(texts: list[str]) -> list[str]:
        return [text for text in texts if text.startswith("Watched.mov was aborted.")]

    await until(lambda: len(ended(direct(demo, "alice")[before:])) == 1, "Alice's watch has told it")
    await until(
        lambda: len(ended(in_channel(demo)[stood:])) == 2, "the channel's watch, and the live card's thread"
    )
    demo.clock.advance(MANY)
    await until(lambda: "It was aborted." in (edits(demo, card) or [""])[-1], "the card shows it")
    assert len(ended(replies(demo, card))) == 1
    await until(lambda: Book(demo).watches() == [], "nothing is watched any more")
    assert len(direct(demo, "alice")[before:]) == 2, "as the owner, and as who watches"


@pytest.mark.parametrize("upload_id", [seed.CHOLECAP, "0123456789abcdef0123456789abcdef"])
async def test_others__get_the_same_answer_as_for_what_is_not_there(
    demo: DemoWorkspace, upload_id: str
) -> None:
    value, done = {"u": upload_id, "v": demo.vault.vaults[seed.PROMOMATS].dns}, done_count(demo)
    modal = await modal_of(demo, await crafted_abort(demo, "bob", json.dumps(value)), done)
    assert NOT_VISIBLE.partition("`")[0] in read(modal)
    assert modal.submit is None
    assert "Cholecap" not in read(modal).replace(upload_id, "")
    before = len(direct(demo, "bob"))
    name = "Cholecap-Commercial-2021.mp4"
    metadata = json.dumps({**value, "n": digest_of(comparable(name)), "f": f"F{upload_id[:6]}"})
    sent = await crafted_form(demo, "bob", upload_id, metadata, name)
    assert sent.ack is not None
    assert sent.ack.body is None
    await until(lambda: len(direct(demo, "bob")) > before, "Bob is answered")
    assert direct(demo, "bob")[-1].startswith(NOT_VISIBLE.partition("`")[0])
    assert (deletes(demo), outcomes(demo, upload_id)) == (0, [])
    assert is_there(demo, seed.CHOLECAP)


# The form


@pytest.mark.parametrize(
    ("name", "reason", "at"),
    [("Almost.mo", REASON, "name"), ("almost.mov", REASON, "name"), ("Almost.mov", "  ", "reason")],
)
async def test_form__a_slip_is_told_beside_its_field_and_nothing_is_asked(
    demo: DemoWorkspace, name: str, reason: str, at: str
) -> None:
    upload = an_upload(demo, "Almost.mov")
    await open_form(demo, "alice", upload)
    calls = demo.vault.calls()
    await demo.slack.submit_view("alice", {"name": {"name": name}, "reason": {"reason": reason}})
    form = demo.slack.modal("alice")
    assert form is not None
    assert list(form.errors) == [at]
    assert demo.vault.calls() == calls
    _, told = await send_form(demo, "alice", "Almost.mov")
    assert told.startswith("Almost.mov is aborted")


async def test_form__name_that_is_another_by_then(demo: DemoWorkspace) -> None:
    """Vault's word at the moment counts, not the form's."""
    upload = an_upload(demo, "Before.mov")
    await open_form(demo, "alice", upload)
    demo.vault.upload(upload.id).path = "/u10001400/launch/After.mov"
    _, told = await send_form(demo, "alice", "Before.mov")
    assert told.startswith("That is not the file name of this upload, so nothing was aborted.")
    assert (is_there(demo, upload), deletes(demo), jobs(demo)) == (True, 0, [])
    assert outcomes(demo, upload) == [("refused", "NotItsName")]


async def test_form__upload_committed_meanwhile(demo: DemoWorkspace) -> None:
    upload = an_upload(demo, "Ready.mov")
    demo.vault.finish_bytes(upload.id)
    assert "100% of 100.0 MB" in read(await open_form(demo, "alice", upload))
    demo.vault.commit(upload.id)
    _, told = await send_form(demo, "alice", "Ready.mov")
    assert told.startswith(NOT_VISIBLE.partition("`")[0])
    assert (deletes(demo), outcomes(demo, upload)) == (0, [])


async def test_form__sent_twice_aborts_once(demo: DemoWorkspace) -> None:
    upload = an_upload(demo, "Twice.mov")
    form = await open_form(demo, "alice", upload)
    before = len(direct(demo, "alice"))
    await asyncio.gather(
        *(crafted_form(demo, "alice", upload.id, form.private_metadata, "Twice.mov") for _ in range(2))
    )
    await until(lambda: len(direct(demo, "alice")) == before + 2, "both are answered")
    answers = direct(demo, "alice")[before:]
    assert sum(text.startswith("Twice.mov is aborted") for text in answers) == 1
    assert sum(text.startswith("This form was sent already") for text in answers) == 1
    assert deletes(demo) == 1


async def test_form__two_people_at_once_tell_the_owner_once(demo: DemoWorkspace) -> None:
    upload = an_upload(demo, "Both.mov")
    await open_form(demo, "alice", upload)
    await open_form(demo, "vera", upload)
    demo.vault.faults.add(Delay(0.2), times=2, endpoint=Kind.ABORT)
    answers = await asyncio.gather(*(send_form(demo, person, "Both.mov") for person in ("alice", "vera")))
    assert sum("is aborted" in told for _, told in answers) == 1
    assert sum(told.startswith(NOT_VISIBLE.partition("`")[0]) for _, told in answers) == 1
    assert sorted(outcomes(demo, upload)) == [
        ("begun", ""), ("begun", ""), ("done", ""), ("refused", "UploadNotVisible"),
    ]  # fmt: skip


async def test_form__that_slack_did_not_open(demo: DemoWorkspace) -> None:
    value = json.dumps({"u": seed.CHOLECAP, "v": demo.vault.vaults[seed.PROMOMATS].dns})
    done = done_count(demo)
    delivery = await crafted_abort(demo, "alice", value, fresh=False)
    answer = await delivery.answered()
    await until(lambda: done_count(demo) > done, "the bot is done")
    assert answer.text.startswith("Slack did not open the form, so nothing was aborted.")
    assert demo.vault.calls() == 0


async def test_form__closed_while_vault_was_asked(demo: DemoWorkspace) -> None:
    upload = an_upload(demo, "Closed.mov")
    card = await ask(demo, "alice", upload.id, channel="dm")
    details = await press(demo, "alice", card, "details", views=2)
    demo.vault.faults.add(Delay(0.3), endpoint=Kind.UPLOAD_DETAILS)
    done, before = done_count(demo), direct(demo, "alice")
    delivery = await demo.slack.click(user="alice", view=details, action_id="abort")
    await delivery.shown()
    await demo.slack.close_view("alice")
    await until(lambda: done_count(demo) > done, "the bot is done")
    assert (delivery.answers, direct(demo, "alice")) == ([], before)
    assert [view.callback_id for view in stack(demo, "alice")] == ["details"]


async def test_form__vault_down_is_told_in_it_and_tried_again_there(demo: DemoWorkspace) -> None:
    upload = an_upload(demo, "Again.mov")
    card = await ask(demo, "alice", upload.id, channel="dm")
    details = await press(demo, "alice", card, "details", views=2)
    demo.vault.faults.add(HtmlWith200(), endpoint=Kind.UPLOAD_DETAILS)
    failed = await press(demo, "alice", details, "abort", views=2)
    assert "gave an answer that I do not understand" in read(failed)
    assert [one["text"]["text"] for one in buttons_of(failed)] == ["Try again"]
    form = await press(demo, "alice", failed, "abort", views=1)
    assert "`Again.mov`" in read(form)
    assert len(stack(demo, "alice")) == 2


@pytest.mark.parametrize("value", [None, "", "{}", "x", '{"u":7}'])
async def test_button__without_sense_is_an_old_one(demo: DemoWorkspace, value: str | None) -> None:
    answer = await (await crafted_abort(demo, "alice", value)).answered()
    assert "older version" in answer.text


# Vault says no, or nothing


async def test_vault__refuses(demo: DemoWorkspace) -> None:
    upload = an_upload(demo, "Refused.mov", "bob")
    before = direct(demo, "bob")
    await open_form(demo, "vera", upload)
    demo.vault.faults.add(UnknownErrorType("OPERATION_NOT_ALLOWED"), endpoint=Kind.ABORT)
    _, told = await send_form(demo, "vera", "Refused.mov")
    assert told.startswith(NOT_VISIBLE.partition("`")[0])
    assert outcomes(demo, upload) == [("begun", ""), ("refused", "UploadNotVisible")]
    assert (jobs(demo), direct(demo, "bob"), is_there(demo, upload)) == ([], before, True)


@pytest.mark.parametrize("fault", [Dropped(in_body=True), HtmlWith200()], ids=repr)
async def test_vault__whose_answer_was_lost_is_looked_at_and_not_asked_again(
    demo: DemoWorkspace, fault: Fault
) -> None:
    upload = an_upload(demo, "Lost.mov", "bob")
    before = len(direct(demo, "bob"))
    await open_form(demo, "vera", upload)
    demo.vault.faults.add(fault, endpoint=Kind.ABORT)
    _, told = await send_form(demo, "vera", "Lost.mov")
    assert told.startswith("Lost.mov is aborted: 50.0 MB in 1 part")
    await until(lambda: len(direct(demo, "bob")) > before, "Bob is told")
    assert outcomes(demo, upload) == [("begun", ""), ("done", "")]
    assert deletes(demo) == 1


@pytest.mark.parametrize("fault", [Dropped(), Status(502)], ids=repr)
async def test_vault__that_never_got_it_is_not_asked_again_either(demo: DemoWorkspace, fault: Fault) -> None:
    upload = an_upload(demo, "Still.mov")
    await open_form(demo, "alice", upload)
    demo.vault.faults.add(fault, endpoint=Kind.ABORT)
    _, told = await send_form(demo, "alice", "Still.mov")
    assert told.startswith("Vault (promomats) did not abort the upload: it is still there. Nothing is lost")
    assert outcomes(demo, upload) == [("begun", ""), ("failed", "NotAborted")]
    assert (is_there(demo, upload), deletes(demo), jobs(demo)) == (True, 1, [])
    assert (await abort(demo, "alice", upload)).startswith("Still.mov is aborted")


async def test_vault__gone_dark_after_it_was_asked(demo: DemoWorkspace) -> None:
    """Nobody can say what came of it; once somebody can, everybody is told."""
    upload = an_upload(demo, "Dark.mov", "bob")
    before = {person: len(direct(demo, person)) for person in ("bob", "vera")}
    await open_form(demo, "vera", upload)
    demo.vault.faults.add(Dropped(in_body=True), endpoint=Kind.ABORT)

    def go_dark(exchange: Exchange) -> None:
        if exchange.endpoint is Kind.ABORT:
            demo.vault.faults.add(Status(404), times=None, endpoint=Kind.KEEP_ALIVE)
            demo.vault.faults.add(HtmlWith200(), times=None, endpoint=Kind.UPLOAD_DETAILS)

    stop = demo.vault.on_exchange(go_dark)
    _, told = await send_form(demo, "vera", "Dark.mov")
    stop()
    assert told.startswith("I do not know yet whether the upload was aborted.")
    assert outcomes(demo, upload) == [("begun", ""), ("failed", "AbortUnsure")]
    assert (jobs(demo), len(direct(demo, "bob"))) == (["abort"], before["bob"])
    calm(demo)
    demo.clock.advance(LATER)
    await until(lambda: len(direct(demo, "bob")) > before["bob"], "Bob is told")
    await until(lambda: len(direct(demo, "vera")) == before["vera"] + 2, "Vera is told")
    assert direct(demo, "vera")[-1].startswith("Dark.mov is aborted: 50.0 MB in 1 part")
    assert outcomes(demo, upload)[2:] == [("done", "")]
    assert written(demo, upload)[-1][3] == f"found out afterwards; {REASON}"
    assert deletes(demo) == 0


# The bot itself ends in the middle


@dataclass(frozen=True)
class EndsBefore(Fault):
    """The bot is killed before the Vault has seen the call."""

    pid: int

    async def before(self) -> Answer | None:
        """Kill, and hang up."""
        os.kill(self.pid, signal.SIGKILL)
        return Answer(delivery=Delivery.NONE)


async def submit(demo: DemoWorkspace, person: str, name: str) -> None:
    """Send the form, and do not wait for an answer."""
    await demo.slack.submit_view(person, {"name": {"name": name}, "reason": {"reason": REASON}})


async def test_killed__after_vault_has_done_it(demo: DemoWorkspace) -> None:
    upload = an_upload(demo, "Killed-After.mov", "bob")
    await watch(demo, "bob", upload)
    await open_form(demo, "vera", upload)
    before = {person: len(direct(demo, person)) for person in ("bob", "vera")}
    with ending_after(demo, Kind.ABORT):
        await submit(demo, "vera", "Killed-After.mov")
        await until(lambda: not demo.bot.pid, "the bot is dead")
    await demo.bot.kill()
    assert (is_there(demo, upload), outcomes(demo, upload)) == (False, [("begun", "")])
    stored = stored_bytes(demo)
    await demo.bot.start()
    demo.clock.advance(LATER)
    await until(
        lambda: len(direct(demo, "bob")) == before["bob"] + 2, "Bob is told as owner and as who watches"
    )
    await until(lambda: len(direct(demo, "vera")) > before["vera"], "Vera gets her answer")
    texts = sorted(direct(demo, "bob")[before["bob"] :])
    assert texts[0].startswith("<@U0VERA> has aborted your upload Killed-After.mov: 50.0 MB in 1 part")
    assert f"Reason: {REASON}" in texts[0]
    assert texts[1].startswith("Killed-After.mov was aborted.")
    assert direct(demo, "vera")[-1].startswith("Killed-After.mov is aborted")
    assert outcomes(demo, upload) == [("begun", ""), ("done", "")]
    assert {row[2:5:2] for row in written(demo, upload)} == {("U0VERA", "10000012")}
    assert deletes(demo) == 1
    for secret in (b"Killed-After", b"launch/"):
        assert secret not in stored


async def test_killed__before_vault_has_seen_it(demo: DemoWorkspace) -> None:
    upload = an_upload(demo, "Killed-Before.mov", "bob")
    await open_form(demo, "vera", upload)
    before = {person: len(direct(demo, person)) for person in ("bob", "vera")}
    demo.vault.faults.add(EndsBefore(demo.bot.pid), endpoint=Kind.ABORT)
    await submit(demo, "vera", "Killed-Before.mov")
    await until(lambda: not demo.bot.pid, "the bot is dead")
    await demo.bot.kill()
    await demo.bot.start()
    demo.clock.advance(LATER)
    await until(lambda: len(direct(demo, "vera")) > before["vera"], "Vera gets her answer")
    assert direct(demo, "vera")[-1].startswith("Killed-Before.mov was not aborted: it is still there.")
    await until(lambda: jobs(demo) == [], "all is told")
    assert (is_there(demo, upload), deletes(demo)) == (True, 1)
    assert outcomes(demo, upload) == [("begun", ""), ("failed", "NotAborted")]
    assert len(direct(demo, "bob")) == before["bob"]


async def test_killed__and_committed_by_its_owner_before_anybody_looks(demo: DemoWorkspace) -> None:
    """What is gone was not aborted therefore."""
    upload = an_upload(demo, "Killed-Committed.mov", "bob")
    demo.vault.finish_bytes(upload.id)
    await open_form(demo, "vera", upload)
    before = {person: len(direct(demo, person)) for person in ("bob", "vera")}
    demo.vault.faults.add(EndsBefore(demo.bot.pid), endpoint=Kind.ABORT)
    await submit(demo, "vera", "Killed-Committed.mov")
    await until(lambda: not demo.bot.pid, "the bot is dead")
    await demo.bot.kill()
    demo.vault.commit(upload.id)
    await demo.bot.start()
    demo.clock.advance(LATER)

    def is_settled() -> bool:
        demo.clock.advance(LATER)
        return jobs(demo) == []

    await until(is_settled, "all is told")
    assert direct(demo, "vera")[before["vera"] :] != []
    assert direct(demo, "vera")[-1].startswith(
        "Killed-Committed.mov was not aborted. It was committed before"
    )
    assert outcomes(demo, upload) == [("begun", ""), ("refused", "UploadNotVisible")]
    assert len(direct(demo, "bob")) == before["bob"]


async def test_audit__is_whole_after_all_this(demo: DemoWorkspace) -> None:
    assert await audit_is_whole(demo) > 20


# Where the operator does not allow it


async def test_off__nothing_is_offered_and_nothing_is_sent() -> None:
    async with at_a_moment("alice") as demo:
        card = await ask(demo, "alice", seed.CHOLECAP)
        details = await press(demo, "alice", card, "details", views=2)
        found = [
            one.get("action_id") for block in (*card.blocks, *details.blocks) for one in elements_of(block)
        ]
        assert "abort" not in found
        value = json.dumps({"u": seed.CHOLECAP, "v": demo.vault.vaults[seed.PROMOMATS].dns})
        answer = await (await crafted_abort(demo, "alice", value)).answered()
        assert "older version" in answer.text
        name = "Cholecap-Commercial-2021.mp4"
        metadata = {**json.loads(value), "n": digest_of(comparable(name)), "f": "K7QX2M9B"}
        before = len(direct(demo, "alice"))
        await crafted_form(demo, "alice", seed.CHOLECAP, json.dumps(metadata), name)
        await until(lambda: len(direct(demo, "alice")) > before, "the form is answered")
        assert direct(demo, "alice")[-1].startswith("Aborting is switched off here, so nothing was aborted.")
        assert (deletes(demo), outcomes(demo, seed.CHOLECAP)) == (0, [])
        assert is_there(demo, seed.CHOLECAP)
