"""The running bot: whether it is ready, reached under PUBLIC_URL, and has the signing secret of these settings."""

import json
import secrets
from contextlib import suppress

import aiohttp
import httpx
from slack_sdk.signature import SignatureVerifier

from bot.doctor.check import Check, fail, ok, warn
from bot.doctor.runner import Step
from bot.model.clock import Clock
from bot.model.errors import TicketNotValid
from bot.model.secret import Secret

LARGEST_ANSWER = 100_000
UNREACHED = (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError)
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - who listens everywhere is asked here
OURS = TicketNotValid.what
"""What the link page says to who comes without a ticket; no other program does."""


class WebChecks:
    """Asks the bot from outside, as Slack and people's browsers would. `signing_secret` is None in Socket Mode."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        host: str,
        port: int,
        public_url: str,
        signing_secret: Secret | None,
        clock: Clock,
    ) -> None:
        host = EVERYWHERE.get(host, host)
        self._http = http
        self._local = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._public = public_url
        self._secret = signing_secret
        self._clock = clock
        self._is_running = False
        self._is_public = False

    def steps(self) -> list[Step]:
        """Return the checks in their order."""
        steps = [Step(name="running", look=self.running), Step(name="public_url", look=self.public_url)]
        return [
            *steps,
            *([Step(name="signing_secret", look=self.signing_secret)] if self._secret is not None else []),
        ]

    async def running(self) -> Check:
        """Ask the bot on this machine whether it is ready."""
        try:
            status, body = await self._get(f"{self._local}/readyz")
        except UNREACHED as error:
            return warn(
                "running",
                f"No bot answers at {self._local} ({_name_of(error)}).",
                "Start it with `python -m bot run`, or run this where it runs.",
            )
        checks = None
        with suppress(ValueError, AttributeError):
            checks = json.loads(body).get("checks")
        if not isinstance(checks, dict):
            return fail(
                "running",
                f"At {self._local} answers another program (HTTP {status}).",
                "Give the bot a PORT of its own.",
            )
        self._is_running = True
        if status == httpx.codes.OK:
            return ok("running", f"The bot runs at {self._local} and is ready.")
        reasons = "; ".join(f"{name}: {reason}" for name, reason in checks.items() if reason != "ok")
        return fail(
            "running",
            f"The bot runs at {self._local}, and is not ready: {reasons}.",
            "See the lines about what it names, and the bot's log.",
        )

    async def public_url(self) -> Check:
        """Open the link page as a browser would. It is the one page that every proxy in front has to pass on."""
        name = "public_url"
        try:
            status, body = await self._get(f"{self._public}/link")
        except UNREACHED as error:
            if not self._is_running:
                return warn(
                    name,
                    f"{self._public} could not be tried, since no bot runs here.",
                    "Start it, then run this again.",
                )
            return fail(
                name,
                f"{self._public} cannot be reached from here ({_name_of(error)}).",
                "Check PUBLIC_URL, its name in DNS, its certificate, and the https server in front of the bot.",
            )
        if OURS in body:
            self._is_public = True
            return ok(name, f"The bot's link page is reached at {self._public}.")
        if not self._is_running:
            return warn(
                name,
                f"{self._public} answers HTTP {status}, but no bot runs here.",
                "Start it, then run this again.",
            )
        return fail(
            name,
            f"{self._public}/link answers HTTP {status}, and that is not the bot.",
            f"Let the https server in front pass /link (in HTTP mode also /slack/) on to {self._local}.",
        )

    async def signing_secret(self) -> Check:
        """Send what Slack sends to verify an address, signed with our secret: whoever runs there must give the
        challenge back. Slack: reference "url_verification". That Slack has the same secret shows its first request.
        """
        name = "signing_secret"
        if not (self._is_public or self._is_running):
            return warn(
                name, "It could not be tried, since no bot runs here.", "Start it, then run this again."
            )
        base, secret = self._public if self._is_public else self._local, self._secret
        challenge = secrets.token_hex(16)
        body = json.dumps({"type": "url_verification", "challenge": challenge}).encode()
        moment = str(int(self._clock().timestamp()))
        signature = SignatureVerifier(secret.reveal() if secret else "").generate_signature(
            timestamp=moment, body=body
        )
        headers = {
            "Content-Type": "application/json",
            "X-Slack-Request-Timestamp": moment,
            "X-Slack-Signature": signature or "",
        }
        try:
            status, answer = await self._send("POST", f"{base}/slack/events", headers, body)
        except UNREACHED as error:
            return fail(
                name,
                f"{base}/slack/events cannot be reached from here ({_name_of(error)}).",
                "Let the https server in front pass /slack/ on to the bot.",
            )
        if status == httpx.codes.OK and challenge in answer:
            return ok(
                name,
                f"The bot at {base} takes what is signed with SLACK_SIGNING_SECRET. Slack must have the same one.",
            )
        if status == httpx.codes.UNAUTHORIZED:
            return fail(
                name,
                f"The bot at {base} was started with another SLACK_SIGNING_SECRET than these settings have.",
                "Copy the Signing Secret from your app's page “Basic Information” again, and restart the bot.",
            )
        return fail(
            name,
            f"{base}/slack/events answers HTTP {status}, and that is not what the bot answers.",
            "Let the https server in front pass /slack/ on to the bot, with its headers and body as they come. In "
            "Socket Mode there is no such address: leave SLACK_APP_TOKEN empty for all replicas, or for none.",
        )

    async def _get(self, url: str) -> tuple[int, str]:
        return await self._send("GET", url, {"Accept": "text/html, application/json"})

    async def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None = None
    ) -> tuple[int, str]:
        """Return HTTP status and the beginning of the body. UNREACHED."""
        request = httpx.Request(method, url, headers=headers, content=body)
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    break
        finally:
            await response.aclose()
        return response.status_code, content.decode(errors="replace")


def _name_of(error: BaseException) -> str:
    return type(error.__cause__ or error).__name__
