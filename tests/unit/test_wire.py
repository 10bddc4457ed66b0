"""Vault's protocol without a network: requests looked at, headers, pages, and anything at all thrown in."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import errors
from bot.model.accounts import Access
from bot.model.secret import Secret
from bot.vault import wire
from bot.vault.endpoints import Endpoint
from tests.unit.vault_replay import (
    ACCESS,
    HEADERS,
    MARA,
    READERS,
    REQUESTS,
    UNLINKED,
    UPLOAD_ID,
    VAULT,
    WIRE,
    decipher,
    recorded,
    replay,
)

# Requests


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (Endpoint.VERSIONS, "/api/"),
        (Endpoint.SIGN_IN, "/api/v24.3/auth"),
        (Endpoint.ME, "/api/v24.3/objects/users/me"),
        (Endpoint.UPLOADS, "/api/v24.3/services/file_staging/upload"),
        (Endpoint.UPLOAD, f"/api/v24.3/services/file_staging/upload/{UPLOAD_ID}"),
        (Endpoint.PARTS, f"/api/v24.3/services/file_staging/upload/{UPLOAD_ID}/parts"),
        (Endpoint.KEEP_ALIVE, "/api/v24.3/keep-alive"),
        (Endpoint.END_SESSION, "/api/v24.3/session"),
    ],
)
def test_request__address_and_headers(endpoint: Endpoint, url: str) -> None:
    request = REQUESTS[endpoint]
    assert request.url == VAULT.url + url
    assert request.headers["Accept"] == "application/json"
    assert request.headers["X-VaultAPI-ClientID"] == "vault-upload-bot"
    assert request.headers["User-Agent"].startswith("vault-upload-bot/")
    expected = None if endpoint is Endpoint.SIGN_IN else "Bearer ABCDEF0123456789"
    assert request.headers.get("Authorization") == expected


def test_request__sign_in_sends_a_form() -> None:
    request = REQUESTS[Endpoint.SIGN_IN]
    assert parse_qs(request.form.decode()) == {"username": ["mara@nordlicht"], "password": ["p&w d=ü"]}
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("endpoint", list(Endpoint))
def test_request__printing_shows_no_secret_and_no_id(endpoint: Endpoint) -> None:
    shown = repr(REQUESTS[endpoint])
    assert not any(word in shown for word in ("ABCDEF", "p&w", "p%26w", UPLOAD_ID, "mara"))


def test_request__only_reading_is_repeatable() -> None:
    assert {endpoint for endpoint in Endpoint if not endpoint.repeatable} == {
        Endpoint.SIGN_IN,
        Endpoint.KEEP_ALIVE,
        Endpoint.END_SESSION,
    }


@pytest.mark.parametrize(
    ("upload_id", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("a%2Fb?x#y", "a%252Fb%3Fx%23y"),
        (".Qm3--", ".Qm3--"),
        ("ü", "%C3%BC"),
        ("\ud800", "%3F"),
    ],
)
def test_request__upload_id_stays_one_segment(upload_id: str, segment: str) -> None:
    assert WIRE.upload(ACCESS, upload_id).url.endswith(f"/file_staging/upload/{segment}")


@pytest.mark.parametrize("upload_id", ["", ".", ".."])
def test_request__upload_id_that_is_another_path(upload_id: str) -> None:
    with pytest.raises(errors.NotFoundInVault):
        WIRE.upload(ACCESS, upload_id)


@pytest.mark.parametrize("credential", ["", "two words", "a\r\nX-Evil: 1", "tökén", "a" * 4097])
def test_request__credential_that_cannot_be_one(credential: str) -> None:
    with pytest.raises(errors.CredentialRefused):
        WIRE.me(Access(vault=VAULT, credential=Secret(credential), identity=None))


# Headers


@pytest.mark.parametrize(
    ("name", "status"),
    [("page_gateway.html", 503), ("e24_crash.json", 200), ("e15_dead_session.json", 200), ("empty.txt", 200)],
)
def test_maintenance__any_failing_answer(name: str, status: int) -> None:
    headers = {"x-vaultapi-downtimeexpecteddurationminutes": "45"}
    with pytest.raises(errors.VaultMaintenance) as caught:
        replay(Endpoint.UPLOAD, name, status, headers)
    assert "45 min" in caught.value.remedy


def test_maintenance__good_answers_stay_good_and_garbage_is_no_announcement() -> None:
    header = "X-VaultAPI-DowntimeExpectedDurationMinutes"
    assert replay(Endpoint.UPLOAD, "e06_upload.json", 200, {**HEADERS, header: "45"})
    with pytest.raises(errors.VaultUnavailable):
        replay(Endpoint.UPLOAD, "page_gateway.html", 503, {header: "soon"})


@pytest.mark.parametrize("header", ["X-VaultAPI-VaultId", "x-vaultapi-userid"])
@pytest.mark.parametrize(
    "name", ["e06_upload.json", "e15_dead_session.json", "page_gateway.html", "empty.txt"]
)
def test_identity__another_one_is_refused_before_the_body(header: str, name: str) -> None:
    with pytest.raises(errors.IdentityMismatch):
        replay(Endpoint.UPLOAD, name, 200, {header: "99999"})


def test_identity__judged_by_the_body_without_headers_or_link() -> None:
    assert replay(Endpoint.UPLOAD, "e06_upload.json", 200, {})
    assert replay(
        Endpoint.UPLOAD, "e06_upload.json", 200, {"X-VaultAPI-VaultId": "", "X-VaultAPI-UserId": ""}
    )
    meta = wire.read_meta({"X-VaultAPI-VaultId": "99999"})
    assert wire.decipher(WIRE.me(UNLINKED), 200, meta, recorded("e34_me.json")).meta.vault_id == "99999"


def test_meta__reads_vaults_headers_in_any_case() -> None:
    for headers in (HEADERS, {name.lower(): value for name, value in HEADERS.items()}):
        meta = wire.read_meta(headers)
        assert meta.execution_id == HEADERS["X-VaultAPI-ExecutionId"]
        assert meta.burst == wire.Burst(limit=2000, remaining=1987)
        assert meta.truncated_session_id == "4C1E"
        assert meta.delay_ms is None
    assert wire.read_meta({"X-VaultAPI-ResponseDelay": "500"}).delay_ms == 500


def test_meta__what_is_logged_is_clipped() -> None:
    meta = wire.read_meta(
        {"X-VaultAPI-ExecutionId": "abc\n/u302114/x", "X-VaultAPI-TruncatedSessionId": "A" * 128}
    )
    assert meta.execution_id == "abc"
    assert meta.truncated_session_id == "A" * 12


# Pages


def page_after(link: object, endpoint: Endpoint = Endpoint.UPLOADS) -> wire.Request | None:
    answer = wire.Answer(payload={"responseDetails": {"next_page": link}}, meta=wire.Meta())
    return WIRE.next_page(REQUESTS[endpoint], answer)


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("https://nordlicht-rim.veevavault.com/api/v24.3/x?cursor=a%3D", "/api/v24.3/x?cursor=a%3D"),
        ("https://NORDLICHT-rim.veevavault.com:443/api/v24.3/x?cursor=a", "/api/v24.3/x?cursor=a"),
        ("/api/v24.3/x?cursor=a#fragment", "/api/v24.3/x?cursor=a"),
        ("/services/file_staging/upload?cursor=a", "/api/v24.3/services/file_staging/upload?cursor=a"),
        ("services/file_staging/upload?cursor=a", "/api/v24.3/services/file_staging/upload?cursor=a"),
    ],
)
def test_next_page__same_vault(link: str, target: str) -> None:
    request = page_after(link)
    assert request is not None
    assert request.url == VAULT.url + target
    assert request.headers["Authorization"] == "Bearer ABCDEF0123456789"
    assert request.identity == MARA


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/v24.3/x?cursor=a",
        "https://nordlicht-rim.veevavault.com.evil.example/api/x",
        "https://nordlicht-rim.veevavault.com@evil.example/api/x",
        "https://evil.example@nordlicht-rim.veevavault.com/api/x",
        "https://nordlicht-rim.veevavault.com:8443/api/x",
        "https://nordlicht-rim.veevavault.com:port/api/x",
        "http://nordlicht-rim.veevavault.com/api/x",
        "//evil.example/api/x",
        "///evil.example/api/x",
        "\\\\evil.example\\api",
        "/\\evil.example/api",
        "/api/../../x",
        "https://[evil/api",
        "javascript:alert(1)",
        "/api/v24.3/x y",
        "/api/v24.3/ü",
        7,
        ["x"],
        True,
    ],
)
def test_next_page__elsewhere_is_refused(link: object) -> None:
    with pytest.raises(errors.VaultAnswerStrange):
        page_after(link)


@pytest.mark.parametrize("payload", [{}, {"responseDetails": None}, {"responseDetails": {"next_page": ""}}])
def test_next_page__none(payload: dict[str, object]) -> None:
    assert WIRE.next_page(REQUESTS[Endpoint.UPLOADS], wire.Answer(payload=payload, meta=wire.Meta())) is None


def test_next_page__recorded() -> None:
    for endpoint, name in (
        (Endpoint.UPLOADS, "e05_uploads_next_page"),
        (Endpoint.PARTS, "e08_parts_next_page"),
    ):
        answer = decipher(endpoint, recorded(f"{name}.json"))
        request = WIRE.next_page(REQUESTS[endpoint], answer)
        assert request is not None
        assert urlsplit(request.url).query.startswith("cursor=")


@given(
    link=st.text(max_size=80) | st.from_regex(r"(https?:)?[/\\]{0,3}[a-z.@:\[\]/\\?#]{0,40}", fullmatch=True)
)
def test_next_page__never_leaves_the_vault(link: str) -> None:
    try:
        request = page_after(link)
    except errors.VaultAnswerStrange:
        return
    assert request is None or request.url.startswith(f"{VAULT.url}/api/") or "/api/" not in link
    assert request is None or request.url.startswith(f"{VAULT.url}/")


# Anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["data", "errors", "type", "users", "user", "id", "size", "path", "owner", "values"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)
ENVELOPES = st.builds(
    lambda outcome, inner: json.dumps(
        {**(inner if isinstance(inner, dict) else {"data": inner}), "responseStatus": outcome}
    ).encode(),
    st.sampled_from(["SUCCESS", "WARNING", "FAILURE", "EXCEPTION", "", "success"]),
    JSON,
)
HEADER_NAMES = st.sampled_from([*HEADERS, "Retry-After", "X-VaultAPI-DowntimeExpectedDurationMinutes", "x"])


@given(
    endpoint=st.sampled_from(list(Endpoint)),
    status=st.integers(-1, 1000) | st.just(200),
    headers=st.dictionaries(HEADER_NAMES, st.text(max_size=12) | st.sampled_from(["1", "302114", "48120"])),
    body=st.binary(max_size=200) | ENVELOPES | JSON.map(json.dumps).map(str.encode),
)
def test_anything__is_a_value_or_one_of_our_errors(
    endpoint: Endpoint, status: int, headers: dict[str, str], body: bytes
) -> None:
    try:
        answer = decipher(endpoint, body, status, headers)
        if endpoint in READERS:
            READERS[endpoint](VAULT, answer.payload)
        WIRE.next_page(REQUESTS[endpoint], answer)
    except errors.BotError:
        return


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"responseStatus":' + b"1" * 5000 + b"}", b"NaN"])
def test_anything__json_made_to_break_parsers(body: bytes) -> None:
    with pytest.raises(errors.VaultAnswerStrange):
        decipher(Endpoint.UPLOAD, body)
