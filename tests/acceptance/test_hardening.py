"""Where an attack review once got through: each way stays shut."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from urllib.parse import urlencode

import httpx
import pytest

from bot.demo.bot_process import BotProcess
from bot.demo.slack import faults as slack_faults
from bot.demo.vault import faults as vault_faults
from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace, hidden_fields, link_address
from tests.acceptance.steps import FORM, until, usual_workspace, workspace

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_sigterm__answers_what_was_acked_at_the_last_moment() -> None:
    async with usual_workspace() as demo:
        demo.vault.faults.add(vault_faults.Delay(1.0), times=None)
        os.kill(demo.bot.pid, signal.SIGTERM)

        async def ask(seconds: float) -> list[str]:
            await asyncio.sleep(seconds)
            delivery = await demo.slack.slash(user="alice", text=seed.CHOLECAP)
            if delivery.error is not None:
                return ["refused"]
            return [(await delivery.answered(timeout=60)).text]

        heard = await asyncio.gather(*(ask(0.005 * number) for number in range(30)))
        await until(lambda: demo.bot.pid == 0, "the bot ends by itself")
    assert all(texts == ["refused"] or "31%" in texts[0] for texts in heard)


async def test_link__a_lost_connection_counts_as_a_try_and_locks_nobody_out() -> None:
    async with workspace() as demo, httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        address = link_address(await demo.ask("alice", "link promomats"))
        statuses = []
        for _ in range(6):
            page = await browser.get(address)
            if page.status_code != 200:
                break
            demo.vault.faults.add(vault_faults.Dropped(in_body=True), times=1, endpoint="auth")
            fields = {"username": demo.vault.users["alice"].user_name, "password": "a guess"}
            sent = await browser.post(
                f"{demo.bot.url}/link", data=hidden_fields(page.text, "password") | fields
            )
            statuses.append(sent.status_code)
        assert statuses == [503, 503]
        assert page.status_code == 410
        assert not demo.vault.users["alice"].locked


async def test_link__a_vault_that_is_not_reached_costs_no_try() -> None:
    async with workspace() as demo, httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        address = link_address(await demo.ask("alice", "link promomats"))
        page = await browser.get(address)
        await demo.vault.stop()
        fields = hidden_fields(page.text, "password") | {
            "username": "alice@nordlicht.example",
            "password": "x",
        }
        for _ in range(3):
            assert (await browser.post(f"{demo.bot.url}/link", data=fields)).status_code == 503
        assert (await browser.get(address)).status_code == 200


async def test_link__sent_twice_does_not_deny_the_link_that_stands() -> None:
    async with workspace() as demo, httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        address = link_address(await demo.ask("alice", "link promomats"))
        fields = hidden_fields((await browser.get(address)).text, "password")
        fields |= {"username": demo.vault.users["alice"].user_name, "password": seed.PASSWORDS["alice"]}
        pages = [await browser.post(f"{demo.bot.url}/link", data=fields) for _ in range(2)]
        assert [page.status_code for page in pages] == [200, 410]
        assert "Nothing was linked" not in pages[1].text
        assert "whoami" in pages[1].text


async def test_link__slack_that_says_wait_does_not_hold_the_page() -> None:
    async with workspace() as demo, httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        address = link_address(await demo.ask("alice", "link promomats"))
        demo.slack.faults.add("users.info", slack_faults.RateLimited(retry_after=600), times=5)
        assert (await browser.get(address)).status_code == 503


async def _closed_by_the_bot(demo: DemoWorkspace, data: bytes, times: int) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", demo.bot.port)
    try:
        for _ in range(times):
            writer.write(data)
            await writer.drain()
        async with asyncio.timeout(60):
            return await reader.read() == b""
    except ConnectionError:
        return True
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("data", "times"),
    [(b"X-Filler: " + b"x" * 8000 + b"\r\n", 64), (b"POST /link HTTP/1.1\r\nHost: x\r\n", 1)],
)
async def test_request_head__without_end_is_cut(demo: DemoWorkspace, data: bytes, times: int) -> None:
    first = b"" if times == 1 else b"GET /healthz HTTP/1.1\r\n"
    assert await _closed_by_the_bot(demo, first + data, times)


async def test_request_head__in_pieces_is_served(demo: DemoWorkspace) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", demo.bot.port)
    for _ in range(2):
        for piece in (b"GET /healthz HT", b"TP/1.1\r\nHost: 127.0.0.1\r\n", b"\r\n"):
            writer.write(piece)
            await writer.drain()
        assert b"200" in await reader.readline()
        while (await reader.readline()).strip():
            pass
        assert await reader.readexactly(len(b'{"status":"ok"}')) == b'{"status":"ok"}'
    writer.close()


@pytest.mark.parametrize("status", [400, 403])
async def test_response_url__that_refuses_still_gives_one_answer(demo: DemoWorkspace, status: int) -> None:
    demo.slack.faults.add("response_url", slack_faults.ServerError(status=status), times=2)
    before = len(demo.slack.seen_by("alice"))
    await demo.slack.slash(user="alice", text=seed.CHOLECAP)
    async with asyncio.timeout(60):
        while len(demo.slack.seen_by("alice")) == before:  # noqa: ASYNC110 - it depends on another process
            await asyncio.sleep(0.01)
    demo.slack.faults.clear()
    seen = demo.slack.seen_by("alice")[before:]
    assert ["31%" in message.text for message in seen] == [True]


async def test_near_miss__leads_to_the_vault_it_was_found_in() -> None:
    async with workspace("alice") as demo:
        await demo.link("alice", "quality")
        upload = demo.vault.upload(seed.ALICE_QUALITY)
        missed = await demo.ask("alice", f"{seed.ALICE_QUALITY[:-4]}!! @quality")
        shown = await demo.click("alice", missed, "refresh")
        assert upload.name in shown.text


async def test_unlink__of_the_only_vault_that_is_linked() -> None:
    async with workspace() as demo:
        await demo.link("bob", "quality")
        assert "Unlinked from quality" in (await demo.ask("bob", "unlink")).text


async def test_unlink__of_a_vault_that_is_no_longer_served() -> None:
    async with AsyncExitStack() as stack:
        demo = await stack.enter_async_context(workspace("alice"))
        await demo.link("alice", "quality")
        await demo.bot.stop()
        fewer = {**demo.settings, "VAULTS": demo.settings["VAULTS"].partition(",")[0]}
        demo.bot = BotProcess(fewer, demo.folder, demo.bot.port)
        stack.push_async_callback(demo.bot.stop)
        await demo.bot.start()
        who = await demo.ask("alice", "whoami")
        assert "no longer served" in who.text
        host = demo.vault.vaults["quality"].dns
        block = next(block for block in who.blocks if host in str(block.get("accessory", {}).get("value")))
        delivery = await demo.slack.click(
            user="alice", message=who, action_id="unlink", block_id=block["block_id"]
        )
        assert "Unlinked from" in (await delivery.answered()).text
        assert "no longer served" not in (await demo.ask("alice", "whoami")).text


async def test_refresh__while_vault_is_down_keeps_the_card(demo: DemoWorkspace) -> None:
    card = await demo.ask("alice", seed.CHOLECAP)
    demo.vault.faults.add(vault_faults.Maintenance(minutes=30), times=None)
    told = await demo.click("alice", card, "refresh")
    assert "maintenance" in told.text
    kept = demo.slack.message(card.key)
    assert kept is not None
    assert kept.text == card.text


async def test_file_name__with_a_space_finds_the_upload(demo: DemoWorkspace) -> None:
    told = await demo.ask("alice", "label set.pdf")
    shown = await demo.click("alice", told, "refresh")
    assert shown.text.startswith("label set.pdf: ")


async def test_request_head__too_long_in_one_piece_is_refused(demo: DemoWorkspace) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", demo.bot.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Filler: " + b"x" * 60_000 + b"\r\n\r\n")
    assert b"400" in await reader.readline()
    writer.close()


async def test_answer__slow_one_outlives_the_beginning_of_a_next_request() -> None:
    async with workspace() as demo, httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        address = link_address(await demo.ask("alice", "link promomats"))
        fields = hidden_fields((await browser.get(address)).text, "token")
        demo.vault.faults.add(vault_faults.Delay(9.0), times=None)
        body = urlencode({**fields, "token": "veeva-vault-not-a-token"}).encode()
        head = f"POST /link HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", demo.bot.port)
        writer.write(head.encode() + body)
        await writer.drain()
        writer.write(b"\r\n")
        assert b"HTTP/1.1" in await reader.readline()
        writer.close()


async def test_link__a_stopping_bot_still_gives_a_page() -> None:
    async with workspace() as demo, httpx.AsyncClient(trust_env=False, timeout=60) as browser:
        address = link_address(await demo.ask("alice", "link promomats"))
        fields = hidden_fields((await browser.get(address)).text, "password")
        fields |= {"username": demo.vault.users["alice"].user_name, "password": seed.PASSWORDS["alice"]}
        demo.vault.faults.add(vault_faults.Delay(3.0), times=None)
        sending = asyncio.create_task(browser.post(f"{demo.bot.url}/link", data=fields))
        await until(lambda: demo.vault.calls("auth") > 0 or len(demo.vault.log) > 0, "the login arrives")
        os.kill(demo.bot.pid, signal.SIGTERM)
        assert (await sending).status_code == 200


async def test_response_url__asked_to_wait_too_long_leads_to_a_direct_message(demo: DemoWorkspace) -> None:
    demo.slack.faults.add("response_url", slack_faults.RateLimited(retry_after=90))
    before = len(demo.slack.seen_by("alice"))
    await demo.slack.slash(user="alice", text=seed.CHOLECAP)
    await until(lambda: len(demo.slack.seen_by("alice")) > before, "an answer")
    assert "31%" in demo.slack.seen_by("alice")[-1].text
