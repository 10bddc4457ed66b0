"""All that the page shows, as one JSON value."""

from typing import Any, Final

from bot.demo.page.conversations import home_of, messages_of, modal_of, places_of, thread_of
from bot.demo.page.log import iso
from bot.demo.page.stage import Stage
from bot.demo.page.tour import Tour
from bot.demo.slack.workspace import BOT_USER_ID

ROLES: Final = {
    "alice": "owner",
    "bob": "another owner",
    "vera": "Vault Admin",
    "nils": "not linked",
    "gina": "guest from another company",
}
REJECTED, FAILED = "Slack would reject this", "Something in the demo went wrong"


def snapshot(stage: Stage, tour: Tour) -> dict[str, Any]:
    """The state; reading it changes nothing."""
    demo, viewer = stage.demo, stage.viewer
    workspace = demo.slack.workspace
    return {
        "version": stage.changes.version,
        "clock": {
            "now": iso(demo.clock.now()),
            "epoch": demo.clock.timestamp(),
            "speed": demo.clock.speed,
        },
        "workspace": {"name": workspace.name, "team_id": workspace.team_id},
        "people": [
            {
                "id": user.id,
                "key": user.name,
                "name": user.real_name,
                "role": ROLES.get(user.name, ""),
                "tz": user.tz,
            }
            for user in workspace.users.values()
            if not user.is_bot
        ],
        "me": viewer.me,
        "app": _app(stage),
        "places": places_of(stage),
        "place": viewer.place,
        "messages": messages_of(stage),
        "thread": thread_of(stage),
        "modal": modal_of(stage),
        "home": home_of(stage),
        "problems": _problems(stage),
        "vaults": stage.uploads.as_json(),
        "faults": stage.switches.as_json(),
        "bot": {
            **stage.bot_life.as_json(),
            "mode": "socket" if demo.socket_mode else "http",
            "address": demo.bot.url,
            "log_tail": demo.bot.log_tail(),
        },
        "credentials": _credentials(stage),
        "drawer": {"open": viewer.drawer_open},
        "tour": tour.as_json(),
    }


def _app(stage: Stage) -> dict[str, Any]:
    app = stage.demo.slack.app
    return {
        "id": BOT_USER_ID,
        "name": app.name,
        "commands": [
            {"command": one.name, "description": one.description, "usage_hint": one.usage_hint}
            for one in app.commands
        ],
        "shortcuts": [
            {"type": one.kind, "callback_id": one.callback_id, "name": one.name} for one in app.shortcuts
        ],
        "home_tab": app.home_tab,
        "mentions": "app_mention" in app.events,
    }


def _problems(stage: Stage) -> list[dict[str, Any]]:
    """What Slack refused of the bot's, and what failed here; without those that were dismissed."""
    problems = [
        {
            "id": one.number,
            "at": iso(one.at),
            "title": REJECTED,
            "reasons": [f"{one.what}: {one.error}", *one.reasons],
            "payload": one.payload,
        }
        for one in stage.demo.slack.rejections
    ]
    problems += [
        {"id": -one.number, "at": iso(one.at), "title": FAILED, "reasons": [one.reason], "payload": {}}
        for one in stage.background.failures
    ]
    return [one for one in problems if one["id"] not in stage.viewer.dismissed]


def _credentials(stage: Stage) -> list[dict[str, Any]]:
    """Everyone's way into the emulated Vaults, for the link page; made up, and good nowhere else."""
    vault, idp, now = stage.demo.vault, stage.demo.idp, stage.demo.clock.now()
    keys = {one.id: key for key, one in vault.vaults.items()}
    return [
        {
            "person": user.key,
            "user_name": user.user_name,
            "password": user.password,
            "way": user.sign_in,
            "sign_ins": len(idp.grants.of(idp.people[user.key])),
            "tokens": {
                keys[token.vault_id]: token.value
                for token in vault.domain.logins.tokens(user)
                if now < token.expires
            },
        }
        for user in vault.users.values()
    ]
