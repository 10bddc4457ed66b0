"""What stands below a link to an upload. It belongs to the message, so everybody there sees it: it tells nothing that
the link does not, and is the same whether the upload is there or not."""

from bot.slack.blocks.kit import Block, actions, button, escape, section

TITLE = "A Vault upload"
WHOSE_EYES = "“Check as me” shows you alone what your own Vault account may see of it."


def card(upload_id: str, vault_host: str, vault_name: str | None) -> Block:
    """The card as an attachment of the message; with the Vault's name where there are several.

    Slack: reference "chat.unfurl"; `fallback` is for what cannot show blocks.
    """
    title = f"{TITLE} in {vault_name}" if vault_name else TITLE
    check = button("Check as me", "refresh", value={"u": upload_id, "v": vault_host})
    return {
        "fallback": escape(f"{title}. {WHOSE_EYES}"),
        "blocks": [section(f"*{escape(title)}*\n{WHOSE_EYES}"), actions(check)],
    }
