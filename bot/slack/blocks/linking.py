"""Messages about linked accounts: the way to the link page, who one is, what ends, and goodbye."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.model import text as words
from bot.model.accounts import LinkedAccount, LinkMethod, Unlinked, Vaults, default_first
from bot.slack.blocks.kit import (
    Block,
    Message,
    actions,
    button,
    code,
    confirm,
    context,
    date,
    escape,
    section,
)

METHODS = {
    LinkMethod.TOKEN: "API access token",
    LinkMethod.OIDC: "company sign-in",
    LinkMethod.PASSWORD: "user name and password",
}

_ENDS_THE_SESSION = "The bot deletes your credential and ends the Vault session it opened."

WHAT_UNLINKING_DOES = {
    LinkMethod.TOKEN: "The bot deletes its copy of your token. In Vault the token stays valid until you revoke it.",
    LinkMethod.OIDC: _ENDS_THE_SESSION,
    LinkMethod.PASSWORD: _ENDS_THE_SESSION,
}

HOW_LINKING_WORKS = (
    "You prove to Vault who you are on this bot's own page, never in Slack. "
    "The bot then reads uploads with your rights, and only for you."
)
TO_LINK_AGAIN = "To link again: `/upload-status link`"
NOTHING_IS_LOST = "Nothing is lost: link again, and answers and reminders go on."
HOW_THE_DEFAULT_WORKS = "Your default Vault is asked first when you name none, then your others."
MEANT_FOR_YOU = "The link works once and for 10 minutes. It is meant for you alone: do not pass it on."

Moment = Callable[[datetime], str]
"""How a moment is told: `words.utc` in text, `date` in blocks."""


def prompt(url: str, vault_name: str | None) -> Message:
    """The button to the link page. The address is for this person alone; it works once, for 10 minutes."""
    vault = f" ({escape(vault_name)})" if vault_name else ""
    ask = f"Link your Vault account{vault} to your Slack account."
    return Message(
        text=f"{ask} {HOW_LINKING_WORKS} Open this page within 10 minutes: {url}",
        blocks=[section(f"*{ask}*\n{HOW_LINKING_WORKS}"), actions(link_button(url)), context(MEANT_FOR_YOU)],
    )


def link_button(
    url: str | None = None, *, label: str = "Link account", vault_host: str | None = None
) -> Block:
    """The button that opens the link page; without an address it asks for one, for that Vault where one is given."""
    value = {"open": 1} if url else {"v": vault_host} if vault_host else None
    return button(label, "link", url=url, value=value, style="primary", spoken="Link my Vault account")


def linked(account: LinkedAccount, vaults: Vaults, links: Sequence[LinkedAccount] = ()) -> Message:
    """What the person reads by direct message once the link stands. `links` are all they have, this one included."""
    told = f"Your Slack account is now linked to the Vault user {_who(account)} in {escape(_name(account, vaults))}."
    default = _default(links, vaults)
    which = (
        f"Your default Vault is {escape(_name(default, vaults))}. {_to_change(default, vaults)}"
        if default
        else ""
    )
    advice = "If this was not you, type /upload-status unlink all at once and tell your security team."
    try_it = "Try `/upload-status list`."

    until, spoken = (_until(account, vaults, account.linked_at, moment) for moment in (date, words.utc))
    return Message(
        text=" ".join(piece for piece in (told, spoken, _plain(try_it), _plain(which), advice) if piece),
        blocks=[
            section("\n".join(line for line in (told, f"{until} {try_it}", which) if line)),
            context(advice),
        ],
    )


def preferred(account: LinkedAccount, vaults: Vaults, url: str) -> Message:
    """The answer to naming a Vault that is linked already: it is the default now, and can be linked again."""
    name = escape(_name(account, vaults))
    told = f"{name} is now your default Vault."
    how = f"It is asked first when you name none, then your others. {_to_change(account, vaults)}"
    return Message(
        text=f"{told} {_plain(how)} Linked to {_who(account)}. "
        f"To link it again, open this page within 10 minutes: {url}",
        blocks=[
            section(f"*{told}*\n{how}"),
            actions(link_button(url, label="Link again")),
            context(f"Linked to {_who(account)}", MEANT_FOR_YOU),
        ],
    )


def who_am_i(accounts: Sequence[LinkedAccount], vaults: Vaults, now: datetime) -> Message:
    """The person's links: user, Vault, method, since when, last use, until when or since when no more."""
    default = _default(accounts, vaults)
    lines, blocks = account_rows(accounts, vaults, now)
    blocks = blocks[:40]
    if default:
        how = f"{HOW_THE_DEFAULT_WORKS} {_to_change(default, vaults)}"
        lines.append(_plain(how))
        blocks.append(context(how))
    return Message(text="\n".join(lines), blocks=blocks)


def account_rows(
    accounts: Sequence[LinkedAccount], vaults: Vaults, now: datetime
) -> tuple[list[str], list[Block]]:
    """A line of text and a block for each link."""
    told = account_words(accounts, vaults, now)
    rows = zip(accounts, told, strict=True)
    return [text for text, _ in told], [
        section(drawn, accessory=_unlink_button(account, _row_name(account, vaults)))
        for account, (_, drawn) in rows
    ]


def account_words(accounts: Sequence[LinkedAccount], vaults: Vaults, now: datetime) -> list[tuple[str, str]]:
    """For each link who is linked how, since when and until when: as a line of text, and as mrkdwn."""
    default = _default(accounts, vaults)
    found = []
    for account in accounts:
        shown = escape(_row_name(account, vaults)) + (" (your default)" if account is default else "")
        user_id = account.identity.vault_user_id
        text = (
            f"{shown}: linked to {_who(account)}, Vault user {escape(user_id)}, "
            f"by {_plain(_life(account, vaults, now, words.utc))}"
        )
        drawn = (
            f"*{shown}*\nLinked to {_who(account)}, Vault user {code(user_id)}\n"
            f"By {_life(account, vaults, now, date)}"
        )
        found.append((text, drawn))
    return found


def _row_name(account: LinkedAccount, vaults: Vaults) -> str:
    vault = vaults.at(account.vault_host)
    return vault.name if vault else f"{account.vault_host}, no longer served by this bot"


def unlinked(gone: Sequence[Unlinked]) -> Message:
    """What was forgotten, and whether Vault could be told."""
    told = "\n".join(f"Unlinked from {escape(one.vault_name)}. {_end_of(one)}" for one in gone)
    return Message(text=f"{told}\n{_plain(TO_LINK_AGAIN)}", blocks=[section(told), context(TO_LINK_AGAIN)])


def token_ends(account: LinkedAccount, vaults: Vaults, now: datetime) -> Message:
    """The direct message before an API access token ends. ValueError where nobody knows when it does."""
    if account.valid_until is None:
        raise ValueError("it is not known when this token ends")
    left = account.valid_until - now
    # The hour is for a message that goes out a little after its moment: it is still a day, not 23 hours.
    days = (left + timedelta(hours=1)) // timedelta(days=1)
    span = words.plural(days, "day") if days > 0 else words.duration(left)
    told, when = f"Your API access token for {escape(_name(account, vaults))} ends", f"(in {span})"
    todo = "Make a new one in Vault and link again, or answers and reminders stop."
    if left <= timedelta(0):
        told, when = told.removesuffix("s") + "ed", f"({words.duration(left)} ago)"
        todo = f"Make a new one in Vault. {NOTHING_IS_LOST}"
    return Message(
        text=f"{told} {words.utc(account.valid_until)} {when}. {todo} {_plain(TO_LINK_AGAIN)}",
        blocks=[
            section(f"*{told} {date(account.valid_until)} {when}.*\n{todo}"),
            actions(link_button(label="Link again", vault_host=account.vault_host)),
        ],
    )


def link_ended(account: LinkedAccount, vaults: Vaults, now: datetime, url: str | None) -> Message:
    """The one direct message when a link has ended and nobody was asking at that moment."""
    why = escape(account.why_ended(account.ended_at or now))
    told = f"Your link to Vault ({escape(_name(account, vaults))}) has ended: {why}."
    how = f"Open this page within 10 minutes: {url}" if url else _plain(_how_to_link(account, vaults))
    once = "I tell you this only once."
    return Message(
        text=f"{told} {NOTHING_IS_LOST} {how} {once}",
        blocks=[
            section(f"*{told}*\n{NOTHING_IS_LOST}"),
            actions(link_button(url, label="Link again", vault_host=account.vault_host)),
            context(once, MEANT_FOR_YOU if url else ""),
        ],
    )


def _unlink_button(account: LinkedAccount, vault_name: str) -> Block:
    return button(
        "Unlink",
        "unlink",
        value={"v": account.vault_host},
        spoken=f"Unlink my account in {vault_name}",
        confirm=confirm(
            title="Unlink this account?",
            text=f"{WHAT_UNLINKING_DOES[account.method]} Vault: {vault_name}.",
            yes="Unlink",
        ),
    )


def _default(links: Sequence[LinkedAccount], vaults: Vaults) -> LinkedAccount | None:
    """The link asked first; None where there is no choice."""
    served = default_first(vaults, links)
    return served[0] if len(served) > 1 else None


def _to_change(default: LinkedAccount, vaults: Vaults) -> str:
    """How to make another Vault the default: the command itself where only one other is left."""
    others = [vault.name for vault in vaults.all if vault.host != default.vault_host]
    if len(others) == 1:
        return f"To change that: {code(f'/upload-status link {others[0]}')}."
    return f"To change that: {code('/upload-status link <vault>')} with one of {escape(', '.join(others))}."


def _name(account: LinkedAccount, vaults: Vaults) -> str:
    vault = vaults.at(account.vault_host)
    return vault.name if vault else account.vault_host


def _who(account: LinkedAccount) -> str:
    return f"{escape(account.vault_full_name)} ({escape(account.vault_user_name)})"


def _how_to_link(account: LinkedAccount, vaults: Vaults) -> str:
    """The command, where the operator still serves that Vault."""
    vault = vaults.at(account.vault_host)
    return f"To link again: {code(f'/upload-status link {vault.name}')}." if vault else ""


def _plain(sentence: str) -> str:
    """Without the marks of code, which a screen reader would read out."""
    return sentence.replace("`", "")


def _end_of(one: Unlinked) -> str:
    if one.method is LinkMethod.TOKEN:
        return "The token is deleted here. Revoke it in Vault if you no longer need it."
    if one.session_ended:
        return "The credential is deleted here, and its Vault session is ended."
    return (
        "The credential is deleted here. Vault could not be told, so its session there ends by itself within "
        "48 hours at the latest."
    )


def _life(account: LinkedAccount, vaults: Vaults, now: datetime, moment: Moment) -> str:
    """By what method the link was made and when, its last use, and its end."""
    used = f"Last used {moment(account.last_used)}." if account.last_used else "Not used yet."
    return (
        f"{METHODS[account.method]} since {moment(account.linked_at)}. {used} "
        f"{_until(account, vaults, now, moment)}"
    )


def _until(account: LinkedAccount, vaults: Vaults, now: datetime, moment: Moment) -> str:
    """How long the link lasts, or since when it does not."""
    if account.ended_at is not None:
        why = escape(account.why_ended(account.ended_at))
        return f"Ended {moment(account.ended_at)}: {why}. {_how_to_link(account, vaults)}".rstrip()
    if account.renewable:
        return "It is renewed by itself through your company's sign-in for as long as that allows."
    if account.valid_until is None:
        return "It lasts until the token expires or is revoked in Vault."
    is_over = now >= account.valid_until
    if account.method is LinkMethod.TOKEN and is_over:
        return f"The token ended {moment(account.valid_until)}. {_how_to_link(account, vaults)}".rstrip()
    if account.method is LinkMethod.TOKEN:
        return f"It lasts until the token ends, {moment(account.valid_until)}; I tell you before that."
    if is_over:
        return "It has probably ended; link again when an answer says so."
    return f"It lasts until {moment(account.valid_until)} at the latest, or until Vault ends an idle session."
