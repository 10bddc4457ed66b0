"""How the command is used."""

from bot.slack.blocks.kit import Message, context, escape, section

USAGE = (
    ("/upload-status list", "your active uploads, most urgent first"),
    ("/upload-status <id>", "how far one upload is, and until when it lives"),
    ("/upload-status <id> @vault", "the same, in that Vault alone"),
    ("/upload-status <id> share", "the same, for everybody in the conversation"),
    ("/upload-status watch <id>", "be told before it expires, when it stalls, and how it ends"),
    ("/upload-status watch <id> 24h 4h here", "the same at these times before it expires, in this channel"),
    ("/upload-status watch all", "the same for all your uploads, also those that begin later"),
    ("/upload-status watch vault here", "a Vault's expiring uploads, told to this channel (Vault Admins)"),
    ("/upload-status watches", "what you watch, to snooze or stop it"),
    ("/upload-status unwatch <id>", "stop watching it (`unwatch all`: everything)"),
    ("/upload-status link", "link your Vault account"),
    ("/upload-status whoami", "which Vault accounts are linked"),
    ("/upload-status doctor", "whether your links, your Vault rights and your reminders work"),
    ("/upload-status unlink", "forget your Vault account (`unlink all`: every one)"),
    ("/upload-status help", "how to use this"),
)

EXAMPLE = "/upload-status TpE_3ro1AEbb8.kWbZ2UVL1w--"
WHY = "Every answer is read with your own Vault rights, and only you see it unless you share it."
IN_PUBLIC = "In a channel or thread, `@Vault Uploads` and the same words are answered below, for all to read."

MESSAGES_TAB = (
    "Here I write to you: reminders, live cards, and what became of your links. `/upload-status` works here too; "
    "`/upload-status help` says what it takes. What else you write here I cannot read, and I do not answer it."
)

WITH_SEVERAL = (
    "Your default Vault is asked first, then your others. `/upload-status link` and a Vault's name links that one, "
    "or makes it your default if it is linked already. `/upload-status list` and a name lists that one alone."
)


def messages_tab() -> Message:
    """What stands in the app's direct messages when somebody first looks there."""
    return Message(text=MESSAGES_TAB.replace("`", ""), blocks=[section(MESSAGES_TAB)])


def usage(vault_names: tuple[str, ...]) -> Message:
    """The commands with what they answer; the Vaults by name, and how to choose, when there are several."""
    named = f"Vaults: {escape(', '.join(vault_names))}. " if len(vault_names) > 1 else ""
    several = f"{named}{WITH_SEVERAL}" if named else ""
    plain = "; ".join(f"{command.replace('<', '').replace('>', '')}: {what}" for command, what in USAGE)
    rows = "\n".join(f"`{escape(command)}`  {what}" for command, what in USAGE)
    text = f"How to use this: {plain}. Example: {EXAMPLE}. {WHY} {IN_PUBLIC} {several}".strip()
    blocks = [
        section(f"*Where does a Vault upload stand?*\n{rows}"),
        section(f"Example: `{EXAMPLE}`\nIds may be pasted as they come, also inside an API address."),
    ]
    if several:
        blocks.append(section(several))
    return Message(text=text, blocks=[*blocks, context(WHY, IN_PUBLIC)])
