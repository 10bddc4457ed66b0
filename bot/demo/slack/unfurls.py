"""Links to the app's domains: what it is told of them, and the cards it puts below other people's messages.

Slack: docs "Unfurling links in messages", reference "chat.unfurl". A card belongs to the message: everybody who sees
the one sees the other. What is being written has previews, which only its author sees.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.demo.slack import block_kit
from bot.demo.slack.apps import App
from bot.demo.slack.content import ContentError
from bot.demo.slack.messages import Block, Message, MessageBoard
from bot.demo.slack.web_api import ApiFailureError, Arguments, Method
from bot.demo.slack.workspace import BOT_ID, Workspace

COMPOSER, POSTED = "composer", "conversations_history"
COMPOSER_CHANNEL = "COMPOSER"
MOST_LINKS = 5
MOST_OFFERS = 1000
_PARTS = frozenset({"blocks", "fallback", "color", "preview", "text", "title"})

Link = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Offer:
    """Links that the app was told of; without a message they stand in somebody's composer."""

    unfurl_id: str
    links: tuple[Link, ...]
    key: str | None = None

    @property
    def source(self) -> str:
        """Where they stand, in Slack's words."""
        return COMPOSER if self.key is None else POSTED


class Unfurls:
    """The links, and the method that puts cards below them."""

    def __init__(self, workspace: Workspace, app: App, board: MessageBoard) -> None:
        self._workspace = workspace
        self._app = app
        self._board = board
        self._offers: dict[str, Offer] = {}
        self.previews: dict[str, dict[str, Block]] = {}

    def table(self) -> dict[str, Method]:
        """The method by its name."""
        return {"chat.unfurl": Method(self.unfurl, scope="links:write")}

    def offer(self, blocks: tuple[Block, ...] | list[Block], message: Message | None = None) -> Offer | None:
        """The links to the app's domains in these words, now open to be unfurled; None if there are none."""
        links: dict[str, Link] = {}
        for url in _urls_in(list(blocks)):
            domain = self._app.unfurl_domain(url)
            if domain is not None and len(links) < MOST_LINKS:
                links[url] = {"domain": domain, "url": url}
        if not links:
            return None
        unique = secrets.token_hex(16)
        unfurl_id = unique if message is None else f"{message.channel}.{message.ts}.{unique}"
        offer = Offer(unfurl_id, tuple(links.values()), message.key if message else None)
        self._offers[unfurl_id] = offer
        while len(self._offers) > MOST_OFFERS:
            del self._offers[next(iter(self._offers))]
        return offer

    def unfurl(self, arguments: Arguments) -> dict[str, Any]:
        """Slack: reference "chat.unfurl": the same link again gets the newer card, an empty one takes it away."""
        offer = self._offer_of(arguments)
        cards = {url: self._card(url, card, offer) for url, card in _read_unfurls(arguments).items()}
        if offer.key is None:
            self.previews.setdefault(offer.unfurl_id, {}).update(cards)
            return {}
        message = self._board.find(offer.key)
        if message is None:
            raise ApiFailureError("cannot_find_message")
        kept = [one for one in message.attachments if one["app_unfurl_url"] not in cards]
        added = [{**card, "app_unfurl_url": url} for url, card in cards.items() if card]
        self._board.attach(message.key, [*kept, *added])
        return {}

    def _offer_of(self, arguments: Arguments) -> Offer:
        """Either both `unfurl_id` and `source`, or both `channel` and `ts`."""
        if arguments.get("unfurl_id") and arguments.get("source"):
            found = self._offers.get(str(arguments["unfurl_id"]))
            if found is None or found.source != arguments["source"]:
                raise ApiFailureError("cannot_find_message")
            return found
        for name in ("channel", "ts"):
            if not arguments.get(name):
                raise ApiFailureError(f"missing_{name}")
        channel, ts = str(arguments["channel"]), str(arguments["ts"])
        if channel == COMPOSER_CHANNEL and ts in self._offers:
            return self._offers[ts]
        if channel not in self._workspace.channels:
            raise ApiFailureError("cannot_find_channel")
        message = self._board.find(f"{channel}:{ts}")
        if message is None or message.is_ephemeral:
            raise ApiFailureError("cannot_find_message")
        offers = [one for one in self._offers.values() if one.key == message.key]
        return offers[-1] if offers else Offer("", (), message.key)

    def _card(self, url: str, card: Any, offer: Offer) -> Block:
        if url not in {link["url"] for link in offer.links}:
            message = self._board.find(offer.key) if offer.key else None
            stands_there = message is not None and url in set(_urls_in(list(message.blocks)))
            raise ApiFailureError("cannot_unfurl_url" if stands_there else "cannot_unfurl_message")
        if not isinstance(card, dict) or not card.keys() <= _PARTS:
            raise ApiFailureError("cannot_parse_attachment")
        pointer = f"/unfurls/{url.replace('~', '~0').replace('/', '~1')}/blocks"
        reasons = block_kit.faults_in(card.get("blocks", []), pointer=pointer)
        if any(kind == "rich_text" for kind in _types_in(card.get("blocks"))):
            # Slack: docs "Unfurling links in messages": rich text is not taken here, as in messages it is.
            reasons.append(f"[ERROR] unsupported type: rich_text [json-pointer:{pointer}]")
        if reasons:
            raise ContentError("invalid_blocks", reasons)
        return card and {**card, "is_app_unfurl": True, "bot_id": BOT_ID}


def _read_unfurls(arguments: Arguments) -> dict[str, Any]:
    unfurls = arguments.get("unfurls")
    if not unfurls:
        raise ApiFailureError("missing_unfurls")
    if isinstance(unfurls, str):
        try:
            unfurls = json.loads(unfurls)
        except ValueError:
            unfurls = None
    if not isinstance(unfurls, dict):
        raise ApiFailureError("invalid_unfurls_format")
    return unfurls


def _urls_in(node: Any) -> Iterator[str]:
    """The addresses of links in rich text."""
    if isinstance(node, dict):
        if node.get("type") == "link":
            yield str(node["url"])
        node = list(node.values())
    for one in node if isinstance(node, list) else ():
        yield from _urls_in(one)


def _types_in(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield str(node.get("type"))
        node = list(node.values())
    for one in node if isinstance(node, list) else ():
        yield from _types_in(one)
