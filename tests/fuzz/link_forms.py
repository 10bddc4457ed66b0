"""What anybody may send to the link pages: forms and addresses with something wrong in them."""

import html
import re
from urllib.parse import parse_qsl, urlencode

from bot.demo.vault import seed
from bot.demo.workspace import hidden_fields, link_address
from tests.fuzz.choices import Choices
from tests.fuzz.door import Answer
from tests.fuzz.sentences import assert_sentence
from tests.fuzz.slack_payloads import FORM
from tests.fuzz.spoiling import ODD
from tests.fuzz.world import Violation, World

PAGES = ("/link", "/link/oidc/start", "/link/oidc/callback")
TOKENS = (
    seed.ACCESS_TOKENS["alice", seed.PROMOMATS],
    seed.ACCESS_TOKENS["bob", seed.PROMOMATS],
    "veeva-vault-none",
    "x",
    "",
)
PASSWORDS = (seed.PASSWORDS["alice"], seed.PASSWORDS["bob"], "wrong", "")
NAMES = (
    "alice@nordlicht.example",
    "bob@nordlicht.example",
    "nobody@nowhere.example",
    "",
    "ALICE@nordlicht.example ",
)
DAYS = ("", "2126-12-31", "1999-01-01", "0000-00-00", "99999-01-01", "2126-W01-1", "tomorrow")
HEADERS: tuple[dict[str, str], ...] = (
    {}, {}, {}, {"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-origin"},
    {"Origin": "null"}, {"Content-Type": "application/json"}, {"Content-Length": "99999999"},
    {"Cookie": "vault-uploads-link=x"},
    {"Content-Length": "-1"}, {"Content-Type": "multipart/form-data; boundary=x"}, {"Cookie": "=;=;\x7f"},
)  # fmt: skip
_TAGS = re.compile(r"<style.*?</style>|<[^>]+>", re.DOTALL)
SPENT = (200, 410)
"""After these the ticket is used, or was no more than a word."""


class LinkForms:
    """Sends one form or address after the other with a ticket of Alice's, and gets her another when it is used up."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._fields: dict[str, dict[str, str]] = {}
        self._starts: list[str] = []

    def __call__(self, data: bytes) -> None:
        """No failure that nobody foresaw, no 5xx, and each page says in a sentence what came of it."""
        self._world.run(self._send(data))

    async def _send(self, data: bytes) -> None:
        choices = Choices(data)
        if not self._fields:
            await self._begin()
        is_visit = choices.happens(4)
        answer = await (self._visit(choices) if is_visit else self._form(choices))
        _assert_page(answer)
        self._world.look()
        if not is_visit and answer.status in SPENT:
            self._fields.clear()
        for user in self._world.demo.vault.users.values():
            user.wrong_passwords, user.locked = 0, False

    async def _begin(self) -> None:
        asked = await self._world.type("alice", "link")
        page = await self._world.door.send("GET", link_address(asked))
        self._fields = {method: hidden_fields(page.text, method) for method in ("token", "password")}
        self._starts = [
            html.unescape(one) for one in re.findall(r'href="([^"]*link/oidc/start[^"]*)"', page.text)
        ]
        self._world.look()

    async def _form(self, choices: Choices) -> Answer:
        method = choices.one_of(("token", "password"))
        fields = {**self._fields[method], "vault": choices.one_of(("promomats", "quality", "", "nowhere"))}
        if method == "token":
            fields |= {"token": choices.one_of(TOKENS), "expires": choices.one_of(DAYS)}
        else:
            fields |= {"username": choices.one_of(NAMES), "password": choices.one_of(PASSWORDS)}
        pairs = _spoilt_pairs(list(fields.items()), choices)
        body = urlencode(pairs, errors="replace").encode()
        if choices.happens(8):
            at = choices.number(256) * len(body) // 256
            body = body[:at] + choices.rest() + body[at + choices.number(10) :]
        headers = {"Content-Type": FORM, **choices.one_of(HEADERS)}
        return await self._world.door.send("POST", "/link", headers.items(), body)

    async def _visit(self, choices: Choices) -> Answer:
        page = choices.one_of(PAGES)
        pairs = [("ticket", self._fields["token"]["ticket"]), ("vault", "promomats")]
        if page != "/link" and self._starts:
            pairs = parse_qsl(self._starts[0].partition("?")[2])
        if page.endswith("callback"):
            pairs = [("code", "x" * 30), ("state", "y" * 43), ("iss", "http://127.0.0.1")]
        query = urlencode(_spoilt_pairs(pairs, choices), errors="replace")
        return await self._world.door.send("GET", f"{page}?{query}", choices.one_of(HEADERS).items())


def _spoilt_pairs(pairs: list[tuple[str, str]], choices: Choices) -> list[tuple[str, str]]:
    for _ in range(choices.number(4)):
        if not pairs:
            break
        at = choices.number(len(pairs))
        name, value = pairs[at]
        match choices.number(5):
            case 0:
                pairs = pairs[:at] + pairs[at + 1 :]
            case 1:
                pairs = [*pairs, pairs[at]]
            case 2:
                pairs[at] = (choices.spoilt(name), value)
            case 3:
                pairs[at] = (name, str(choices.one_of(ODD)))
            case _:
                pairs[at] = (name, choices.spoilt(value))
    return pairs


def _assert_page(answer: Answer) -> None:
    if answer.status >= 500:
        raise Violation(f"status {answer.status}: {answer.text}")
    if answer.status == 303:
        return
    if "text/html" not in answer.headers.get("content-type", ""):
        raise Violation(f"no page: {answer.status} {answer.text}")
    assert_sentence(" ".join(html.unescape(_TAGS.sub(" ", answer.text)).split()))
