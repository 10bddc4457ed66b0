"""Messages about linked accounts: the way to the link page, who one is, and goodbye."""

from collections.abc import Sequence
from datetime import datetime

from bot.model import text as words
from bot.model.accounts import LinkedAccount, LinkMethod, Unlinked, Vaults
from bot.slack.blocks.kit import Message, actions, button, code, confirm, context, date, escape, section

METHODS = {LinkMethod.TOKEN: "API access token", LinkMethod.PASSWORD: "user name and password"}

WHAT_UNLINKING_DOES = {
    LinkMethod.TOKEN: "The bot deletes its copy of your token. In Vault the token stays valid until you revoke it.",
    LinkMethod.PASSWORD: "The bot deletes your credential and ends the Vault session it opened.",
}

HOW_LINKING_WORKS = (
    "You prove to Vault who you are on this bot's own page, never in Slack. "
    "The bot then reads uploads with your rights, and only for you."
)


def prompt(url: str, vault_name: str | None) -> Message:
    """The button to the link page. The address is for this person alone; it works once, for 10 minutes."""
    vault = f" ({escape(vault_name)})" if vault_name else ""
    ask = f"Link your Vault account{vault} to your Slack account."
    return Message(
        text=f"{ask} {HOW_LINKING_WORKS} Open this page within 10 minutes: {url}",
        blocks=[
            section(f"*{ask}*\n{HOW_LINKING_WORKS}"),
            actions(link_button(url)),
            context("The link works once and for 10 minutes. It is meant for you alone: do not pass it on."),
        ],
    )


def link_button(url: str | None = None) -> dict[str, object]:
    """The button that opens the link page; without an address it asks for one."""
    value = {"open": 1} if url else None
    return button(
        "Link account", "link", url=url, value=value, style="primary", spoken="Link my Vault account"
    )


def linked(account: LinkedAccount, vaults: Vaults) -> Message:
    """What the person reads by direct message once the link stands."""
    vault = vaults.at(account.vault_host)
    name = escape(vault.name if vault else account.vault_host)
    who = f"{escape(account.vault_full_name)} ({escape(account.vault_user_name)})"
    told = f"Your Slack account is now linked to the Vault user {who} in {name}."
    until = _until(account)
    advice = "If this was not you, type /upload-status unlink all at once and tell your security team."
    return Message(
        text=f"{told} {until} Try /upload-status list. {advice}",
        blocks=[section(f"{told}\n{until} Try `/upload-status list`."), context(advice)],
    )


def who_am_i(accounts: Sequence[LinkedAccount], vaults: Vaults, now: datetime) -> Message:
    """The person's links: user, Vault, method, since when, until when where that is known."""
    lines, blocks = [], []
    for account in accounts:
        vault = vaults.at(account.vault_host)
        name = vault.name if vault else f"{account.vault_host}, no longer served by this bot"
        who = f"{escape(account.vault_full_name)} ({escape(account.vault_user_name)})"
        lines.append(
            f"{escape(name)}: linked to {who}, Vault user {escape(account.identity.vault_user_id)}, "
            f"by {METHODS[account.method]} since {words.utc(account.linked_at)}. {_until(account, now)}"
        )
        blocks.append(
            section(
                f"*{escape(name)}*\nLinked to {who}, Vault user {code(account.identity.vault_user_id)}\n"
                f"By {METHODS[account.method]} since {date(account.linked_at)}. {_until(account, now)}",
                accessory=button(
                    "Unlink",
                    "unlink",
                    value={"v": account.vault_host},
                    spoken=f"Unlink my account in {name}",
                    confirm=confirm(
                        title="Unlink this account?",
                        text=f"{WHAT_UNLINKING_DOES[account.method]} Vault: {name}.",
                        yes="Unlink",
                    ),
                ),
            )
        )
    return Message(text="\n".join(lines), blocks=blocks[:40])


def unlinked(gone: Sequence[Unlinked]) -> Message:
    """What was forgotten, and whether Vault could be told."""
    told = "\n".join(f"Unlinked from {escape(one.vault_name)}. {_end_of(one)}" for one in gone)
    return Message(text=told, blocks=[section(told), context("To link again: `/upload-status link`")])


def _end_of(one: Unlinked) -> str:
    if one.method is LinkMethod.TOKEN:
        return "The token is deleted here. Revoke it in Vault if you no longer need it."
    if one.session_ended:
        return "The credential is deleted here, and its Vault session is ended."
    return (
        "The credential is deleted here. Vault could not be told, so its session there ends by itself within "
        "48 hours at the latest."
    )


def _until(account: LinkedAccount, now: datetime | None = None) -> str:
    if account.valid_until is None:
        return "It lasts until the token expires or is revoked in Vault."
    if now is not None and now >= account.valid_until:
        return "It has probably ended; link again when an answer says so."
    return (
        f"It lasts until {words.utc(account.valid_until)} at the latest, or until Vault ends an idle session."
    )
