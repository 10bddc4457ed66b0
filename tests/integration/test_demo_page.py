"""The demo page's server over real HTTP: what it shows, what it does, and whom it refuses."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bot.demo.page import server
from bot.demo.page.headers import SECURITY
from bot.demo.page.run import OpenPage, demo_page
from bot.demo.vault import seed
from bot.demo.workspace import hidden_fields

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEBIBYTE = 1024 * 1024
State = dict[str, Any]


@dataclass
class Browser:
    """A tab with the page open."""

    http: httpx.AsyncClient
    page: OpenPage

    async def state(self) -> State:
        """What it shows."""
        answer = await self.http.get("/api/state")
        assert answer.status_code == 200
        state: State = answer.json()
        return state

    async def send(self, act: str, **more: Any) -> httpx.Response:
        """Do something, as the page's own script does."""
        return await self.http.post("/api/do", json={"do": act, **more}, headers={"Origin": self.page.url})

    async def do(self, act: str, **more: Any) -> None:
        """Do something that works."""
        answer = await self.send(act, **more)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"ok": True}

    async def refused(self, act: str, status: int = 400, **more: Any) -> str:
        """Do something that does not; returns the sentence."""
        answer = await self.send(act, **more)
        assert answer.status_code == status, answer.text
        body = answer.json()
        assert body["ok"] is False
        return str(body["error"])

    async def until(self, condition: Callable[[State], bool], what: str, seconds: float = 20) -> State:
        """Wait until the page shows it."""
        try:
            async with asyncio.timeout(seconds):
                while not condition(state := await self.state()):  # noqa: ASYNC110 - it is another process
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never shown: {what}") from None
        return state

    async def typed(self, text: str, *, seconds: float = 20) -> State:
        """Type and return the newest message once there is one more."""
        before = {message["key"] for message in (await self.state())["messages"]}
        await self.do("type", text=text)
        state = await self.until(
            lambda now: any(
                one["key"] not in before and one["author"]["kind"] != "person" for one in now["messages"]
            ),
            f"an answer to {text}",
            seconds,
        )
        newest: State = state["messages"][-1]
        return newest


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[OpenPage]:
    async with demo_page(port=0) as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def tab(opened: OpenPage) -> AsyncIterator[Browser]:
    """A tab in which Alice looks at #trial-uploads, nothing is broken, and time runs as usual."""
    async with httpx.AsyncClient(base_url=opened.url, trust_env=False, timeout=20) as client:
        browser = Browser(client, opened)
        await browser.do("become", person="alice")
        await browser.do("go", place="C0TRIALUPLOADS")
        for fault in (await browser.state())["faults"]:
            if fault["on"]:
                await browser.do("fault", key=fault["key"], on=False)
        await browser.do("clock", speed=1)
        await browser.until(lambda state: state["bot"]["running"], "the bot runs")
        yield browser


def uploads(state: State, vault: str = seed.PROMOMATS) -> dict[str, State]:
    return {one["id"]: one for each in state["vaults"] if each["key"] == vault for one in each["uploads"]}


def ended(state: State, vault: str = seed.PROMOMATS) -> dict[str, str]:
    return {
        one["id"]: one["end"] for each in state["vaults"] if each["key"] == vault for one in each["ended"]
    }


def faults_on(state: State) -> set[str]:
    return {fault["key"] for fault in state["faults"] if fault["on"]}


# What it shows


async def test_the_state_has_all_that_the_page_needs(tab: Browser) -> None:
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
    assert "dm" in kinds.values()
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


async def test_an_upload_is_shown_as_vault_sees_it(tab: Browser) -> None:
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


async def test_credentials_open_the_emulated_vaults(tab: Browser) -> None:
    shown = {one["person"]: one for one in (await tab.state())["credentials"]}
    assert shown["nils"]["user_name"] == "nils@nordlicht.example"
    assert shown["nils"]["password"] == "nils-demo-1"
    assert shown["nils"]["tokens"]["promomats"].startswith("veeva-vault-demo-nils-")
    assert "gina" not in shown


async def test_reading_changes_nothing(tab: Browser) -> None:
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


async def test_the_typed_command_is_answered_for_these_eyes_alone(tab: Browser) -> None:
    card = await tab.typed(f"/upload-status {seed.CHOLECAP}")
    assert card["author"]["kind"] == "app"
    assert card["author"]["name"] == "Vault Uploads"
    assert card["ephemeral"] is True
    assert "Cholecap-Commercial-2021.mp4" in card["text"]
    await tab.do("become", person="bob")
    assert card["key"] not in {one["key"] for one in (await tab.state())["messages"]}
    told = await tab.typed(f"/upload-status {seed.CHOLECAP}")
    assert "Cholecap" not in json.dumps(told)


async def test_refresh_shows_the_bytes_that_came_meanwhile(tab: Browser) -> None:
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


async def test_a_plain_message_and_its_thread(tab: Browser) -> None:
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


async def test_commands_of_nobody_are_answered_by_slack(tab: Browser) -> None:
    told = await tab.typed("/weather Paris")
    assert told["author"]["kind"] == "slackbot"
    assert "not a valid command" in told["text"]


async def test_messages_of_others_are_unread_until_one_looks(tab: Browser) -> None:
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


async def test_places_follow_the_person(tab: Browser) -> None:
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


async def test_nils_links_through_the_real_page(tab: Browser) -> None:
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


async def test_the_life_of_an_upload(tab: Browser) -> None:
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
async def test_an_upload_ends_otherwise(tab: Browser, act: str, end: str) -> None:
    await tab.do("vault_new", owner="vera", name=f"{end}.bin", size=1, vault="promomats")
    upload_id = next(one["id"] for one in uploads(await tab.state()).values() if one["name"] == f"{end}.bin")
    await tab.do(act, id=upload_id)
    assert ended(await tab.state())[upload_id] == end


async def test_time_moves_for_the_bot_too(tab: Browser) -> None:
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
async def test_faults_of_vault_stand_until_switched_off(tab: Browser, key: str) -> None:
    await tab.do("fault", key=key, on=True)
    await tab.do("fault", key=key, on=True)
    assert faults_on(await tab.state()) == {key}
    assert len(tab.page.stage.demo.vault.faults.planned) == 1
    await tab.do("fault", key=key, on=False)
    assert faults_on(await tab.state()) == set()
    assert tab.page.stage.demo.vault.faults.planned == []


async def test_a_vault_in_maintenance_is_told_of(tab: Browser) -> None:
    await tab.do("fault", key="vault_maintenance", on=True)
    assert "maintenance" in (await tab.typed("/upload-status list"))["text"].lower()


async def test_faults_of_slack_strike_the_bots_calls(tab: Browser) -> None:
    await tab.do("fault", key="slack_429", on=True)
    await tab.do("fault", key="slack_down", on=True)
    assert faults_on(await tab.state()) == {"slack_429", "slack_down"}
    await tab.do("fault", key="slack_down", on=False)
    assert faults_on(await tab.state()) == {"slack_429"}
    before = (await tab.http.get("/api/log")).json()["last"]
    await tab.do("type", text="/upload-status help")
    async with asyncio.timeout(20):
        while True:
            lines = (await tab.http.get(f"/api/log?after={before}")).json()["entries"]
            if any(line["status"] == 429 and not line["ok"] for line in lines):
                break
            await asyncio.sleep(0.05)
    shown = len((await tab.state())["messages"])
    await tab.do("fault", key="slack_429", on=False)
    await tab.until(lambda now: len(now["messages"]) > shown, "the answer after the retry")


async def test_everybody_is_logged_out_and_can_link_again(tab: Browser) -> None:
    old = {one["person"]: one["tokens"] for one in (await tab.state())["credentials"]}
    await tab.do("fault", key="vault_logged_out", on=True)
    state = await tab.state()
    assert faults_on(state) == set()
    assert all(one["tokens"] != old[one["person"]] for one in state["credentials"])
    told = await tab.typed("/upload-status list")
    assert "link" in told["text"].lower()
    await tab.page.stage.demo.link("alice", method="token")
    assert "in promomats" in (await tab.typed("/upload-status list"))["text"]


async def test_a_lost_websocket_comes_back(tab: Browser) -> None:
    slack = tab.page.stage.demo.slack
    await tab.until(lambda _: slack.connected_sockets > 0, "a websocket")
    before = (await tab.http.get("/api/log")).json()["last"]
    await tab.do("fault", key="socket_lost", on=True)

    def hello(_: State) -> bool:
        lines = tab.page.stage.log.after(before)
        return any(line["what"] == "socket hello" for line in lines)

    await tab.until(hello, "another hello", 30)
    assert "in promomats" in (await tab.typed("/upload-status list", seconds=30))["text"]


async def test_the_bot_is_killed_and_comes_back_with_nothing_lost(tab: Browser) -> None:
    pid = (await tab.state())["bot"]["pid"]
    await tab.do("fault", key="bot_killed", on=True)
    dead = await tab.until(lambda now: not now["bot"]["running"], "the bot is gone")
    assert faults_on(dead) == {"bot_killed"}
    assert dead["bot"]["pid"] == 0
    told = await tab.typed("/upload-status list")
    assert told["author"]["kind"] == "slackbot"
    assert "dispatch_failed" in told["text"]
    await tab.do("fault", key="bot_killed", on=False)
    alive = await tab.until(lambda now: now["bot"]["running"], "the bot is back")
    assert alive["bot"]["pid"] not in (0, pid)
    assert faults_on(alive) == set()
    assert "in promomats" in (await tab.typed("/upload-status list"))["text"]


async def test_what_slack_would_reject_is_shown_until_dismissed(tab: Browser) -> None:
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


async def test_a_modal_is_opened_filled_in_and_sent(tab: Browser) -> None:
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


# The tour


async def test_every_step_of_the_tour_does_itself(tab: Browser) -> None:
    steps = (await tab.state())["tour"]["steps"]
    for number, step in enumerate(steps):
        await tab.do("tour", open=True, step=number, run=True)
        state = await tab.until(
            lambda now: not now["tour"]["running"], f"the end of step {step['title']}", seconds=60
        )
        assert state["tour"]["steps"][number]["done"] is True, (step["title"], state["problems"])
        assert state["problems"] == [], step["title"]
        answer = state["messages"][-1]
        assert answer["author"]["kind"] == "app", step["title"]
        if "Bob, ask" in step["title"]:
            assert state["me"] == "bob"
            assert "Cholecap" not in answer["text"]
        if "expiry" in step["title"]:
            assert "60 min" in json.dumps(state["messages"]) or "1 h" in json.dumps(state["messages"])
    await tab.do("tour", open=False)
    assert (await tab.state())["tour"]["open"] is False


async def test_a_step_done_by_hand_is_ticked_off(tab: Browser) -> None:
    tour = tab.page.stage
    assert tour.viewer.tour_open is False
    await tab.typed(f"/upload-status {seed.CHOLECAP}")
    assert (await tab.state())["tour"]["steps"][0]["done"] is True


# The log


async def test_the_log_tells_who_asked_whom_in_order(tab: Browser) -> None:
    before = (await tab.http.get("/api/log")).json()["last"]
    await tab.typed("/upload-status list")
    answer = (await tab.http.get(f"/api/log?after={before}")).json()
    entries = answer["entries"]
    assert answer["last"] == entries[-1]["n"]
    assert [entry["n"] for entry in entries] == list(range(before + 1, answer["last"] + 1))
    ways = [(entry["from"], entry["to"]) for entry in entries]
    for way in (("Person", "Slack"), ("Slack", "Bot"), ("Bot", "Vault"), ("Bot", "Slack")):
        assert way in ways
    vault = next(entry for entry in entries if entry["to"] == "Vault")
    assert vault["who"] == "alice"
    assert vault["what"].startswith("GET /api/v24.3/services/file_staging/upload")
    assert vault["ok"] is True
    assert set(vault) == {"n", "at", "from", "to", "what", "who", "status", "ok", "seconds", "began"}
    first_of = {
        way: min(entry["began"] for entry in entries if (entry["from"], entry["to"]) == way) for way in ways
    }
    assert first_of["Slack", "Bot"] < first_of["Bot", "Vault"] < first_of["Bot", "Slack"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"do":"type","text":"half of an emoji \\ud83d"}',
        b'{"do":"clock","by":1' + b"0" * 400 + b"}",
        b'{"do":"tour","step":1' + b"0" * 400 + b"}",
        b'{"do":"clock","by":NaN}',
    ],
)
async def test_what_cannot_be_written_again_is_refused(tab: Browser, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Origin": tab.page.url}
    answer = await tab.http.post("/api/do", content=body, headers=headers)
    assert answer.status_code == 400
    assert (await tab.http.get("/api/state")).status_code == 200


async def test_a_number_that_is_none_has_no_exchange(tab: Browser) -> None:
    for number in ("9" * 5000, "-1", "one"):
        assert (await tab.http.get(f"/api/log/{number}")).status_code == 404


async def test_an_exchange_is_shown_whole_and_without_secrets(tab: Browser) -> None:
    await tab.typed("/upload-status link")
    demo = tab.page.stage.demo
    secrets = [
        demo.slack.bot_token,
        demo.slack.app_token,
        demo.slack.signing_secret,
        *seed.PASSWORDS.values(),
        *(token for one in (await tab.state())["credentials"] for token in one["tokens"].values()),
    ]
    lines = (await tab.http.get("/api/log")).json()["entries"]
    assert len(lines) > 20
    for line in lines:
        whole = await tab.http.get(f"/api/log/{line['n']}")
        assert whole.json().items() >= line.items()
        assert set(whole.json()["request"]) == {"headers", "body"}
        assert not any(secret in whole.text for secret in secrets), line["what"]
        assert "ticket=" not in whole.text or "ticket=•••" in whole.text
    assert (await tab.http.get("/api/log/99999999")).status_code == 404
    assert (await tab.http.get("/api/log?after=x")).status_code == 200


# The stream


async def test_the_stream_tells_of_each_change_and_not_too_often(tab: Browser) -> None:
    async with tab.http.stream("GET", "/api/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        first = await _version(lines)
        for _ in range(50):
            tab.page.stage.changes.note()
        second = await _version(lines)
        assert second >= first + 50
    assert tab.page.stage.changes.version >= second


async def test_the_stream_stays_awake_and_hears_of_time_alone(
    tab: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_SECONDS", 0.05)
    async with tab.http.stream("GET", "/api/events") as stream, asyncio.timeout(10):
        async for line in stream.aiter_lines():
            if line.startswith(":"):
                break
    await tab.do("vault_new", owner="alice", name="Alone.bin", size=20 * MEBIBYTE, vault="quality")
    made = next(one for one in uploads(await tab.state(), "quality").values() if one["name"] == "Alone.bin")
    await tab.do("vault_run", id=made["id"], bytes_per_second=10 * MEBIBYTE)
    version = tab.page.stage.changes.version
    async with asyncio.timeout(10):
        for _ in range(3):  # nobody asks meanwhile: it is the arriving parts that are told of
            version = await tab.page.stage.changes.after(version)
    assert uploads(await tab.state(), "quality")[made["id"]]["uploaded"] > 0


async def _version(lines: AsyncIterator[str]) -> int:
    async with asyncio.timeout(10):
        async for line in lines:
            if line.startswith("data: "):
                return int(json.loads(line.removeprefix("data: "))["version"])
    raise AssertionError("the stream has ended")


# Whom it refuses


async def test_there_is_no_websocket_here(tab: Browser) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    assert (await tab.http.get("/api/events", headers=upgrade)).status_code == 403


async def test_other_hosts_are_refused(tab: Browser) -> None:
    for host in ("evil.example", "127.0.0.1", f"evil.example:{tab.page.url.rpartition(':')[2]}"):
        assert (await tab.http.get("/api/state", headers={"Host": host})).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
async def test_acts_of_other_pages_are_refused(tab: Browser, headers: dict[str, str]) -> None:
    answer = await tab.http.post("/api/do", json={"do": "become", "person": "vera"}, headers=headers)
    assert answer.status_code == 403
    assert (await tab.state())["me"] == "alice"
    assert "access-control-allow-origin" not in answer.headers


async def test_a_browser_without_origin_may_act_from_the_same_origin(tab: Browser) -> None:
    body = {"do": "drawer", "open": False}
    answer = await tab.http.post("/api/do", json=body, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 200


async def test_other_pages_cannot_read_either(tab: Browser) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await tab.http.get("/api/state", headers=headers)).status_code == 403


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_only_json_is_taken(tab: Browser, content_type: str) -> None:
    answer = await tab.http.post(
        "/api/do",
        content=b'{"do": "become", "person": "vera"}',
        headers={"Origin": tab.page.url, "Content-Type": content_type},
    )
    assert answer.status_code == 415


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b'"x"', b"[" * 100_000])
async def test_a_body_that_is_no_object_is_refused(tab: Browser, body: bytes) -> None:
    headers = {"Origin": tab.page.url, "Content-Type": "application/json"}
    assert (await tab.http.post("/api/do", content=body, headers=headers)).status_code == 400


async def test_a_huge_body_is_refused(tab: Browser) -> None:
    headers = {"Origin": tab.page.url, "Content-Type": "application/json"}
    answer = await tab.http.post("/api/do", content=b" " * 300_000, headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "act",
    [
        {"do": "no_such_act"},
        {"do": 5},
        {},
        {"do": "become", "person": "vault_uploads"},
        {"do": "become", "person": None},
        {"do": "type", "text": "   "},
        {"do": "type", "text": "x" * 20_000},
        {"do": "clock", "by": -5},
        {"do": "clock", "by": "60"},
        {"do": "clock", "by": True},
        {"do": "clock"},
        {"do": "vault_new", "owner": "alice", "name": "a/b", "size": 5, "vault": "promomats"},
        {"do": "vault_new", "owner": "alice", "name": "a", "size": 0, "vault": "promomats"},
        {"do": "vault_new", "owner": "gina", "name": "a", "size": 5, "vault": "promomats"},
        {"do": "vault_new", "owner": "alice", "name": "a", "size": 5, "vault": "nowhere"},
        {"do": "vault_run", "id": seed.ALICE_STALLED, "bytes_per_second": 0},
        {"do": "fault", "key": "nothing", "on": True},
        {"do": "fault", "key": "vault_slow", "on": "yes"},
        {"do": "tour", "step": 99},
        {"do": "tour", "step": 0.5},
        {"do": "drawer"},
        {"do": "click_view", "view": "window", "action_id": "x"},
        {"do": "submit", "values": []},
    ],
)
async def test_an_act_that_makes_no_sense_is_refused_with_a_sentence(tab: Browser, act: State) -> None:
    answer = await tab.http.post("/api/do", json=act, headers={"Origin": tab.page.url})
    assert answer.status_code in (400, 404), answer.text
    assert answer.json()["ok"] is False
    assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    "act",
    [
        {"do": "become", "person": "mallory"},
        {"do": "click", "message": "C0TRIALUPLOADS:1.0", "action_id": "refresh"},
        {"do": "message_shortcut", "message": "C0TRIALUPLOADS:1.0", "callback_id": "none"},
        {"do": "shortcut", "callback_id": "none"},
        {"do": "open_thread", "ts": "1.0"},
        {"do": "vault_part", "id": "none"},
        {"do": "clock", "before_expiry_of": "none", "seconds": 5},
    ],
)
async def test_what_is_not_there_is_not_found(tab: Browser, act: State) -> None:
    answer = await tab.http.post("/api/do", json=act, headers={"Origin": tab.page.url})
    assert answer.status_code == 404, answer.text
    assert answer.json()["error"].endswith(".")


# What every answer carries


@pytest.mark.parametrize("path", ["/", "/api/state", "/api/log", "/static/none.js", "/nowhere", "/api/do"])
async def test_every_answer_is_locked_down(tab: Browser, path: str) -> None:
    answer = await tab.http.get(path)
    for name, value in SECURITY.items():
        assert answer.headers[name] == value
    assert "access-control-allow-origin" not in answer.headers
    assert "'unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e%2f%2e%2e%2fworkspace.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/.hidden.js",
        "/static/server.py",
        "/static/app.js%00",
        "/static/",
        "/static",
    ],
)
async def test_files_outside_are_not_served(tab: Browser, path: str) -> None:
    host, _, port = tab.page.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    head = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert b" 404 " in head or b" 400 " in head


async def test_the_page_and_its_files_have_their_types(tab: Browser) -> None:
    page = await tab.http.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    script = await tab.http.get("/static/api.js")
    assert script.status_code == 200
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
