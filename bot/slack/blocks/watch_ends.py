"""Messages about watches that others want to end, or that end because their place is gone."""

from bot.model.accounts import SlackUser
from bot.model.watches import Target, Watch
from bot.slack.blocks import live_cards
from bot.slack.blocks.kit import Message, actions, button, context, escape, section
from bot.slack.blocks.watch_words import (
    IN_BLOCKS,
    IN_TEXT,
    channel,
    person,
    stop_button,
    thing,
    where,
)

GO_ON = {
    Target.UPLOAD: "Watch it again from where you want to be told.",
    Target.OWN: "`/upload-status watch all` watches them again, by direct message or, with `here`, in a channel.",
    Target.VAULT: "`/upload-status watch vault here` watches it again, from another channel.",
}


def asked_to_stop(watch: Watch, *, reached: bool = True) -> Message:
    """What somebody reads who wants a watch of another person to end."""
    if watch.target is Target.CARD:
        return live_cards.asked_to_stop(watch, reached=reached)
    then = "I have asked them to stop it." if reached else "I could not reach them just now: please ask them."
    sentence = f"This watch belongs to {person(watch.owner.user_id)}. {then}"
    return Message(text=sentence, blocks=[section(sentence)])


def request_to_stop(watch: Watch, vault_name: str, asker: SlackUser) -> Message:
    """The direct message to the owner of a watch that somebody in its channel wants to end."""
    if watch.target is Target.CARD:
        return live_cards.request_to_stop(watch, asker)
    text, drawn = (
        f"{person(asker.user_id)} asks you to stop the watch of {thing(watch, vault_name, ink)} {where(watch.place)}."
        for ink in (IN_TEXT, IN_BLOCKS)
    )
    return Message(text=text, blocks=[section(drawn), actions(stop_button(watch, "Stop this watch"))])


def place_gone(watch: Watch, vault_name: str, reason: str) -> Message:
    """The direct message to the owner of a watch whose channel takes no message any more; `reason` is Slack's code."""
    if watch.target is Target.CARD:
        return live_cards.place_gone(watch, reason)
    text, drawn = (
        f"I can no longer post in {channel(watch.place)}, so your watch of {thing(watch, vault_name, ink)} there "
        "has ended."
        for ink in (IN_TEXT, IN_BLOCKS)
    )
    why = f"Slack's reason: {escape(reason)}."
    blocks = [section(f"*{drawn}*\n{GO_ON[watch.target]}"), context(why)]
    if watch.target is Target.UPLOAD:
        value = {"u": watch.upload_id, "v": watch.vault_host}
        blocks.insert(
            1, actions(button("Watch again", "watch", value=value, spoken="Watch the upload again"))
        )
    return Message(text=f"{text} {GO_ON[watch.target]} {why}", blocks=blocks)
