"""Failures as sentences."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import errors
from bot.model.errors import BotError, NearMiss, UploadNotVisible
from tests.unit.error_examples import DETAILS, GROUPS, every_class

CLASSES = sorted(DETAILS, key=lambda one: one.__name__)
REASON_IS_FOR_THE_LOG = (errors.VaultAnswerStrange, errors.IdentityMismatch, errors.ProviderUnavailable)
OWN_WORDS = [one for one in CLASSES if one is not errors.NotFoundInVault]


def test_table__holds_every_class() -> None:
    assert set(DETAILS) | GROUPS == every_class()
    assert not set(DETAILS) & GROUPS


def test_groups__have_classes_below_them() -> None:
    assert all(group.__subclasses__() for group in GROUPS)


@pytest.mark.parametrize("kind", CLASSES)
def test_error__has_a_sentence_and_a_next_step(kind: type[BotError]) -> None:
    error = kind(**DETAILS[kind])
    for said in (error.sentence, error.remedy):
        assert re.fullmatch(r"[A-ZÄÖÜ“`].*[.?]", said)
        assert "{" not in said
    assert str(error) == f"{error.sentence} {error.remedy}"


@pytest.mark.parametrize("kind", OWN_WORDS)
def test_error__has_words_of_its_own(kind: type[BotError]) -> None:
    """All but what never reaches a person: an endpoint's "not found" becomes UploadNotVisible."""
    assert kind.what != BotError.what
    assert kind.__doc__


@pytest.mark.parametrize("kind", CLASSES)
def test_error__details_are_told_or_for_the_log(kind: type[BotError]) -> None:
    error = kind(**DETAILS[kind])
    for name, value in DETAILS[kind].items():
        if kind not in REASON_IS_FOR_THE_LOG or name != "reason":
            assert str(value) in str(error)


def test_docstring__draws_every_class_once() -> None:
    drawn = re.findall(r"\b[A-Z]\w+", errors.__doc__.partition("\n\n")[2].partition("\n\n`what`")[0])
    named = {kind.__name__ for kind in every_class()}
    assert sorted(word for word in drawn if word not in ("Vault", "Slack")) == sorted(named | set())


def test_docstring__draws_each_class_below_its_base() -> None:
    """Depth is told by the column of the branch; a class further right hangs under the last one further left."""
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"[ │]*(├── |└── )?(?=[A-Z]\w+)", line)
        if not line.startswith("    ") or not found:
            continue
        column = found.end()
        path = [(place, name) for place, name in path if place < column]
        drawing = re.split(r"  +", line[column:])[0]
        for name in re.findall(r"[A-Z]\w+", drawing):
            kind = getattr(errors, name)
            assert not path or issubclass(kind, getattr(errors, path[-1][1])), name
        path.append((column, re.findall(r"[A-Z]\w+", drawing)[0]))


def test_expected__only_what_nobody_foresaw_needs_a_reference() -> None:
    unforeseen = {kind.__name__ for kind in DETAILS if not kind.expected}
    assert unforeseen == {
        "VaultRefused",
        "VaultAnswerStrange",
        "IdentityMismatch",
        "SlackUnavailable",
        "CertificatesUnreadable",
        "StoreUnavailable",
        "StoreUnreadable",
        "StoreNewer",
        "KeyMissing",
        "SealBroken",
        "AuditBroken",
    }


@pytest.mark.parametrize("cause", ["unknown", "not yours", "ended", "INVALID_DATA", "404"])
def test_upload_not_visible__says_the_same_for_whatever_cause(cause: str) -> None:
    plain = UploadNotVisible(upload_id="abc")
    told = UploadNotVisible(upload_id="abc", cause=cause, error_type=cause)
    assert (told.sentence, told.remedy, told.expected) == (plain.sentence, plain.remedy, plain.expected)


def test_upload_not_visible__names_the_vaults_that_were_not_asked() -> None:
    error = UploadNotVisible(upload_id="abc")
    plain = error.remedy
    error.name_unasked([])
    assert error.remedy == plain
    error.name_unasked(["quality", "safety"])
    assert (
        error.remedy == f"{plain} I could not ask quality, safety just now; `/upload-status list` says why."
    )


def test_link_ended__says_why() -> None:
    assert "has ended: Vault no longer accepts it." in errors.LinkEnded(vault="promomats").sentence
    told = errors.LinkEnded(vault="promomats", why="the API access token has expired").sentence
    assert told == "Your link to Vault (promomats) has ended: the API access token has expired."


def test_near__is_empty_until_set_and_belongs_to_one_error() -> None:
    one, other = UploadNotVisible(upload_id="a"), UploadNotVisible(upload_id="a")
    assert isinstance(one, NearMiss)
    one.near = (object(),)  # type: ignore[assignment]
    assert other.near == ()


@given(st.text())
def test_details__may_hold_braces(text: str) -> None:
    assert text in UploadNotVisible(upload_id=text).sentence


def test_details__missing_one_is_noticed_at_once() -> None:
    with pytest.raises(KeyError):
        errors.VaultBusy(vault="promomats")
