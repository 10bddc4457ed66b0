"""The form with a person's settings. It is drawn without asking Vault or Slack: a view opens only within three seconds
of the click."""

from collections.abc import Sequence
from datetime import timedelta

from bot.model.accounts import LinkedAccount, Vaults, default_first
from bot.model.watches import Preferences
from bot.slack.blocks.form_fields import LONGEST_LEADS, field, option, quiet_fields
from bot.slack.blocks.home_settings import WHERE_I_TELL
from bot.slack.blocks.kit import Block, Message, clip, escape, modal, section
from bot.slack.blocks.linking import HOW_THE_DEFAULT_WORKS
from bot.slack.blocks.watch_words import short

SETTINGS = "settings"
VAULT, LEADS = "vault", "leads"
"""Ids of the fields that are this form's own."""
MOST_VAULTS = 100
"""Slack: options of one menu."""
HOW_TO_SAY_TIMES = (
    "Up to six times between 5s and 3d, for new watches. Leave it empty for {}, as is usual here."
)
SAVED = "Your settings are saved."
NOT_LINKED_THERE = "You are no longer linked to {}, so your default Vault stays as it was."
NOT_OPENED = "Slack did not open the form. Please press Settings again."


def settings_modal(
    accounts: Sequence[LinkedAccount],
    preferences: Preferences | None,
    *,
    vaults: Vaults,
    usual: Sequence[timedelta],
) -> Block:
    """The form. `preferences` are None where nobody knows them just now: then nothing of them is taken away by an empty
    field. `usual` are the lead times of those who have none of their own."""
    served = default_first(vaults, accounts)
    default = {"v": served[0].vault_host} if len(served) > 1 else {}
    known = {"q": 1} if preferences else {}
    blocks = [
        *([_default_vault(served, vaults)] if default else []),
        _leads(preferences.lead_times if preferences else None, usual),
        *quiet_fields(preferences),
        section(f"*Where*: {WHERE_I_TELL}"),
    ]
    return modal("Your settings", blocks, callback_id=SETTINGS, submit="Save", metadata={**default, **known})


def saved(refused_vault: str | None) -> Message:
    """What stands above the home afterwards. `refused_vault` is what could not become the default."""
    told = SAVED if refused_vault is None else f"{SAVED} {NOT_LINKED_THERE.format(escape(refused_vault))}"
    return Message(text=told, blocks=[section(told)])


def _default_vault(served: Sequence[LinkedAccount], vaults: Vaults) -> Block:
    options = [
        option(account.vault_host[:150], clip(vaults.name_of(account.vault_host), 75))
        for account in served[:MOST_VAULTS]
    ]
    menu = {"type": "static_select", "options": options, "initial_option": options[0]}
    return field(VAULT, "Default Vault", menu, hint=HOW_THE_DEFAULT_WORKS)


def _leads(own: Sequence[timedelta] | None, usual: Sequence[timedelta]) -> Block:
    element: Block = {"type": "plain_text_input", "max_length": LONGEST_LEADS}
    if own:
        element["initial_value"] = " ".join(short(lead) for lead in own)
    hint = HOW_TO_SAY_TIMES.format(" ".join(short(lead) for lead in usual))
    return field(LEADS, "Times before an upload expires", element, hint=hint, optional=True)
