"""ID tokens and key sets as nobody should send them: refused, and nothing else."""

import base64
import json
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from bot.idp.id_token import ALGORITHMS, NotTrusted, import_keys, read_subject

KEY = ECKey.generate_key("P-256", {"kid": "ours", "use": "sig"})
PUBLIC = KEY.as_dict(private=False)
GOOD: dict[str, Any] = {"iss": "i", "sub": "s", "aud": "c", "exp": 1100, "iat": 1000, "nonce": "n"}
ODD: list[Any] = [None, 1, -1, 1.5, True, "", [], ["x"], {}, {"a": 1}, 10**400, [None]]


def read(token: str, keys: list[Any] | None = None) -> str:
    return read_subject(
        token, import_keys({"keys": keys or [PUBLIC]}), issuer="i", client_id="c", nonce="n",
        access_token="at", now=1000,
    )  # fmt: skip


def signed(claims: object, **header: Any) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims)
    return jws.serialize_compact({"alg": "ES256", "kid": "ours", **header}, payload, KEY)


def segment(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def failed(token: str, keys: list[Any] | None = None) -> str:
    with pytest.raises(NotTrusted) as found:
        read(token, keys)
    assert found.value.reason.startswith(("its answer", "the parts of its answer"))
    return found.value.check


def test_read_subject__of_a_good_one() -> None:
    assert read(signed(GOOD)) == "s"
    assert read(signed({**GOOD, "aud": ["c"], "azp": "c", "unheard_of": [1]}, x5t="of the key")) == "s"


def test_algorithms__are_signatures_by_a_key_pair() -> None:
    assert not [one for one in ALGORITHMS if one == "none" or one.startswith("HS")]


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSAKey.generate_key(2048), "RS256"),
        (ECKey.generate_key("P-521"), "ES512"),
        (OKPKey.generate_key("Ed25519"), "EdDSA"),
    ],
)
@pytest.mark.filterwarnings("ignore:EdDSA")  # joserfc warns of the name while the test signs with it
def test_read_subject__without_a_key_id_where_there_is_one_key(key: Any, algorithm: str) -> None:
    token = jwt.encode({"alg": algorithm}, GOOD, key, algorithms=[algorithm])
    assert read(token, [key.as_dict(private=False)]) == "s"
    assert failed(token, [key.as_dict(private=False), PUBLIC]) == "signature"


def test_read_subject__signed_with_the_public_key_as_a_secret() -> None:
    secret = json.dumps(PUBLIC).encode()
    token = jwt.encode({"alg": "HS256", "kid": "ours"}, GOOD, OctKey.import_key(secret))
    assert failed(token) == "signature"
    assert failed(token, [PUBLIC, {"kty": "oct", "kid": "ours", "k": segment(secret)}]) == "signature"


@pytest.mark.parametrize("header", [{"crit": ["unheard_of"]}, {"crit": 1}, {"b64": False}, {"alg": "ES384"}])
def test_read_subject__with_a_header_that_means_something_else(header: dict[str, Any]) -> None:
    head = {"alg": "ES256", "kid": "ours", **header}
    signature = signed(GOOD).rpartition(".")[2]
    assert failed(f"{segment(head)}.{segment(GOOD)}.{signature}") == "signature"


@pytest.mark.parametrize("name", ["alg", "kid", "typ", "crit", "b64", "jwk"])
@pytest.mark.parametrize("value", ODD, ids=lambda one: str(one)[:8])
def test_read_subject__with_an_odd_header(name: str, value: Any) -> None:
    head = {"alg": "ES256", "kid": "ours", name: value}
    assert failed(f"{segment(head)}.{segment(GOOD)}.AAAA") == "signature"


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "a.b.c.d.e", "é.é.é", "x" * 200_000, f"{segment(b'[' * 300)}.a.b"],
    ids=lambda one: one[:8],
)
def test_read_subject__of_what_is_no_token(token: str) -> None:
    assert failed(token) == "signature"


@pytest.mark.parametrize("payload", [b"[]", b"1", b"\xff", b"{", b"null"])
def test_read_subject__of_what_holds_no_claims(payload: bytes) -> None:
    assert failed(signed(payload)) == "signature"


@pytest.mark.parametrize("name", list(GOOD))
@pytest.mark.parametrize("value", [*(one for one in ODD if one != 10**400), "another"], ids=str)
def test_read_subject__with_an_odd_claim(name: str, value: Any) -> None:
    if (name, value) in (("sub", "another"), ("iat", 1), ("iat", -1), ("iat", 1.5)) and value is not True:
        return  # of the past, or of anybody, is fine
    assert failed(signed({**GOOD, name: value})) == name
    without = {one: GOOD[one] for one in GOOD if one != name}
    assert failed(signed(without)) == name


@pytest.mark.parametrize("value", [1, True, "", [], {}, ["x"], "wrong"], ids=str)
def test_read_subject__with_an_odd_hash(value: Any) -> None:
    assert failed(signed({**GOOD, "at_hash": value})) in ("at_hash", "claims")


def test_read_subject__for_two_apps_must_say_for_which() -> None:
    assert failed(signed({**GOOD, "aud": ["c", "d"]})) == "azp"
    assert failed(signed({**GOOD, "aud": ["c", "d"], "azp": "d"})) == "azp"
    assert read(signed({**GOOD, "aud": ["c", "d"], "azp": "c"})) == "s"


@pytest.mark.parametrize(("exp", "fine"), [(941, True), (940, False)])
def test_read_subject__a_minute_after_its_end(exp: int, fine: bool) -> None:
    token = signed({**GOOD, "exp": exp})
    assert read(token) == "s" if fine else failed(token) == "exp"


@pytest.mark.parametrize(
    "keys",
    [
        *ODD,
        [{}],
        [{"kty": []}],
        [{"kty": "RSA"}],
        [{"kty": "RSA", "n": 1, "e": 1}],
        [{"kty": "EC", "crv": "unheard-of", "x": "a", "y": "b"}],
        [{"kty": "OKP", "crv": 1, "x": "a"}],
        [{"kty": "oct", "k": "AAAA"}],
        [{**PUBLIC, "use": "enc"}],
        [{**PUBLIC, "kid": 5}],
    ],
    ids=lambda one: str(one)[:20],
)
def test_import_keys__that_cannot_be_used_are_left_out(keys: Any) -> None:
    assert not import_keys({"keys": keys})
    assert not import_keys({})
    if isinstance(keys, list):
        assert len(import_keys({"keys": [*keys, PUBLIC]}).keys) == 1
