"""What people do outside messages: shortcuts, the app's Home tab, modals."""

from collections.abc import Mapping
from typing import Any

from bot.demo.slack import actions, forms, payloads, submissions
from bot.demo.slack.apps import GLOBAL_SHORTCUT, MESSAGE_SHORTCUT
from bot.demo.slack.block_kit import HOME
from bot.demo.slack.delivery import EVENTS_API, INTERACTIVE, Delivery
from bot.demo.slack.forms import Typed
from bot.demo.slack.machine import SlackMachine
from bot.demo.slack.messages import Message
from bot.demo.slack.views import View
from bot.demo.slack.workspace import User

CANNOT_SEND = "This form is not complete."


class Surfaces(SlackMachine):
    """Each act returns the delivery; its `shown()` waits for the view that the bot opens or changes in answer."""

    async def open_home(self, user: str, tab: str = HOME) -> Delivery:
        """Open the app's page, at its "home" or "messages" tab; LookupError if the app has no such tab."""
        person = self.workspace.user(user)
        if not {HOME: self.app.home_tab, "messages": self.app.messages_tab}.get(tab, False):
            raise LookupError(f"{self.app.name} has no {tab} tab")
        delivery = Delivery(EVENTS_API, self.clock.now(), {}, person.id)
        self._views.caused_by(person.id, delivery)
        place, view = self.workspace.open_dm(person), self._views.home(person.id)
        event = payloads.app_home_opened(self.workspace, person, place, tab, view, self._moment())
        await self._tell(delivery, event)
        return delivery

    async def shortcut(self, user: str, callback_id: str) -> Delivery:
        """Use a global shortcut; LookupError if the app declares none of that name."""
        person = self.workspace.user(user)
        self.app.shortcut(callback_id, GLOBAL_SHORTCUT)
        delivery = Delivery(INTERACTIVE, self.clock.now(), {}, person.id)
        delivery.payload = payloads.shortcut(
            workspace=self.workspace,
            user=person,
            callback_id=callback_id,
            token=self._credentials.verification_token,
            trigger_id=self._triggers.issue(delivery),
            action_ts=self._moment(),
        )
        await self._deliver(delivery)
        return delivery

    async def message_shortcut(self, user: str, message: Message | str, callback_id: str) -> Delivery:
        """Use a shortcut of a message's menu, also where the bot is no member. Ephemeral messages have none (K)."""
        person = self.workspace.user(user)
        self.app.shortcut(callback_id, MESSAGE_SHORTCUT)
        current = self._seen(person, message if isinstance(message, str) else message.key)
        if current.is_ephemeral:
            raise LookupError("a message that only one person sees has no shortcuts")
        place = self.workspace.channels[current.channel]
        delivery = Delivery(INTERACTIVE, self.clock.now(), {}, person.id)
        delivery.payload = payloads.message_action(
            workspace=self.workspace,
            user=person,
            channel=place,
            message=current,
            callback_id=callback_id,
            token=self._credentials.verification_token,
            response_url=self._response_url(delivery, place, person),
            trigger_id=self._triggers.issue(delivery),
            action_ts=self._moment(),
        )
        await self._deliver(delivery)
        return delivery

    async def submit_view(self, user: str, values: Typed | None = None) -> Delivery:
        """Send off the modal on top, with what was typed and chosen: `{block_id: {action_id: value}}`.

        Slack's client does not send a form in which a required input is empty: the delivery then has a refusal, and
        the modal says what is missing (`View.errors`).
        """
        person = self.workspace.user(user)
        top = self._top(person)
        if top.submit is None:
            raise LookupError("this modal has no button to send it")
        view = self._views.fill(top, forms.filled(top.blocks, top.state, values or {}))
        delivery = Delivery(INTERACTIVE, self.clock.now(), {}, person.id)
        shortfalls = forms.shortfalls(view.blocks, view.state)
        if shortfalls:
            delivery.refuse(CANNOT_SEND)
            self._views.complain(view, shortfalls)
            return delivery
        delivery.payload = payloads.view_submission(
            workspace=self.workspace,
            user=person,
            view=view,
            token=self._credentials.verification_token,
            trigger_id=self._triggers.issue(delivery),
        )
        self._views.caused_by(view.id, delivery)
        await self._deliver(delivery)
        refusal = submissions.settle(self._views, delivery, view)
        if refusal is not None:
            body = delivery.ack.body if delivery.ack else None
            self._rejections.add("ack of view_submission", refusal, body, who=person.id)
        return delivery

    async def close_view(self, user: str, *, everything: bool = False) -> list[Delivery]:
        """Leave the modal on top, or all that are stacked; the bot is told of those with `notify_on_close`."""
        person = self.workspace.user(user)
        top = self._top(person)
        everything = everything or top.clear_on_close
        left = list(reversed(self._views.stack(person.id))) if everything else [top]
        for view in left:
            self._views.close(view)
        told: list[Delivery] = []
        for view in left:
            if view.notify_on_close:
                delivery = Delivery(INTERACTIVE, self.clock.now(), {}, person.id)
                delivery.payload = payloads.view_closed(
                    workspace=self.workspace,
                    user=person,
                    view=view,
                    token=self._credentials.verification_token,
                    is_cleared=everything,
                )
                await self._deliver(delivery)
                told.append(delivery)
        return told

    def modal(self, user: str) -> View | None:
        """The modal on this person's screen; the topmost if several are stacked."""
        return self._views.modal(self.workspace.user(user).id)

    def home(self, user: str) -> View | None:
        """The app's Home tab as this person sees it; None before the bot published one for them."""
        return self._views.home(self.workspace.user(user).id)

    async def _click_in_view(
        self,
        *,
        user: str,
        view: View | str,
        action_id: str,
        block_id: str | None,
        option: Any,
        values: Mapping[str, Mapping[str, Any]],
    ) -> Delivery:
        person = self.workspace.user(user)
        current = self._open_view(person, view if isinstance(view, str) else view.id)
        action = actions.action_on(
            current.blocks,
            action_id,
            block_id=block_id,
            option=option,
            action_ts=self._moment(),
            where=current.id,
        )
        state = forms.filled(current.blocks, current.state, values)
        current = self._views.fill(current, forms.after_action(state, action))
        delivery = Delivery(INTERACTIVE, self.clock.now(), {}, person.id)
        delivery.payload = payloads.view_actions(
            workspace=self.workspace,
            user=person,
            view=current,
            action=action,
            token=self._credentials.verification_token,
            trigger_id=self._triggers.issue(delivery),
        )
        self._views.caused_by(person.id if current.kind == HOME else current.id, delivery)
        await self._deliver(delivery)
        return delivery

    def _open_view(self, person: User, view_id: str) -> View:
        for view in (self._views.modal(person.id), self._views.home(person.id)):
            if view is not None and view.id == view_id:
                return view
        raise LookupError(f"{person.name} sees no view {view_id}")

    def _top(self, person: User) -> View:
        top = self._views.modal(person.id)
        if top is None:
            raise LookupError(f"{person.name} has no modal open")
        return top
