"""The documents name all that is there and nothing else, and their links lead somewhere."""

import ast
import functools
import importlib.util
import itertools
import re
import shlex
import string
import tomllib
from pathlib import Path

import pytest
import yaml

from bot import cli
from bot.config import Config
from bot.metrics import NOT_DELIVERED, UNEXPECTED
from bot.model import errors
from bot.model.meters import CUT_OFF
from bot.slack.parse import SHARE, SYNONYMS, WORDS, read
from bot.store.audit_rows import COLUMNS
from bot.store.tables import metadata
from bot.vault.endpoints import Endpoint
from tests.documents import (
    CONTRIBUTING,
    LINKED_PAGES,
    OPERATING,
    README,
    ROOT,
    SECURITY,
    USING,
    anchors,
    blocks,
    commands,
    links,
    plain,
    prose,
    quoted,
    rows,
    section,
    verbs,
)
from tests.unit.test_compose import COMPOSED, LONGEST_END
from tests.unit.test_log_table import documented as documented_fields
from tests.unit.test_metrics import documented as documented_metrics

EVERYTHING = "\n".join(LINKED_PAGES.values())
SOURCES = {
    path: path.read_text("utf-8")
    for path in sorted(ROOT.joinpath("bot").rglob("*.py"))
    if "demo" not in path.parts
}
LONGEST_LINE = 120
ONE_SCREEN = 65
"""Lines of README.md that a screen of today shows; pictures are none."""

OF_OTHERS = {
    "HTTPS_PROXY", "SSL_CERT_FILE", "SOURCE_DATE_EPOCH", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_TRACES_SAMPLER", "OTEL_SERVICE_NAME", "NAME_FILE", "SLACK_USER",
}  # fmt: skip
"""Names in capitals that are no settings of the bot's: other programs read them, or they stand for something."""


@functools.cache
def literals() -> set[str]:
    """Return every text in the bot's source; of one that is put together, its parts."""
    return {
        node.value
        for source in SOURCES.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


# Links, pictures, lengths


@pytest.mark.parametrize("name", LINKED_PAGES)
def test_links__lead_to_what_is_there(name: str) -> None:
    found = links(LINKED_PAGES[name])
    for one in found:
        target, _, anchor = one.partition("#")
        path = (ROOT / name).parent / target if target else ROOT / name
        assert path.exists(), f"{name} leads to {one}"
        if anchor:
            assert anchor in anchors(path.read_text("utf-8")), f"{name} leads to {one}"


def test_links__lead_to_every_page_and_picture() -> None:
    reached = {
        (ROOT / name).parent.joinpath(one.partition("#")[0]).resolve()
        for name, page in LINKED_PAGES.items()
        for one in links(page)
    }
    there = {path for path in ROOT.joinpath("docs").rglob("*") if path.is_file()}
    assert there <= reached, "nobody finds what no page leads to"


@pytest.mark.parametrize("name", LINKED_PAGES)
def test_pages__begin_with_their_one_title_and_skip_no_level(name: str) -> None:
    levels = [len(one) for one in re.findall(r"^(#+) ", prose(LINKED_PAGES[name]), re.MULTILINE)]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("name", LINKED_PAGES)
def test_pages__have_short_lines(name: str) -> None:
    """But for tables, whose rows cannot be broken."""
    lines = LINKED_PAGES[name].splitlines()
    assert [one for one in lines if len(one) > LONGEST_LINE and not one.startswith("|")] == []


def test_readme__is_one_screen_to_try_and_one_to_install() -> None:
    before, _, behind = README.partition("\n## Install it for your Slack and your Vault\n")
    install = behind.partition("\n## ")[0]
    assert 0 < len(before.splitlines()) <= ONE_SCREEN
    assert 0 < len(install.splitlines()) <= ONE_SCREEN


def test_documents__name_only_files_of_the_repository_that_exist() -> None:
    for name in quoted(EVERYTHING):
        if re.match(r"(?:bot|bench|docs|ops|tests|\.ci)/[\w./-]*$", name) and not re.search(
            r"[A-Z]{5}", name
        ):
            assert ROOT.joinpath(name).exists() or ROOT.joinpath("tests", name).exists(), name
    for block in blocks(OPERATING, "yaml"):
        assert all(ROOT.joinpath("ops", one).is_file() for one in yaml.safe_load(block)["rule_files"])


# What there is: words, settings, metrics, checks, tables


def test_words__are_all_documented() -> None:
    taught = " ".join(quoted(USING)).split()
    assert {*WORDS, *SYNONYMS, SHARE, "all", "auto", "vault", "here", "dm", "@vault"} <= set(taught)


def test_words__in_the_documents_are_understood() -> None:
    shown = {one for one in quoted(EVERYTHING) if one.startswith("/upload-status ") and "…" not in one}
    shown |= set(re.findall(r"--once '(?:@Vault Uploads|/upload-status) (.+?)'", EVERYTHING))
    assert len(shown) > 15
    for one in shown:
        words = one.removeprefix("/upload-status ").replace("<vault>", "promomats")
        read(words.replace("<id>", "TpE_3ro1AEbb8.kWbZ2UVL1w--"))


def test_settings__named_anywhere_are_settings() -> None:
    named = {one for text in quoted(EVERYTHING) for one in re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b", text)}
    assert named - set(Config.names()) <= OF_OTHERS


def test_metrics__named_anywhere_are_metrics() -> None:
    """That the table has every metric with its labels, and no other, is told by the tests of metrics."""
    assert set(re.findall(r"\bvault_uploads_[a-z]\w+", EVERYTHING)) == set(documented_metrics())


def test_metrics__outcomes_named_are_failures() -> None:
    named = {one for one in quoted(OPERATING) if re.fullmatch(r"(?:[A-Z][a-z]+)+", one)}
    named &= {one for one in named if sum(sign.isupper() for sign in one) > 1} | {UNEXPECTED}
    there = {name for name in dir(errors) if name[0] in string.ascii_uppercase}
    assert {"NotLinked", UNEXPECTED} <= named <= there | {CUT_OFF, NOT_DELIVERED, UNEXPECTED}


def test_metrics__values_of_labels_named_are_in_the_program() -> None:
    for name, _, _, meaning in rows(OPERATING, "Metric"):
        for value in re.findall(r"`([a-z_]+)`", meaning):
            assert value in literals(), f"{name} never says {value}"


def test_log__lines_named_are_in_the_program() -> None:
    """A person looks for these words in the log: they must be what is written there."""
    log = section(OPERATING, "The log")
    named = {one for row in rows(log, "`event`") for one in re.findall(r"`([^`]+)`", row[0])}
    kinds = next(row[2] for row in rows(log.partition("\n### Everything")[0], "Field") if row[0] == "`kind`")
    named |= {one for one in re.findall(r"`([^`]+)`", kinds) if "…" not in one}
    named |= {
        "Slack sent this before",
        "request refused: not signed by Slack, or too old",
        "vault call",
        "no room: turned away",
        "ready",
    }
    assert len(named) > 15
    assert named <= literals(), f"nothing writes {named - literals()}"
    assert {one for one in named if " " in one} <= set(quoted(OPERATING))


def test_doctor__checks_are_those_of_the_table() -> None:
    found = set()
    for path, source in SOURCES.items():
        for node in ast.walk(ast.parse(source)) if path.parent.name == "doctor" else []:
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Step":
                names = [one.value for one in node.keywords if one.arg == "name"]
            elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                names = [one for one in node.value.keys if one] if ast.unparse(target) == "looks" else []
            elif isinstance(node, ast.Assign) and re.match(r"looks\[", ast.unparse(node.targets[0])):
                names = [one.slice for one in node.targets if isinstance(one, ast.Subscript)]
            else:
                continue
            found |= {one.value for one in names if isinstance(one, ast.Constant)}
    assert {re.findall(r"`(\w+)`", row[0])[0] for row in rows(OPERATING, "Check")} == found


def test_security__names_every_table_call_and_event() -> None:
    places = {one for row in rows(SECURITY, "What") for one in re.findall(r"`(\w+)`", row[1])}
    assert places == set(metadata.tables)
    calls = [one for row in rows(SECURITY, "Call, as metrics name it") for one in plain(row[0]).split(", ")]
    assert sorted(calls) == sorted(one.label for one in Endpoint)
    manifest = yaml.safe_load(ROOT.joinpath("manifest.yaml").read_text("utf-8"))
    rights = set(quoted(section(SECURITY, "Rights it needs, and why")))
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) <= rights


# Make, and other programs


def test_make__targets_are_all_documented_and_no_others() -> None:
    makefile = ROOT.joinpath("Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {plain(row[0]).split()[1] for row in rows(CONTRIBUTING, "Command")} == targets
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", EVERYTHING, re.MULTILINE)) == targets
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony
    assert set(phony[1].split()) == targets


RUN_BY_OTHERS = {"umask", "mkdir", "mv", "install", "pg_dump", "pg_restore"}
"""Programs whose lines `acceptance/test_backup.py` runs, to the letter; a shell brings the first four."""


def test_programs__of_others_are_told_what_is_there() -> None:
    """Files, units, services, fields and extras that stand in commands which are not ours."""
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text("utf-8"))["project"]
    seen = set()
    for name, page in LINKED_PAGES.items():
        for words in commands(page):
            program, line = Path(words[0]).name, f"{name}: {' '.join(words)}"
            seen.add(program)
            if program == "docker":
                _, compose, option, file, verb, *rest = words
                assert (compose, option) == ("compose", "-f"), line
                services = COMPOSED[Path(file).name]["services"]
                assert ROOT.joinpath(file).is_file(), line
                assert verb in ("exec", "cp", "logs"), line
                service = next(one for one in rest if not one.startswith("-"))
                assert service.partition(":")[0] in services, line
            elif program == "journalctl":
                assert f"{words[words.index('-u') + 1]}.service" in OPERATING, line
            elif program == "jq":
                fields = set(re.findall(r"\.(\w+)", words[-1]))
                assert fields, line
                assert fields <= documented_fields() & set(COLUMNS), line
            elif program == "pip":
                file = words[words.index("-r") + 1] if "-r" in words else "pyproject.toml"
                assert ROOT.joinpath(file).is_file(), line
                extras = re.findall(r"\[(\w+)\]", words[-1])
                assert words[-1] in (file, ".", *(f"{project['name']}[{one}]" for one in extras)), line
                assert set(extras) <= set(project["optional-dependencies"]), line
            elif program == "npm":
                assert ROOT.joinpath(words[words.index("--prefix") + 1], "package-lock.json").is_file(), line
            elif program == "bash":
                assert ROOT.joinpath(words[1]).is_file(), line
            elif words[:2] == ["python", "-m"] and words[2] != "bot":
                assert importlib.util.find_spec(words[2]), line
            elif words[:3] == ["python3", "-m", "venv"]:
                assert words[3:] == [".venv"], line
            elif program == project["name"]:
                assert project["scripts"] == {program: "bot.cli:main"}, line
            else:
                assert program in {*RUN_BY_OTHERS, "make", "python"}, f"nothing looks at {line}"
    assert {"docker", "journalctl", "jq", "pip", "npm", "bash", *RUN_BY_OTHERS} <= seen


def test_service__starts_the_bot_and_lets_it_finish() -> None:
    (unit,) = blocks(OPERATING, "ini")
    values = dict(re.findall(r"^(\w+)=(.*)$", unit, re.MULTILINE))
    program, *words = shlex.split(values["ExecStart"])
    assert program == f"{values['WorkingDirectory']}/.venv/bin/python"
    assert words[:2] == ["-m", "bot"]
    assert cli.parser().parse_args(words[2:]).command is cli.run
    assert int(values["TimeoutStopSec"]) > LONGEST_END
    assert values["ReadWritePaths"] == f"{values['WorkingDirectory']}/data"


# The command line


def test_command_lines__options_are_all_documented_and_no_others() -> None:
    own = section(OPERATING, "Commands")
    there = {
        word for _, _, one in verbs(cli.parser()) for action in one._actions for word in action.option_strings
    }
    assert set(re.findall(r"(?<![\w-])--[a-z]+", own)) == there - {"-h"} | {"--version"}
