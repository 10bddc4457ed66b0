"""What the chosen person's Slack shows: places, messages, a thread, a modal, the app's home."""

from collections import Counter
from typing import Any

from bot.demo.page.stage import Stage, place_id
from bot.demo.page.viewer import HOME
from bot.demo.slack import Channel, Message
from bot.demo.slack.views import View
from bot.demo.slack.workspace import BOT_USER_ID, SLACKBOT


def places_of(stage: Stage) -> list[dict[str, Any]]:
    """Conversations the person can open, the direct message with the app, and its home."""
    unread = stage.demo.slack.unread(stage.viewer.me)
    return [
        {
            "id": place_id(place),
            "name": stage.demo.slack.app.name if place.is_im else place.name,
            "kind": _kind(place),
            "unread": 0 if place.id == stage.viewer.place else unread.get(place.id, 0),
        }
        for place in stage.places()
    ]


def messages_of(stage: Stage) -> list[dict[str, Any]]:
    """The open conversation as it stands on the person's screen, replies in their threads left out."""
    if stage.viewer.place == HOME:
        return []
    seen = stage.demo.slack.seen_by(stage.viewer.me, stage.viewer.place)
    replies = Counter(message.thread_ts for message in seen if message.thread_ts != message.ts)
    return [
        message_json(stage, message, replies[message.ts]) for message in seen if not message.is_deep_in_thread
    ]


def thread_of(stage: Stage) -> dict[str, Any] | None:
    """The open thread; None if none is, or its first message is gone."""
    parent_ts = stage.viewer.thread
    if parent_ts is None or stage.viewer.place == HOME:
        return None
    seen = stage.demo.slack.seen_by(stage.viewer.me, stage.viewer.place)
    parent = next((message for message in seen if message.ts == parent_ts), None)
    if parent is None:
        return None
    replies = [message for message in seen if message.thread_ts == parent_ts and message is not parent]
    return {
        "parent": message_json(stage, parent, len(replies)),
        "messages": [message_json(stage, message) for message in replies],
    }


def modal_of(stage: Stage) -> dict[str, Any] | None:
    """The modal on top of the person's screen."""
    view = stage.demo.slack.modal(stage.viewer.me)
    if view is None:
        return None
    return {
        "view_id": view.id,
        "title": _words(view.title),
        "submit": _words(view.submit),
        "close": _words(view.close),
        "blocks": list(view.blocks),
        "errors": dict(view.errors),
        "depth": _depth(view),
        "values": view.state,
        "trouble": view.trouble,
        "revision": view.revision,
    }


def home_of(stage: Stage) -> dict[str, Any] | None:
    """The app's home as the person sees it, while it is open; without blocks until the app has sent some."""
    if stage.viewer.place != HOME:
        return None
    view = stage.demo.slack.home(stage.viewer.me)
    return {"blocks": list(view.blocks) if view else [], "values": view.state if view else {}}


def message_json(stage: Stage, message: Message, replies: int = 0) -> dict[str, Any]:
    """One message."""
    return {
        "key": message.key,
        "ts": message.ts,
        "author": _author(stage, message.author),
        "text": message.text,
        "blocks": list(message.blocks),
        "cards": [{"url": one["app_unfurl_url"], "blocks": one["blocks"]} for one in message.attachments],
        "ephemeral": message.is_ephemeral,
        "edited": message.edited,
        "thread_ts": message.thread_ts,
        "replies": replies,
        "shared_by": None,
    }


def _kind(place: Channel) -> str:
    if place.is_home:
        return "home"
    return "dm" if place.is_im else "private" if place.is_private else "channel"


def _author(stage: Stage, user_id: str) -> dict[str, str]:
    if user_id == SLACKBOT:
        return {"id": user_id, "name": "Slackbot", "kind": "slackbot"}
    user = stage.demo.slack.workspace.users[user_id]
    is_app = user_id == BOT_USER_ID
    name = stage.demo.slack.app.name if is_app else user.real_name
    return {"id": user_id, "name": name, "kind": "app" if is_app else "person"}


def _words(text: Any) -> str | None:
    return str(text["text"]) if text else None


def _depth(view: View) -> int:
    """Slack stacks three at most."""
    if view.previous_view_id is None:
        return 1
    return 2 if view.previous_view_id == view.root_view_id else 3
