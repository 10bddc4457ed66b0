"""Requests out, no I/O: values become requests, and an answer's link the request for its next page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from bot import __version__
from bot.model.accounts import Access, Heard, Identity, Vault
from bot.model.errors import CredentialRefused, NotFoundInVault, VaultAnswerStrange, VaultRefused
from bot.model.secret import Secret
from bot.vault import refusals
from bot.vault.endpoints import Endpoint
from bot.vault.messages import Answer, Request

USER_AGENT = f"vault-upload-bot/{__version__}"
LOGIN_URL = "https://login.veevavault.com"
"""Vault: discovery and the OAuth exchange live on this host, which all Vaults share."""
_CREDENTIAL = re.compile(r"[\x21-\x7e]{1,16384}")
_USER_ID = re.compile(r"[0-9]{1,20}")
_TOKENS_OF = (
    "SELECT id, name__v, expiry_date__sys, last_used_date__sys FROM api_access_token__sys "
    "WHERE user__sys = '{user_id}' AND status__v = 'active__v'"
)
_LINK = re.compile(r"/[\x21-\x7e]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Wire:
    """Builds the requests of one API version under one client id (header X-VaultAPI-ClientID)."""

    version: str
    client_id: str
    login_url: str = LOGIN_URL

    def versions(self, vault: Vault, access: Access | None) -> Request:
        """Which API versions the Vault speaks; with the person's credential, if one is given."""
        if access is None:
            return self._build(Endpoint.VERSIONS, vault)
        return self._request(Endpoint.VERSIONS, access)

    def discover(self, user_name: str) -> Request:
        """How a user name signs in. As a form, not a query: addresses end up in logs of proxies."""
        login_host = Vault(urlsplit(self.login_url).netloc, self.login_url)
        return self._build(Endpoint.DISCOVERY, login_host, form={"username": user_name})

    def sign_in(self, vault: Vault, user_name: str, password: Secret, heard: Heard | None = None) -> Request:
        """Open a Vault session by user name and password."""
        form = {"username": user_name, "password": password.reveal()}
        return self._build(Endpoint.SIGN_IN, vault, form=form, heard=heard)

    def exchange(
        self, vault: Vault, access_token: Secret, profile_id: str, heard: Heard | None = None
    ) -> Request:
        """Open a Vault session by an access token of the customer's identity provider.

        The token goes to the login host and nowhere else. Vault: "OAuth 2.0 / OpenID Connect".
        """
        return self._build(
            Endpoint.EXCHANGE,
            vault,
            credential=access_token,
            form={"vaultDNS": vault.host},
            heard=heard,
            profile_id=profile_id,
        )

    def stranger(self, vault: Vault) -> Request:
        """The same question as `me`, by nobody."""
        return self._build(Endpoint.ME, vault)

    def me(self, access: Access) -> Request:
        """Whose credential this is."""
        return self._request(Endpoint.ME, access)

    def user(self, access: Access, vault_user_id: str) -> Request:
        """Who a Vault user is, as far as this person may know."""
        return self._request(Endpoint.USER, access, user_id=vault_user_id)

    def tokens(self, access: Access, version: str) -> Request:
        """The person's active API access tokens. Vault: VQL, "API Access Tokens", since v26.2.

        An Admin is shown everybody's, so the person is named. Tokens become inactive when they expire.
        """
        user_id = access.identity.vault_user_id if access.identity else ""
        if not _USER_ID.fullmatch(user_id):  # would be another query
            raise VaultAnswerStrange(vault=access.vault.name, reason="the Vault user's id is no number")
        return self._request(
            Endpoint.QUERY, access, form={"q": _TOKENS_OF.format(user_id=user_id)}, version=version
        )

    def uploads(self, access: Access) -> Request:
        """The active upload sessions this person may see, first page."""
        return self._request(Endpoint.UPLOADS, access)

    def upload(self, access: Access, upload_id: str) -> Request:
        """One upload session."""
        return self._request(Endpoint.UPLOAD, access, upload_id=upload_id)

    def parts(self, access: Access, upload_id: str) -> Request:
        """The parts of one upload session, first page."""
        return self._request(Endpoint.PARTS, access, upload_id=upload_id)

    def abort(self, access: Access, upload_id: str) -> Request:
        """Discard one upload session with all its parts."""
        return self._request(Endpoint.ABORT, access, upload_id=upload_id)

    def items(self, access: Access, folder: str) -> Request:
        """What lies in a folder of file staging, first page; an empty name is the person's root.

        Vault: "About Paths": like an upload's path, a folder's begins where this person's own directory does.
        """
        names = [name for name in folder.split("/") if name]
        if {".", ".."} & set(names):  # would be another path
            raise VaultRefused(vault=access.vault.name, error_type=refusals.UNKNOWN)
        request = self._request(Endpoint.ITEMS, access)
        return replace(request, url=f"{request.url}/{'/'.join(map(_segment, names))}")

    def keep_alive(self, access: Access) -> Request:
        """Lengthen the Vault session."""
        return self._request(Endpoint.KEEP_ALIVE, access)

    def end_session(self, access: Access) -> Request:
        """End this one Vault session."""
        return self._request(Endpoint.END_SESSION, access)

    def next_page(self, before: Request, answer: Answer) -> Request | None:
        """The page after `answer`, or None after the last. VaultAnswerStrange for a link that leaves the Vault.

        Vault: `responseDetails.next_page` is a full address, or begins with `/api/`; VAPIL also takes a bare path.
        """
        details = answer.payload.get("responseDetails")
        link = details.get("next_page") if isinstance(details, dict) else None
        if link is None or link == "":
            return None
        url = self._same_vault(before.vault, link)
        if url is None:
            raise VaultAnswerStrange(vault=before.vault.name, reason="next_page leaves this Vault")
        return Request(
            endpoint=before.endpoint,
            vault=before.vault,
            identity=before.identity,
            url=url,
            headers=before.headers,
            heard=before.heard,
        )

    def _same_vault(self, vault: Vault, link: object) -> str | None:
        """Return the address on this very Vault, else None. The host is taken from our settings, never from the link:
        however anyone reads the link, the credential cannot go elsewhere."""
        try:
            home, there = urlsplit(vault.url), urlsplit(link if isinstance(link, str) else "//")
            if there.scheme or there.netloc or not isinstance(link, str) or link.startswith("//"):
                if "@" in there.netloc or _origin(there) != _origin(home):
                    return None
                path = there.path
            elif there.path.startswith("/api/"):
                path = there.path
            else:
                path = f"/api/{self.version}/{there.path.lstrip('/')}"
        except ValueError:
            return None
        target = f"{path}?{there.query}" if there.query else path
        if not _LINK.fullmatch(target) or "\\" in target or "/../" in f"{path}/" or "/./" in f"{path}/":
            return None
        return f"{home.scheme}://{home.netloc}{target}"

    def _request(
        self, endpoint: Endpoint, access: Access, form: Mapping[str, str] | None = None, **places: str
    ) -> Request:
        """A request with a person's own credential."""
        return self._build(
            endpoint,
            access.vault,
            credential=access.credential,
            identity=access.identity,
            form=form,
            heard=access.heard,
            **places,
        )

    def _build(
        self,
        endpoint: Endpoint,
        vault: Vault,
        *,
        credential: Secret | None = None,
        identity: Identity | None = None,
        form: Mapping[str, str] | None = None,
        heard: Heard | None = None,
        **places: str,
    ) -> Request:
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": USER_AGENT,
            "X-VaultAPI-ClientID": self.client_id,
        }
        if credential is not None:
            headers["Authorization"] = _bearer(vault, credential)
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return Request(
            endpoint=endpoint,
            vault=vault,
            identity=identity,
            url=self._url(endpoint, vault, **places),
            headers=headers,
            form=urlencode(form, errors="replace").encode() if form is not None else b"",
            heard=heard,
        )

    def _url(self, endpoint: Endpoint, vault: Vault, **places: str) -> str:
        if {"", ".", ".."} & set(places.values()):  # would be another path
            refused = NotFoundInVault if endpoint.of_one_upload else VaultRefused
            raise refused(vault=vault.name, error_type=refusals.UNKNOWN)
        home = self.login_url if endpoint.on_login_host else vault.url
        segments = {name: _segment(value) for name, value in places.items()}
        return home.rstrip("/") + endpoint.path.format(**{"version": self.version, **segments})


def _segment(value: str) -> str:
    """One segment of a path, whatever it holds."""
    return quote(value, safe="", errors="replace")


def _bearer(vault: Vault, credential: Secret) -> str:
    """Vault: "Request Headers": Bearer is right for a session id and for an API access token alike."""
    value = credential.reveal()
    if not _CREDENTIAL.fullmatch(value):  # cannot be one, and would not fit in a header
        raise CredentialRefused(vault=vault.name, error_type=refusals.UNKNOWN)
    return f"Bearer {value}"


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _DEFAULT_PORTS.get(url.scheme)
