"""What the ack of a sent form does to it: close, errors, another view, or nothing because the bot failed.

Slack: docs "Modals": an empty ack closes the view, and `response_action` is errors, update, push or clear.
"""

from collections.abc import Mapping
from typing import Any

from bot.demo.slack.block_kit import MODAL
from bot.demo.slack.content import ContentError
from bot.demo.slack.delivery import Delivery
from bot.demo.slack.view_book import ConflictError, ViewBook
from bot.demo.slack.views import TROUBLE, View, read_view


def settle(book: ViewBook, delivery: Delivery, view: View) -> ContentError | None:
    """Do what the ack says. The refusal is returned if Slack does not accept it; the form then stays, with words."""
    refusal = None
    if delivery.error is None and delivery.ack is not None:
        try:
            _apply(book, delivery, view, delivery.ack.body)
        except ContentError as error:
            refusal = error
        except ConflictError as conflict:
            refusal = ContentError(str(conflict), ["[ERROR] the person has left this view"])
        if refusal is not None:
            delivery.error = refusal.error
    if delivery.error is not None:
        book.complain(view, {}, TROUBLE)
    return refusal


def _apply(book: ViewBook, delivery: Delivery, view: View, body: Any) -> None:
    if body in (None, "", {}):
        book.close(view)
        return
    action = body.get("response_action") if isinstance(body, Mapping) else None
    match action:
        case "clear":
            book.clear(view.user)
        case "errors":
            book.complain(view, _read_errors(view, body.get("errors")))
        case "update":
            book.update(book.find(view.id), read_view(body.get("view"), MODAL))  # tells the delivery itself
        case "push":
            pushed = book.push(view.user, read_view(body.get("view"), MODAL))
            book.caused_by(pushed.id, delivery)
            delivery.show(pushed)
        case _:
            raise ContentError("invalid_response_action", [f"[ERROR] not a response_action: {action}"])


def _read_errors(view: View, errors: Any) -> dict[str, str]:
    """Slack: docs "Modals": each key is the block_id of an input block."""
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    if not isinstance(errors, Mapping) or not errors:
        raise ContentError(
            "invalid_errors", ["[ERROR] must be an object that is not empty [json-pointer:/errors]"]
        )
    reasons = [f"[ERROR] no input block has this block_id: {name}" for name in errors if name not in inputs]
    if reasons:
        raise ContentError("invalid_errors", reasons)
    return {str(name): str(words) for name, words in errors.items()}
