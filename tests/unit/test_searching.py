"""Finding an upload among many."""

import pytest
from hypothesis import given

from bot.model.searching import found_by
from tests.factories import DASHED_ID, an_upload
from tests.unit.wild_uploads import FOREIGN

FILM = an_upload(
    id="7b0e42c9d15f4a3e8f60b2a7c9d4e113", name="Launch Film.mov", path="/u1/launch/Launch Film.mov"
)
LABELS = an_upload(id=DASHED_ID, name="label set.pdf", path="/u1/wave1/label set.pdf")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [FILM, LABELS]),
        ("  ", [FILM, LABELS]),
        ("film", [FILM]),
        ("SET label", [LABELS]),
        ("wave1", [LABELS]),
        ("7b0e42", [FILM]),
        ("u1", [FILM, LABELS]),
        ("film label", []),
        (f"`{DASHED_ID}`", [LABELS]),
        (DASHED_ID.removesuffix("--") + "\u2014", [LABELS]),
        (f"https://a.example/api/v24.3/services/file_staging/upload/{FILM.id}/parts", [FILM]),
        ("\u2014", []),
    ],
)
def test_found_by(query: str, found: list[object]) -> None:
    assert found_by(query, [FILM, LABELS]) == found


@given(FOREIGN)
def test_found_by__takes_anything(query: str) -> None:
    assert found_by(query, [FILM, LABELS]) in ([], [FILM], [LABELS], [FILM, LABELS])
