"""Details for each failure as the code gives them, so that every sentence can be built and read."""

from bot.model import errors
from bot.model.errors import BotError
from tests.factories import DASHED_ID

_VAULT: dict[str, object] = {"vault": "promomats"}

DETAILS: dict[type[BotError], dict[str, object]] = {
    errors.UnknownWords: {"words": "lsit", "suggestion": "Did you mean `/upload-status list`?"},
    errors.MalformedUploadId: {"text": "my video", "reason": "it has a space in it"},
    errors.UnknownVault: {"name": "qality", "known": "promomats, quality"},
    errors.NotLinked: _VAULT,
    errors.LinkEnded: {**_VAULT, "why": "a Vault session lasts 48 hours at most"},
    errors.UploadNotVisible: {"upload_id": DASHED_ID},
    errors.NotInstalled: {},
    errors.OtherWorkspace: {},
    errors.WatchNotFound: {},
    errors.NotYourWatch: {"owner": "Bob Tanaka"},
    errors.NothingToWatch: {},
    errors.TooManyWatches: {"count": 200, "of": ""},
    errors.CannotPostThere: {},
    errors.CannotShareThere: {},
    errors.CannotKeepThere: {},
    errors.NotAnAdmin: _VAULT,
    errors.PlaceGone: {"reason": "is_archived"},
    errors.CannotTellDirectly: {"reason": "missing_scope"},
    errors.AbortOff: {},
    errors.NotItsName: {},
    errors.NotAborted: _VAULT,
    errors.AbortUnsure: {},
    errors.TicketNotValid: {},
    errors.TicketSpent: {},
    errors.TooManyTries: {},
    errors.FormNotValid: {"reason": "it has no user name"},
    errors.CrossSite: {},
    errors.WrongCredential: {"method": "token"},
    errors.LoginRefused: {
        "reason": "your Vault user may not use the API",
        "remedy": "Ask your administrator.",
    },
    errors.LandedElsewhere: _VAULT,
    errors.EmailsDiffer: {},
    errors.SingleSignOnOnly: {
        "provider": "your company's sign-in",
        "remedy": "Use the button for your company's sign-in.",
    },
    errors.PasswordNeeded: {},
    errors.SignInNotValid: {},
    errors.ProviderRefused: {"reason": "it was cancelled"},
    errors.VaultUnavailable: _VAULT,
    errors.VaultNotReached: _VAULT,
    errors.VaultSlow: _VAULT,
    errors.VaultBusy: {**_VAULT, "minutes": 3},
    errors.VaultMaintenance: {**_VAULT, "minutes": 45},
    errors.VaultConfiguring: _VAULT,
    errors.ProviderUnavailable: {"reason": "timeout"},
    errors.RenewalRefused: {"reason": "there is nothing to renew it with"},
    errors.CredentialRefused: {},
    errors.NoStagingAccess: _VAULT,
    errors.NotFoundInVault: {},
    errors.VaultRefused: {**_VAULT, "error_type": "OPERATION_NOT_ALLOWED"},
    errors.VaultAnswerStrange: {**_VAULT, "reason": "data.size: missing"},
    errors.IdentityMismatch: {**_VAULT, "reason": "another user"},
    errors.OutOfTime: {},
    errors.Busy: {},
    errors.SlackUnavailable: {},
    errors.CertificatesUnreadable: {"file": "authority.pem", "reason": "it holds none"},
    errors.StoreUnavailable: {"reason": "locked"},
    errors.StoreUnreadable: {"place": "data/bot.db", "reason": "not a database"},
    errors.StoreNewer: {"place": "data/bot.db", "revision": "0009"},
    errors.KeyMissing: {"key_ids": "1a2b3c4d"},
    errors.AuditBroken: {"reason": "its last row is missing"},
    errors.SealBroken: {},
}
"""Every class that is raised itself; the others only group."""

GROUPS = {
    BotError,
    errors.UsageError,
    errors.WatchError,
    errors.AbortError,
    errors.LinkingError,
    errors.VaultError,
    errors.VaultTemporary,
    errors.StoreError,
}


def every_class(root: type[BotError] = BotError) -> set[type[BotError]]:
    """The whole tree."""
    below = (every_class(child) for child in root.__subclasses__())
    return {root}.union(*below)
