"""How the command is used."""

from bot.slack.blocks.kit import Message, context, section

USAGE = (
    ("/upload-status list", "your active uploads, most urgent first"),
    ("/upload-status <id>", "how far one upload is, and until when it lives"),
    ("/upload-status <id> @vault", "the same in a Vault other than your default"),
    ("/upload-status link", "link your Vault account"),
    ("/upload-status whoami", "which Vault accounts are linked"),
    ("/upload-status unlink", "forget your Vault account (`unlink all`: every one)"),
    ("/upload-status help", "how to use this"),
)

EXAMPLE = "/upload-status TpE_3ro1AEbb8.kWbZ2UVL1w--"
WHY = "Every answer is read with your own Vault rights, and only you see it."


def usage(vault_names: tuple[str, ...]) -> Message:
    """The commands with what they answer; the Vaults by name when there are several."""
    several = f"Vaults: {', '.join(vault_names)} (the first is the default)." if len(vault_names) > 1 else ""
    plain = "; ".join(f"{command.replace('<', '').replace('>', '')}: {what}" for command, what in USAGE)
    rows = "\n".join(
        f"`{command.replace('<', '&lt;').replace('>', '&gt;')}`  {what}" for command, what in USAGE
    )
    text = f"How to use this: {plain}. Example: {EXAMPLE}. {WHY} {several}".strip()
    return Message(
        text=text,
        blocks=[
            section(f"*Where does a Vault upload stand?*\n{rows}"),
            section(f"Example: `{EXAMPLE}`\nIds may be pasted as they come, also inside an API address."),
            context(WHY, several),
        ],
    )
