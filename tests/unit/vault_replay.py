"""Recorded answers of Vault and how they are replayed: status, headers and body, without a network."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bot.model.accounts import Access, Identity, Vault
from bot.model.secret import Secret
from bot.vault import answers, records, wire
from bot.vault.endpoints import Endpoint
from bot.vault.messages import Answer, Request

RECORDED = Path(__file__).parent / "recorded" / "vault"
VAULT = Vault("rim", "https://nordlicht-rim.veevavault.com")
MARA = Identity(vault_user_id="302114", vault_id="48120")
ACCESS = Access(vault=VAULT, credential=Secret("ABCDEF0123456789"), identity=MARA)
UNLINKED = Access(vault=VAULT, credential=Secret("ABCDEF0123456789"), identity=None)
HEADERS = {
    "X-VaultAPI-ExecutionId": "3f0c9d52-7a1e-4a52-9c0b-5a6e8f7d1b2c",
    "X-VaultAPI-BurstLimit": "2000",
    "X-VaultAPI-BurstLimitRemaining": "1987",
    "X-VaultAPI-VaultId": "48120",
    "X-VaultAPI-UserId": "302114",
    "X-VaultAPI-TruncatedSessionId": "4C1E",
    "X-VaultAPI-Status": "SUCCESS",
}
UPLOAD_ID = "7b0e42c9d15f4a3e8f60b2a7c9d4e113"
PROFILE_ID = "_5e2c77aa-0b1d-4c8e-9f3a-d1e2f3a4b5c6"
WIRE = wire.Wire("v24.3", "vault-upload-bot")
REQUESTS: dict[Endpoint, Request] = {
    Endpoint.VERSIONS: WIRE.versions(VAULT, ACCESS),
    Endpoint.DISCOVERY: WIRE.discover("mara@nordlicht"),
    Endpoint.SIGN_IN: WIRE.sign_in(VAULT, "mara@nordlicht", Secret("p&w d=ü")),
    Endpoint.EXCHANGE: WIRE.exchange(VAULT, Secret("eyJ.idp.token"), PROFILE_ID),
    Endpoint.ME: WIRE.me(ACCESS),
    Endpoint.USER: WIRE.user(ACCESS, "302114"),
    Endpoint.QUERY: WIRE.tokens(ACCESS, "v26.2"),
    Endpoint.UPLOADS: WIRE.uploads(ACCESS),
    Endpoint.UPLOAD: WIRE.upload(ACCESS, UPLOAD_ID),
    Endpoint.PARTS: WIRE.parts(ACCESS, UPLOAD_ID),
    Endpoint.ABORT: WIRE.abort(ACCESS, UPLOAD_ID),
    Endpoint.ITEMS: WIRE.items(ACCESS, "wave2"),
    Endpoint.KEEP_ALIVE: WIRE.keep_alive(ACCESS),
    Endpoint.END_SESSION: WIRE.end_session(ACCESS),
}
READERS: dict[Endpoint, Callable[[Vault, Mapping[str, object]], object]] = {
    Endpoint.VERSIONS: records.read_versions,
    Endpoint.DISCOVERY: records.read_discovery,
    Endpoint.SIGN_IN: records.read_sign_in,
    Endpoint.EXCHANGE: records.read_sign_in,
    Endpoint.ME: records.read_user,
    Endpoint.USER: records.read_user,
    Endpoint.QUERY: records.read_token_expiry,
    Endpoint.UPLOADS: records.read_uploads,
    Endpoint.UPLOAD: records.read_upload,
    Endpoint.PARTS: records.read_parts,
    Endpoint.ITEMS: records.read_items,
}


def decipher(
    endpoint: Endpoint, body: bytes, status: int = 200, headers: Mapping[str, str] = HEADERS
) -> Answer:
    """Decipher a body as the answer to one of REQUESTS."""
    return answers.decipher(REQUESTS[endpoint], status, answers.read_meta(headers), body)


def replay(endpoint: Endpoint, name: str, status: int = 200, headers: Mapping[str, str] = HEADERS) -> object:
    """Decipher a recorded answer and read it, as the client does."""
    answer = decipher(endpoint, (RECORDED / name).read_bytes(), status, headers)
    return READERS[endpoint](REQUESTS[endpoint].vault, answer.payload) if endpoint in READERS else None


def recorded(name: str) -> bytes:
    """The body of a recorded answer."""
    return (RECORDED / name).read_bytes()
