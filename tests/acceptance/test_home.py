"""The app's home: of strangers, of people without a link, of those with one; it follows what happens elsewhere."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from bot.demo.slack import ApiError, payloads
from bot.demo.slack.delivery import INTERACTIVE, Delivery
from bot.demo.slack.messages import elements_of
from bot.demo.slack.views import View
from bot.demo.vault import seed
from bot.demo.vault.faults import Delay, Maintenance
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.reminder_steps import Book
from tests.acceptance.steps import NOT_VISIBLE, Traffic, ask, cli, deliver, done_count, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

PUBLISH = "views.publish"
NEW = timedelta(seconds=3)


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def as_it_was(demo: DemoWorkspace) -> AsyncIterator[None]:
    """Each test ends with nobody watching anything, and with all homes drawn."""
    yield
    demo.slack.faults.clear()
    demo.vault.faults.clear()
    if demo.slack.modal("alice"):
        await demo.slack.close_view("alice", everything=True)
    if Book(demo).watches():
        await ask(demo, "alice", "unwatch all")
    await followed(demo)


async def home_of(demo: DemoWorkspace, person: str) -> View:
    """Open the home, and return it as it then stands."""
    done = done_count(demo)
    await demo.slack.open_home(person)
    await until(lambda: done_count(demo) > done, "the home is open")
    return seen(demo, person)


def seen(demo: DemoWorkspace, person: str) -> View:
    """The home as it stands."""
    view = demo.slack.home(person)
    assert view is not None
    return view


def words_of(view: View) -> str:
    """All that stands in a view."""
    return json.dumps([view.title, *view.blocks], ensure_ascii=False)


def elements(view: View, action_id: str) -> list[dict[str, Any]]:
    """The elements of that name, each with the block it stands in, in order."""
    return [
        {**one, "block_id": block["block_id"]}
        for block in view.blocks
        for one in elements_of(block)
        if one.get("action_id") == action_id
    ]


async def press(
    demo: DemoWorkspace, person: str, action_id: str, holding: str = "", *, option: str | None = None
) -> Delivery:
    """Press the first button of that name whose value holds a text, and wait until the bot is done with it."""
    view, done = seen(demo, person), done_count(demo)
    found = next(one for one in elements(view, action_id) if holding in str(one))
    delivery = await demo.slack.click(
        user=person, view=view, action_id=action_id, block_id=found["block_id"], option=option
    )
    await until(lambda: done_count(demo) > done, f"the bot is done with {action_id}")
    return delivery


async def followed(demo: DemoWorkspace) -> None:
    """Let the moment pass in which homes follow what happened elsewhere."""
    if Book(demo).rows("home:"):
        demo.clock.advance(NEW)
    await until(lambda: not Book(demo).rows("home:"), "all homes are redrawn")


def published(traffic: Traffic) -> int:
    """How often the bot has published a home."""
    return sum(PUBLISH in what for what in traffic.web_api_calls)


def home_rows(demo: DemoWorkspace) -> list[str]:
    """Whose homes the bot knows of."""
    with closing(sqlite3.connect(demo.settings["DATABASE_URL"].partition("///")[2], timeout=10)) as db:
        return [row[0] for row in db.execute("SELECT slack_user_id FROM homes ORDER BY 1")]


def in_dm(demo: DemoWorkspace, person: str) -> int:
    """How many messages stand in the person's direct messages with the app."""
    return len(demo.slack.seen_by(person, "dm"))


async def test_home__not_linked(demo: DemoWorkspace) -> None:
    """Useful, without anything of Vault's; the button brings an address that is fresh."""
    vault_calls, messages = demo.vault.calls(), in_dm(demo, "nils")
    view = await home_of(demo, "nils")
    assert "I tell you how far your uploads into Veeva Vault are" in words_of(view)
    assert "/upload-status list" in words_of(view)
    assert "promomats" not in words_of(view)
    assert [one.get("url") for one in elements(view, "link")] == [None]
    delivery = await press(demo, "nils", "link")
    modal = await delivery.shown()
    (button,) = elements(modal, "link")
    assert "/link?ticket=" in button["url"]
    assert (demo.vault.calls(), in_dm(demo, "nils")) == (vault_calls, messages)
    await demo.slack.close_view("nils")


async def test_home__linked(demo: DemoWorkspace) -> None:
    view = await home_of(demo, "alice")
    shown = [json.loads(one["value"])["u"] for one in elements(view, "details")]
    assert shown[:2] == [seed.ALICE_EXPIRING, seed.ALICE_UNCOMMITTED]
    assert "*Needs you*: 1 expires within 4 h" in words_of(view)
    for words in ("Your settings", "Your accounts", "Alice Moreau", "As of", "version", "You watch: nothing"):
        assert words in words_of(view), words
    assert "Episode-07" not in words_of(view)
    assert len(elements(view, "watch")) == len(shown) == 8


async def test_home__of_an_admin(demo: DemoWorkspace) -> None:
    """Vera sees what everybody uploads, with whose it is, page by page."""
    first = await home_of(demo, "vera")
    assert "Uploads you can see: " in words_of(first)
    assert "owner: Vault user 10001522" in words_of(first)
    await press(demo, "vera", "open_list:on")
    second = seen(demo, "vera")
    assert "(page 2 of 2)" in words_of(second)
    ids = [json.loads(one["value"])["u"] for view in (first, second) for one in elements(view, "details")]
    assert len(ids) == len(set(ids)) == 12
    await press(demo, "vera", "open_list:back")
    assert "(page 1 of 2)" in words_of(seen(demo, "vera"))


async def test_home__is_not_published_while_nothing_changes(demo: DemoWorkspace) -> None:
    await home_of(demo, "alice")
    traffic = Traffic(demo)
    await home_of(demo, "alice")
    assert published(traffic) == 0
    await press(demo, "alice", "open_list")
    assert published(traffic) == 1  # who presses Refresh sees that it was refreshed


async def test_home__status_commands_leave_it_alone(demo: DemoWorkspace) -> None:
    """No write, no job, no call to Vault on behalf of the home."""
    await home_of(demo, "alice")
    for words in ("list", seed.CHOLECAP, "whoami", "watches", "link", "help"):
        traffic = Traffic(demo)
        await ask(demo, "alice", words)
        assert Book(demo).rows("home:") == []
        assert traffic.vault_calls <= 1
    assert "You watch: nothing" in words_of(seen(demo, "alice"))


async def test_home__follows_what_is_typed(demo: DemoWorkspace) -> None:
    """Two changes close to each other are drawn once; what stands already is not published again."""
    await home_of(demo, "alice")
    traffic = Traffic(demo)
    await ask(demo, "alice", f"watch {seed.CHOLECAP} 4h")
    await ask(demo, "alice", f"watch {seed.ALICE_MOVING}")
    assert len(Book(demo).rows("home:")) == 1
    await followed(demo)
    assert published(traffic) == 1
    assert "You watch: 2" in words_of(seen(demo, "alice"))
    assert "you watch it" in words_of(seen(demo, "alice"))
    await ask(demo, "alice", f"unwatch {seed.CHOLECAP}")
    await ask(demo, "alice", f"watch {seed.CHOLECAP} 4h")
    await followed(demo)
    assert published(traffic) <= 2


async def test_home__stop_and_snooze(demo: DemoWorkspace) -> None:
    await ask(demo, "alice", f"watch {seed.ALICE_AWKWARD}")
    await ask(demo, "alice", f"watch {seed.ALICE_MOVING}")
    view = await home_of(demo, "alice")
    menu = elements(view, "snooze")[0]
    value = next(one["value"] for one in menu["options"] if json.loads(one["value"])["s"] == "1h")
    messages, traffic = in_dm(demo, "alice"), Traffic(demo)
    await press(demo, "alice", "snooze", value[:30], option=value)
    assert "are silent until" in words_of(seen(demo, "alice"))
    assert "snoozed until" in words_of(seen(demo, "alice"))
    await press(demo, "alice", "unwatch")
    assert "I no longer watch" in words_of(seen(demo, "alice"))
    assert "You watch: 1" in words_of(seen(demo, "alice"))
    assert (published(traffic), in_dm(demo, "alice"), demo.slack.modal("alice")) == (2, messages, None)
    assert Book(demo).rows("home:") == []
    assert "I no longer watch" not in words_of(await home_of(demo, "alice"))


async def test_home__a_watch_that_is_gone_meanwhile(demo: DemoWorkspace) -> None:
    """An old home's button is answered over the home, which then catches up."""
    await ask(demo, "alice", f"watch {seed.ALICE_MOVING}")
    await home_of(demo, "alice")
    with_watch = seen(demo, "alice")
    await ask(demo, "alice", "unwatch all")
    (stop,) = elements(with_watch, "unwatch")
    done = done_count(demo)
    delivery = await demo.slack.click(
        user="alice", view=with_watch, action_id="unwatch", block_id=stop["block_id"]
    )
    told = await delivery.shown()
    await until(lambda: done_count(demo) > done, "the bot is done")
    assert told.kind == "modal"
    assert "watch" in words_of(told)
    assert "m5-datasets" not in words_of(told)
    await followed(demo)
    assert "You watch: nothing" in words_of(seen(demo, "alice"))


async def test_home__a_double_click(demo: DemoWorkspace) -> None:
    await ask(demo, "alice", f"watch {seed.ALICE_MOVING}")
    view = await home_of(demo, "alice")
    (stop,) = elements(view, "unwatch")
    done = done_count(demo)
    await asyncio.gather(
        *(
            demo.slack.click(user="alice", view=view, action_id="unwatch", block_id=stop["block_id"])
            for _ in range(2)
        )
    )
    await until(lambda: done_count(demo) > done + 1, "the bot is done with both")
    await followed(demo)
    assert "You watch: nothing" in words_of(seen(demo, "alice"))


async def test_home__opened_twice_at_once(demo: DemoWorkspace) -> None:
    await ask(demo, "alice", f"watch {seed.ALICE_MOVING}")
    done, traffic = done_count(demo), Traffic(demo)
    await asyncio.gather(*(demo.slack.open_home("alice") for _ in range(2)))
    await until(lambda: done_count(demo) > done + 1, "both are drawn")
    assert published(traffic) in (1, 2)
    await followed(demo)
    assert "You watch: 1" in words_of(seen(demo, "alice"))


async def test_home__somebody_published_meanwhile(demo: DemoWorkspace) -> None:
    """Slack refuses what was made for an older view: the newest is shown all the same."""
    await home_of(demo, "alice")
    demo.vault.faults.add(Delay(0.7))
    traffic, view = Traffic(demo), seen(demo, "alice")
    pressed = asyncio.create_task(press(demo, "alice", "open_list"))
    await until(lambda: traffic.vault_calls > 0, "the home is being read")
    demo.slack._views.publish(view.user, {"type": "home", "blocks": [{"type": "divider"}]})
    await pressed
    assert published(traffic) == 2
    assert "Your uploads: " in words_of(seen(demo, "alice"))


async def test_home__what_began_later_stands(demo: DemoWorkspace) -> None:
    """A slow look from before a change does not cover what was drawn after it."""
    await ask(demo, "alice", f"watch {seed.ALICE_MOVING}")
    await home_of(demo, "alice")
    demo.vault.faults.add(Delay(1.0))
    traffic, done = Traffic(demo), done_count(demo)
    slow = asyncio.create_task(press(demo, "alice", "open_list"))
    await until(lambda: traffic.vault_calls > 0, "the slow look is under way")
    await press(demo, "alice", "unwatch")
    await slow
    await until(lambda: done_count(demo) >= done + 2, "both are done")
    assert "You watch: nothing" in words_of(seen(demo, "alice"))
    assert published(traffic) == 1


async def test_home__a_vault_that_is_down(demo: DemoWorkspace) -> None:
    """It says so, and all the rest is there."""
    await ask(demo, "alice", f"watch {seed.ALICE_MOVING}")
    demo.vault.faults.add(Maintenance(45), times=None)
    view = await home_of(demo, "alice")
    assert "expects it to take 45 min" in words_of(view)
    assert "You watch: 1" in words_of(view)
    assert "Alice Moreau" in words_of(view)
    demo.vault.faults.clear()
    await press(demo, "alice", "open_list")
    assert "Your uploads: " in words_of(seen(demo, "alice"))


async def test_home__stop_while_vault_is_slow(demo: DemoWorkspace) -> None:
    """What was done is said in time over the home, which follows."""
    await ask(demo, "alice", f"watch {seed.ALICE_MOVING}")
    await home_of(demo, "alice")
    demo.vault.faults.add(Delay(2.6))
    delivery = await press(demo, "alice", "unwatch")
    assert "I no longer watch" in words_of(await delivery.shown())
    demo.vault.faults.clear()
    await followed(demo)
    assert "You watch: nothing" in words_of(seen(demo, "alice"))


async def test_home__slack_does_not_take_it(demo: DemoWorkspace) -> None:
    await home_of(demo, "alice")
    demo.slack.faults.add(PUBLISH, ApiError("internal_error"))
    delivery = await press(demo, "alice", "open_list")
    assert "press Refresh again" in words_of(await delivery.shown())
    await ask(demo, "alice", f"watch {seed.ALICE_MOVING}")
    demo.slack.faults.add(PUBLISH, ApiError("internal_error"))
    demo.clock.advance(NEW)
    now = demo.clock.now()
    put_off = [(True, False)]
    await until(
        lambda: [(due > now, held) for _, due, held in Book(demo).rows("home:")] == put_off, "it is put off"
    )
    demo.clock.advance(timedelta(minutes=1))
    await until(lambda: "You watch: 1" in words_of(seen(demo, "alice")), "it is tried again")


async def test_home__a_stranger(demo: DemoWorkspace) -> None:
    """Somebody of another company reads whom the app answers, in the home alone."""
    messages = in_dm(demo, "gina")
    view = await home_of(demo, "gina")
    assert "Your uploads" not in words_of(view)
    assert elements(view, "link") == []
    assert in_dm(demo, "gina") == messages
    assert demo.slack.workspace.user("gina").id not in home_rows(demo)


async def test_home__unlink_and_link(demo: DemoWorkspace) -> None:
    """After unlinking nothing of Vault's is left in it, and it comes back with the link."""
    bob = demo.slack.workspace.user("bob").id
    before = await home_of(demo, "bob")
    assert "archive.tar.gz" in words_of(before)
    await ask(demo, "bob", "unlink all")
    assert bob not in home_rows(demo)
    await followed(demo)
    gone = seen(demo, "bob")
    for words in ("archive.tar.gz", "Tanaka", "promomats", "10001522"):
        assert words not in words_of(gone), words
    assert elements(gone, "link")
    await home_of(demo, "bob")
    await demo.link("bob")
    await followed(demo)
    assert "archive.tar.gz" in words_of(seen(demo, "bob"))
    await press(demo, "bob", "unlink")
    assert "Unlinked from promomats" in words_of(seen(demo, "bob"))
    assert "archive.tar.gz" not in words_of(seen(demo, "bob"))
    await demo.link("bob")
    await followed(demo)


async def test_home__forgotten_by_the_operator(demo: DemoWorkspace) -> None:
    """The command line has no way to Slack; the running bot takes away what the home still shows."""
    bob = demo.slack.workspace.user("bob").id
    await home_of(demo, "bob")
    ended = await cli("accounts", "forget", bob, cwd=demo.folder, settings=demo.settings)
    assert ended.code == 0, ended.err
    assert bob not in home_rows(demo)
    await followed(demo)
    assert "archive.tar.gz" not in words_of(seen(demo, "bob"))
    await demo.link("bob")


async def fill(demo: DemoWorkspace, person: str, **chosen: object) -> Delivery:
    """Open the form Settings, change these fields, send it, and wait until the bot is done."""
    opened = await press(demo, person, "settings")
    form = await opened.shown()
    assert form.title is not None
    assert form.title["text"] == "Your settings"
    done = done_count(demo)
    sent = await demo.slack.submit_view(person, {name: {name: value} for name, value in chosen.items()})
    if demo.slack.modal(person) is None:
        await until(lambda: done_count(demo) > done, "the bot is done with the form")
    return sent


async def test_settings(demo: DemoWorkspace) -> None:
    """Faults are said within the form; what holds is in the home at once, and in what is watched next."""
    await home_of(demo, "alice")
    messages = in_dm(demo, "alice")
    await fill(demo, "alice", leads="soon", quiet=["on"], quiet_from="22:00", quiet_to="22:00")
    form = demo.slack.modal("alice")
    assert form is not None
    assert set(form.errors) == {"leads", "quiet_to"}
    await demo.slack.close_view("alice")
    await fill(demo, "alice", leads="90m 5m", quiet=["on"], quiet_from="21:30", quiet_to="06:15")
    view = words_of(seen(demo, "alice"))
    assert "Your settings are saved." in view
    assert "90 min and 5 min before an upload expires, unless" in view or "1 h 30 min and 5 min" in view
    assert "21:30 to 06:15 (Europe/Paris)" in view
    assert in_dm(demo, "alice") == messages
    watched = await ask(demo, "alice", f"watch {seed.ALICE_MOVING}")
    assert "and 5 min before it expires" in watched.text
    opened = await press(demo, "alice", "settings")
    held = json.dumps((await opened.shown()).blocks)
    assert "90m 5m" in held
    assert "21:30" in held
    await demo.slack.close_view("alice")
    await fill(demo, "alice", leads="", quiet=[])
    view = words_of(seen(demo, "alice"))
    assert "as is usual here" in view
    assert "*Quiet hours*: none" in view


async def test_settings__a_form_that_knew_nothing_takes_nothing_away(demo: DemoWorkspace) -> None:
    """It opened while the database did not answer in time, so its empty fields mean nothing."""
    await home_of(demo, "alice")
    await fill(demo, "alice", leads="2h", quiet=["on"], quiet_from="21:30", quiet_to="06:15")
    opened = await press(demo, "alice", "settings")
    form = replace(await opened.shown(), private_metadata="{}")
    await demo.slack.close_view("alice")
    state = {name: {name: {"type": "x", "value": "", "selected_options": []}} for name in ("leads", "quiet")}
    sent = payloads.view_submission(
        workspace=demo.slack.workspace,
        user=demo.slack.workspace.user("alice"),
        view=replace(form, state=state),
        token="legacy",
        trigger_id="1.2.abc",
    )
    done = done_count(demo)
    await deliver(demo, INTERACTIVE, sent)
    await until(lambda: done_count(demo) > done, "the bot is done with the form")
    assert "21:30 to 06:15" in words_of(seen(demo, "alice"))
    assert "*When*: 2 h before" in words_of(seen(demo, "alice"))
    await fill(demo, "alice", leads="", quiet=[])


async def test_home__watch_and_details(demo: DemoWorkspace) -> None:
    """The buttons of an upload work from here; the answer to the form comes by direct message, and the home follows."""
    await home_of(demo, "alice")
    opened = await press(demo, "alice", "watch", seed.ALICE_MOVING)
    assert "Where to tell" not in words_of(await opened.shown())
    messages, done = in_dm(demo, "alice"), done_count(demo)
    await demo.slack.submit_view("alice")
    await until(lambda: done_count(demo) > done, "the bot is done with the form")
    assert in_dm(demo, "alice") == messages + 1
    await followed(demo)
    assert "You watch: 1" in words_of(seen(demo, "alice"))
    details = await press(demo, "alice", "details", seed.ALICE_MOVING)
    assert (await details.shown()).kind == "modal"
    await demo.slack.close_view("alice")
    demo.vault.abort(seed.ALICE_AWKWARD)
    old = await press(demo, "alice", "details", seed.ALICE_AWKWARD)
    await until(lambda: NOT_VISIBLE in words_of(old.views[-1]), "it is said that it is gone")


async def test_settings__default_vault(demo: DemoWorkspace) -> None:
    await demo.link("alice", seed.QUALITY)
    view = await home_of(demo, "alice")
    assert "*Default Vault*: promomats" in words_of(view)
    assert "Site-Audit-Recordings.zip" in words_of(view) or "(page 1 of 2)" in words_of(view)
    quality = demo.vault.vaults[seed.QUALITY].dns
    await fill(demo, "alice", vault=quality)
    assert "*Default Vault*: quality" in words_of(seen(demo, "alice"))
    opened = await press(demo, "alice", "settings")
    await opened.shown()
    await ask(demo, "alice", "unlink promomats")
    promomats = demo.vault.vaults[seed.PROMOMATS].dns
    done = done_count(demo)
    await demo.slack.submit_view("alice", {"vault": {"vault": promomats}})
    await until(lambda: done_count(demo) > done, "the bot is done with the form")
    assert "no longer linked to promomats, so your default Vault stays" in words_of(seen(demo, "alice"))
    await ask(demo, "alice", "unlink quality")
    await demo.link("alice")


async def test_home__long_after_it_was_opened(demo: DemoWorkspace) -> None:
    """Nobody redraws what nobody looks at. But Slack keeps what a home shows, so what is unlinked goes from it whenever
    that is. The last test: its 25 hours end everybody's sessions."""
    await home_of(demo, "bob")
    demo.clock.advance(timedelta(hours=25))
    await ask(demo, "bob", "unwatch all")
    assert Book(demo).rows("home:") == []
    assert "archive.tar.gz" in words_of(seen(demo, "bob"))
    await ask(demo, "bob", "unlink")
    await followed(demo)
    assert "archive.tar.gz" not in words_of(seen(demo, "bob"))
