"""Every call the bot makes to Vault, and what is true of it whatever it answers."""

from enum import Enum


class Endpoint(Enum):
    """One call: method and path below the Vault's address, or below the login host's.

    Vault: API reference, "Authentication", "Authentication Type Discovery", "OAuth 2.0 / OpenID Connect",
    "Users: Validate Session User", "Users: Retrieve User", "Resumable Upload Sessions", "File Staging: List Items at
    a Path"; VQL, "API Access Tokens".
    """

    VERSIONS = ("GET", "/api/")
    DISCOVERY = ("POST", "/auth/discovery")
    SIGN_IN = ("POST", "/api/{version}/auth")
    EXCHANGE = ("POST", "/auth/oauth/session/{profile_id}")
    ME = ("GET", "/api/{version}/objects/users/me")
    USER = ("GET", "/api/{version}/objects/users/{user_id}")
    QUERY = ("POST", "/api/{version}/query")
    UPLOADS = ("GET", "/api/{version}/services/file_staging/upload")
    UPLOAD = ("GET", "/api/{version}/services/file_staging/upload/{upload_id}")
    PARTS = ("GET", "/api/{version}/services/file_staging/upload/{upload_id}/parts")
    ABORT = ("DELETE", "/api/{version}/services/file_staging/upload/{upload_id}")
    ITEMS = ("GET", "/api/{version}/services/file_staging/items")
    """The folder follows, as many segments as it has."""
    KEEP_ALIVE = ("POST", "/api/{version}/keep-alive")
    END_SESSION = ("DELETE", "/api/{version}/session")

    def __init__(self, method: str, path: str) -> None:
        self.method = method
        self.path = path

    @property
    def label(self) -> str:
        """The name for logs; it holds no id, no path and no credential."""
        return self.name.lower()

    @property
    def repeatable(self) -> bool:
        """Whether a try may be repeated: reading only. A repeated wrong password locks an account."""
        return self.method == "GET"

    @property
    def of_one_upload(self) -> bool:
        """Whether the call names one upload session by its id."""
        return self in (Endpoint.UPLOAD, Endpoint.PARTS, Endpoint.ABORT)

    @property
    def on_login_host(self) -> bool:
        """Whether the call goes to the host that all Vaults share, not to a Vault."""
        return self in (Endpoint.DISCOVERY, Endpoint.EXCHANGE)

    @property
    def opens_session(self) -> bool:
        """Whether the call asks for a new Vault session."""
        return self in (Endpoint.SIGN_IN, Endpoint.EXCHANGE)
