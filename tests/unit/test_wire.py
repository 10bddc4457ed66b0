"""Vault's protocol without a network: requests looked at, headers, pages, and anything at all thrown in."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import errors
from bot.model.accounts import Access, Identity
from bot.model.secret import Secret
from bot.vault import answers, messages, wire
from bot.vault.endpoints import Endpoint
from tests.unit.vault_replay import (
    ACCESS,
    HEADERS,
    MARA,
    PROFILE_ID,
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
        (Endpoint.DISCOVERY, "/auth/discovery"),
        (Endpoint.SIGN_IN, "/api/v24.3/auth"),
        (Endpoint.EXCHANGE, f"/auth/oauth/session/{PROFILE_ID}"),
        (Endpoint.ME, "/api/v24.3/objects/users/me"),
        (Endpoint.USER, "/api/v24.3/objects/users/302114"),
        (Endpoint.QUERY, "/api/v26.2/query"),
        (Endpoint.UPLOADS, "/api/v24.3/services/file_staging/upload"),
        (Endpoint.UPLOAD, f"/api/v24.3/services/file_staging/upload/{UPLOAD_ID}"),
        (Endpoint.PARTS, f"/api/v24.3/services/file_staging/upload/{UPLOAD_ID}/parts"),
        (Endpoint.ABORT, f"/api/v24.3/services/file_staging/upload/{UPLOAD_ID}"),
        (Endpoint.ITEMS, "/api/v24.3/services/file_staging/items/wave2"),
        (Endpoint.KEEP_ALIVE, "/api/v24.3/keep-alive"),
        (Endpoint.END_SESSION, "/api/v24.3/session"),
    ],
)
def test_request__address_and_headers(endpoint: Endpoint, url: str) -> None:
    request = REQUESTS[endpoint]
    on_login_host = endpoint in (Endpoint.DISCOVERY, Endpoint.EXCHANGE)
    assert request.url == ("https://login.veevavault.com" if on_login_host else VAULT.url) + url
    assert request.headers["Accept"] == "application/json"
    assert request.headers["X-VaultAPI-ClientID"] == "vault-upload-bot"
    assert request.headers["User-Agent"].startswith("vault-upload-bot/")
    credentials = {
        Endpoint.DISCOVERY: None,
        Endpoint.SIGN_IN: None,
        Endpoint.EXCHANGE: "Bearer eyJ.idp.token",
    }
    assert request.headers.get("Authorization") == credentials.get(endpoint, "Bearer ABCDEF0123456789")


@pytest.mark.parametrize(
    ("endpoint", "form"),
    [
        (Endpoint.DISCOVERY, {"username": "mara@nordlicht"}),
        (Endpoint.SIGN_IN, {"username": "mara@nordlicht", "password": "p&w d=ü"}),
        (Endpoint.EXCHANGE, {"vaultDNS": "nordlicht-rim.veevavault.com"}),
        (
            Endpoint.QUERY,
            {
                "q": "SELECT id, name__v, expiry_date__sys, last_used_date__sys FROM api_access_token__sys "
                "WHERE user__sys = '302114' AND status__v = 'active__v'"
            },
        ),
    ],
)
def test_request__forms(endpoint: Endpoint, form: dict[str, str]) -> None:
    request = REQUESTS[endpoint]
    assert parse_qs(request.form.decode()) == {name: [value] for name, value in form.items()}
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_request__versions_without_a_credential() -> None:
    request = WIRE.versions(VAULT, None)
    assert request.url == f"{VAULT.url}/api/"
    assert "Authorization" not in request.headers


def test_request__login_host_is_a_setting() -> None:
    own = wire.Wire("v24.3", "bot", "http://127.0.0.1:8080/")
    exchange = own.exchange(VAULT, Secret("eyJ"), "a/b?c")
    assert exchange.url == "http://127.0.0.1:8080/auth/oauth/session/a%2Fb%3Fc"
    assert (exchange.vault, exchange.identity) == (VAULT, None)
    discovery = own.discover("mara")
    assert discovery.url == "http://127.0.0.1:8080/auth/discovery"
    assert discovery.vault.name == "127.0.0.1:8080"


@pytest.mark.parametrize("profile_id", ["", ".", ".."])
def test_request__profile_id_that_is_another_path(profile_id: str) -> None:
    with pytest.raises(errors.VaultRefused):
        WIRE.exchange(VAULT, Secret("eyJ"), profile_id)


@pytest.mark.parametrize("user_id", ["", "1' OR id = '1", "302114 ", "٣"])
def test_request__token_query_holds_digits_alone(user_id: str) -> None:
    someone = replace(ACCESS, identity=Identity(vault_user_id=user_id, vault_id="48120"))
    with pytest.raises(errors.VaultAnswerStrange):
        WIRE.tokens(someone, "v26.2")


@pytest.mark.parametrize("endpoint", list(Endpoint))
def test_request__printing_shows_no_secret_and_no_id(endpoint: Endpoint) -> None:
    shown = repr(REQUESTS[endpoint])
    secrets = ("ABCDEF", "p&w", "p%26w", "eyJ", UPLOAD_ID, PROFILE_ID, "mara", "302114", "wave2")
    assert not any(word in shown for word in secrets)


def test_request__only_reading_is_repeatable() -> None:
    assert {endpoint for endpoint in Endpoint if not endpoint.repeatable} == {
        Endpoint.DISCOVERY,
        Endpoint.SIGN_IN,
        Endpoint.EXCHANGE,
        Endpoint.QUERY,
        Endpoint.ABORT,
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


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        ("", "/"),
        ("/", "/"),
        ("wave2", "/wave2"),
        ("/u10001400/wave 2//old/", "/u10001400/wave%202/old"),
        ("a?b/c#d%2F/\\e/Ångström \ud800", "/a%3Fb/c%23d%252F/%5Ce/%C3%85ngstr%C3%B6m%20%3F"),
        ("a..b/.c", "/a..b/.c"),
    ],
)
def test_request__folder_has_as_many_segments(folder: str, path: str) -> None:
    assert WIRE.items(ACCESS, folder).url == f"{VAULT.url}/api/v24.3/services/file_staging/items{path}"


@pytest.mark.parametrize("folder", [".", "..", "a/../b", "/./a", "a/.."])
def test_request__folder_that_is_another_path(folder: str) -> None:
    with pytest.raises(errors.VaultRefused):
        WIRE.items(ACCESS, folder)


@pytest.mark.parametrize(("user_id", "segment"), [("1/2", "1%2F2"), ("me?x", "me%3Fx")])
def test_request__user_id_stays_one_segment(user_id: str, segment: str) -> None:
    assert WIRE.user(ACCESS, user_id).url.endswith(f"/objects/users/{segment}")


@pytest.mark.parametrize("credential", ["", "two words", "a\r\nX-Evil: 1", "tökén", "a" * 16385])
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
    meta = answers.read_meta({"X-VaultAPI-VaultId": "99999"})
    assert answers.decipher(WIRE.me(UNLINKED), 200, meta, recorded("e34_me.json")).meta.vault_id == "99999"


def test_meta__reads_vaults_headers_in_any_case() -> None:
    for headers in (HEADERS, {name.lower(): value for name, value in HEADERS.items()}):
        meta = answers.read_meta(headers)
        assert meta.execution_id == HEADERS["X-VaultAPI-ExecutionId"]
        assert meta.burst == messages.Burst(limit=2000, remaining=1987)
        assert meta.truncated_session_id == "4C1E"
        assert meta.delay_ms is None
    assert answers.read_meta({"X-VaultAPI-ResponseDelay": "500"}).delay_ms == 500


def test_meta__what_is_logged_is_clipped() -> None:
    meta = answers.read_meta(
        {"X-VaultAPI-ExecutionId": "abc\n/u302114/x", "X-VaultAPI-TruncatedSessionId": "A" * 128}
    )
    assert meta.execution_id == "abc"
    assert meta.truncated_session_id == "A" * 12


# Pages


def page_after(link: object, endpoint: Endpoint = Endpoint.UPLOADS) -> messages.Request | None:
    answer = messages.Answer(payload={"responseDetails": {"next_page": link}}, meta=messages.Meta())
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
    assert (
        WIRE.next_page(REQUESTS[Endpoint.UPLOADS], messages.Answer(payload=payload, meta=messages.Meta()))
        is None
    )


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
                [
                    "data",
                    "errors",
                    "type",
                    "users",
                    "user",
                    "id",
                    "size",
                    "path",
                    "owner",
                    "values",
                    "auth_type",
                    "kind",
                ]
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
