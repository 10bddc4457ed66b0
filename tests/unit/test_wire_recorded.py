"""Recorded answers of Vault replayed: what they say when they are good, and which error they mean when not."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.model import errors
from bot.model.accounts import Identity
from bot.model.uploads import StagedFile
from bot.vault import records, refusals
from bot.vault.endpoints import Endpoint
from tests.unit.vault_replay import (
    HEADERS,
    PROFILE_ID,
    RECORDED,
    REQUESTS,
    UPLOAD_ID,
    VAULT,
    decipher,
    recorded,
    replay,
)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# Answers that are good


def test_upload__recorded() -> None:
    upload = records.read_upload(VAULT, decipher(Endpoint.UPLOAD, recorded("e06_upload.json")).payload)
    assert upload.id == UPLOAD_ID
    assert (upload.path, upload.name) == ("/wave2/m5-datasets.zip", "m5-datasets.zip")
    assert (upload.size, upload.uploaded, upload.uploaded_parts) == (7516192768, 3171942400, 121)
    assert upload.created == moment("2026-03-02T08:14:09Z")
    assert upload.expires == moment("2026-03-05T08:14:09Z")
    assert upload.last_uploaded == moment("2026-03-02T11:40:51Z")
    assert (upload.owner, upload.overwrite) == ("302114", True)


def test_uploads__recorded() -> None:
    owner = records.read_uploads(
        VAULT, decipher(Endpoint.UPLOADS, recorded("e02_uploads_owner.json")).payload
    )
    assert [upload.name for upload in owner] == ["m5-datasets.zip", "video-demo.mp4"]
    admin = records.read_uploads(
        VAULT, decipher(Endpoint.UPLOADS, recorded("e03_uploads_admin.json")).payload
    )
    assert [upload.owner for upload in admin] == ["302114", "302377", "302114"]
    old_style = admin[2]
    assert (old_style.name, old_style.overwrite, old_style.id[0]) == ("label set.pdf", None, ".")
    assert replay(Endpoint.UPLOADS, "e04_uploads_none.json") == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("odd_upload_ids_as_text.json", {"owner": "302114", "size": 7516192768}),
        ("odd_upload_without_optional.json", {"name": "m5-datasets.zip", "overwrite": None}),
        ("odd_upload_null_optional.json", {"name": "m5-datasets.zip", "overwrite": None}),
        ("odd_upload_huge.json", {"size": 9007199254740993000, "uploaded": 9007199254740992999}),
        ("odd_upload_offset_zone.json", {"expires": moment("2026-03-05T08:14:09Z")}),
        ("odd_warning.json", {"id": UPLOAD_ID}),
    ],
)
def test_upload__odd_but_plain(name: str, expected: dict[str, object]) -> None:
    upload = replay(Endpoint.UPLOAD, name)
    assert {field: getattr(upload, field) for field in expected} == expected


def test_upload__last_uploaded_falls_back_to_created() -> None:
    upload = records.read_upload(VAULT, json.loads(recorded("odd_upload_without_optional.json")))
    assert upload.last_uploaded == upload.created


def test_parts__recorded() -> None:
    parts = records.read_parts(VAULT, decipher(Endpoint.PARTS, recorded("e08_parts_next_page.json")).payload)
    assert [(part.number, part.size) for part in parts] == [(1, 26214400), (2, 26214400)]
    assert parts[0].md5 == "0cc175b9c0f1b6a831c399e269772661"
    assert replay(Endpoint.PARTS, "e09_parts_none.json") == []
    odd = records.read_parts(VAULT, json.loads(recorded("odd_parts.json")))
    assert [(part.number, part.size, part.md5) for part in odd] == [(2, 5, "abc"), (1, 7, "")]


def test_me__recorded() -> None:
    user = records.read_user(VAULT, decipher(Endpoint.ME, recorded("e34_me.json")).payload)
    assert (user.id, user.full_name) == ("302114", "Mara Lindqvist")
    assert (user.user_name, user.email) == (
        "mlindqvist@nordlicht-bio.com",
        "mara.lindqvist@nordlicht-bio.com",
    )
    assert user.security_profile == "document_user__v"
    assert replay(Endpoint.ME, "e35_me_delegated.json") == user
    assert replay(Endpoint.USER, "e34_me.json") == user


def test_items__recorded_files_alone() -> None:
    demo = StagedFile(
        path="/wave2/video-demo.mp4",
        name="video-demo.mp4",
        size=41943040,
        modified=moment("2026-03-01T17:09:00Z"),
    )
    assert replay(Endpoint.ITEMS, "e42_items.json") == [demo]
    odd = replace(demo, path="/wave2/no name.bin", name="no name.bin", size=7)
    assert replay(Endpoint.ITEMS, "odd_items.json") == [odd]
    assert replay(Endpoint.ITEMS, "e04_uploads_none.json") == []


@pytest.mark.parametrize(
    ("name", "vault_id", "host"),
    [
        ("e26_signed_in.json", "48120", "nordlicht-rim.veevavault.com"),
        ("e27_signed_in_elsewhere.json", "48133", "nordlicht-quality.veevavault.com"),
        ("odd_signed_in_unlisted.json", "48120", None),
    ],
)
def test_sign_in__recorded(name: str, vault_id: str, host: str | None) -> None:
    signed_in = replay(Endpoint.SIGN_IN, name)
    assert isinstance(signed_in, records.SignedIn)
    assert signed_in.identity == Identity(vault_user_id="302114", vault_id=vault_id)
    assert signed_in.vault_host == host
    assert signed_in.credential.reveal() not in repr(signed_in)


def test_exchange__recorded_like_a_login() -> None:
    for name in ("e26_signed_in.json", "e27_signed_in_elsewhere.json"):
        assert replay(Endpoint.EXCHANGE, name) == replay(Endpoint.SIGN_IN, name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("e31_discovery_password.json", records.Discovery(single_sign_on=False, profiles=(), label="")),
        ("e32_discovery_saml.json", records.Discovery(single_sign_on=True, profiles=(), label="")),
        (
            "e33_discovery_oidc.json",
            records.Discovery(single_sign_on=True, profiles=(PROFILE_ID,), label="Corporate IdP"),
        ),
        ("odd_discovery_null_profiles.json", records.Discovery(single_sign_on=True, profiles=(), label="")),
        (
            "odd_discovery_labels.json",
            records.Discovery(single_sign_on=True, profiles=("7", "_b"), label="Corporate IdP " + "x" * 66),
        ),
    ],
)
def test_discovery__recorded(name: str, expected: records.Discovery) -> None:
    assert replay(Endpoint.DISCOVERY, name) == expected


@pytest.mark.parametrize(
    ("name", "expires"),
    [
        ("tokens_one.json", moment("2026-06-01T23:59:59Z")),
        ("tokens_several.json", moment("2026-05-04T12:00:00Z")),
        ("tokens_used_together.json", None),
        ("tokens_one_unused.json", None),
        ("tokens_never_used.json", None),
        ("tokens_none.json", None),
        ("tokens_endless.json", None),
    ],
)
def test_token_expiry__of_the_one_in_use(name: str, expires: datetime | None) -> None:
    assert replay(Endpoint.QUERY, name) == expires


def test_versions__recorded_oldest_first() -> None:
    assert replay(Endpoint.VERSIONS, "e40_versions.json") == ["v24.1", "v24.2", "v24.3"]
    assert records.read_versions(VAULT, {"values": {"v24.3": "", "v9.0": "", "v24.10": ""}}) == [
        "v9.0",
        "v24.3",
        "v24.10",
    ]


@pytest.mark.parametrize("endpoint", [Endpoint.KEEP_ALIVE, Endpoint.END_SESSION])
def test_done__recorded(endpoint: Endpoint) -> None:
    assert replay(endpoint, "e14_done.json") is None


# Answers that are refusals

REFUSALS = [
    (Endpoint.UPLOAD, "e15_dead_session.json", 200, errors.CredentialRefused),
    (Endpoint.KEEP_ALIVE, "e15_dead_session.json", 200, errors.CredentialRefused),
    (Endpoint.UPLOAD, "e15_dead_session.json", 500, errors.CredentialRefused),
    (Endpoint.UPLOADS, "odd_errors_are_text.json", 200, errors.CredentialRefused),
    (Endpoint.ME, "e30_expired_token.json", 200, errors.CredentialRefused),
    (Endpoint.UPLOADS, "e16_no_api_permission.json", 200, errors.NoStagingAccess),
    (Endpoint.ME, "e16_no_api_permission.json", 200, errors.NoStagingAccess),
    (Endpoint.UPLOADS, "e17_no_staging_access.json", 200, errors.NoStagingAccess),
    (Endpoint.UPLOAD, "e18_not_visible_invalid_data.json", 200, errors.NotFoundInVault),
    (Endpoint.UPLOAD, "e19_not_visible_insufficient_access.json", 200, errors.NotFoundInVault),
    (Endpoint.UPLOAD, "e20_not_visible_malformed_url.json", 200, errors.NotFoundInVault),
    (Endpoint.PARTS, "e21_not_allowed.json", 200, errors.NotFoundInVault),
    (Endpoint.UPLOAD, "page_gateway.html", 404, errors.NotFoundInVault),
    (Endpoint.PARTS, "page_gateway.html", 403, errors.NotFoundInVault),
    (Endpoint.UPLOADS, "e18_not_visible_invalid_data.json", 200, errors.VaultRefused),
    (Endpoint.UPLOADS, "page_gateway.html", 404, errors.VaultRefused),
    (Endpoint.UPLOADS, "page_gateway.html", 403, errors.NoStagingAccess),
    (Endpoint.ME, "page_gateway.html", 401, errors.CredentialRefused),
    (Endpoint.SIGN_IN, "page_gateway.html", 403, errors.VaultRefused),
    (Endpoint.UPLOAD, "e22_parameter_required.json", 200, errors.VaultRefused),
    (Endpoint.UPLOAD, "odd_unknown_type.json", 200, errors.VaultRefused),
    (Endpoint.UPLOAD, "odd_hostile_type.json", 200, errors.VaultRefused),
    (Endpoint.UPLOAD, "odd_no_errors.json", 200, errors.VaultRefused),
    (Endpoint.UPLOAD, "e24_crash.json", 200, errors.VaultUnavailable),
    (Endpoint.SIGN_IN, "odd_exception_without_errors.json", 200, errors.VaultUnavailable),
    (Endpoint.UPLOADS, "type_race_condition.json", 200, errors.VaultUnavailable),
    (Endpoint.UPLOADS, "type_operation_in_progress.json", 200, errors.VaultUnavailable),
    (Endpoint.UPLOAD, "e25_configuration_mode.json", 200, errors.VaultConfiguring),
    (Endpoint.UPLOAD, "e13_asked_too_soon.json", 200, errors.VaultBusy),
    (Endpoint.SIGN_IN, "e29_too_many_logins.json", 200, errors.VaultBusy),
    (Endpoint.UPLOAD, "page_gateway.html", 429, errors.VaultBusy),
    (Endpoint.UPLOAD, "page_gateway.html", 408, errors.VaultSlow),
    (Endpoint.UPLOAD, "page_gateway.html", 502, errors.VaultUnavailable),
    (Endpoint.UPLOAD, "e06_upload.json", 503, errors.VaultUnavailable),
    (Endpoint.UPLOAD, "truncated.json", 500, errors.VaultUnavailable),
    (Endpoint.UPLOAD, "empty.txt", 504, errors.VaultUnavailable),
    (Endpoint.SIGN_IN, "e28_wrong_password.json", 200, errors.CredentialRefused),
    (Endpoint.SIGN_IN, "type_no_password_provided.json", 200, errors.CredentialRefused),
    (Endpoint.SIGN_IN, "type_user_not_found.json", 200, errors.CredentialRefused),
    (Endpoint.SIGN_IN, "odd_login_without_errors.json", 200, errors.CredentialRefused),
    (Endpoint.SIGN_IN, "type_user_locked_out.json", 200, errors.LoginRefused),
    (Endpoint.SIGN_IN, "type_password_change_required.json", 200, errors.LoginRefused),
    (Endpoint.SIGN_IN, "type_inactive_user.json", 200, errors.LoginRefused),
    (Endpoint.SIGN_IN, "e16_no_api_permission.json", 200, errors.LoginRefused),
    (Endpoint.EXCHANGE, "e30_expired_token.json", 200, errors.CredentialRefused),
    (Endpoint.EXCHANGE, "type_invalid_token.json", 200, errors.CredentialRefused),
    (Endpoint.EXCHANGE, "page_gateway.html", 401, errors.CredentialRefused),
    (Endpoint.EXCHANGE, "page_gateway.html", 403, errors.VaultRefused),
    (Endpoint.EXCHANGE, "e18_not_visible_invalid_data.json", 200, errors.VaultRefused),
    (Endpoint.EXCHANGE, "type_user_not_found.json", 200, errors.LoginRefused),
    (Endpoint.EXCHANGE, "type_inactive_user.json", 200, errors.LoginRefused),
    (Endpoint.EXCHANGE, "e16_no_api_permission.json", 200, errors.LoginRefused),
    (Endpoint.EXCHANGE, "e24_crash.json", 200, errors.VaultUnavailable),
    (Endpoint.EXCHANGE, "e31_discovery_password.json", 200, errors.VaultAnswerStrange),
    (Endpoint.DISCOVERY, "type_user_not_found.json", 200, errors.VaultRefused),
    (Endpoint.DISCOVERY, "e15_dead_session.json", 200, errors.VaultRefused),
    (Endpoint.DISCOVERY, "type_inactive_user.json", 200, errors.VaultRefused),
    (Endpoint.DISCOVERY, "odd_login_without_errors.json", 200, errors.VaultRefused),
    (Endpoint.DISCOVERY, "page_gateway.html", 401, errors.VaultRefused),
    (Endpoint.DISCOVERY, "page_gateway.html", 403, errors.VaultRefused),
    (Endpoint.DISCOVERY, "e29_too_many_logins.json", 200, errors.VaultBusy),
    (Endpoint.DISCOVERY, "page_gateway.html", 503, errors.VaultUnavailable),
    (Endpoint.DISCOVERY, "bad_discovery_type.json", 200, errors.VaultAnswerStrange),
    (Endpoint.DISCOVERY, "e14_done.json", 200, errors.VaultAnswerStrange),
    (Endpoint.QUERY, "type_incorrect_query_syntax_error.json", 200, errors.VaultRefused),
    (Endpoint.QUERY, "e18_not_visible_invalid_data.json", 200, errors.VaultRefused),
    (Endpoint.QUERY, "bad_tokens_no_zone.json", 200, errors.VaultAnswerStrange),
    (Endpoint.UPLOAD, "type_inactive_user.json", 200, errors.CredentialRefused),
    (Endpoint.UPLOAD, "page_sign_in.html", 200, errors.VaultAnswerStrange),
    (Endpoint.UPLOAD, "truncated.json", 200, errors.VaultAnswerStrange),
    (Endpoint.UPLOAD, "empty.txt", 200, errors.VaultAnswerStrange),
    (Endpoint.KEEP_ALIVE, "empty.txt", 204, errors.VaultAnswerStrange),
    (Endpoint.USER, "e15_dead_session.json", 200, errors.CredentialRefused),
    (Endpoint.USER, "page_gateway.html", 401, errors.CredentialRefused),
    (Endpoint.USER, "e16_no_api_permission.json", 200, errors.VaultRefused),
    (Endpoint.USER, "e18_not_visible_invalid_data.json", 200, errors.VaultRefused),
    (Endpoint.USER, "type_user_not_found.json", 200, errors.VaultRefused),
    (Endpoint.USER, "type_inactive_user.json", 200, errors.VaultRefused),
    (Endpoint.USER, "type_user_locked_out.json", 200, errors.VaultRefused),
    (Endpoint.USER, "page_gateway.html", 403, errors.VaultRefused),
    (Endpoint.USER, "page_gateway.html", 404, errors.VaultRefused),
    (Endpoint.USER, "odd_users_empty.json", 200, errors.VaultAnswerStrange),
    (Endpoint.ITEMS, "e15_dead_session.json", 200, errors.CredentialRefused),
    (Endpoint.ITEMS, "e17_no_staging_access.json", 200, errors.NoStagingAccess),
    (Endpoint.ITEMS, "e18_not_visible_invalid_data.json", 200, errors.VaultRefused),
    (Endpoint.ITEMS, "e20_not_visible_malformed_url.json", 200, errors.VaultRefused),
    (Endpoint.ITEMS, "page_gateway.html", 404, errors.VaultRefused),
    (Endpoint.ITEMS, "page_gateway.html", 503, errors.VaultUnavailable),
    (Endpoint.ITEMS, "e06_upload.json", 200, errors.VaultAnswerStrange),
    (Endpoint.ITEMS, "bad_items_size.json", 200, errors.VaultAnswerStrange),
    (Endpoint.UPLOAD, "not_utf8.bin", 200, errors.VaultAnswerStrange),
    (Endpoint.UPLOAD, "odd_array.json", 200, errors.VaultAnswerStrange),
    (Endpoint.UPLOAD, "odd_no_envelope.json", 200, errors.VaultAnswerStrange),
    (Endpoint.UPLOAD, "odd_unknown_status.json", 200, errors.VaultAnswerStrange),
    (Endpoint.UPLOAD, "e06_upload.json", 302, errors.VaultAnswerStrange),
    (Endpoint.UPLOAD, "e15_dead_session.json", 307, errors.VaultAnswerStrange),
    (Endpoint.UPLOAD, "odd_upload_as_list.json", 200, errors.VaultAnswerStrange),
    (Endpoint.UPLOAD, "e14_done.json", 200, errors.VaultAnswerStrange),
    (Endpoint.UPLOADS, "e14_done.json", 200, errors.VaultAnswerStrange),
    (Endpoint.ME, "odd_users_empty.json", 200, errors.VaultAnswerStrange),
    (Endpoint.SIGN_IN, "bad_signed_in_session.json", 200, errors.VaultAnswerStrange),
    (Endpoint.VERSIONS, "bad_version_names.json", 200, errors.VaultAnswerStrange),
    *[
        (Endpoint.UPLOAD, path.name, 200, errors.VaultAnswerStrange)
        for path in sorted(RECORDED.glob("bad_upload_*"))
    ],
]


@pytest.mark.parametrize(("endpoint", "name", "status", "expected"), REFUSALS)
def test_refusal__recorded(
    endpoint: Endpoint, name: str, status: int, expected: type[errors.BotError]
) -> None:
    with pytest.raises(errors.BotError) as caught:
        replay(endpoint, name, status)
    assert type(caught.value) is expected
    named = REQUESTS[endpoint].vault.name
    assert named in str(caught.value) or "{vault}" not in expected.what
    assert not any(word in repr(caught.value.details) for word in ("m5-datasets", "302114", "channel"))
    assert caught.value.__cause__ is None


def test_recordings__are_all_replayed() -> None:
    here = Path(__file__).parent
    tests = "".join((here / name).read_text("utf-8") for name in ("test_wire.py", "test_wire_recorded.py"))
    names = [path.name for path in RECORDED.iterdir() if not path.name.startswith("bad_upload_")]
    assert [name for name in names if name.removesuffix(".json") not in tests] == []


def test_refusal__login_words_are_sentences() -> None:
    for words in (
        refusals.LOCKED_OUT,
        refusals.PASSWORD_CHANGE,
        refusals.INACTIVE,
        refusals.NO_ACCESS,
        refusals.NO_USER,
    ):
        error = errors.LoginRefused(**words)
        assert error.sentence == f"Vault did not let you in: {words['reason']}."
        assert error.remedy.endswith(".")
        assert not words["reason"].endswith(".")


def test_refusal__error_type_is_made_safe() -> None:
    with pytest.raises(errors.VaultRefused) as caught:
        replay(Endpoint.UPLOAD, "odd_hostile_type.json")
    assert caught.value.details["error_type"] == "unknown"


@pytest.mark.parametrize(
    ("retry_after", "minutes", "seconds"),
    [
        (None, 1, 60.0),
        ("3", 1, 3.0),
        ("150", 3, 150.0),
        ("0", 1, 0.0),
        ("-5", 1, 60.0),
        ("nan", 1, 60.0),
        ("1e99", 1, 60.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 1, 60.0),
    ],
)
def test_busy__says_how_long(retry_after: str | None, minutes: int, seconds: float) -> None:
    headers = {**HEADERS} if retry_after is None else {**HEADERS, "retry-after": retry_after}
    with pytest.raises(errors.VaultBusy) as caught:
        replay(Endpoint.UPLOAD, "page_gateway.html", 429, headers)
    assert (caught.value.details["minutes"], caught.value.details["seconds"]) == (minutes, seconds)
