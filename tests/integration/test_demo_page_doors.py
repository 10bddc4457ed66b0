"""The demo page's server over real HTTP: its log, its stream of changes, and whom it refuses."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.demo.page import server
from bot.demo.page.headers import SECURITY
from bot.demo.page.run import OpenPage, demo_page
from bot.demo.vault import seed
from tests.integration.page_tab import State, Tab, calm_tab, uploads

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


# The log


async def test_the_log_tells_who_asked_whom_in_order(tab: Tab) -> None:
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
async def test_what_cannot_be_written_again_is_refused(tab: Tab, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Origin": tab.page.url}
    answer = await tab.http.post("/api/do", content=body, headers=headers)
    assert answer.status_code == 400
    assert (await tab.http.get("/api/state")).status_code == 200


async def test_a_number_that_is_none_has_no_exchange(tab: Tab) -> None:
    for number in ("9" * 5000, "-1", "one"):
        assert (await tab.http.get(f"/api/log/{number}")).status_code == 404


async def test_an_exchange_is_shown_whole_and_without_secrets(tab: Tab) -> None:
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


async def test_the_stream_tells_of_each_change_and_not_too_often(tab: Tab) -> None:
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
    tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_SECONDS", 0.05)
    async with tab.http.stream("GET", "/api/events") as stream, asyncio.timeout(60):
        async for line in stream.aiter_lines():
            if line.startswith(":"):
                break
    await tab.do("vault_new", owner="alice", name="Alone.bin", size=20 * MEBIBYTE, vault="quality")
    made = next(one for one in uploads(await tab.state(), "quality").values() if one["name"] == "Alone.bin")
    await tab.do("vault_run", id=made["id"], bytes_per_second=10 * MEBIBYTE)
    version = tab.page.stage.changes.version
    async with asyncio.timeout(60):
        for _ in range(3):  # nobody asks meanwhile: it is the arriving parts that are told of
            version = await tab.page.stage.changes.after(version)
    assert uploads(await tab.state(), "quality")[made["id"]]["uploaded"] > 0


async def _version(lines: AsyncIterator[str]) -> int:
    async with asyncio.timeout(60):
        async for line in lines:
            if line.startswith("data: "):
                return int(json.loads(line.removeprefix("data: "))["version"])
    raise AssertionError("the stream has ended")


# Whom it refuses


async def test_there_is_no_websocket_here(tab: Tab) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    assert (await tab.http.get("/api/events", headers=upgrade)).status_code == 403


async def test_other_hosts_are_refused(tab: Tab) -> None:
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
async def test_acts_of_other_pages_are_refused(tab: Tab, headers: dict[str, str]) -> None:
    answer = await tab.http.post("/api/do", json={"do": "become", "person": "vera"}, headers=headers)
    assert answer.status_code == 403
    assert (await tab.state())["me"] == "alice"
    assert "access-control-allow-origin" not in answer.headers


async def test_a_browser_without_origin_may_act_from_the_same_origin(tab: Tab) -> None:
    body = {"do": "drawer", "open": False}
    answer = await tab.http.post("/api/do", json=body, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 200


async def test_other_pages_cannot_read_either(tab: Tab) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await tab.http.get("/api/state", headers=headers)).status_code == 403


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_only_json_is_taken(tab: Tab, content_type: str) -> None:
    answer = await tab.http.post(
        "/api/do",
        content=b'{"do": "become", "person": "vera"}',
        headers={"Origin": tab.page.url, "Content-Type": content_type},
    )
    assert answer.status_code == 415


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b'"x"', b"[" * 100_000])
async def test_a_body_that_is_no_object_is_refused(tab: Tab, body: bytes) -> None:
    headers = {"Origin": tab.page.url, "Content-Type": "application/json"}
    assert (await tab.http.post("/api/do", content=body, headers=headers)).status_code == 400


async def test_a_huge_body_is_refused(tab: Tab) -> None:
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
async def test_an_act_that_makes_no_sense_is_refused_with_a_sentence(tab: Tab, act: State) -> None:
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
async def test_what_is_not_there_is_not_found(tab: Tab, act: State) -> None:
    answer = await tab.http.post("/api/do", json=act, headers={"Origin": tab.page.url})
    assert answer.status_code == 404, answer.text
    assert answer.json()["error"].endswith(".")


# What every answer carries


@pytest.mark.parametrize("path", ["/", "/api/state", "/api/log", "/static/none.js", "/nowhere", "/api/do"])
async def test_every_answer_is_locked_down(tab: Tab, path: str) -> None:
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
async def test_files_outside_are_not_served(tab: Tab, path: str) -> None:
    host, _, port = tab.page.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    head = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert b" 404 " in head or b" 400 " in head


async def test_the_page_and_its_files_have_their_types(tab: Tab) -> None:
    page = await tab.http.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    script = await tab.http.get("/static/api.js")
    assert script.status_code == 200
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
