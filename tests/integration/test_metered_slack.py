"""Calls to Slack as they leave: counted by method and outcome, whichever way they fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.metrics import Metrics
from bot.slack.metered import call_meters, post_answer
from bot.slack.replies import retry_handlers
from tests.integration.raw_server import RawServer, Script, answer, raw_server
from tests.unit.test_metrics import told

OK = answer(b'{"ok":true}', "200 OK", "Content-Type: application/json")
CALLS = "vault_uploads_slack_calls_total"


class Calling:
    """A session of which each call is counted."""

    def __init__(self, server: RawServer, http: aiohttp.ClientSession, metrics: Metrics) -> None:
        self.url, self.http, self.metrics = server.url, http, metrics
        self.client = AsyncWebClient(
            base_url=f"{server.url}/api/", session=http, retry_handlers=retry_handlers(), token="xoxb-1"
        )

    async def answer(self, url: str, total: float = 20.0) -> None:
        """Post an answer to a response_url."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=total)) as http:
            await post_answer(http, url, {}, self.metrics)

    def calls(self) -> dict[str, float]:
        """How many calls there were by method and outcome."""
        found = told(self.metrics)
        return {
            name.removeprefix(f"{CALLS} "): count for name, count in found.items() if name.startswith(CALLS)
        }

    def count(self, name: str) -> float:
        """Another number."""
        return told(self.metrics).get(f"vault_uploads_{name}", 0.0)


@asynccontextmanager
async def calling(script: Script, *, delay: float = 0.0) -> AsyncIterator[Calling]:
    metrics = Metrics(vaults=[])
    async with raw_server(script, delay) as server:
        watched = [call_meters(metrics, f"{server.url}/api/")]
        async with aiohttp.ClientSession(trace_configs=watched) as http:
            yield Calling(server, http, metrics)


async def test_call__is_counted_by_its_method() -> None:
    async with calling(lambda _: OK) as calling_slack:
        await calling_slack.client.chat_postMessage(channel="C0SECRET", text="Hello")
        await calling_slack.client.users_info(user="U0SECRET")
        await calling_slack.client.users_info(user="U0OTHER")
        assert calling_slack.calls() == {
            "method=chat.postMessage outcome=ok": 1,
            "method=users.info outcome=ok": 2,
        }
        assert calling_slack.count("slack_call_seconds_count method=users.info") == 2
        assert "SECRET" not in str(told(calling_slack.metrics))


async def test_call__that_is_no_method_is_a_response_url_or_other() -> None:
    """A response_url is a secret, and each is another one."""
    async with calling(lambda _: OK) as calling_slack:
        for path in ("/response/T1/secret-1", "/response/T1/secret-2"):
            await calling_slack.answer(calling_slack.url + path)
        for path in ("/api/not-a-method", "/api/"):
            async with calling_slack.http.post(calling_slack.url + path, json={}):
                pass
        assert calling_slack.calls() == {
            "method=response_url outcome=ok": 2,
            "method=other outcome=ok": 2,
        }


@pytest.mark.parametrize("body", [b'{"ok":false,"error":"no_text"}', b' {"ok": false, "error": "x"}'])
async def test_refusal__stands_in_the_body(body: bytes) -> None:
    no = answer(body, "200 OK", "Content-Type: application/json")
    async with calling(lambda _: no) as calling_slack:
        with pytest.raises(SlackApiError):
            await calling_slack.client.chat_postMessage(channel="C1", text="Hello")
        assert calling_slack.calls() == {"method=chat.postMessage outcome=ok": 1}
        assert calling_slack.count("slack_refusals_total method=chat.postMessage") == 1


async def test_rate_limit__and_the_repetition_are_two_calls() -> None:
    answers = iter([answer(b"", "429 Too Many Requests", "Retry-After: 0"), OK])
    async with calling(lambda _: next(answers)) as calling_slack:
        await calling_slack.client.views_publish(user_id="U1", view={"type": "home", "blocks": []})
        assert calling_slack.calls() == {
            "method=views.publish outcome=rate_limited": 1,
            "method=views.publish outcome=ok": 1,
        }
        assert calling_slack.count("slack_rate_limited_total") == 1


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (lambda _: answer(b"no", "503 Service Unavailable"), "server_error"),
        (lambda _: answer(b"no", "404 Not Found"), "refused"),
        (lambda _: None, "lost"),
    ],
    ids=["503", "404", "hung up"],
)
async def test_fault__is_counted(script: Script, outcome: str) -> None:
    async with calling(script) as calling_slack:
        with suppress(aiohttp.ClientError):
            await calling_slack.answer(f"{calling_slack.url}/response/1")
        assert calling_slack.calls() == {f"method=response_url outcome={outcome}": 1}
        assert calling_slack.count("slack_call_seconds_count method=response_url") == 1


async def test_fault__nobody_listens(spare_port: int) -> None:
    async with calling(lambda _: OK) as calling_slack:
        with pytest.raises(aiohttp.ClientConnectorError):
            await calling_slack.answer(f"http://127.0.0.1:{spare_port}/")
        assert calling_slack.calls() == {"method=response_url outcome=not_reached": 1}


async def test_fault__no_answer_in_time() -> None:
    async with calling(lambda _: OK, delay=60) as calling_slack:
        with pytest.raises(TimeoutError):
            await calling_slack.answer(f"{calling_slack.url}/response/1", total=0.2)
        assert calling_slack.calls() == {"method=response_url outcome=timeout": 1}


async def test_fault__whoever_asked_is_gone() -> None:
    async with raw_server(lambda _: OK, 60) as server:
        metrics = Metrics(vaults=[])
        watched = [call_meters(metrics, f"{server.url}/api/")]
        async with aiohttp.ClientSession(trace_configs=watched) as http:
            asking = asyncio.ensure_future(http.get(f"{server.url}/api/auth.test"))
            async with asyncio.timeout(20):
                await server.asked.wait()
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
        assert told(metrics)[f"{CALLS} method=auth.test outcome=cancelled"] == 1
