"""Every failure this program knows, as sentences for people.

    BotError
    ├── UsageError                     the words typed were off
    │   ├── UnknownWords, MalformedUploadId, UnknownVault
    ├── NotLinked, LinkEnded           a link button helps
    ├── UploadNotVisible               unknown, somebody else's and ended: one and the same
    ├── OtherWorkspace, NotInstalled, CannotShareThere
    ├── WatchError                     reminders
    │   ├── WatchNotFound, NotYourWatch, NothingToWatch, TooManyWatches, CannotPostThere, NotAnAdmin
    │   ├── PlaceGone, CannotKeepThere, CannotTellDirectly
    ├── AbortError                     discarding an upload
    │   ├── AbortOff, NotItsName, NotAborted, AbortUnsure
    ├── LinkingError                   read on the link page
    │   ├── TicketNotValid, TicketSpent, TooManyTries, FormNotValid, CrossSite
    │   ├── WrongCredential, LoginRefused, LandedElsewhere, EmailsDiffer
    │   ├── SingleSignOnOnly, PasswordNeeded
    │   ├── SignInNotValid, ProviderRefused
    ├── VaultError                     Vault said no, or nothing
    │   ├── VaultTemporary
    │   │   ├── VaultUnavailable (VaultNotReached), VaultSlow, VaultBusy, VaultMaintenance, VaultConfiguring
    │   │   ├── ProviderUnavailable        the identity provider's passing fault
    │   ├── CredentialRefused, RenewalRefused, NoStagingAccess, NotFoundInVault, VaultRefused
    │   └── VaultAnswerStrange         ├── IdentityMismatch
    ├── OutOfTime, Busy
    ├── SlackUnavailable
    ├── CertificatesUnreadable         at the start, or never
    └── StoreError                     the operator's to mend
        ├── StoreUnavailable, StoreUnreadable, StoreNewer, KeyMissing, SealBroken, AuditBroken

`what` says what happened, `next_step` what to do; both may name details given to the constructor.
"""

from typing import TYPE_CHECKING, ClassVar

from bot.model.uploads import NO_LONGER_ACTIVE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.model.uploads import UploadSession


class BotError(Exception):
    """Root of all failures. `expected` ones need no reference code: the sentence says all there is to know."""

    what: ClassVar[str] = "Something went wrong."
    next_step: ClassVar[str] = "Please try again in a few minutes."
    expected: ClassVar[bool] = True
    for_the_operator: ClassVar[bool] = False
    """Whether the sentence helps only the operator; others are told that something went wrong, and a reference."""

    def __init__(self, **details: object) -> None:
        self.details = details
        self.sentence = self.what.format(**details)
        self.remedy = self.next_step.format(**details)
        super().__init__(f"{self.sentence} {self.remedy}".strip())


class UsageError(BotError):
    """The words typed do not make a request."""


class NearMiss:
    """An upload id led nowhere; `near` are the asker's own uploads, in the Vault at `near_vault`, that
    may have been meant."""

    near: "tuple[UploadSession, ...]" = ()
    near_vault: str | None = None


class UnknownWords(NearMiss, UsageError):
    """Nothing starts with these words; `suggestion` may name the nearest command, or be empty."""

    what = "I do not know “{words}”."
    next_step = "{suggestion}"


class MalformedUploadId(NearMiss, UsageError):
    """The text cannot be an upload id; `reason` says why."""

    what = "“{text}” cannot be an upload id: {reason}."
    next_step = "Copy the id from the tool that does the upload, or use `/upload-status list`."


class UnknownVault(UsageError):
    """A Vault was named that the operator did not configure."""

    what = "There is no Vault called “{name}” here."
    next_step = "Use one of: {known}."


class NotLinked(BotError):
    """The person has no account at this Vault."""

    what = "You have not linked your Vault account ({vault}) yet."
    next_step = "Link it once with `/upload-status link`, and I answer with your own Vault rights."


class LinkEnded(BotError):
    """Vault no longer accepts the stored credential."""

    what = "Your link to Vault ({vault}) has ended: {why}."
    next_step = "Link again with `/upload-status link` to go on."

    def __init__(self, *, vault: str, why: str = "Vault no longer accepts it") -> None:
        super().__init__(vault=vault, why=why)


class UploadNotVisible(NearMiss, BotError):
    """Unknown, not yours and ended are told alike, since Vault itself must not reveal which."""

    what = NO_LONGER_ACTIVE + ", or not yours: with your Vault rights I see no upload `{upload_id}`."
    next_step = (
        "It may have been committed, aborted or expired, or belong to somebody else. "
        "`/upload-status list` shows the uploads you can see."
    )

    def name_unasked(self, vault_names: "Sequence[str]") -> None:
        """Say which Vaults could not be asked, so that nobody takes their silence for a no."""
        if vault_names:
            self.remedy += (
                f" I could not ask {', '.join(vault_names)} just now; `/upload-status list` says why."
            )


class NotInstalled(BotError):
    """The app has no (living) installation where the request came from."""

    what = "This app is not installed in your workspace any more."
    next_step = "Ask a Slack administrator to install it again."


class OtherWorkspace(BotError):
    """A person of another company (Slack Connect) asked."""

    what = "This app answers only members of the workspace it is installed in."
    next_step = "Ask a colleague there to look for you."


class WatchError(BotError):
    """A watch could not be made or changed."""


class WatchNotFound(WatchError):
    """It was stopped, or the upload has ended: one answer for both, and for one that never was."""

    what = "This watch is no longer there."
    next_step = "It was stopped, or its upload has ended. `/upload-status watches` lists what you watch."


class NotYourWatch(WatchError):
    """Only its owner, or a workspace administrator, stops or changes a watch."""

    what = "This watch belongs to {owner}."
    next_step = "I have asked them to stop it."


class NothingToWatch(WatchError):
    """The upload's time is over."""

    what = "This upload has expired, so there is nothing left to watch."
    next_step = "Start the upload again, then watch the new one."


class TooManyWatches(WatchError):
    """One person has more watches than anyone can follow."""

    what = "You have {count} watches{of}, which is the most one person can have."
    next_step = (
        "Stop some of them: `/upload-status watches` lists them. `/upload-status watch all` needs only one."
    )


class CannotPostThere(WatchError):
    """The app is not a member of the channel."""

    what = "I cannot post in this channel, so nothing is watched here."
    next_step = (
        "Type `/invite @Vault Uploads` in it and try again, or put `dm` behind to be told by direct message."
    )


class CannotKeepThere(WatchError):
    """Slack does not let the app edit a card there: it is no member, or the card is gone."""

    what = "I cannot change messages in this conversation, so this card is not kept up to date."
    next_step = "Type `/invite @Vault Uploads` in it and press the button again."


class CannotShareThere(BotError):
    """Slack lets the app post nothing in that conversation."""

    what = "Slack does not let me post in this conversation, so nothing was shared."
    next_step = "Type `/invite @Vault Uploads` in it and try again, or share in another channel."


class NotAnAdmin(WatchError):
    """Only an Admin's link sees the whole Vault."""

    what = "Only a Vault Admin can watch all of {vault}: with your rights I see your own uploads alone."
    next_step = "`/upload-status watch all` watches all of yours."


class PlaceGone(WatchError):
    """Slack will never take a message there again; `reason` is Slack's code."""

    what = "Slack no longer lets me post there ({reason})."
    next_step = "Watch the upload again from where you want to be told."


class CannotTellDirectly(WatchError):
    """There are no direct messages between the person and the app; `reason` is Slack's code."""

    what = "I cannot send you direct messages: Slack refuses it ({reason})."
    next_step = "Tell the operator of this app. Until then watch in a channel, with `here` behind the id."


class AbortError(BotError):
    """An upload was not aborted, or nobody knows yet whether it was."""


class AbortOff(AbortError):
    """The operator does not offer it (ALLOW_ABORT)."""

    what = "Aborting is switched off here, so nothing was aborted."
    next_step = "Abort the upload with the tool that sends it, or ask the operator of this app."


class NotItsName(AbortError):
    """Another file name was typed than the upload has at this moment."""

    what = "That is not the file name of this upload, so nothing was aborted."
    next_step = "Make sure that it is the upload you mean, and open the form again."


class NotAborted(AbortError):
    """Vault did not say, and then still showed the upload."""

    what = "Vault ({vault}) did not abort the upload: it is still there."
    next_step = "Nothing is lost; try again in a few minutes."


class AbortUnsure(AbortError):
    """The answer was lost, and a look at the upload was not possible either."""

    what = "I do not know yet whether the upload was aborted."
    next_step = (
        "I go on looking, and tell you by direct message as soon as I know. You need not abort it again."
    )


class LinkingError(BotError):
    """Linking did not come about; nothing was changed."""


class TicketNotValid(LinkingError):
    """The ticket is unknown, used or too old: one answer for all three."""

    what = "This link was already used, or is too old."
    next_step = (
        "A link works once and for 10 minutes. In Slack, `/upload-status whoami` shows whether you are linked, "
        "and `/upload-status link` gives a new link."
    )


class TicketSpent(LinkingError):
    """The second wrong try ended the ticket."""

    what = "That was the second try that Vault refused, so this page is closed to keep your account from being locked."
    next_step = (
        "Check your credential in Vault first, then type `/upload-status link` in Slack for a new link."
    )


class TooManyTries(LinkingError):
    """Vault refused what the person entered too often, over all their tickets of the last hour."""

    what = "Vault refused too many tries in the last hour, so linking rests for a while."
    next_step = "Check your credential in Vault, and try again in an hour."


class FormNotValid(LinkingError):
    """The form came incomplete or changed; `reason` says what is off."""

    what = "The form could not be used: {reason}."
    next_step = "Go back, check the fields and send it again."


class CrossSite(LinkingError):
    """The form did not come from our own page."""

    what = "This form was not sent from the link page itself, so it was refused."
    next_step = "Open the link from Slack again and use the form there."


class WrongCredential(LinkingError):
    """Vault refused what was entered; one try is left."""

    what = "Vault refused that {method}."
    next_step = "Check it and try again. One try is left."


class LoginRefused(LinkingError):
    """Vault knows the person but will not let them in; repeating does not help. `reason` is ours, by error type."""

    what = "Vault did not let you in: {reason}."
    next_step = "{remedy}"


class LandedElsewhere(LinkingError):
    """Vault opened a session for another Vault than the one asked for (authentication defaulting)."""

    what = "Vault opened a session for another Vault than {vault}, so it was ended at once and nothing was linked."
    next_step = "Ask your Vault administrator whether your user is active in {vault}."


class EmailsDiffer(LinkingError):
    """The Vault user and the Slack user have different e-mail addresses."""

    what = "The Vault user's e-mail address is not the one of this Slack account, so nothing was linked."
    next_step = "Make sure that you sign in as yourself. If the addresses rightly differ, ask the operator of this app."


class SingleSignOnOnly(LinkingError):
    """Vault's discovery says that this user signs in elsewhere, so a password is neither asked for nor sent."""

    what = "This Vault user signs in through {provider}, so a password is of no use here. None was sent to Vault."
    next_step = "{remedy}"


class PasswordNeeded(LinkingError):
    """Discovery says that this user does sign in with a password."""

    what = "This Vault user signs in with a password."
    next_step = "Enter it below."


class SignInNotValid(LinkingError):
    """The way back from the identity provider does not fit the way there: another browser, too late, or replayed."""

    what = "This sign-in was not started in this browser, was already used, or is too old."
    next_step = "Type `/upload-status link` in Slack and start again from there."


class ProviderRefused(LinkingError):
    """The identity provider said no; `reason` is ours, by OAuth's error code."""

    what = "Your company's sign-in did not let you in: {reason}."
    next_step = (
        "Type `/upload-status link` in Slack to try again; if it stays so, ask whoever runs your sign-in."
    )


class VaultError(BotError):
    """Vault answered with a refusal, or did not answer as it should."""


class VaultTemporary(VaultError):
    """A fault that passes by itself."""


class VaultUnavailable(VaultTemporary):
    """No answer from Vault, or an answer of something in front of it."""

    what = "Vault ({vault}) cannot be reached just now."
    next_step = "Nothing is lost; try again in a few minutes. Its state is shown at trust.veeva.com."


class VaultNotReached(VaultUnavailable):
    """No connection came about, so Vault knows nothing of the request."""

    what = "Vault ({vault}) cannot be reached just now."
    next_step = "Nothing is lost; try again in a few minutes. Its state is shown at trust.veeva.com."


class VaultSlow(VaultTemporary):
    """Vault took longer than we may make a person wait."""

    what = "Vault ({vault}) did not answer in time."
    next_step = "Nothing is lost; try again in a minute."


class VaultBusy(VaultTemporary):
    """Vault limits the calls for now."""

    what = "Vault ({vault}) is limiting requests just now."
    next_step = "Try again in {minutes} min."


class VaultMaintenance(VaultTemporary):
    """Vault announced a downtime (header X-VaultAPI-DowntimeExpectedDurationMinutes)."""

    what = "Vault ({vault}) is in maintenance."
    next_step = "Vault expects it to take {minutes} min. Nothing is lost; ask again after that."


class VaultConfiguring(VaultTemporary):
    """Configuration Mode: only Admins may enter."""

    what = "Vault ({vault}) is in Configuration Mode, so only Admins may enter it just now."
    next_step = "Try again later."


class ProviderUnavailable(VaultTemporary):
    """The identity provider gave no answer that could be used; `reason` goes to the log."""

    what = "I need your company's sign-in service for this, and it cannot be reached just now."
    next_step = "Nothing is lost; try again in a few minutes."


class RenewalRefused(VaultError):
    """Neither Vault nor the identity provider gives a new Vault session without the person."""

    what = "The link could not be renewed: {reason}."
    next_step = "Link again with `/upload-status link`."


class CredentialRefused(VaultError):
    """Vault does not accept this credential (any more)."""

    what = "Vault does not accept this credential."
    next_step = "Link again."


class NoStagingAccess(VaultError):
    """The person may log in but not use file staging or the API."""

    what = "Your Vault user may not look at file staging in {vault}."
    next_step = (
        "Ask your Vault administrator for the permissions “File Staging: Access” and “API: Access API”."
    )


class NotFoundInVault(VaultError):
    """An upload endpoint answered in one of the ways that mean: not active or not visible to this person."""


class VaultRefused(VaultError):
    """Any refusal that has no words of its own; `error_type` is Vault's stable code."""

    what = "Vault ({vault}) refused the request ({error_type})."
    next_step = "Tell the operator of this app if it happens again."
    expected = False


class VaultAnswerStrange(VaultError):
    """The answer cannot be understood; `reason` goes to the log."""

    what = "Vault ({vault}) gave an answer that I do not understand."
    next_step = "Try again in a few minutes."
    expected = False


class IdentityMismatch(VaultAnswerStrange):
    """The answer was made for another user or Vault than the link says. It is never shown."""

    what = "Vault ({vault}) answered for another account than yours, so I did not use the answer."
    next_step = "Link again with `/upload-status link`, and tell the operator of this app."


class OutOfTime(BotError):
    """The whole budget for one request is used up."""

    what = "This took too long, so I stopped."
    next_step = "Nothing is lost; try again in a minute."


class Busy(BotError):
    """More is under way than can be answered in time, so nothing was begun for this one."""

    what = "I am busy just now: too many people ask at once."
    next_step = "Nothing was done yet; try again in a minute."


class SlackUnavailable(BotError):
    """A Slack call that was needed for the answer failed."""

    what = "Slack did not answer a question I had to ask it."
    next_step = "Try again in a minute."
    expected = False
    retry_after: float | None = None
    """Seconds that Slack itself asks us to wait, where it does."""


class CertificatesUnreadable(BotError):
    """No TLS connection can be judged; found at the start alone. `reason` is the system's word for it."""

    for_the_operator = True
    what = "The certificates to trust cannot be read: SSL_CERT_FILE is {file} ({reason})."
    next_step = (
        "Let it name a file of certificates in PEM form that the bot's user may read, or leave it out."
    )
    expected = False


class StoreError(BotError):
    """The bot's own database is the trouble."""

    expected = False


class StoreUnavailable(StoreError):
    """The database cannot be reached or written."""

    what = "The bot's database cannot be used just now ({reason})."
    next_step = "Try again in a minute."


class StoreUnreadable(StoreError):
    """The file is no database, or a damaged one."""

    for_the_operator = True
    what = "The database {place} is damaged or is not a database ({reason})."
    next_step = "Nothing was changed in it. Restore a backup or point DATABASE_URL elsewhere."


class StoreNewer(StoreError):
    """A later release has migrated the database."""

    for_the_operator = True
    what = "The database {place} was written by a newer release (schema {revision})."
    next_step = "Run that release, or restore the backup from before the upgrade."


class KeyMissing(StoreError):
    """Rows are sealed with a key that ENCRYPTION_KEYS lacks."""

    for_the_operator = True
    what = "The database holds values sealed with key(s) {key_ids}, which ENCRYPTION_KEYS lacks."
    next_step = "Add the missing key behind the newest one, then start again. Nothing was changed."


class AuditBroken(StoreError):
    """The audit log's end does not fit its seal: it was changed by somebody else than this program."""

    for_the_operator = True
    what = "The audit log was changed from outside ({reason}), so nothing is added to it and nothing is answered."
    next_step = (
        "Keep the database as it is, run `python -m bot audit verify`, and tell your security officer."
    )


class SealBroken(StoreError):
    """A sealed value does not open in the row it stands in."""

    what = "A stored credential could not be opened."
    next_step = "Link again with `/upload-status link`, and tell the operator of this app."
