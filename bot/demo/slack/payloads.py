"""The bodies Slack sends, as pure functions. Shapes: Slack's docs on slash commands, interaction payloads, events."""

from collections.abc import Iterator
from typing import Any

from bot.demo.slack.messages import Message, elements_of
from bot.demo.slack.workspace import APP_ID, BOT_USER_ID, Channel, User, Workspace


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
) -> dict[str, Any]:
    """The fields of a slash command. Slack: docs "Implementing slash commands".

    For a person of another company `team_id` is that company's, as `user.team_id` is in interactions.
    """
    return {
        "token": token,
        "team_id": user.team_id,
        "team_domain": workspace.domain if user.team_id == workspace.team_id else "contractlab",
        "channel_id": channel.id,
        "channel_name": channel.command_name,
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def block_actions(
    *,
    workspace: Workspace,
    user: User,
    channel: Channel,
    message: Message,
    action: dict[str, Any],
    token: str,
    response_url: str,
    trigger_id: str,
) -> dict[str, Any]:
    """A click in a message. Slack: reference "block_actions payloads"; an ephemeral source has no `message`."""
    container: dict[str, Any] = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.is_ephemeral,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    payload: dict[str, Any] = {
        "type": "block_actions",
        "token": token,
        "api_app_id": APP_ID,
        "team": {"id": workspace.team_id, "domain": workspace.domain},
        "enterprise": None,
        "is_enterprise_install": False,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "channel": {"id": channel.id, "name": channel.command_name},
        "container": container,
        "trigger_id": trigger_id,
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [action],
    }
    if not message.is_ephemeral:
        payload["message"] = message.as_json(workspace.team_id)
    return payload


def event_callback(
    *, workspace: Workspace, event: dict[str, Any], token: str, event_id: str, event_time: int
) -> dict[str, Any]:
    """The envelope of an event. Slack: docs "The Events API"."""
    return {
        "token": token,
        "team_id": workspace.team_id,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": event_time,
        "event_context": f"4-{event_id}",
        "is_ext_shared_channel": False,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": workspace.team_id,
                "user_id": BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
    }


def action_on(
    message: Message, action_id: str, *, block_id: str | None, option: str | None, action_ts: str
) -> dict[str, Any]:
    """The action that using this element sends. LookupError if the message has no such element, or several."""
    found = [
        (block, element)
        for block, element in _interactive(message)
        if element.get("action_id") == action_id and block_id in (None, block["block_id"])
    ]
    if len(found) != 1:
        there = sorted(
            f"{element.get('action_id')} (in {block['block_id']})" for block, element in _interactive(message)
        )
        raise LookupError(
            f"{len(found)} elements {action_id!r} in {message.key}; there are: {', '.join(there)}"
        )
    block, element = found[0]
    action = {
        "type": element["type"],
        "action_id": action_id,
        "block_id": block["block_id"],
        "action_ts": action_ts,
    }
    action |= {name: element[name] for name in ("text", "value", "style") if name in element}
    if "options" in element:
        action["selected_option"] = _option(element, option)
    return action


def _interactive(message: Message) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for block in message.blocks:
        for element in elements_of(block):
            if "action_id" in element:
                yield block, element


def _option(element: dict[str, Any], value: str | None) -> dict[str, Any]:
    options: list[dict[str, Any]] = element["options"]
    for option in options:
        if option["value"] == value:
            return option
    raise LookupError(f"{element['action_id']} has no option {value!r}, but {[o['value'] for o in options]}")
