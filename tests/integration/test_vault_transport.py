"""The client against a server that misbehaves on the wire: time, connections, sizes, cookies, garbage."""

import asyncio
import gzip
import json
import logging
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import stamina
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.model import errors
from bot.model.accounts import Access, Identity, Vault
from bot.model.secret import Secret
from bot.vault import client as vault_client
from bot.vault import repeating, sending
from bot.vault.client import VaultClient, http_client
from tests.integration.raw_server import answer, raw_server

IDENTITY = Identity(vault_user_id="302114", vault_id="48120")
UPLOAD = {
    "path": "/wave2/m5-datasets.zip",
    "id": "7b0e",
    "expiration_date": "2026-03-05T08:14:09.000Z",
    "created_date": "2026-03-02T08:14:09.000Z",
    "last_uploaded_date": "2026-03-02T11:40:51.000Z",
    "owner": 302114,
    "uploaded_parts": 121,
    "size": 7516192768,
    "uploaded": 3171942400,
}
ONE = json.dumps({"responseStatus": "SUCCESS", "data": UPLOAD}).encode()
DONE = b'{"responseStatus":"SUCCESS"}'
GOOD = answer(ONE)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    http = http_client(connect=60.0, read=60.0)
    yield http
    await http.aclose()


@pytest.fixture
async def hasty_http() -> AsyncIterator[httpx.AsyncClient]:
    """For servers that are really slow, or never say all they promised."""
    http = http_client(connect=60.0, read=0.3)
    yield http
    await http.aclose()


def vault_at(url: str) -> Access:
    return Access(vault=Vault("rim", url), credential=Secret("SESSION-1"), identity=IDENTITY)


def client_over(http: httpx.AsyncClient, budget: float = 20.0, login: str = "http://[::1]:9") -> VaultClient:
    return VaultClient(http, version="v24.3", client_id="vault-upload-bot", budget=budget, login_url=login)


async def test_connection__is_used_again(http: httpx.AsyncClient) -> None:
    async with raw_server(lambda _: GOOD) as server:
        for _ in range(5):
            await client_over(http).upload(vault_at(server.url), "7b0e")
        assert (server.connections, len(server.heads)) == (1, 5)


async def test_connection__refused(http: httpx.AsyncClient) -> None:
    async with raw_server(lambda _: GOOD) as server:
        url = server.url
    with stamina.set_testing(True), pytest.raises(errors.VaultUnavailable) as caught:
        await client_over(http).upload(vault_at(url), "7b0e")
    assert caught.value.details["reason"] == "ClientConnectorError"


async def test_connection__without_tls_where_tls_is_wanted(http: httpx.AsyncClient) -> None:
    def speak_first(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GOOD)
        writer.close()

    listening = await asyncio.start_server(speak_first, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    with stamina.set_testing(True), pytest.raises(errors.VaultUnavailable):
        await client_over(http).upload(vault_at(url), "7b0e")
    listening.close()
    await listening.wait_closed()


async def test_connection__of_an_unknown_host(http: httpx.AsyncClient) -> None:
    with stamina.set_testing(True), pytest.raises(errors.VaultTemporary):
        await client_over(http, budget=2).upload(vault_at("https://"), "7b0e")


async def test_try__is_cut_off_and_repeated(hasty_http: httpx.AsyncClient) -> None:
    async with raw_server(lambda _: GOOD, delay=30) as server:
        with stamina.set_testing(True, attempts=2), pytest.raises(errors.VaultSlow):
            await client_over(hasty_http).upload(vault_at(server.url), "7b0e")
        assert len(server.heads) == 2


async def test_budget__ends_everything(http: httpx.AsyncClient) -> None:
    async with raw_server(lambda _: GOOD, delay=30) as server:
        for call in (
            client_over(http, budget=0.2).upload(vault_at(server.url), "7b0e"),
            client_over(http, budget=0.2).sign_in(vault_at(server.url).vault, "a", Secret("b")),
            client_over(http, budget=0.2).uploads(vault_at(server.url)),
        ):
            with pytest.raises(errors.VaultSlow):
                async with asyncio.timeout(20):
                    await call
        # A slow machine may not even have come to send them; no machine sends one twice.
        assert len(server.heads) <= 3


async def test_budget__holds_for_all_tries_together(http: httpx.AsyncClient) -> None:
    async with raw_server(lambda _: answer(b"", "503 Busy")) as server:
        with pytest.raises((errors.VaultUnavailable, errors.VaultSlow)):
            async with asyncio.timeout(20):
                await client_over(http, budget=1.2).upload(vault_at(server.url), "7b0e")
        assert len(server.heads) < repeating.ATTEMPTS, "no try is begun that the budget cannot hold"


async def test_busy__short_wait_is_kept_long_one_told(http: httpx.AsyncClient) -> None:
    said = [answer(b"", "429 Busy", "Retry-After: 0"), GOOD]
    async with raw_server(lambda _: said.pop(0)) as server:
        assert (await client_over(http).upload(vault_at(server.url), "7b0e")).id == "7b0e"
    async with raw_server(lambda _: answer(b"", "429 Busy", "Retry-After: 90")) as server:
        with pytest.raises(errors.VaultBusy, match="2 min"):
            await client_over(http).upload(vault_at(server.url), "7b0e")
        assert len(server.heads) == 1


async def test_cancel__passes_through_and_frees_the_connection() -> None:
    http = http_client()
    async with raw_server(lambda _: GOOD, delay=30) as server:
        task = asyncio.create_task(client_over(http).upload(vault_at(server.url), "7b0e"))
        await server.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.gone.wait(), 20)
        assert len(server.heads) == 1
    await http.aclose()


async def test_cookies__are_not_kept(http: httpx.AsyncClient) -> None:
    async with raw_server(lambda _: answer(ONE, "200 OK", "Set-Cookie: session=alice; Path=/")) as server:
        for _ in range(2):
            await client_over(http).upload(vault_at(server.url), "7b0e")
        assert "cookie:" not in "".join(server.heads).lower()


async def test_answer__compressed(http: httpx.AsyncClient) -> None:
    async with raw_server(lambda _: answer(gzip.compress(ONE), "200 OK", "Content-Encoding: gzip")) as server:
        assert (await client_over(http).upload(vault_at(server.url), "7b0e")).id == "7b0e"
    async with raw_server(lambda _: answer(b"no gzip", "200 OK", "Content-Encoding: gzip")) as server:
        with pytest.raises(errors.VaultAnswerStrange):
            await client_over(http).upload(vault_at(server.url), "7b0e")


@pytest.mark.parametrize("compressed", [False, True])
async def test_answer__too_large(http: httpx.AsyncClient, compressed: bool) -> None:
    flood = b" " * (sending.LARGEST_ANSWER + 1) + ONE
    said = answer(gzip.compress(flood), "200 OK", "Content-Encoding: gzip") if compressed else answer(flood)
    async with raw_server(lambda _: said) as server:
        with pytest.raises(errors.VaultAnswerStrange) as caught:
            await client_over(http).upload(vault_at(server.url), "7b0e")
        assert "large" in str(caught.value.details["reason"])


async def test_upload__of_another_id_is_refused(http: httpx.AsyncClient) -> None:
    async with raw_server(lambda _: GOOD) as server:
        with pytest.raises(errors.VaultAnswerStrange):
            await client_over(http).upload(vault_at(server.url), "another")


async def test_upload__id_reaches_the_wire_as_one_segment(http: httpx.AsyncClient) -> None:
    async with raw_server(lambda _: GOOD) as server:
        for upload_id in ("a/b", "a%2Fb?x#y", "..x", ".Qm3_--"):
            with pytest.raises(errors.VaultAnswerStrange):
                await client_over(http).upload(vault_at(server.url), upload_id)
        paths = [
            head.split(" ")[1].removeprefix("/api/v24.3/services/file_staging/upload/")
            for head in server.heads
        ]
        assert paths == ["a%2Fb", "a%252Fb%3Fx%23y", "..x", ".Qm3_--"]


async def test_uploads__pages_are_joined_once_and_come_to_an_end(http: httpx.AsyncClient) -> None:
    def page(upload_id: str, link: str | None) -> bytes:
        envelope = {"responseStatus": "SUCCESS", "data": [{**UPLOAD, "id": upload_id}]}
        return answer(json.dumps({**envelope, "responseDetails": {"next_page": link}}).encode())

    said = [page("1", "/api/v24.3/u?cursor=2"), page("1", "/api/v24.3/u?cursor=3"), page("2", None)]
    async with raw_server(lambda _: said.pop(0)) as server:
        assert [one.id for one in await client_over(http).uploads(vault_at(server.url))] == ["1", "2"]
        assert all("Bearer SESSION-1" in head for head in server.heads)
    async with raw_server(lambda _: page("1", "/api/v24.3/u?cursor=2")) as server:
        with pytest.raises(errors.VaultAnswerStrange):
            await client_over(http).uploads(vault_at(server.url))
        assert len(server.heads) == 2
    async with raw_server(
        lambda head: page("1", f"/api/v24.3/u?cursor={len(head)}{time.monotonic()}")
    ) as server:
        with pytest.raises(errors.VaultAnswerStrange):
            await client_over(http).uploads(vault_at(server.url))
        assert len(server.heads) == vault_client.MOST_PAGES


async def test_me__needs_to_know_the_vault(http: httpx.AsyncClient) -> None:
    users = {"users": [{"user": {"id": 302114, "user_name__v": "mara"}}]}
    body = json.dumps({"responseStatus": "SUCCESS", **users}).encode()
    async with raw_server(lambda _: answer(body)) as server:
        unknown = Access(vault=Vault("rim", server.url), credential=Secret("S"), identity=None)
        with pytest.raises(errors.VaultAnswerStrange):
            await client_over(http).me(unknown)
        assert (await client_over(http).me(vault_at(server.url)))[1] == IDENTITY
    headers = ("X-VaultAPI-VaultId: 48120", "X-VaultAPI-UserId: 999")
    async with raw_server(lambda _: answer(body, "200 OK", *headers)) as server:
        unknown = Access(vault=Vault("rim", server.url), credential=Secret("S"), identity=None)
        with pytest.raises(errors.IdentityMismatch):
            await client_over(http).me(unknown)


async def test_writing__sends_no_more_than_it_must(http: httpx.AsyncClient) -> None:
    async with raw_server(lambda _: answer(DONE)) as server:
        client = client_over(http)
        await client.keep_alive(vault_at(server.url))
        await client.end_session(vault_at(server.url))
        with pytest.raises(errors.VaultAnswerStrange):
            await client.sign_in(vault_at(server.url).vault, "mara", Secret("p&w"))
        assert [head.split(" HTTP")[0] for head in server.heads] == [
            "POST /api/v24.3/keep-alive",
            "DELETE /api/v24.3/session",
            "POST /api/v24.3/auth",
        ]
        assert server.heads[2].endswith("\r\n\r\nusername=mara&password=p%26w")
        assert "authorization" not in server.heads[2].lower()


async def test_exchange__goes_to_the_login_host_alone_and_once(http: httpx.AsyncClient) -> None:
    async with raw_server(lambda _: answer(b"", "503 Busy")) as login, raw_server(lambda _: GOOD) as vault:
        client, known = client_over(http, login=login.url), vault_at(vault.url)
        with pytest.raises(errors.VaultUnavailable):
            await client.exchange(known.vault, Secret("eyJ.idp"), "_5e2c")
        with pytest.raises(errors.VaultUnavailable) as caught:
            await client.discover("mara@nordlicht")
        assert vault.heads == []
        assert [head.split(" HTTP")[0] for head in login.heads] == [
            "POST /auth/oauth/session/_5e2c",
            "POST /auth/discovery",
        ]
        exchange, discovery = login.heads
        assert "authorization: Bearer eyJ.idp\r\n" in exchange
        assert exchange.endswith(f"\r\n\r\nvaultDNS=127.0.0.1%3A{vault.url.rpartition(':')[2]}")
        assert "authorization" not in discovery.lower()
        assert discovery.endswith("\r\n\r\nusername=mara%40nordlicht")
        assert login.url.removeprefix("http://") in caught.value.sentence


@pytest.mark.parametrize("status", [302, 307])
async def test_exchange__redirect_is_never_followed(http: httpx.AsyncClient, status: int) -> None:
    async with raw_server(lambda _: None) as elsewhere:
        location = f"Location: {elsewhere.url}/take-it"
        async with raw_server(lambda _: answer(b"", f"{status} Found", location)) as login:
            with pytest.raises(errors.VaultAnswerStrange):
                await client_over(http, login=login.url).exchange(
                    vault_at(login.url).vault, Secret("eyJ.idp"), "_5e2c"
                )
        assert elsewhere.heads == []


async def test_token_expiry__is_asked_once_and_not_waited_for(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with raw_server(lambda _: answer(b"", "503 Busy")) as server:
        assert await client_over(http).token_expiry(vault_at(server.url), "v26.2") is None
        assert [head.split(" HTTP")[0] for head in server.heads] == ["POST /api/v26.2/query"]
    monkeypatch.setattr(vault_client, "TOKEN_SECONDS", 0.1)
    async with raw_server(lambda _: GOOD, delay=30) as server:
        async with asyncio.timeout(20):
            assert await client_over(http).token_expiry(vault_at(server.url), "v26.2") is None
        assert len(server.heads) <= 1


async def test_log__of_httpx_stays_quiet(http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with raw_server(lambda _: GOOD) as server:
        await client_over(http).upload(vault_at(server.url), "7b0e")
    assert "7b0e" not in caplog.text


async def test_http_client__takes_a_proxy_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(lambda _: GOOD) as proxy, raw_server(lambda _: GOOD) as direct:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "corp.example")
        http = http_client()
        await client_over(http).upload(vault_at("http://vault.example"), "7b0e")
        await client_over(http).upload(vault_at(direct.url), "7b0e")
        assert proxy.heads[0].startswith("GET http://vault.example/api/")
        assert (len(proxy.heads), len(direct.heads)) == (1, 1)
        await http.aclose()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    said=st.binary(max_size=120)
    | st.builds(
        lambda status, header, body: b"HTTP/1.1 " + status + b"\r\n" + header + b"\r\n\r\n" + body,
        st.sampled_from([b"200 OK", b"200", b"999 X", b"204 No", b"100 Continue", b"-1 X", b"302 F"]),
        st.sampled_from(
            [
                b"Content-Length: -1",
                b"Content-Length: 999",
                b"Transfer-Encoding: chunked",
                b"Content-Encoding: br",
                b"X: \xff\xfe",
                b"Set-Cookie: \xff=\x01",
                b"Location: http://[",
                b": x",
            ]
        ),
        st.binary(max_size=20) | st.just(ONE),
    )
)
async def test_garbage__on_the_wire_is_one_of_our_errors(hasty_http: httpx.AsyncClient, said: bytes) -> None:
    async with raw_server(lambda _: said) as server:
        try:
            with stamina.set_testing(True):
                await client_over(hasty_http).upload(vault_at(server.url), "7b0e")
        except errors.BotError:
            return
