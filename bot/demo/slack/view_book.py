"""Every open view: a stack of modals for each person, and the Home tab as each person sees it."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bot.demo.slack import forms
from bot.demo.slack.block_kit import HOME, MODAL
from bot.demo.slack.content import ContentError
from bot.demo.slack.delivery import Delivery
from bot.demo.slack.forms import Values
from bot.demo.slack.messages import with_ids
from bot.demo.slack.views import View

MOST_STACKED = 3  # Slack: reference "views.push": the limit is 3, the root view included


class ConflictError(Exception):
    """The view is not what the caller took it for; the message is Slack's error code."""


class ViewBook:
    """All views, by id; a modal that was left is forgotten."""

    def __init__(self, now: Callable[[], float], changed: Callable[[], None]) -> None:
        self._now = now
        self._changed = changed
        self._views: dict[str, View] = {}
        self._stacks: dict[str, list[str]] = {}
        self._homes: dict[str, str] = {}
        # The last act on a modal (by its id) or on a Home tab (by its person).
        self._causes: dict[str, Delivery] = {}

    def modal(self, user: str) -> View | None:
        """The modal this person sees."""
        stack = self._stacks.get(user)
        return self._views[stack[-1]] if stack else None

    def stack(self, user: str) -> list[View]:
        """This person's modals; the last one is on top."""
        return [self._views[view_id] for view_id in self._stacks.get(user, [])]

    def home(self, user: str) -> View | None:
        """The app's Home tab as this person sees it; None before it was published for them."""
        return self._views.get(self._homes.get(user, ""))

    def find(self, view_id: str | None = None, external_id: str | None = None) -> View:
        """An open view by either name; ConflictError if there is none."""
        for view in self._views.values():
            if view.id == view_id or (external_id and view.external_id == external_id and not view_id):
                return view
        raise ConflictError("not_found")

    def caused_by(self, view_or_user: str, delivery: Delivery) -> None:
        """Whatever next happens to this view, or to this person's Home tab, counts as the answer to this act."""
        self._causes[view_or_user] = delivery

    def open(self, user: str, body: Mapping[str, Any]) -> View:
        """A modal of its own. One that was open gives way to it (K)."""
        self._check_external_id(body, None)
        self.clear(user)
        return self._put_on_top(user, body)

    def push(self, user: str, body: Mapping[str, Any]) -> View:
        """A modal on top of the one that is open. Slack: reference "views.push"."""
        self.check_room(user)
        self._check_external_id(body, None)
        return self._put_on_top(user, body)

    def check_room(self, user: str) -> None:
        """Whether another modal may be pushed."""
        depth = len(self._stacks.get(user, ()))
        if depth == 0:
            raise ConflictError("not_found")
        if depth >= MOST_STACKED:
            raise ContentError("push_limit_reached", [f"[ERROR] {MOST_STACKED} views are stacked already"])

    def update(self, old: View, body: Mapping[str, Any], hash_: str | None = None) -> View:
        """Other content under the same id. Slack: reference "views.update"."""
        self._check_hash(old, hash_)
        self._check_external_id(body, old)
        new = self._made(old.id, old.kind, old.user, body, old)
        return self._keep(new, old.id if old.kind == MODAL else old.user)

    def publish(self, user: str, body: Mapping[str, Any], hash_: str | None = None) -> View:
        """The Home tab for one person. Slack: reference "views.publish"."""
        old = self.home(user)
        if old is not None:
            return self.update(old, body, hash_)
        self._check_external_id(body, None)
        view = self._made(_new_id(), HOME, user, body, None)
        self._homes[user] = view.id
        return self._keep(view, user)

    def fill(self, view: View, state: Values) -> View:
        """What the person has typed and chosen; the words below the inputs are gone."""
        return self._keep(replace(view, state=state, errors={}, trouble=None))

    def complain(self, view: View, errors: Mapping[str, str], trouble: str | None = None) -> None:
        """Words below inputs, or at the foot of the form; nothing if the view was left meanwhile."""
        current = self._views.get(view.id)
        if current is not None:
            self._keep(replace(current, errors=dict(errors), trouble=trouble))

    def close(self, view: View) -> None:
        """Leave this modal; the one below shows again."""
        stack = self._stacks.get(view.user, [])
        if view.id in stack:
            stack.remove(view.id)
            del self._views[view.id]
            self._causes.pop(view.id, None)
            self._changed()

    def clear(self, user: str) -> None:
        """Leave all modals."""
        for view in reversed(self.stack(user)):
            self.close(view)

    def owner_of(self, view_id: str) -> str | None:
        """Who sees this view."""
        view = self._views.get(view_id)
        return view.user if view else None

    def _put_on_top(self, user: str, body: Mapping[str, Any]) -> View:
        view = self._made(_new_id(), MODAL, user, body, None)
        below = self.modal(user)
        if below is not None:
            view = replace(view, previous_view_id=below.id, root_view_id=below.root_view_id)
        self._stacks.setdefault(user, []).append(view.id)
        return self._keep(view)

    def _made(self, view_id: str, kind: str, user: str, body: Mapping[str, Any], old: View | None) -> View:
        blocks = with_ids(body["blocks"])
        return View(
            id=view_id,
            kind=kind,
            user=user,
            hash=f"{int(self._now())}.{secrets.token_hex(4)}",
            blocks=blocks,
            title=body.get("title"),
            submit=body.get("submit"),
            close=body.get("close"),
            callback_id=body.get("callback_id") or "",
            private_metadata=body.get("private_metadata") or "",
            external_id=body.get("external_id") or "",
            notify_on_close=bool(body.get("notify_on_close")),
            clear_on_close=bool(body.get("clear_on_close")),
            root_view_id=old.root_view_id if old else view_id,
            previous_view_id=old.previous_view_id if old else None,
            state=forms.carried_over(blocks, old.state if old else {}),
            revision=old.revision + 1 if old else 0,
        )

    def _keep(self, view: View, cause: str | None = None) -> View:
        self._views[view.id] = view
        if cause in self._causes:
            self._causes[cause].show(view)
        self._changed()
        return view

    def _check_hash(self, old: View, hash_: str | None) -> None:
        if hash_ and hash_ != old.hash:
            raise ConflictError("hash_conflict")

    def _check_external_id(self, body: Mapping[str, Any], old: View | None) -> None:
        wanted = body.get("external_id")
        for view in self._views.values():
            if wanted and view.external_id == wanted and (old is None or view.id != old.id):
                raise ContentError("duplicate_external_id", [f"[ERROR] already used: {wanted}"])


def _new_id() -> str:
    return f"V0{secrets.token_hex(5).upper()}"
