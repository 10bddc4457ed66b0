"""A moderate number of inputs for each target in every test run; `make fuzz` sends many more. What once broke stays."""

import pytest

from tests.fuzz.engines import drawn
from tests.fuzz.sentences import NotASentence, assert_sentence
from tests.fuzz.targets import opened

COUNTS = {"words": 250, "vault_answers": 250, "slack_endpoint": 100, "link_forms": 100}


@pytest.mark.parametrize("name", COUNTS)
def test_target__whatever_comes(name: str) -> None:
    assert drawn(name, COUNTS[name], seed=1) > COUNTS[name] * 0.9


def test_opened__names_what_there_is() -> None:
    with pytest.raises(LookupError, match="words, vault_answers, slack_endpoint, link_forms"), opened("x"):
        pass


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "no end",
        "Traceback (most recent call last).",
        "It is Secret('x').",
        "<class 'int'> broke.",
    ],
)
def test_sentence__what_is_none(text: str) -> None:
    with pytest.raises(NotASentence):
        assert_sentence(text)


@pytest.mark.parametrize(
    "text", ["Nothing was linked.", "Did you mean `list`?", "Type `/upload-status help`."]
)
def test_sentence__what_is_one(text: str) -> None:
    assert_sentence(text)
