"""What Slack sends, of each kind: the emulator's own payloads, before anything is wrong with them."""

import itertools
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from bot.demo.slack import SlackEmulator, payloads
from bot.demo.slack.delivery import INTERACTIVE, Delivery
from bot.demo.slack.messages import Message
from bot.demo.slack.unfurls import Offer
from bot.demo.slack.views import View
from bot.demo.vault import seed
from bot.demo.workspace import CHANNEL
from tests.fuzz.choices import Choices
from tests.fuzz.words import IDS, ROUND

if TYPE_CHECKING:
    from collections.abc import Callable

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
Json = dict[str, Any]
Body = tuple[Json, str]
"""A payload, and how it travels: as a form, as JSON in a form, or as JSON."""
PLAIN, WITHIN, WHOLE = "plain", "within", "whole"

COMMANDS = (
    "", "list", "help", "whoami", "watches", seed.CHOLECAP, seed.ALICE_OLD_STYLE, f"{seed.ALICE_AWKWARD} share",
    seed.BOB_ARCHIVE,
    f"watch {seed.CHOLECAP}", f"watch {seed.ALICE_MOVING} 24h 4h here", "watch all", "watch vault 2h",
    "unwatch all", "link",
    f"unwatch {seed.CHOLECAP}", "link quality", "unlink", "unlink all", "list quality", "label set.pdf", "lsit",
    "doctor",
)  # fmt: skip
PEOPLE = ("alice", "bob", "vera", "nils", "gina")
ACTIONS = (
    "refresh", "refresh:found", "open_list", "open_list:next", "open_list:vault_1", "details", "watch", "unwatch",
    "snooze", "share", "take_back", "live", "link", "unlink", "search", "settings", "abort", "never-heard-of", "",
)  # fmt: skip
CALLBACKS = ("watch", "settings", "abort", "my_uploads", "details", "never-heard-of", "")
VALUES = (
    None, "", "null", "[]", "{", "{}", '{"u":7,"v":7,"w":7,"by":7,"m":7}', '{"u":"' + "x" * 1900 + '"}',
    '{"all":"all"}',
    '{"u":"..","v":"127.0.0.1:9"}', '{"w":"no such watch","s":"1h"}', '{"w":"x","s":"a year","l":1}',
    '{"p":99999999999999999999,"w":-1}', '{"p":-3,"q":"\\u0000"}', '{"p":2,"n":9}',
    '{"u":"abc","v":"\\u0000","by":"<!channel>","m":"\\ud800","a":2}', json.dumps({"u": seed.CHOLECAP}),
    json.dumps({"u": seed.BOB_ARCHIVE, "v": "127.0.0.1"}), json.dumps({"u": seed.CHOLECAP, "c": "C0TRIALUPLOADS",
    "n": 2}),
)  # fmt: skip
FIELDS: Json = {
    "leads": {"leads": {"type": "plain_text_input", "value": "24h, 1h"}},
    "place": {"place": {"type": "radio_buttons", "selected_option": {"value": "here"}}},
    "quiet": {"quiet": {"type": "checkboxes", "selected_options": [{"value": "on"}]}},
    "quiet_from": {"quiet_from": {"type": "timepicker", "selected_time": "22:00"}},
    "quiet_to": {"quiet_to": {"type": "timepicker", "selected_time": "07:00"}},
    "name": {"name": {"type": "plain_text_input", "value": "Cholecap-Commercial-2021.mp4"}},
    "search": {"search": {"type": "plain_text_input", "value": "film"}},
    "vault": {"vault": {"type": "static_select", "selected_option": {"value": "promomats"}}},
}


class Payloads:
    """Makes them for an emulated Slack, with response_urls and trigger_ids that serve."""

    def __init__(self, slack: SlackEmulator) -> None:
        self._slack = slack
        self._numbers = itertools.count()
        self._kinds: tuple[Callable[[Choices], Body], ...] = (
            self._command, self._command, self._click, self._click, self._view_click, self._form, self._form,
            self._closed, self._shortcut, self._message_shortcut, self._mention, self._home, self._links, self._event,
        )  # fmt: skip

    def any(self, choices: Choices) -> Body:
        """One of any kind."""
        return choices.one_of(self._kinds)(choices)

    def command(self, person: str, text: str) -> tuple[bytes, str]:
        """A command as it is sent, and its content type."""
        return encoded(self._of_command(person, CHANNEL, text))

    def _of_command(self, person: str, channel: str, text: str) -> Body:
        slack = self._slack
        user = slack.workspace.user(person)
        delivery = self._delivery(person)
        place = slack.workspace.channel(channel, user)
        body = payloads.slash_command(
            workspace=slack.workspace, user=user, channel=place, command="/upload-status", text=text, token="legacy",
            response_url=slack._response_url(delivery, place, user), trigger_id=slack._triggers.issue(delivery),
        )  # fmt: skip
        return body, PLAIN

    def _command(self, choices: Choices) -> Body:
        text = choices.one_of((*COMMANDS, *ROUND)).replace("{}", choices.one_of((seed.CHOLECAP, *IDS)))
        return self._of_command(choices.one_of(PEOPLE[:4]), choices.one_of((CHANNEL, "dm")), text)

    def _click(self, choices: Choices) -> Body:
        slack, person = self._slack, choices.one_of(PEOPLE[:4])
        user, delivery = slack.workspace.user(person), self._delivery(person)
        message = self._message(choices)
        place = slack.workspace.channels[message.channel]
        elements = [
            one for block in message.blocks for one in block.get("elements", ()) if "action_id" in one
        ]
        action: Json = {"type": "button", "block_id": "b1", "action_ts": "1.1"}
        if elements and choices.happens(2):
            action |= {name: choices.one_of(elements).get(name) for name in ("action_id", "value", "type")}
        else:
            action |= {"action_id": choices.one_of(ACTIONS), "value": choices.one_of(VALUES)}
        body = payloads.block_actions(
            workspace=slack.workspace, user=user, channel=place, message=message, card=None, action=action, state={},
            token="legacy", response_url=slack._response_url(delivery, place, user),
            trigger_id=slack._triggers.issue(delivery),
        )  # fmt: skip
        return body, WITHIN

    def _view_click(self, choices: Choices) -> Body:
        slack, person = self._slack, choices.one_of(PEOPLE[:4])
        action = {
            "type": "button", "block_id": "b1", "action_ts": "1.1", "action_id": choices.one_of(ACTIONS),
            "value": choices.one_of(VALUES), "selected_option": {"value": choices.one_of(VALUES)},
        }  # fmt: skip
        body = payloads.view_actions(
            workspace=slack.workspace, user=slack.workspace.user(person), view=self._view(choices, person),
            action=action,
            token="legacy", trigger_id=slack._triggers.issue(self._delivery(person)),
        )  # fmt: skip
        return body, WITHIN

    def _form(self, choices: Choices) -> Body:
        slack, person = self._slack, choices.one_of(PEOPLE[:4])
        body = payloads.view_submission(
            workspace=slack.workspace, user=slack.workspace.user(person), view=self._view(choices, person),
            token="legacy",
            trigger_id=slack._triggers.issue(self._delivery(person)),
        )  # fmt: skip
        return body, WITHIN

    def _closed(self, choices: Choices) -> Body:
        user = self._slack.workspace.user(choices.one_of(PEOPLE))
        view = self._view(choices, user.name)
        body = payloads.view_closed(
            workspace=self._slack.workspace,
            user=user,
            view=view,
            token="legacy",
            is_cleared=choices.happens(2),
        )
        return body, WITHIN

    def _shortcut(self, choices: Choices) -> Body:
        slack, person = self._slack, choices.one_of(PEOPLE)
        body = payloads.shortcut(
            workspace=slack.workspace, user=slack.workspace.user(person), token="legacy", action_ts="1.1",
            callback_id=choices.one_of(("my_uploads", "check_upload", "x")),
            trigger_id=slack._triggers.issue(self._delivery(person)),
        )  # fmt: skip
        return body, WITHIN

    def _message_shortcut(self, choices: Choices) -> Body:
        slack, person = self._slack, choices.one_of(PEOPLE[:4])
        user, delivery, message = slack.workspace.user(person), self._delivery(person), self._message(choices)
        place = slack.workspace.channels[message.channel]
        body = payloads.message_action(
            workspace=slack.workspace, user=user, channel=place, message=message, token="legacy", action_ts="1.1",
            callback_id=choices.one_of(("check_upload", "my_uploads", "x")),
            response_url=slack._response_url(delivery, place, user), trigger_id=slack._triggers.issue(delivery),
        )  # fmt: skip
        return body, WITHIN

    def _mention(self, choices: Choices) -> Body:
        user, message = self._slack.workspace.user(choices.one_of(PEOPLE)), self._message(choices)
        event = payloads.app_mention(user, message)
        text = choices.one_of((*COMMANDS, *ROUND)).replace("{}", choices.one_of(IDS))
        return self._told({**event, "text": f"<@U0UPLOADS> {text}"}), WHOLE

    def _home(self, choices: Choices) -> Body:
        slack, user = self._slack, self._slack.workspace.user(choices.one_of(PEOPLE[:4]))
        place = slack.workspace.open_dm(user)
        tab = choices.one_of(("home", "messages", "about"))
        return self._told(
            payloads.app_home_opened(slack.workspace, user, place, tab, slack.home(user.name), "1.1")
        ), WHOLE

    def _links(self, choices: Choices) -> Body:
        user, message = self._slack.workspace.user(choices.one_of(PEOPLE)), self._message(choices)
        url = f"http://127.0.0.1:1/api/v24.3/services/file_staging/upload/{choices.one_of((seed.CHOLECAP, *IDS))}"
        links = ({"domain": "127.0.0.1", "url": url},)
        offer = Offer(unfurl_id="u1", links=links)
        return self._told(payloads.link_shared(user, message, offer, is_member=True)), WHOLE

    def _event(self, choices: Choices) -> Body:
        user = self._slack.workspace.user(choices.one_of(PEOPLE))
        person = user.as_json(self._slack.clock.now(), with_email=True)
        return self._told(
            choices.one_of(
                (
                    {"type": "user_change", "user": {**person, "deleted": choices.happens(2)}},
                    {"type": "tokens_revoked", "tokens": {"oauth": [user.id], "bot": ["U0UPLOADS"]}},
                    {"type": "app_uninstalled"},
                    {"type": "message", "text": seed.CHOLECAP, "user": user.id, "channel": "C0TRIALUPLOADS"},
                    {"type": "never_heard_of", "user": user.id},
                )
            )
        ), WHOLE

    def _told(self, event: Json) -> Json:
        number = next(self._numbers)
        return payloads.event_callback(
            workspace=self._slack.workspace, event=event, token="legacy", event_id=f"Ev{number:X}",
            event_time=1_790_000_000
        )  # fmt: skip

    def _delivery(self, person: str) -> Delivery:
        return Delivery(INTERACTIVE, self._slack.clock.now(), {}, self._slack.workspace.user(person).id)

    def _message(self, choices: Choices) -> Message:
        """One of the last messages anywhere."""
        return choices.one_of(self._slack.messages[-40:])

    def _view(self, choices: Choices, person: str) -> View:
        """What stands on the person's screen, or a form of the bot's with all the fields there are."""
        shown = self._slack.modal(person) or self._slack.home(person)
        if shown is not None and choices.happens(2):
            return shown
        user = self._slack.workspace.user(person)
        return View(
            id="V0NONE", kind=choices.one_of(("modal", "home")), user=user.id, hash="1.x", blocks=(), state=FIELDS,
            callback_id=choices.one_of(CALLBACKS), private_metadata=choices.one_of(VALUES) or "",
        )  # fmt: skip


def encoded(body: Body) -> tuple[bytes, str]:
    """The bytes of a payload and their content type."""
    payload, way = body
    if way == WHOLE:
        return json.dumps(payload).encode(), JSON
    fields = {"payload": json.dumps(payload)} if way == WITHIN or not isinstance(payload, dict) else payload
    return urlencode(
        {str(name): _plain(value) for name, value in fields.items()}, errors="replace"
    ).encode(), FORM


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
