"""Traces by OpenTelemetry, for those who collect them; where nobody does, its libraries are not even imported.

The standard variables (OTEL_EXPORTER_OTLP_ENDPOINT and the others that begin with OTEL_) say where they go, and how
many. There is a span for each request, event and run of due work, and below it one for each call that it makes to Vault
and Slack. Like a metric, a span names no person, no upload and no address; a request's has the reference code.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot import __version__
from bot.config_faults import ConfigError, Fault
from bot.model import errors
from bot.model.meters import OK, Meters, Timing, received

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, SpanKind, Tracer

ENDPOINT, PROTOCOL = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"
SPOKEN = "http/protobuf"
PREFIX = "vault_uploads"
CLOSE_SECONDS = 1.5
"""For the spans that are still here when the process ends; a collector that is away must not hold it up."""


def traces_by(environ: Mapping[str, str]) -> "Traces | None":
    """Return what traces, as `environ` says; None where it names no endpoint.

    ConfigError when the endpoint is no address, or the libraries for it are not installed.
    """
    endpoint = environ.get(ENDPOINT, "").strip()
    if not endpoint:
        return None
    faults = []
    if not _is_address(endpoint):
        faults.append(Fault(ENDPOINT, "must be the http or https address of a collector"))
    if environ.get(PROTOCOL, "").strip() not in ("", SPOKEN):
        faults.append(
            Fault(PROTOCOL, f"only {SPOKEN} is spoken; leave it out, and name the collector's HTTP port")
        )
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        faults.append(
            Fault(
                ENDPOINT,
                "asks for traces, but their libraries are not installed: run pip install 'vault-upload-bot[otel]', "
                "or leave it out",
            )
        )
    if faults:
        raise ConfigError(faults)
    for name, value in environ.items():
        if name.startswith("OTEL_"):
            os.environ.setdefault(name, value)  # the libraries read nothing else, and `.env` counts too
    # Below that they tell of each attempt to reach a collector that is away.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    service = {} if named else {"service.name": "vault-uploads"}
    resource = Resource.create({**service, "service.version": __version__})
    try:
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    except ValueError:
        raise ConfigError([Fault("OTEL_…", "one of the variables that begin so cannot be used")]) from None
    return Traces(provider)


class Traces:
    """Spans on their way to a collector."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider

    def around(self, meters: Meters) -> Meters:
        """Return meters that make spans of what they are told, and tell it these too."""
        return _Traced(meters, self._provider.get_tracer("bot", __version__))

    async def close(self) -> None:
        """Send what is left, if that can be done in CLOSE_SECONDS."""
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def shut_down() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # it took too long, and the loop is closed
                loop.call_soon_threadsafe(done.set)

        # A thread that the end of the process need not wait for.
        threading.Thread(target=shut_down, daemon=True, name="last spans").start()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await done.wait()
        except TimeoutError:
            logging.getLogger(__name__).warning("the collector does not take the last spans")


class _Traced:
    """Meters that make spans. Requests, events and jobs each run in a task of their own, so the span that is current in
    it, and thus above all calls, needs not be put away again."""

    def __init__(self, inner: Meters, tracer: "Tracer") -> None:
        from opentelemetry import context, trace

        self._inner = inner
        self._tracer = tracer
        self._server, self._internal, self._client = (
            trace.SpanKind.SERVER,
            trace.SpanKind.INTERNAL,
            trace.SpanKind.CLIENT,
        )
        self._attach, self._below = context.attach, trace.set_span_in_context
        self._failure = trace.Status(trace.StatusCode.ERROR)
        # Passed through as they are: nothing of these is a span.
        self.payload = inner.payload
        self.busy = inner.busy
        self.slack_refused = inner.slack_refused
        self.slack_rate_limited = inner.slack_rate_limited
        self.burst = inner.burst
        self.reminder = inner.reminder
        self.claim_lost = inner.claim_lost
        self.audit_failed = inner.audit_failed
        self.turned_away = inner.turned_away

    def request(self, kind: str, reference: str) -> Timing:
        """See `Meters`."""
        return self._whole("request", kind, reference, self._inner.request(kind, reference), self._server)

    def event(self, kind: str, reference: str) -> Timing:
        """See `Meters`."""
        return self._whole("event", kind, reference, self._inner.event(kind, reference), self._server)

    def job(self, kind: str, reference: str) -> Timing:
        """See `Meters`."""
        return self._whole("job", kind, reference, self._inner.job(kind, reference), self._internal)

    def vault_call(self, vault: str, endpoint: str) -> Timing:
        """See `Meters`."""
        about = {f"{PREFIX}.vault": vault, f"{PREFIX}.endpoint": endpoint}
        span = self._tracer.start_span(f"vault {endpoint}", kind=self._client, attributes=about)
        return _Spanned(span, self._inner.vault_call(vault, endpoint), self._failure)

    def slack_call(self, method: str) -> Timing:
        """See `Meters`."""
        about = {f"{PREFIX}.method": method}
        span = self._tracer.start_span(f"slack {method}", kind=self._client, attributes=about)
        return _Spanned(span, self._inner.slack_call(method), self._failure)

    def _whole(self, what: str, kind: str, reference: str, timing: Timing, span_kind: "SpanKind") -> Timing:
        about = {f"{PREFIX}.kind": kind, f"{PREFIX}.reference": reference}
        begun = time.time_ns() - int((time.perf_counter() - received()) * 1e9)
        span = self._tracer.start_span(f"{what} {kind}", kind=span_kind, attributes=about, start_time=begun)
        self._attach(self._below(span))
        return _Spanned(span, timing, self._failure)


class _Spanned:
    __slots__ = ("_failure", "_inner", "_span")

    def __init__(self, span: "Span", inner: Timing, failure: object) -> None:
        self._span, self._inner, self._failure = span, inner, failure

    def end(self, outcome: str = OK) -> None:
        self._inner.end(outcome)
        self._span.set_attribute(f"{PREFIX}.outcome", outcome)
        if not _is_expected(outcome):
            self._span.set_status(self._failure)  # type: ignore[arg-type]
        self._span.end()


@cache
def _is_expected(outcome: str) -> bool:
    """Whether it went as it should: also where somebody is told that they have no link, or no such upload."""
    found: object = getattr(errors, outcome, None)
    if not isinstance(found, type) or not issubclass(found, errors.BotError):
        return outcome == OK
    return found.expected and not issubclass(found, errors.VaultTemporary | errors.OutOfTime)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
