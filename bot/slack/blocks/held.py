"""The plain words that Slack itself holds, for when nobody of ours lives to say anything fresher."""

from bot.model import text as words
from bot.model.watches import Watch
from bot.slack.blocks.kit import clip, escape
from bot.slack.blocks.watch_words import person


def held(watch: Watch) -> str:
    """Return the text. It says nothing that changes with a look, so that Slack holds it once. ValueError for a watch
    that is not over one upload."""
    if watch.snapshot is None or watch.expires is None:
        raise ValueError("only an upload expires")
    upload = watch.snapshot.upload
    name = clip(escape(upload.name), 220)
    whose = "" if watch.place.is_direct else f"For {person(watch.owner.user_id)}: "
    return (
        f"{whose}{name} expires {words.utc(watch.expires)}, with every byte that has come so far. "
        "Slack kept this reminder for me, since I could not send my own. Ask me again for fresh numbers."
    )
