"""What the emulated provider can do wrong; each stands until it is taken away."""

from enum import StrEnum


class Fault(StrEnum):
    """One fault. Those from `TOKEN_ISSUER` on spoil the ID token alone."""

    DOWN = "connections break"
    SLOW = "answers take long"
    FAILING = "every answer is a 500"
    NO_JSON = "a page for people in place of JSON"
    TOO_LARGE = "answers of two megabytes"
    OTHER_ISSUER = "the metadata name another issuer"
    PLAIN_HTTP = "the metadata name an address without TLS"
    REFUSES_SIGN_IN = "the sign-in ends with an error at once"
    REFUSES_CLIENT = "the client's secret has run out"
    CALLBACK_OF_ANOTHER = "the callback names another issuer"
    CALLBACK_UNSIGNED = "the callback names no issuer, though the metadata promise it"
    NO_BEARER = "the access token is of an unknown type"
    NO_ID_TOKEN = "there is no ID token"  # noqa: S105 - words, no secret
    TOKEN_ISSUER = "the ID token names another issuer"  # noqa: S105
    WRONG_AUDIENCE = "the ID token is for another client"
    SECOND_AUDIENCE = "the ID token is for two clients and says not for which"
    WRONG_NONCE = "the ID token answers another sign-in"
    NO_NONCE = "the ID token answers no sign-in"
    EXPIRED = "the ID token has expired"
    FROM_THE_FUTURE = "the ID token is dated an hour ahead"
    NO_SUBJECT = "the ID token is about nobody"
    WRONG_HASH = "the ID token belongs to another access token"
    HS256 = "the ID token is signed with the client's secret"
    ALG_NONE = "the ID token is not signed"
    NO_KID = "the ID token does not name its key"
    UNKNOWN_KEY = "the ID token is signed with a key that is not published"
    BROKEN_SIGNATURE = "the ID token was changed after it was signed"
