"""Whether a Slack user and a Vault user are one person."""

from bot.model.accounts import SlackProfile, VaultUser


def is_same_person(profile: SlackProfile, user: VaultUser) -> bool:
    """Return whether both sides know the person by the same address; one that is not known proves nothing."""
    known, given = profile.email.strip(), user.email.strip()
    if known.isascii() and given.isascii():
        known, given = known.lower(), given.lower()
    # Beyond ASCII, different letters may fold into the same: there, only the very same address will do.
    return bool(known) and known == given
