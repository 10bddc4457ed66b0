"""Every call the bot makes to Vault, and what is true of it whatever it answers."""

from enum import Enum


class Endpoint(Enum):
    """One call: method and path below the Vault's address.

    Vault: API reference, "Authentication", "Users: Validate Session User", "Resumable Upload Sessions".
    """

    VERSIONS = ("GET", "/api/")
    SIGN_IN = ("POST", "/api/{version}/auth")
    ME = ("GET", "/api/{version}/objects/users/me")
    UPLOADS = ("GET", "/api/{version}/services/file_staging/upload")
    UPLOAD = ("GET", "/api/{version}/services/file_staging/upload/{upload_id}")
    PARTS = ("GET", "/api/{version}/services/file_staging/upload/{upload_id}/parts")
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
        """Whether the call asks for one upload session by its id."""
        return self in (Endpoint.UPLOAD, Endpoint.PARTS)
