"""The golden files themselves: written only on purpose, and none left over."""

from pathlib import Path

import pytest

from tests.unit.golden_files import FOLDER, SWITCH, agrees


@pytest.mark.parametrize("value", [None, "", "0", "true", "yes"])
def test_agrees__a_difference_is_told_and_nothing_written(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    if value is not None:
        monkeypatch.setenv(SWITCH, value)
    (tmp_path / "one.json").write_text('"before"\n')
    assert not agrees("one", "after", tmp_path)
    assert agrees("one", "before", tmp_path)
    assert (tmp_path / "one.json").read_text() == '"before"\n'


def test_agrees__missing_file_is_not_made_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    with pytest.raises(FileNotFoundError):
        agrees("none", "x", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_agrees__written_with_the_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    assert agrees("one", {"ä": 1}, tmp_path)
    assert (tmp_path / "one.json").read_text(encoding="utf-8") == '{\n  "ä": 1\n}\n'


def test_golden_files__each_is_used_by_a_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    # What is drawn "in short" has the name of what it is drawn from.
    names = [path.stem.removesuffix("_in_short") for path in FOLDER.iterdir()]
    unused = [name for name in names if f'"{name}"' not in tests]
    assert unused == []
