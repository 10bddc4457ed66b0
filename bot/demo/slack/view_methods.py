"""Web API methods that show views: views.open, push, update, publish. They need no scope."""

from collections.abc import Callable
from typing import Any

from bot.demo.slack.apps import App
from bot.demo.slack.block_kit import HOME, MODAL
from bot.demo.slack.content import ContentError
from bot.demo.slack.triggers import Triggers
from bot.demo.slack.view_book import ConflictError, ViewBook
from bot.demo.slack.views import View, read_view
from bot.demo.slack.web_api import ApiFailureError, Arguments, Method
from bot.demo.slack.workspace import Workspace


class ViewMethods:
    """The bot's modals and Home tabs."""

    def __init__(self, workspace: Workspace, app: App, book: ViewBook, triggers: Triggers) -> None:
        self._workspace = workspace
        self._app = app
        self._book = book
        self._triggers = triggers

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {
            "views.open": Method(self._answering(self.open)),
            "views.publish": Method(self._answering(self.publish)),
            "views.push": Method(self._answering(self.push)),
            "views.update": Method(self._answering(self.update)),
        }

    def open(self, arguments: Arguments) -> View:
        """Slack: reference "views.open". A view that is refused does not use up its trigger_id (K)."""
        body = read_view(arguments.get("view"), MODAL)
        trigger_id = _trigger_of(arguments)
        cause = self._triggers.check(trigger_id)
        view = self._book.open(str(cause.user), body)
        self._triggers.exchange(trigger_id)
        self._book.caused_by(view.id, cause)
        cause.show(view)
        return view

    def push(self, arguments: Arguments) -> View:
        """Slack: reference "views.push"."""
        body = read_view(arguments.get("view"), MODAL)
        trigger_id = _trigger_of(arguments)
        cause = self._triggers.check(trigger_id)
        view = self._book.push(str(cause.user), body)
        self._triggers.exchange(trigger_id)
        self._book.caused_by(view.id, cause)
        cause.show(view)
        return view

    def update(self, arguments: Arguments) -> View:
        """Slack: reference "views.update"."""
        old = self._book.find(_text_of(arguments, "view_id"), _text_of(arguments, "external_id"))
        return self._book.update(old, read_view(arguments.get("view"), old.kind), _text_of(arguments, "hash"))

    def publish(self, arguments: Arguments) -> View:
        """Slack: reference "views.publish"."""
        person = self._workspace.users.get(_text_of(arguments, "user_id") or "")
        if person is None or person.is_bot:
            raise ContentError("invalid_arguments", ["invalid `user_id`"])
        body = read_view(arguments.get("view"), HOME)
        if not self._app.home_tab:
            raise ContentError("not_enabled", ["[ERROR] the manifest does not enable the Home tab"])
        return self._book.publish(person.id, body, _text_of(arguments, "hash"))

    def _answering(self, run: Callable[[Arguments], View]) -> Callable[[Arguments], dict[str, Any]]:
        """The method, with its view put into Slack's answer."""

        def answer(arguments: Arguments) -> dict[str, Any]:
            try:
                return {"view": run(arguments).as_json(self._workspace.team_id)}
            except ConflictError as conflict:
                raise ApiFailureError(str(conflict)) from None

        return answer


def _trigger_of(arguments: Arguments) -> str:
    trigger_id = _text_of(arguments, "trigger_id") or _text_of(arguments, "interactivity_pointer")
    if trigger_id is None:
        raise ContentError("invalid_arguments", ["invalid `trigger_id`"])
    return trigger_id


def _text_of(arguments: Arguments, name: str) -> str | None:
    return str(arguments[name]) if arguments.get(name) else None
