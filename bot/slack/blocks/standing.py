"""The answer to `doctor`: how things stand for the person who asked."""

from datetime import datetime

from bot.model import text as words
from bot.model.accounts import LinkedAccount, Vaults
from bot.model.errors import BotError, NotLinked
from bot.model.standing import Standing, Tried
from bot.slack.blocks import errors, linking
from bot.slack.blocks.home_settings import WHERE_I_TELL, night
from bot.slack.blocks.kit import Block, Message, actions, code, context, escape, section

TITLE = "How things stand for you"
REACHED = "Direct messages from me reach you."
MOST_LINKS = 20


def standing(found: Standing, vaults: Vaults, now: datetime, *, version: str, reference: str) -> Message:
    """Each link with its age, its end and what its rights showed just now; where reminders go; for the operator: the
    bot's version and the reference under which the log has this very call."""
    lines, blocks = [f"{TITLE}."], [section(f"*{TITLE}*")]
    tried = {one.vault.host: one for one in found.tried}
    accounts = found.accounts[:MOST_LINKS]
    for account, (told, drawn) in zip(
        accounts, linking.account_words(found.accounts, vaults, now), strict=False
    ):
        linked = f"Linked {words.ago(account.linked_at, now)}."
        rights, marked = _rights(tried.get(account.vault_host), reference)
        lines.append(_plain(f"{told} {linked} {rights}"))
        blocks.append(section(f"{drawn} {linked}\n{marked}", accessory=_link_again(account, vaults, now)))
    for line in _unlinked(found, vaults, reference):
        lines.append(_plain(line))
        blocks.append(section(line))
    if not found.accounts:
        blocks.append(actions(linking.link_button()))
    how = _told(found, reference)
    lines += [_plain(line) for line in how]
    blocks.append(section("\n".join(how)))
    small = (f"Vault Uploads, version {escape(version)}", f"Reference for the operator: {escape(reference)}")
    return Message(text="\n".join([*lines, ". ".join(small)]), blocks=[*blocks, context(*small)])


def _rights(tried: Tried | None, reference: str) -> tuple[str, str]:
    """What the call with the person's credential gave, for the text and for the blocks."""
    if tried is None:
        told = "Your rights there were not tried."
        return told, told
    if isinstance(tried.found, BotError):
        told = errors.in_a_line(tried.found, reference)
        return f"Your rights: {told}", f"⚠️ *Your rights*: {told}"
    told = f"file staging is open to you; you see {words.plural(tried.found, 'active upload')}."
    return f"Your rights: {told}", f"*Your rights*: {told}"


def _link_again(account: LinkedAccount, vaults: Vaults, now: datetime) -> Block | None:
    over = account.valid_until is not None and account.valid_until <= now and not account.renewable
    if vaults.at(account.vault_host) is None or not (account.ended_at or over):
        return None
    return linking.link_button(label="Link again", vault_host=account.vault_host)


def _unlinked(found: Standing, vaults: Vaults, reference: str) -> list[str]:
    """The Vaults that are served and not linked; without any link, how to begin."""
    if not found.accounts:
        return [errors.in_a_line(NotLinked(vault=vaults.default.name), reference)]
    linked = {account.vault_host for account in found.accounts}
    return [
        f"{escape(vault.name)}: not linked. To link it: {code(f'/upload-status link {vault.name}')}."
        for vault in vaults.all[:MOST_LINKS]
        if vault.host not in linked
    ]


def _told(found: Standing, reference: str) -> list[str]:
    """Whether reminders arrive, where they go, and when they wait."""
    untold = found.untold
    reached = REACHED if untold is None else f"⚠️ {errors.in_a_line(untold, reference)}"
    return [
        f"*Reminders*: {reached}",
        WHERE_I_TELL,
        night(found.preferences),
        f"*Time zone*: {escape(found.preferences.time_zone)}, as Slack has it.",
    ]


def _plain(line: str) -> str:
    """Without what a screen reader would read out."""
    return line.replace("`", "").replace("*", "").replace("⚠️ ", "")
