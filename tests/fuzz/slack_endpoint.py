"""What anybody may send to Slack's endpoint: signed payloads with something wrong in them, and unsigned ones."""

import itertools

from tests.fuzz.choices import Choices
from tests.fuzz.slack_payloads import FORM, JSON, Payloads, encoded
from tests.fuzz.spoiling import spoilt
from tests.fuzz.world import LINKED, Violation, World, assert_ack

KINDS = (
    FORM,
    JSON,
    "",
    "text/plain",
    "application/json; charset=utf-16",
    "multipart/form-data; boundary=x",
    "x" * 300,
)
OLDEST = 280
"""Seconds. Slack: docs "Verifying requests from Slack", five minutes."""


class SlackEndpoint:
    """Sends one body after the other to the same bot."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._payloads = Payloads(world.demo.slack)
        self._ages = itertools.count()

    def __call__(self, data: bytes) -> None:
        """No failure that nobody foresaw, no 5xx, and every answer is a sentence."""
        self._world.run(self._send(data))

    async def _send(self, data: bytes) -> None:
        world, choices = self._world, Choices(data)
        payload, way = self._payloads.any(choices)
        body, kind = encoded((spoilt(payload, choices), way))
        if choices.happens(12):
            kind = choices.one_of(KINDS)
        if choices.happens(12):
            at = choices.number(256) * len(body) // 256
            body = body[:at] + choices.rest() + body[at + choices.number(20) :]
        signed = self._signed(body, kind)
        headers = dict(signed)
        if choices.happens(12):
            name = choices.one_of(("X-Slack-Signature", "X-Slack-Request-Timestamp"))
            headers[name] = choices.spoilt(headers[name])
        answer = await world.send(body, headers)
        assert_ack(answer)
        if headers != signed and answer.status != 401:
            raise Violation(f"unsigned, and status {answer.status}")
        gone = world.forgotten(world.lines)
        world.look()
        if gone:
            for person in LINKED:
                await world.link(person)
            world.look()

    def _signed(self, body: bytes, kind: str) -> dict[str, str]:
        """Signed at another second each time, of those that are not too old: a body that was sent before is sent once
        more, or Hypothesis could not see the same fault twice."""
        slack = self._world.demo.slack
        return slack.signed(body, kind, int(slack.clock.now().timestamp()) - next(self._ages) % OLDEST)
