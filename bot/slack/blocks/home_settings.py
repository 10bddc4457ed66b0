"""A person's settings in words, as they stand in their home."""

from collections.abc import Sequence
from datetime import timedelta

from bot.model.accounts import LinkedAccount, Vaults, default_first
from bot.model.errors import BotError
from bot.model.watches import Preferences
from bot.slack.blocks import errors
from bot.slack.blocks.form_fields import clock, night_of
from bot.slack.blocks.kit import Block, button, escape, section
from bot.slack.blocks.linking import HOW_THE_DEFAULT_WORKS
from bot.slack.blocks.watch_words import listed, span

WHERE_I_TELL = (
    "Reminders come to you by direct message. A watch that you put into a channel, with `here`, speaks there."
)
QUIET_MEANS = "direct messages wait until they end, and what cannot wait comes before they begin"


def settings(
    preferences: Preferences | BotError,
    accounts: Sequence[LinkedAccount] | BotError,
    vaults: Vaults,
    usual: Sequence[timedelta],
    reference: str,
) -> list[Block]:
    """What holds now, and the button to change it. `usual` are the lead times of those who have none of their own."""
    change = button("Settings", "settings", spoken="Change my settings")
    lines = [] if isinstance(accounts, BotError) else _default(accounts, vaults)
    if isinstance(preferences, BotError):
        lines.append(f"⚠️ *How you want to be told*: {errors.in_a_line(preferences, reference)}")
    else:
        lines += [_leads(preferences, usual), night(preferences)]
    return [section("\n".join([*lines, f"*Where*: {WHERE_I_TELL}"]), accessory=change)]


def _default(accounts: Sequence[LinkedAccount], vaults: Vaults) -> list[str]:
    served = default_first(vaults, accounts)
    if len(served) < 2:
        return []
    return [f"*Default Vault*: {escape(vaults.name_of(served[0].vault_host))}. {HOW_THE_DEFAULT_WORKS}"]


def _leads(preferences: Preferences, usual: Sequence[timedelta]) -> str:
    own = preferences.lead_times
    leads = listed([span(lead) for lead in (own or usual)])
    whose = "" if own else ", as is usual here"
    return f"*When*: {leads} before an upload expires{whose}, unless a watch says otherwise."


def night(preferences: Preferences) -> str:
    """When direct messages wait."""
    night = night_of(preferences)
    if night is None:
        return "*Quiet hours*: none."
    start, end = (clock(minutes) for minutes in night)
    return f"*Quiet hours*: {start} to {end} ({escape(preferences.time_zone)}); {QUIET_MEANS}."
