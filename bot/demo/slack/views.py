"""Views: a modal on one person's screen, or the app's Home tab as one person sees it."""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.demo.slack import block_kit
from bot.demo.slack.block_checks import Report, Shape, anything, boolean, string, text
from bot.demo.slack.block_elements import PLAIN
from bot.demo.slack.block_kit import HOME, MODAL
from bot.demo.slack.content import ContentError
from bot.demo.slack.forms import Values
from bot.demo.slack.messages import Block
from bot.demo.slack.workspace import APP_ID, BOT_ID

MOST_BYTES = 250_000  # Slack: reference "views.open": 250 kB
TROUBLE = "We had some trouble connecting. Try again?"


@dataclass(frozen=True, slots=True)
class View:
    """A view as it stood at one moment; every change makes a new value under the same id."""

    id: str
    kind: str  # "modal" or "home"
    user: str
    hash: str
    blocks: tuple[Block, ...]
    title: Mapping[str, Any] | None = None
    submit: Mapping[str, Any] | None = None
    close: Mapping[str, Any] | None = None
    callback_id: str = ""
    private_metadata: str = ""
    external_id: str = ""
    notify_on_close: bool = False
    clear_on_close: bool = False
    root_view_id: str = ""
    previous_view_id: str | None = None
    state: Values = field(default_factory=dict)  # what the person chose and typed so far
    errors: Mapping[str, str] = field(default_factory=dict)  # words below an input, by block_id
    trouble: str | None = None  # Slack's words when the bot did not take the form
    revision: int = 0

    def as_json(self, team_id: str) -> dict[str, Any]:
        """The view object of payloads and Web API answers. Slack: reference "Views"."""
        return {
            "id": self.id,
            "team_id": team_id,
            "type": self.kind,
            "blocks": copy.deepcopy(list(self.blocks)),
            "private_metadata": self.private_metadata,
            "callback_id": self.callback_id,
            "state": {"values": copy.deepcopy(self.state)},
            "hash": self.hash,
            "title": self.title,
            "clear_on_close": self.clear_on_close,
            "notify_on_close": self.notify_on_close,
            "close": self.close,
            "submit": self.submit,
            "previous_view_id": self.previous_view_id,
            "root_view_id": self.root_view_id,
            "app_id": APP_ID,
            "external_id": self.external_id,
            "app_installed_team_id": team_id,
            "bot_id": BOT_ID,
        }


def _submit_with_inputs(view: dict[str, Any]) -> Iterator[str]:
    """Slack: reference "Views": `submit` is needed where an input block stands."""
    blocks = view.get("blocks")
    kinds = (
        [block.get("type") for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    )
    if "input" in kinds and not view.get("submit"):
        yield "missing required field: submit"


_COMMON = {
    "private_metadata": string(3000, least=0),
    "callback_id": string(255, least=0),
    "external_id": string(255, least=0),
}
# Slack: reference "Views", with slack_sdk's limits (models/views).
_SHAPES = {
    MODAL: Shape(
        {"title": text(24, PLAIN), "blocks": anything},
        {
            **_COMMON,
            "submit": text(24, PLAIN),
            "close": text(24, PLAIN),
            "clear_on_close": boolean,
            "notify_on_close": boolean,
            "submit_disabled": boolean,
        },
        (_submit_with_inputs,),
    ),
    HOME: Shape({"blocks": anything}, _COMMON),
}


def read_view(raw: Any, kind: str) -> dict[str, Any]:
    """A view out of a request, as JSON or as a string of it; ContentError if Slack would refuse it there."""
    view = raw
    if isinstance(raw, str):
        try:
            view = json.loads(raw)
        except ValueError:
            view = None
    if not isinstance(view, dict):
        raise ContentError("invalid_arguments", ["[ERROR] must be an object [json-pointer:/view]"])
    if len(json.dumps(view).encode()) > MOST_BYTES:
        raise ContentError("view_too_large", [f"[ERROR] more than {MOST_BYTES:,} bytes [json-pointer:/view]"])
    report = Report(kind)
    if view.get("type") != kind:
        report.refuse(f"must be one of: {kind}", "/view/type")
    _SHAPES[kind].check(view, "/view", report)
    if view.get("blocks") is not None:
        report.reasons += block_kit.faults_in(view["blocks"], kind, "/view/blocks")
    if report.reasons:
        raise ContentError("invalid_arguments", report.reasons)
    return view
