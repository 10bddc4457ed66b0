"""The bodies Slack sends, as pure functions. Shapes: Slack's docs on slash commands, interaction payloads, events."""

import copy
from typing import Any

from bot.demo.slack.forms import Values
from bot.demo.slack.messages import Message
from bot.demo.slack.unfurls import COMPOSER_CHANNEL, Offer
from bot.demo.slack.views import View
from bot.demo.slack.workspace import APP_ID, BOT_USER_ID, ENTERPRISE_NAME, Channel, User, Workspace

Json = dict[str, Any]
APP_UNINSTALLED, TOKENS_REVOKED, USER_CHANGE = "app_uninstalled", "tokens_revoked", "user_change"
FAREWELLS = (APP_UNINSTALLED, TOKENS_REVOKED)


def slash_command(
    *,
    workspace: Workspace,
    user: User,
    channel: Channel,
    command: str,
    text: str,
    token: str,
    response_url: str,
    trigger_id: str,
) -> Json:
    """The fields of a slash command. Slack: docs "Implementing slash commands".

    For a person of another company `team_id` is that company's, as `user.team_id` is in interactions.
    """
    is_of_here = not user.is_stranger
    return {
        "token": token,
        "team_id": user.team_id,
        "team_domain": workspace.domain if user.team_id == workspace.team_id else "contractlab",
        **(_enterprise_fields(workspace) if is_of_here else {}),
        "channel_id": channel.id,
        "channel_name": channel.command_name,
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "true" if workspace.org_wide and is_of_here else "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def block_actions(
    *,
    workspace: Workspace,
    user: User,
    channel: Channel,
    message: Message,
    action: Json,
    state: Values,
    card: Json | None,
    token: str,
    response_url: str,
    trigger_id: str,
) -> Json:
    """A click in a message. Slack: reference "block_actions payloads"; an ephemeral source has no `message`.

    Nor has a click in the card of a link (docs "Unfurling links in messages"): the card is `app_unfurl`.
    """
    container: Json = {
        "type": "message_attachment" if card else "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.is_ephemeral,
    }
    if card:
        about = {"is_app_unfurl": True, "app_unfurl_url": card["app_unfurl_url"]}
        container |= {"attachment_id": card["id"], **about}
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    payload = _interaction("block_actions", workspace, user, token) | {
        "channel": _named(channel),
        "container": container,
        "trigger_id": trigger_id,
        "state": {"values": state},
        "response_url": response_url,
        "actions": [action],
    }
    if card:
        payload |= {"is_app_unfurl": True, "app_unfurl": copy.deepcopy(card)}
    elif not message.is_ephemeral:
        payload["message"] = message.as_json(workspace.team_id)
    return payload


def view_actions(
    *, workspace: Workspace, user: User, view: View, action: Json, token: str, trigger_id: str
) -> Json:
    """A click in a modal or in the Home tab: no channel, no message and no response_url. Slack: as above."""
    return _interaction("block_actions", workspace, user, token) | {
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": trigger_id,
        "view": view.as_json(workspace.team_id),
        "actions": [action],
    }


def view_submission(*, workspace: Workspace, user: User, view: View, token: str, trigger_id: str) -> Json:
    """A form sent off. Slack: reference "view_submission payloads"."""
    return _interaction("view_submission", workspace, user, token) | {
        "trigger_id": trigger_id,
        "view": view.as_json(workspace.team_id),
        "response_urls": [],
    }


def view_closed(*, workspace: Workspace, user: User, view: View, token: str, is_cleared: bool) -> Json:
    """A modal left without sending it. Slack: reference "view_closed payloads"; no trigger_id."""
    return _interaction("view_closed", workspace, user, token) | {
        "view": view.as_json(workspace.team_id),
        "is_cleared": is_cleared,
    }


def shortcut(
    *, workspace: Workspace, user: User, callback_id: str, token: str, trigger_id: str, action_ts: str
) -> Json:
    """A global shortcut: no channel and no response_url. Slack: reference "Shortcut payloads"."""
    return _interaction("shortcut", workspace, user, token) | {
        "callback_id": callback_id,
        "trigger_id": trigger_id,
        "action_ts": action_ts,
    }


def message_action(
    *,
    workspace: Workspace,
    user: User,
    channel: Channel,
    message: Message,
    callback_id: str,
    token: str,
    response_url: str,
    trigger_id: str,
    action_ts: str,
) -> Json:
    """A message shortcut. Slack: reference "Shortcut payloads"."""
    return _interaction("message_action", workspace, user, token) | {
        "callback_id": callback_id,
        "trigger_id": trigger_id,
        "response_url": response_url,
        "action_ts": action_ts,
        "message_ts": message.ts,
        "channel": _named(channel),
        "message": message.as_json(workspace.team_id),
    }


def app_mention(user: User, message: Message) -> Json:
    """Someone named the app. Slack: reference "app_mention"."""
    event: Json = {
        "type": "app_mention",
        "user": user.id,
        "team": user.team_id,
        "text": message.text,
        "ts": message.ts,
        "channel": message.channel,
        "event_ts": message.ts,
        "blocks": copy.deepcopy(list(message.blocks)),
    }
    return event | ({"thread_ts": message.thread_ts} if message.thread_ts else {})


def link_shared(user: User, message: Message, offer: Offer, *, is_member: bool) -> Json:
    """Someone posted links to the app's domains. Slack: reference "link_shared"."""
    event = _links(user, offer) | {
        "channel": message.channel,
        "message_ts": message.ts,
        "is_bot_user_member": is_member,
        "event_ts": message.ts,
    }
    return event | ({"thread_ts": message.thread_ts} if message.thread_ts else {})


def link_drafted(user: User, offer: Offer, ts: str) -> Json:
    """The same while it is being written. Slack: docs "Unfurling links in messages": there is no message yet."""
    place = {"channel": COMPOSER_CHANNEL, "message_ts": offer.unfurl_id, "is_bot_user_member": False}
    return _links(user, offer) | place | {"event_ts": ts}


def app_home_opened(
    workspace: Workspace, user: User, channel: Channel, tab: str, view: View | None, ts: str
) -> Json:
    """Someone opened the app's page. Slack: reference "app_home_opened"; no `view` before one was published."""
    event: Json = {
        "type": "app_home_opened",
        "user": user.id,
        "channel": channel.id,
        "tab": tab,
        "event_ts": ts,
    }
    return event | ({"view": view.as_json(workspace.team_id)} if view else {})


def event_callback(*, workspace: Workspace, event: Json, token: str, event_id: str, event_time: int) -> Json:
    """The envelope of an event. Slack: docs "The Events API"; an app that is removed has no authorization left."""
    envelope: Json = {
        "token": token,
        "team_id": workspace.team_id,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": event_time,
        "event_context": f"4-{event_id}",
        "is_ext_shared_channel": False,
    }
    if workspace.enterprise_id is not None:
        envelope["enterprise_id"] = workspace.enterprise_id
    if event.get("type") in FAREWELLS:
        return envelope | ({"is_enterprise_install": True} if workspace.org_wide else {})
    return envelope | {
        "authorizations": [
            {
                "enterprise_id": workspace.enterprise_id,
                "team_id": None if workspace.org_wide else workspace.team_id,
                "user_id": BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": workspace.org_wide,
            }
        ]
    }


def _links(user: User, offer: Offer) -> Json:
    return {
        "type": "link_shared",
        "user": user.id,
        "unfurl_id": offer.unfurl_id,
        "source": offer.source,
        "links": [dict(link) for link in offer.links],
        "user_locale": user.locale,
    }


def _interaction(kind: str, workspace: Workspace, user: User, token: str) -> Json:
    """What all interaction payloads carry."""
    return {
        "type": kind,
        "token": token,
        "api_app_id": APP_ID,
        "team": None
        if workspace.org_wide
        else {"id": workspace.team_id, "domain": workspace.domain, **_enterprise_fields(workspace)},
        "enterprise": {"id": workspace.enterprise_id, "name": ENTERPRISE_NAME}
        if workspace.enterprise_id
        else None,
        "is_enterprise_install": workspace.org_wide,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
    }


def _enterprise_fields(workspace: Workspace) -> Json:
    """Slack: only where the team belongs to an Enterprise organisation."""
    if workspace.enterprise_id is None:
        return {}
    return {"enterprise_id": workspace.enterprise_id, "enterprise_name": ENTERPRISE_NAME}


def _named(channel: Channel) -> Json:
    return {"id": channel.id, "name": channel.command_name}
