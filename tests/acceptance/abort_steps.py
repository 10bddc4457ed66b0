"""Aborting as people do it: the form, what the audit log holds of it, and ends of the process in the middle."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bot.demo.slack.delivery import INTERACTIVE, Delivery
from bot.demo.slack.messages import Message
from bot.demo.slack.views import View
from bot.demo.vault import Exchange, Kind, Upload
from bot.demo.workspace import CHANNEL, DemoWorkspace
from tests.acceptance.modal_steps import modal_after, press
from tests.acceptance.operating import execute
from tests.acceptance.reminder_steps import MIB, new_upload
from tests.acceptance.steps import action_payload, ask, done_count, until

REASON = "The wrong film."


def an_upload(demo: DemoWorkspace, name: str, owner: str = "alice") -> Upload:
    """A new upload of 100 MiB, half of it there in one part."""
    upload = new_upload(demo, owner, f"launch/{name}", 100 * MIB)
    demo.vault.send_part(upload.id)
    return upload


async def open_form(demo: DemoWorkspace, person: str, upload: Upload | str) -> View:
    """Ask for the card, press Details, then Abort; return the form."""
    upload_id = upload if isinstance(upload, str) else upload.id
    card = await ask(demo, person, upload_id, channel="dm")
    details = await press(demo, person, card, "details", views=2)
    return await press(demo, person, details, "abort", views=2)


async def send_form(
    demo: DemoWorkspace, person: str, name: str, reason: str = REASON
) -> tuple[Delivery, str]:
    """Send the form on top; return the delivery, and the direct message that answers it."""
    before, done = len(direct(demo, person)), done_count(demo)
    sent = await demo.slack.submit_view(person, {"name": {"name": name}, "reason": {"reason": reason}})
    assert sent.error is None
    assert sent.ack is not None
    await until(lambda: done_count(demo) > done, "the bot is done")
    await until(lambda: len(direct(demo, person)) > before, "the answer came by direct message")
    return sent, direct(demo, person)[before]


async def abort(demo: DemoWorkspace, person: str, upload: Upload, reason: str = REASON) -> str:
    """Open the form, fill it in rightly, send it; return the answer."""
    await open_form(demo, person, upload)
    return (await send_form(demo, person, upload.name, reason))[1]


def direct(demo: DemoWorkspace, person: str) -> list[str]:
    """All that the app has written to a person by itself or as a direct message, answers to commands left out."""
    return [one.text for one in _by_the_bot(demo, person, "dm") if one.via == "chat.postMessage"]


def in_channel(demo: DemoWorkspace) -> list[str]:
    """What the app has posted in the channel, for all to read."""
    return [one.text for one in _by_the_bot(demo, "alice", CHANNEL) if not one.is_ephemeral]


def _by_the_bot(demo: DemoWorkspace, person: str, channel: str) -> list[Message]:
    return [one for one in demo.slack.seen_by(person, channel) if one.author == "U0UPLOADS"]


def is_there(demo: DemoWorkspace, upload: Upload | str) -> bool:
    """Whether Vault still has it."""
    return (upload if isinstance(upload, str) else upload.id) in {one.id for one in demo.vault.uploads()}


def deletes(demo: DemoWorkspace) -> int:
    """How often Vault was asked to abort something, since the last calm."""
    return demo.vault.calls(Kind.ABORT)


def written(demo: DemoWorkspace, upload: Upload | str) -> list[tuple[str, str, str, str, str]]:
    """The rows about aborts of an upload: outcome, error, who, note, and with whose rights."""
    upload_id = upload if isinstance(upload, str) else upload.id
    found: Any = execute(
        demo,
        "SELECT outcome, error, slack_user_id, note, vault_user_id FROM audit_log "
        "WHERE action = 'abort' AND upload_id = ? ORDER BY seq",
        upload_id,
    )
    return list(found)


def outcomes(demo: DemoWorkspace, upload: Upload | str) -> list[tuple[str, str]]:
    """Outcome and error of each of these rows."""
    return [row[:2] for row in written(demo, upload)]


def jobs(demo: DemoWorkspace) -> list[str]:
    """The kinds of jobs about aborts that wait."""
    found = execute(demo, "SELECT kind FROM due_work WHERE kind IN ('abort', 'aborted')")
    return [str(row[0]) for row in found]


# Clicks and forms of a meddling client


async def crafted_abort(
    demo: DemoWorkspace, person: str, value: str | None, *, fresh: bool = True
) -> Delivery:
    """A click on Abort with any value, its trigger_id one that Slack takes or none."""
    user = demo.slack.workspace.user(person)
    delivery = Delivery(INTERACTIVE, demo.clock.now(), {}, user.id)
    place = demo.slack.workspace.channel(CHANNEL)
    url = demo.slack._response_url(delivery, place, user)
    payload = {**action_payload(demo, person, "abort", value), "response_url": url}
    if fresh:
        payload["trigger_id"] = demo.slack._triggers.issue(delivery)
    delivery.payload = payload
    await demo.slack._deliver(delivery)
    return delivery


async def crafted_form(
    demo: DemoWorkspace, person: str, upload_id: str, metadata: str, name: str = "x"
) -> Delivery:
    """The form as a meddling client would send it."""
    user = demo.slack.workspace.user(person)
    values = {"name": {"name": {"value": name}}, "reason": {"reason": {"value": f"crafted {upload_id[:4]}"}}}
    delivery = Delivery(INTERACTIVE, demo.clock.now(), {}, user.id)
    view = {"id": "V1", "type": "modal", "callback_id": "abort", "private_metadata": metadata}
    delivery.payload = {
        "type": "view_submission",
        "trigger_id": demo.slack._triggers.issue(delivery),
        "team": {"id": user.team_id},
        "user": {"id": user.id, "team_id": user.team_id},
        "view": {**view, "state": {"values": values}},
    }
    await demo.slack._deliver(delivery)
    return delivery


async def modal_of(demo: DemoWorkspace, delivery: Delivery, done: int) -> View:
    """The modal that a crafted click has opened and filled."""
    return await modal_after(demo, delivery, done, 2)


@contextmanager
def ending_after(demo: DemoWorkspace, kind: Kind) -> Iterator[None]:
    """Kill the bot at the moment when Vault has done such a call, before the answer is on its way."""

    def kill(exchange: Exchange) -> None:
        if exchange.endpoint is kind and demo.bot.pid:
            os.kill(demo.bot.pid, signal.SIGKILL)

    stop = demo.vault.on_exchange(kill)
    try:
        yield
    finally:
        stop()
