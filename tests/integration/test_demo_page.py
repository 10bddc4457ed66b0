"""The demo page's server over real HTTP: what it shows and what it does."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from bot.demo.page.run import OpenPage, demo_page
from bot.demo.vault import seed
from bot.demo.workspace import hidden_fields
from tests.integration.page_tab import State, Tab, calm_tab, ended, faults_on, uploads

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEBIBYTE = 1024 * 1024


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[OpenPage]:
    async with demo_page(port=0) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def tab(opened: OpenPage) -> AsyncIterator[Tab]:
    async with calm_tab(opened) as one:
        yield one


# What it shows


async def test_the_state_has_all_that_the_page_needs(tab: Tab) -> None:
    state = await tab.state()
    assert set(state) == {
        "version", "clock", "workspace", "people", "me", "app", "places", "place", "messages", "thread", "modal",
        "home", "problems", "vaults", "faults", "bot", "credentials", "drawer", "tour",
    }  # fmt: skip
    assert set(state["clock"]) == {"now", "epoch", "speed"}
    assert state["workspace"] == {"name": "Nordlicht Bio", "team_id": "T0NORDLICHT"}
    assert [(one["key"], one["role"]) for one in state["people"]] == [
        ("alice", "owner"),
        ("bob", "another owner"),
        ("vera", "Vault Admin"),
        ("nils", "not linked"),
        ("gina", "guest from another company"),
    ]
    assert {"id": "U0ALICE", "name": "Alice Moreau", "tz": "Europe/Paris"}.items() <= state["people"][
        0
    ].items()
    assert state["app"]["name"] == "Vault Uploads"
    assert state["app"]["commands"][0]["command"] == "/upload-status"
    kinds = {place["name"]: place["kind"] for place in state["places"]}
    assert kinds["trial-uploads"] == "channel"
    assert kinds["migration"] == "private"
    assert {place["kind"] for place in state["places"] if place["name"] == "Vault Uploads"} == {"dm", "home"}
    assert {vault["key"]: vault["name"] for vault in state["vaults"]} == {
        "promomats": "Nordlicht PromoMats",
        "quality": "Nordlicht Quality",
    }
    assert state["bot"]["running"] is True
    assert state["bot"]["mode"] == "socket"
    assert state["bot"]["pid"] > 0
    assert any('"ready"' in line for line in state["bot"]["log_tail"])
    assert len(state["tour"]["steps"]) >= 7
    assert state["problems"] == []


async def test_an_upload_is_shown_as_vault_sees_it(tab: Tab) -> None:
    sample = uploads(await tab.state())[seed.CHOLECAP]
    assert sample.items() >= {
        "name": "Cholecap-Commercial-2021.mp4",
        "path": "/u10001400/cholecap-2021/Cholecap-Commercial-2021.mp4",
        "owner": "alice",
        "owner_name": "Alice Moreau",
        "size": 32862312,
        "bytes_per_second": 0,
    }.items()  # fmt: skip
    assert uploads(await tab.state())[seed.ALICE_MOVING]["bytes_per_second"] > 0


async def test_credentials_open_the_emulated_vaults(tab: Tab) -> None:
    shown = {one["person"]: one for one in (await tab.state())["credentials"]}
    assert shown["nils"]["user_name"] == "nils@nordlicht.example"
    assert shown["nils"]["password"] == "nils-demo-1"
    assert shown["nils"]["tokens"]["promomats"].startswith("veeva-vault-demo-nils-")
    assert "gina" not in shown


async def test_reading_changes_nothing(tab: Tab) -> None:
    await tab.do("drawer", open=True)
    await tab.do("tour", step=3)
    await tab.typed("/upload-status help")
    first = await tab.state()
    for path in ("/", "/static/nothing.js", "/api/log", "/api/state"):
        await tab.http.get(path)
    second = await tab.state()
    for name in ("me", "place", "messages", "thread", "drawer", "tour", "modal", "people", "app"):
        assert first[name] == second[name]
    assert second["drawer"] == {"open": True}
    assert second["tour"]["step"] == 3
    await tab.do("drawer", open=False)
    await tab.do("tour", step=0)


# What it does


async def test_the_typed_command_is_answered_for_these_eyes_alone(tab: Tab) -> None:
    card = await tab.typed(f"/upload-status {seed.CHOLECAP}")
    assert card["author"]["kind"] == "app"
    assert card["author"]["name"] == "Vault Uploads"
    assert card["ephemeral"] is True
    assert "Cholecap-Commercial-2021.mp4" in card["text"]
    await tab.do("become", person="bob")
    assert card["key"] not in {one["key"] for one in (await tab.state())["messages"]}
    told = await tab.typed(f"/upload-status {seed.CHOLECAP}")
    assert "Cholecap" not in json.dumps(told)


async def test_refresh_shows_the_bytes_that_came_meanwhile(tab: Tab) -> None:
    await tab.do("vault_new", owner="alice", name="Fresh.bin", size=20 * MEBIBYTE, vault="promomats")
    upload = next(one for one in uploads(await tab.state()).values() if one["name"] == "Fresh.bin")
    card = await tab.typed(f"/upload-status {upload['id']}")
    assert "0%" in card["text"]
    await tab.do("vault_part", id=upload["id"])
    await tab.do("click", message=card["key"], action_id="refresh")
    state = await tab.until(
        lambda now: any(one["key"] == card["key"] and "25%" in one["text"] for one in now["messages"]),
        "the card with more bytes",
    )
    assert next(one["edited"] for one in state["messages"] if one["key"] == card["key"]) == 1
    await tab.do("vault_abort", id=upload["id"])


async def test_a_plain_message_and_its_thread(tab: Tab) -> None:
    await tab.do("type", text="Good morning")
    message = (await tab.state())["messages"][-1]
    assert message["author"] == {"id": "U0ALICE", "name": "Alice Moreau", "kind": "person"}
    await tab.do("open_thread", ts=message["ts"])
    await tab.do("type", text="and to you", thread=message["ts"])
    thread = (await tab.state())["thread"]
    assert thread["parent"]["key"] == message["key"]
    assert [one["text"] for one in thread["messages"]] == ["and to you"]
    assert "and to you" not in [one["text"] for one in (await tab.state())["messages"]]
    assert (
        next(one for one in (await tab.state())["messages"] if one["key"] == message["key"])["replies"] == 1
    )
    await tab.do("type", text="/upload-status list", thread=message["ts"])
    refused = await tab.until(
        lambda now: "not supported in threads" in json.dumps(now["messages"] + now["thread"]["messages"]),
        "Slack's refusal",
    )
    assert refused["me"] == "alice"
    await tab.do("close_thread")
    assert (await tab.state())["thread"] is None


async def test_commands_of_nobody_are_answered_by_slack(tab: Tab) -> None:
    told = await tab.typed("/weather Paris")
    assert told["author"]["kind"] == "slackbot"
    assert "not a valid command" in told["text"]


async def test_messages_of_others_are_unread_until_one_looks(tab: Tab) -> None:
    await tab.do("go", place="C0GENERAL")
    await tab.do("type", text="Anybody there?")
    await tab.do("become", person="bob")
    await tab.do("go", place="C0TRIALUPLOADS")
    await tab.do("become", person="vera")
    unread = {place["id"]: place["unread"] for place in (await tab.state())["places"]}
    assert unread["C0GENERAL"] == 1
    await tab.do("go", place="C0GENERAL")
    await tab.do("go", place="C0TRIALUPLOADS")
    unread = {place["id"]: place["unread"] for place in (await tab.state())["places"]}
    assert unread["C0GENERAL"] == 0


async def test_places_follow_the_person(tab: Tab) -> None:
    await tab.do("go", place="C0MIGRATION")
    await tab.do("become", person="bob")
    assert (await tab.state())["place"] == "C0TRIALUPLOADS"
    await tab.do("go", place="D0BOB")
    assert any("linked" in one["text"] for one in (await tab.state())["messages"])
    await tab.do("become", person="alice")
    assert (await tab.state())["place"] == "D0ALICE"
    await tab.do("become", person="gina")
    assert [place["name"] for place in (await tab.state())["places"] if place["kind"] == "channel"] == [
        "trial-uploads"
    ]
    assert "does not have" in await tab.refused("go", 404, place="D0BOB")


async def test_nils_links_through_the_real_page(tab: Tab) -> None:
    await tab.do("become", person="nils")
    asked = await tab.typed("/upload-status link")
    address = next(
        element["url"]
        for block in asked["blocks"]
        for element in block.get("elements", [])
        if "url" in element
    )
    shown = next(one for one in (await tab.state())["credentials"] if one["person"] == "nils")
    async with httpx.AsyncClient(trust_env=False) as other_tab:
        form = hidden_fields((await other_tab.get(address)).text, "password")
        form |= {"username": shown["user_name"], "password": shown["password"]}
        done = await other_tab.post(f"{(await tab.state())['bot']['address']}/link", data=form)
    assert done.status_code == 200
    assert "Nils Okafor" in (await tab.typed("/upload-status whoami"))["text"]
    await tab.typed("/upload-status unlink all")


async def test_the_life_of_an_upload(tab: Tab) -> None:
    await tab.do("vault_new", owner="bob", name="Life.bin", size=20 * MEBIBYTE, vault="quality")
    state = await tab.state()
    upload_id = next(one["id"] for one in uploads(state, "quality").values() if one["name"] == "Life.bin")
    await tab.do("vault_run", id=upload_id, bytes_per_second=MEBIBYTE)
    await tab.do("clock", by=6)
    running = uploads(await tab.state(), "quality")[upload_id]
    assert (running["uploaded"], running["parts"], running["bytes_per_second"]) == (5 * MEBIBYTE, 1, MEBIBYTE)
    await tab.do("vault_stall", id=upload_id)
    assert uploads(await tab.state(), "quality")[upload_id]["bytes_per_second"] == 0
    assert "only a complete upload" in await tab.refused("vault_commit", 409, id=upload_id)
    await tab.do("vault_finish", id=upload_id)
    assert uploads(await tab.state(), "quality")[upload_id]["complete"] is True
    assert "Every byte" in await tab.refused("vault_part", 409, id=upload_id)
    await tab.do("vault_commit", id=upload_id)
    assert ended(await tab.state(), "quality")[upload_id] == "committed"
    assert "no active upload" in (await tab.refused("vault_part", 404, id=upload_id)).lower()


@pytest.mark.parametrize(("act", "end"), [("vault_abort", "aborted"), ("vault_expire", "expired")])
async def test_an_upload_ends_otherwise(tab: Tab, act: str, end: str) -> None:
    await tab.do("vault_new", owner="vera", name=f"{end}.bin", size=1, vault="promomats")
    upload_id = next(one["id"] for one in uploads(await tab.state()).values() if one["name"] == f"{end}.bin")
    await tab.do(act, id=upload_id)
    assert ended(await tab.state())[upload_id] == end


async def test_time_moves_for_the_bot_too(tab: Tab) -> None:
    await tab.do("vault_new", owner="alice", name="Late.bin", size=20 * MEBIBYTE, vault="promomats")
    upload_id = next(one["id"] for one in uploads(await tab.state()).values() if one["name"] == "Late.bin")
    before = (await tab.state())["clock"]["epoch"]
    await tab.do("clock", by=3600)
    assert (await tab.state())["clock"]["epoch"] >= before + 3600
    await tab.do("clock", speed=60)
    assert (await tab.state())["clock"]["speed"] == 60
    await tab.do("clock", speed=0)
    await tab.do("clock", before_expiry_of=upload_id, seconds=3600)
    card = await tab.typed(f"/upload-status {upload_id}")
    assert "60 min" in card["text"] or "1 h" in card["text"], card["text"]
    assert "cannot go back" in await tab.refused("clock", 409, before_expiry_of=upload_id, seconds=7200)
    await tab.do("clock", by=3601)
    assert ended(await tab.state())[upload_id] == "expired"


@pytest.mark.parametrize("key", ["vault_slow", "vault_down", "vault_maintenance", "vault_burst"])
async def test_faults_of_vault_stand_until_switched_off(tab: Tab, key: str) -> None:
    await tab.do("fault", key=key, on=True)
    await tab.do("fault", key=key, on=True)
    assert faults_on(await tab.state()) == {key}
    assert len(tab.page.stage.demo.vault.faults.planned) == 1
    await tab.do("fault", key=key, on=False)
    assert faults_on(await tab.state()) == set()
    assert tab.page.stage.demo.vault.faults.planned == []


async def test_a_vault_in_maintenance_is_told_of(tab: Tab) -> None:
    await tab.do("fault", key="vault_maintenance", on=True)
    assert "maintenance" in (await tab.typed("/upload-status list"))["text"].lower()


async def test_faults_of_slack_strike_the_bots_calls(tab: Tab) -> None:
    await tab.do("fault", key="slack_429", on=True)
    await tab.do("fault", key="slack_down", on=True)
    assert faults_on(await tab.state()) == {"slack_429", "slack_down"}
    await tab.do("fault", key="slack_down", on=False)
    assert faults_on(await tab.state()) == {"slack_429"}
    before = (await tab.http.get("/api/log")).json()["last"]
    await tab.do("type", text="/upload-status help")
    async with asyncio.timeout(60):
        while True:
            lines = (await tab.http.get(f"/api/log?after={before}")).json()["entries"]
            if any(line["status"] == 429 and not line["ok"] for line in lines):
                break
            await asyncio.sleep(0.05)
    shown = len((await tab.state())["messages"])
    await tab.do("fault", key="slack_429", on=False)
    await tab.until(lambda now: len(now["messages"]) > shown, "the answer after the retry")


async def test_everybody_is_logged_out_and_can_link_again(tab: Tab) -> None:
    old = {one["person"]: one["tokens"] for one in (await tab.state())["credentials"]}
    await tab.do("fault", key="vault_logged_out", on=True)
    state = await tab.state()
    assert faults_on(state) == set()
    assert all(one["tokens"] != old[one["person"]] for one in state["credentials"])
    told = await tab.typed("/upload-status list")
    assert "link" in told["text"].lower()
    await tab.page.stage.demo.link("alice", method="token")
    assert "in promomats" in (await tab.typed("/upload-status list"))["text"]


async def test_a_lost_websocket_comes_back(tab: Tab) -> None:
    slack = tab.page.stage.demo.slack
    await tab.until(lambda _: slack.connected_sockets > 0, "a websocket")
    before = (await tab.http.get("/api/log")).json()["last"]
    await tab.do("fault", key="socket_lost", on=True)

    def hello(_: State) -> bool:
        lines = tab.page.stage.log.after(before)
        return any(line["what"] == "socket hello" for line in lines)

    await tab.until(hello, "another hello", 30)
    assert "in promomats" in (await tab.typed("/upload-status list", seconds=30))["text"]


async def test_what_slack_would_reject_is_shown_until_dismissed(tab: Tab) -> None:
    demo = tab.page.stage.demo
    async with httpx.AsyncClient(trust_env=False) as bot:
        await bot.post(
            f"{demo.slack.api_url}chat.postMessage",
            headers={"Authorization": f"Bearer {demo.slack.bot_token}"},
            json={"channel": "C0TRIALUPLOADS", "text": "x", "blocks": [{"type": "hologram"}]},
        )
    problem = (await tab.state())["problems"][-1]
    assert problem["title"] == "Slack would reject this"
    assert "hologram" in json.dumps(problem["reasons"])
    assert problem["payload"]["blocks"] == [{"type": "hologram"}]
    await tab.do("dismiss", problem=problem["id"])
    assert problem["id"] not in {one["id"] for one in (await tab.state())["problems"]}


async def test_a_modal_is_opened_filled_in_and_sent(tab: Tab) -> None:
    demo = tab.page.stage.demo
    user = demo.slack.workspace.user("alice")
    element = {"type": "plain_text_input", "action_id": "name"}
    label = {"type": "plain_text", "text": "Name"}
    view = {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Form"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": [{"type": "input", "block_id": "b", "label": label, "element": element}],
    }
    demo.slack._views.open(user.id, view)
    modal = (await tab.state())["modal"]
    assert (modal["title"], modal["submit"], modal["close"], modal["depth"]) == ("Form", "Send", None, 1)
    assert modal["errors"] == {}
    assert modal["values"]["b"]["name"]["type"] == "plain_text_input"
    await tab.do("submit", values={"b": {"name": ""}})
    assert (await tab.state())["modal"]["errors"]["b"]
    await tab.do("become", person="bob")
    assert (await tab.state())["modal"] is None
    await tab.do("become", person="alice")
    await tab.do("submit", values={"b": {"name": "Ada"}})
    await tab.until(lambda now: now["modal"] is None, "the form was taken")
    demo.slack._views.open(user.id, view)
    await tab.do("close_modal")
    assert (await tab.state())["modal"] is None
    assert "no modal" in (await tab.refused("close_modal", 404)).lower()
    assert "no modal" in (await tab.refused("click_view", 409, view="modal", action_id="x")).lower()
