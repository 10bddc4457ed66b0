"""Slack's payloads, read into calls and events.

Shapes: Slack docs, "Implementing slash commands", "Handling user interaction" and "Events API".
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from bot.model.accounts import SlackUser
from bot.slack.calls import (
    HOME,
    MODAL,
    Call,
    Event,
    Payload,
    ReplyTo,
    SlackHome,
    View,
    address_in,
    part_of,
    state_in,
)

_CONVERSATION = re.compile(r"[CDG][A-Z0-9]{1,40}")
_TS = re.compile(r"\d{1,12}\.\d{1,6}")
_NAMED = re.compile(r"<[@!][^<>]*>")
"""People, groups and `@here` in a message's text. Slack: docs, "Formatting text"."""


def from_command(body: Payload) -> Call:
    """A slash command: answered ephemerally, which is also what works where the bot is no member."""
    slack_user = SlackUser(
        workspace=str(body.get("enterprise_id") or body.get("team_id") or ""),
        user_id=str(body.get("user_id") or ""),
        team_id=str(body.get("team_id") or ""),
    )
    return Call(
        kind="command",
        slack_user=slack_user,
        home=_home(body, body.get("enterprise_id"), body.get("team_id")),
        reply_to=ReplyTo(slack_user=slack_user, response_url=address_in(body.get("response_url"))),
        text=str(body.get("text") or ""),
        channel_id=_conversation(body.get("channel_id")),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def from_action(body: Payload) -> Call:
    """A click: an ephemeral message is replaced by its answer; a message others see is left as it is, and the answer
    comes in its thread if it is in one. What was typed into an element is `values` by the element's own name."""
    slack_user = _clicker(body)
    container, action = part_of(body, "container"), (body.get("actions") or [{}])[0]
    channel_id = part_of(body, "channel").get("id") or container.get("channel_id")
    is_ephemeral, view = bool(container.get("is_ephemeral")), _view(body)
    thread_ts = _timestamp(container.get("thread_ts"))
    return Call(
        kind=str(action.get("action_id") or "action"),
        slack_user=slack_user,
        home=_clicked_at(body, slack_user),
        reply_to=ReplyTo(
            slack_user=slack_user,
            response_url=address_in(body.get("response_url")),
            replace_original=is_ephemeral,
            thread_ts=thread_ts,
            view=view,
        ),
        value=state_in(action.get("value") or part_of(action, "selected_option").get("value")),
        values={str(action.get("action_id")): action} if view else {},
        channel_id=_conversation(channel_id),
        thread_ts=thread_ts,
        message_ts=_timestamp(container.get("message_ts")),
        is_private=is_ephemeral or view is not None,
        is_genuine=_has(part_of(body, "message"), action),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def from_mention(body: Payload) -> Call:
    """`@Vault Uploads …` in a channel or thread: answered in that thread, in public since it was asked in public.
    What an app says is nobody's question: its call has no person.

    Slack sends an event again until it is acknowledged, with the same `event_id`.
    """
    event = part_of(body, "event")
    ts, thread_ts = _timestamp(event.get("ts")), _timestamp(event.get("thread_ts"))
    by_an_app = bool(event.get("bot_id"))
    sent_by = next((one for one in body.get("authorizations") or () if isinstance(one, Mapping)), body)
    home = _home(sent_by, sent_by.get("enterprise_id"), sent_by.get("team_id"))
    team_id = str(event.get("user_team") or event.get("team") or body.get("team_id") or "")
    slack_user = SlackUser(
        workspace=str(home.enterprise_id or team_id),
        user_id="" if by_an_app else str(event.get("user") or ""),
        team_id=team_id,
    )
    channel_id = _conversation(event.get("channel"))
    return Call(
        kind="mention",
        slack_user=slack_user,
        home=home,
        reply_to=ReplyTo(
            slack_user=slack_user,
            channel_id=channel_id,
            thread_ts=thread_ts or ts,
            in_public=True,
            has_replies=bool(thread_ts),
        ),
        text=_said(str(event.get("text") or ""), str(sent_by.get("user_id") or "")),
        channel_id=channel_id,
        thread_ts=thread_ts or ts,
        message_ts=ts,
        is_private=False,
        once=_event(body),
    )


def from_message_shortcut(body: Payload) -> Call:
    """A shortcut in a message's menu, also where the bot is no member: answered below the message, to the clicker
    alone. `values` is the message."""
    slack_user, message = _clicker(body), part_of(body, "message")
    channel_id = _conversation(part_of(body, "channel").get("id"))
    ts = _timestamp(body.get("message_ts")) or _timestamp(message.get("ts"))
    thread_ts = _timestamp(message.get("thread_ts")) or ts
    return Call(
        kind=f"shortcut:{body.get('callback_id') or ''}",
        slack_user=slack_user,
        home=_clicked_at(body, slack_user),
        reply_to=ReplyTo(
            slack_user=slack_user, response_url=address_in(body.get("response_url")), thread_ts=thread_ts
        ),
        values=message,
        channel_id=channel_id,
        thread_ts=thread_ts,
        message_ts=ts,
        trigger_id=str(body.get("trigger_id") or ""),
    )


def from_global_shortcut(body: Payload) -> Call:
    """A shortcut of the composer's menu: it comes from nowhere, and opens a view."""
    slack_user = _clicker(body)
    return Call(
        kind=f"shortcut:{body.get('callback_id') or ''}",
        slack_user=slack_user,
        home=_clicked_at(body, slack_user),
        reply_to=ReplyTo(slack_user=slack_user),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def from_home_opened(body: Payload) -> Call:
    """The event `app_home_opened` as a call, since the person waits for their home; `text` is the tab. The view has no
    id before a first one was published."""
    event, known = part_of(body, "event"), from_event(body)
    slack_user = known.slack_user or SlackUser("", "", "")
    return Call(
        kind="home",
        slack_user=slack_user,
        home=known.home,
        reply_to=ReplyTo(slack_user=slack_user, view=_as_known(part_of(event, "view"), HOME)),
        text=str(event.get("tab") or ""),
        once=_event(body),
    )


def from_view(body: Payload) -> Call:
    """A form that was sent: `value` is its private metadata, of which `c` is the channel it was opened from, and `r`
    the response_url of the click that opened it; without that the answer goes by direct message."""
    slack_user, view = _clicker(body), part_of(body, "view")
    value = state_in(view.get("private_metadata")) or {}
    # The form closes with its ack, so the answer goes elsewhere.
    return Call(
        kind=f"view:{view.get('callback_id') or ''}",
        slack_user=slack_user,
        home=_clicked_at(body, slack_user),
        reply_to=ReplyTo(slack_user=slack_user, response_url=address_in(value.get("r"))),
        value=value,
        values=part_of(part_of(view, "state"), "values"),
        channel_id=_conversation(value.get("c")),
        trigger_id=str(body.get("trigger_id") or ""),
    )


def from_open_view(body: Payload) -> Call:
    """A form that was sent and stays open: the answer comes in it."""
    call = from_view(body)
    return replace(call, reply_to=replace(call.reply_to, view=_view(body)))


def from_event(body: Payload) -> Event:
    """An event of the Events API. Slack: `authorizations` names the installation it was sent by, where there is one."""
    content = part_of(body, "event")
    sent_by = next((one for one in body.get("authorizations") or () if isinstance(one, Mapping)), body)
    home = _home(sent_by, sent_by.get("enterprise_id"), sent_by.get("team_id"))
    return Event(
        kind=str(content.get("type") or ""),
        home=home,
        slack_user=_whom(content, home),
        content=content,
        once=_event(body),
    )


def _whom(content: Payload, home: SlackHome) -> SlackUser | None:
    """Slack: `user` is an id, or in `user_change` the whole person as in `users.info`."""
    user = content.get("user")
    person: Payload = user if isinstance(user, Mapping) else {"id": user}
    if not isinstance(person.get("id"), str):
        return None
    team_id = str(person.get("team_id") or home.team_id or "")
    enterprise = part_of(person, "enterprise_user").get("enterprise_id") or home.enterprise_id
    return SlackUser(workspace=str(enterprise or team_id), user_id=str(person["id"]), team_id=team_id)


def _clicker(body: Payload) -> SlackUser:
    user, team, enterprise = (part_of(body, key) for key in ("user", "team", "enterprise"))
    team_id = str(user.get("team_id") or team.get("id") or "")
    return SlackUser(
        workspace=str(enterprise.get("id") or team.get("enterprise_id") or team_id),
        user_id=str(user.get("id") or ""),
        team_id=team_id,
    )


def _clicked_at(body: Payload, slack_user: SlackUser) -> SlackHome:
    """Slack: `team` is null for an org-wide install; what a person without a known Enterprise has is a team."""
    team, enterprise = part_of(body, "team"), part_of(body, "enterprise")
    return _home(body, enterprise.get("id") or team.get("enterprise_id"), team.get("id"), slack_user.team_id)


def _conversation(found: object) -> str:
    """The id of a channel or direct message; empty for anything else."""
    return found if isinstance(found, str) and _CONVERSATION.fullmatch(found) else ""


def _has(message: Payload, action: Payload) -> bool:
    """Whether a message holds the button that was pressed, with its value. Slack: the payload's `message` is the one
    that it keeps, while the action comes from the person's client."""
    wanted = (action.get("action_id"), action.get("value"))
    blocks = message.get("blocks")
    for block in blocks if isinstance(blocks, list) else ():
        elements = block.get("elements") if isinstance(block, Mapping) else None
        for element in elements if isinstance(elements, list) else ():
            if isinstance(element, Mapping) and (element.get("action_id"), element.get("value")) == wanted:
                return True
    return False


def _said(text: str, bot_user_id: str) -> str:
    """What was said to the app: the line behind its name, or before it where nothing stands behind. Who else is named
    there only reads along."""
    name = re.compile(rf"<@{re.escape(bot_user_id) or '[^<>|]+'}(?:\|[^<>]*)?>")
    before, behind = name.split(text, maxsplit=1) if name.search(text) else (text, "")
    spoken = [*behind.splitlines(), *reversed(before.splitlines())]
    lines = (_NAMED.sub(" ", line).strip().lstrip(":, ") for line in spoken)
    return next((line for line in lines if any(sign.isalnum() for sign in line)), "")


def _event(body: Payload) -> str:
    """The same for each time that Slack sends an event; empty where it has no id."""
    event_id = body.get("event_id")
    return f"event:{event_id}" if event_id else ""


def _timestamp(found: object) -> str:
    """A message's ts; empty for anything else."""
    return found if isinstance(found, str) and _TS.fullmatch(found) else ""


def _view(body: Payload) -> View | None:
    view = part_of(body, "view")
    kind = view.get("type")
    if kind not in (MODAL, HOME) or (kind == MODAL and not view.get("id")):
        return None  # in a modal without an id nothing can be shown: the answer takes another way
    return _as_known(view, str(kind))


def _as_known(view: Payload, kind: str) -> View:
    return View(
        id=str(view.get("id") or ""),
        kind=kind,
        hash=str(view.get("hash") or ""),
        known=state_in(view.get("private_metadata")) or {},
    )


def _home(body: Payload, enterprise: object, team: object, otherwise: str = "") -> SlackHome:
    enterprise_id = str(enterprise) if enterprise else None
    # In forms it is text.
    org_wide = enterprise_id is not None and body.get("is_enterprise_install") in (True, "true")
    team_id = str(team) if team else otherwise if enterprise_id is None else ""
    return SlackHome(enterprise_id, None if org_wide else team_id or None)
