"""Traces of a running bot, as a real collector gets them by OTLP over HTTP; and starts where that cannot be."""

import asyncio
import gzip
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

import bot
from bot.demo.slack import faults as slack_faults
from bot.demo.vault import faults as vault_faults
from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace
from tests.acceptance.reminder_steps import GIB, HOUR, T0, at_a_moment, go_to, new_upload, watch
from tests.acceptance.steps import ask, cli, until, workspace
from tests.integration.raw_server import raw_server

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
QUICK = {"OTEL_BSP_SCHEDULE_DELAY": "100"}
SLOW = {"OTEL_BSP_SCHEDULE_DELAY": "600000"}
SECRET = "collector-key-4711"


@dataclass
class Collector:
    """Keeps what it was sent."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """POST /v1/traces."""
        body = await request.read()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        self.headers.append(request.headers.get("x-key", ""))
        self.bodies.append(body)
        return web.Response(body=b"", content_type="application/x-protobuf")

    @property
    def requests(self) -> list[ExportTraceServiceRequest]:
        """What was sent, decoded."""
        return [ExportTraceServiceRequest.FromString(body) for body in self.bodies]

    @property
    def spans(self) -> list[Span]:
        """Every span, as it came."""
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name: str) -> list[Span]:
        """The spans of that name."""
        return [span for span in self.spans if span.name == name]

    def below(self, span: Span) -> dict[str, dict[str, str]]:
        """The spans that this one caused, and their attributes."""
        return {
            one.name: about(one)
            for one in self.spans
            if one.parent_span_id == span.span_id and one.trace_id == span.trace_id
        }


def about(span: Span) -> dict[str, str]:
    """A span's attributes, without their prefix."""
    return {one.key.removeprefix("vault_uploads."): one.value.string_value for one in span.attributes}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector on loopback."""
    collector = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()


def nobody_in(collector: Collector, demo: DemoWorkspace) -> None:
    """No span names a person, an upload, an address or a secret."""
    text = b"".join(collector.bodies).decode("utf-8", errors="replace")
    workspace = demo.slack.workspace
    secret = {
        *(
            part
            for one in workspace.users.values()
            if not one.is_bot
            for part in (one.id, one.name, one.team_id)
        ),
        *(channel.id for channel in workspace.channels.values()),
        *(part for one in demo.vault.uploads() for part in (one.id, one.path, one.name)),
        *(one.dns for one in demo.vault.vaults.values()),
        *(value for name, value in demo.settings.items() if name.endswith(("TOKEN", "SECRET", "KEYS"))),
        "http://",
        "127.0.0.1",
    }
    found = [
        one for one in secret if one and re.search(rf"(?<![A-Za-z0-9]){re.escape(one)}(?![A-Za-z0-9])", text)
    ]
    assert found == []


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_trace__of_a_command_and_its_calls(socket_mode: bool) -> None:
    async with collecting() as collector:
        settings = {ENDPOINT: collector.url, "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={SECRET}", **QUICK}
        async with workspace("alice", socket_mode=socket_mode, settings=settings) as demo:
            await ask(demo, "alice", seed.CHOLECAP)
            await ask(demo, "bob", "list")
            demo.vault.faults.add(vault_faults.Status(503), times=None)
            demo.slack.faults.add("response_url", slack_faults.ServerError(503))
            await ask(demo, "alice", "list")
            await until(
                lambda: any(
                    about(one)["outcome"] == "VaultUnavailable" for one in collector.named("request command")
                ),
                "the last trace has come",
            )
            found = {about(one)["outcome"]: one for one in collector.named("request command")}
            assert {"ok", "NotLinked", "VaultUnavailable"} == set(found)

            card = next(
                one for one in collector.named("request command") if "vault upload" in collector.below(one)
            )
            assert card.kind == Span.SPAN_KIND_SERVER
            assert card.parent_span_id == b""
            assert about(card) == {"kind": "command", "reference": about(card)["reference"], "outcome": "ok"}
            assert re.fullmatch(r"[A-Za-z0-9-]{4,20}", about(card)["reference"])
            below = collector.below(card)
            assert below["vault upload"] == {"vault": "promomats", "endpoint": "upload", "outcome": "ok"}
            assert below["slack response_url"] == {"method": "response_url", "outcome": "ok"}
            for call in (one for one in collector.spans if one.parent_span_id == card.span_id):
                assert call.kind == Span.SPAN_KIND_CLIENT
                assert card.start_time_unix_nano <= call.start_time_unix_nano
                assert call.end_time_unix_nano <= card.end_time_unix_nano

            assert found["ok"].status.code == Status.STATUS_CODE_UNSET
            assert found["NotLinked"].status.code == Status.STATUS_CODE_UNSET, "that is as it should be"
            assert found["VaultUnavailable"].status.code == Status.STATUS_CODE_ERROR
            references = {about(one)["reference"] for one in collector.named("request command")}
            log = demo.bot.log_text()
            assert all(f'"reference": "{one}"' in log for one in references)

            (resource,) = {
                tuple((one.key, one.value.string_value) for one in part.resource.attributes)
                for request in collector.requests
                for part in request.resource_spans
            }
            assert ("service.name", "vault-uploads") in resource
            assert ("service.version", bot.__version__) in resource
            assert set(collector.headers) == {SECRET}
            assert SECRET not in log
            nobody_in(collector, demo)


async def test_trace__of_due_work_and_of_an_event() -> None:
    async with (
        collecting() as collector,
        at_a_moment("alice", settings={ENDPOINT: collector.url, **QUICK}) as demo,
    ):
        upload = new_upload(demo, "alice", "a/Short.zip", GIB)
        await watch(demo, "alice", upload, "1h")
        await demo.slack.open_home("bob", "messages")
        await go_to(demo, T0 + 71.5 * HOUR)
        await until(lambda: bool(collector.named("job remind")), "the reminder's trace has come")
        await until(lambda: bool(collector.named("event app_home_opened")), "the event's trace has come")
        sent = next(
            one for one in collector.named("job remind") if "slack chat.postMessage" in collector.below(one)
        )
        assert about(sent)["outcome"] == "ok"
        assert "vault upload" in collector.below(sent)
        assert sent.parent_span_id == b"", "it is nobody's request"
        (event,) = collector.named("event app_home_opened")
        assert "slack chat.postMessage" in collector.below(event)
        nobody_in(collector, demo)


async def test_last_spans__are_sent_when_the_bot_stops() -> None:
    async with (
        collecting() as collector,
        workspace("alice", settings={ENDPOINT: collector.url, **SLOW}) as demo,
    ):
        await ask(demo, "alice", "list")
        assert collector.bodies == []
        assert await demo.bot.stop() == 0
        assert [about(one)["outcome"] for one in collector.named("request command")] == ["ok", "ok"]


async def test_collector__that_is_away_costs_nothing_but_its_spans(spare_port: int) -> None:
    """The port is closed; the log has the trouble, and nothing of ours fails or waits."""
    settings = {ENDPOINT: f"http://127.0.0.1:{spare_port}", **QUICK}
    async with workspace("alice", settings=settings) as demo:
        assert "31%" in (await ask(demo, "alice", seed.CHOLECAP)).text
        assert await demo.bot.stop() == 0
        lines = [json.loads(line) for line in demo.bot.log_text().splitlines()]
        assert lines[-1]["event"] == "stopped"
        assert len([line for line in lines if "opentelemetry" in str(line.get("logger"))]) < 10


async def test_collector__that_never_answers_does_not_hold_up_the_end() -> None:
    async with AsyncExitStack() as stack:
        silent = await stack.enter_async_context(raw_server(lambda _: None, delay=600))
        demo = await stack.enter_async_context(workspace("alice", settings={ENDPOINT: silent.url, **QUICK}))
        await ask(demo, "alice", "list")
        assert await demo.bot.stop() == 0
        assert "the collector does not take the last spans" in demo.bot.log_text()


# Starts


REQUIRED = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
    "VAULTS": "https://a.example",
    "ENCRYPTION_KEYS": "vuk1." + "A" * 43,
}


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({ENDPOINT: "collector:4318"}, ENDPOINT),
        ({ENDPOINT: "grpc://secret-host:4317"}, ENDPOINT),
        ({ENDPOINT: "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL"),
        ({ENDPOINT: "http://c:4318", "OTEL_BSP_MAX_QUEUE_SIZE": "-5"}, "OTEL_…"),
    ],
    ids=["no scheme", "grpc address", "grpc", "another variable"],
)
async def test_start__with_a_setting_that_cannot_be_used(
    tmp_path: Path, settings: dict[str, str], name: str
) -> None:
    failed = await cli("run", cwd=tmp_path, settings={**await _usable(tmp_path), **settings})
    assert failed.code == 2, failed.err
    assert failed.err.startswith("These settings cannot be used:\n")
    assert f"  {name}: " in failed.err
    assert "secret-host" not in failed.err
    assert "Traceback" not in failed.err


async def test_start__without_the_extra(tmp_path: Path) -> None:
    """As where only the bot itself is installed: a package of that name without the libraries in it."""
    broken = tmp_path / "broken" / "opentelemetry"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("", "utf-8")
    path = f"{broken.parent}:{Path(bot.__file__).parent.parent}"
    settings = {**await _usable(tmp_path), ENDPOINT: "http://127.0.0.1:4318", "PYTHONPATH": path}
    failed = await cli("run", cwd=tmp_path, settings=settings)
    assert failed.code == 2, failed.err
    assert f"  {ENDPOINT}: asks for traces, but their libraries are not installed" in failed.err
    assert "pip install 'vault-upload-bot[otel]'" in failed.err
    assert "Traceback" not in failed.err


async def _usable(folder: Path) -> dict[str, str]:
    key = (await cli("keys", "new", cwd=folder)).out.strip()
    return {**REQUIRED, "ENCRYPTION_KEYS": key}


async def test_start__imports_nothing_of_opentelemetry_by_itself() -> None:
    program = (
        "import sys, bot.cli, bot.serving, bot.tracing\n"
        "assert bot.tracing.traces_by({}) is None\n"
        "print([name for name in sys.modules if 'opentelemetry' in name or name == 'google.protobuf'])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=Path(bot.__file__).parent.parent, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert out.decode().strip() == "[]"
