"""Documents, manifest, settings, lock files and emulators say what the code does, and nothing else."""

import ast
import fnmatch
import os
import re
import shlex
import string
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from dotenv import dotenv_values
from slack_sdk.web.async_client import AsyncWebClient
from starlette.routing import Route

import bot
from bot import cli
from bot.config import Config
from bot.demo.slack import Workspace
from bot.demo.slack.coverage import METHODS
from bot.demo.transcript import as_text
from bot.demo.vault import seed
from bot.demo.vault.coverage import COVERAGE
from bot.manifest import filled_in
from bot.model import errors
from bot.slack.blocks.usage import USAGE
from bot.slack.listeners import register
from bot.store.seal import new_key
from bot.vault.endpoints import Endpoint
from bot.web.routes import web_app
from bot.web.slack_install import INSTALL, REDIRECT
from tests.documents import (
    CONTRIBUTING,
    OPERATING,
    PAGES,
    README,
    ROOT,
    SECURITY,
    USING,
    bot_lines,
    plain,
    rows,
    section,
    verbs,
)

PROJECT = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text("utf-8"))
MANIFEST: dict[str, Any] = yaml.safe_load(ROOT.joinpath("manifest.yaml").read_text("utf-8"))
REQUIRED = {"SLACK_BOT_TOKEN": "xoxb-1", "VAULTS": "https://a.example", "ENCRYPTION_KEYS": new_key()}
IN_USE = {**REQUIRED, "SLACK_APP_TOKEN": "xapp-1"}

SCOPES = {
    "auth.test": (),
    "apps.connections.open": (),  # by the app-level token, whose scope connections:write is not in a manifest
    "chat.postMessage": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.unfurl": ("links:write",),
    "chat.scheduleMessage": ("chat:write",),
    "chat.deleteScheduledMessage": ("chat:write",),
    "chat.scheduledMessages.list": (),
    "conversations.history": (),  # optional: an operator may grant a history scope, the manifest asks for none
    "conversations.replies": (),
    "views.open": (),
    "views.push": (),
    "views.update": (),
    "views.publish": (),
    "conversations.open": ("im:write",),
    "oauth.v2.access": (),
    "users.info": ("users:read", "users:read.email"),  # the second for the e-mail address within
}
"""What the Web API methods that the bot calls need (Slack: reference of each method)."""

EVENT_SCOPES = {
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "app_uninstalled": "",
    "link_shared": "links:read",
    "tokens_revoked": "",
    "user_change": "users:read",
}
"""What the events that the bot hears need (Slack: reference of each event)."""

LONG_FILES = {"bot/model/errors.py": "one sentence for each failure; two files would hide a missing one"}
MOST_LINES = 300


def bot_files() -> Iterator[Path]:
    """Every module of the bot itself: not the emulators."""
    for path in sorted(ROOT.joinpath("bot").rglob("*.py")):
        if "demo" not in path.parts:
            yield path


def repository_files() -> Iterator[Path]:
    """Every file of the repository: what `.gitignore` names is none."""
    ignored = [".git", *(line.strip("/") for line in ROOT.joinpath(".gitignore").read_text("utf-8").split())]
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not any(fnmatch.fnmatch(name, one) for one in ignored)]
        yield from (
            Path(folder, name) for name in names if not any(fnmatch.fnmatch(name, one) for one in ignored)
        )


# The manifest and what Slack can call


class Listeners:
    """Takes the place of Bolt's app and remembers what is registered by name; patterns are catch-alls."""

    def __init__(self) -> None:
        self.found: dict[str, set[str]] = {}

    def __getattr__(self, kind: str) -> Any:
        def listen(constraint: Any) -> Any:
            if isinstance(constraint, str):
                self.found.setdefault(kind, set()).add(constraint)
            return lambda listener: listener

        return listen


@pytest.fixture(scope="module")
def listeners() -> dict[str, set[str]]:
    app = Listeners()
    register(cast("Any", app), cast("Any", None), cast("Any", SimpleNamespace(allow_abort=True)))
    return app.found


def web_methods() -> set[str]:
    """Return the Web API methods in the bot's source, and the one that its Socket Mode client calls."""
    known = {name for name in dir(AsyncWebClient) if re.fullmatch(r"[a-z]+(_[A-Za-z]+)+", name)} - {
        "api_call"
    }
    called = set()
    for path in bot_files():
        source = path.read_text("utf-8")
        for node in ast.walk(ast.parse(source)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in known
            ):
                called.add(node.func.attr.replace("_", "."))
        if "SocketModeClient" in source:
            called.add("apps.connections.open")
        assert ".api_call(" not in source, (
            f"{path.name}: call a method by its name, so that this test sees it"
        )
    return called


def test_manifest__commands_shortcuts_and_events_are_those_listened_to(
    listeners: dict[str, set[str]],
) -> None:
    features, settings = MANIFEST["features"], MANIFEST["settings"]
    assert {one["command"] for one in features["slash_commands"]} == listeners["command"]
    assert {one["callback_id"] for one in features.get("shortcuts", [])} == listeners.get("shortcut", set())
    events = settings.get("event_subscriptions", {}).get("bot_events", [])
    assert set(events) == listeners.get("event", set())
    assert settings["interactivity"]["is_enabled"] == bool(listeners["action"])


def test_manifest__asks_for_the_scopes_that_are_used_and_no_more() -> None:
    needed = {scope for method in web_methods() for scope in SCOPES[method]} | {"commands"}
    needed |= {EVENT_SCOPES[one] for one in MANIFEST["settings"]["event_subscriptions"]["bot_events"]} - {""}
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed
    assert '"email"' in ROOT.joinpath("bot", "slack", "people.py").read_text("utf-8")


def test_manifest__keeps_slacks_limits() -> None:
    information = MANIFEST["display_information"]
    assert len(information["name"]) <= 35
    assert len(information["description"]) <= 140
    assert 175 <= len(information["long_description"]) <= 4000


def test_manifest__has_an_address_in_http_mode_only() -> None:
    in_socket_mode = filled_in(None)
    in_http_mode = yaml.safe_load(filled_in("https://uploads.example.com/"))
    assert "https://" not in in_socket_mode
    assert yaml.safe_load(in_socket_mode)["settings"]["socket_mode_enabled"] is True
    endpoint = "https://uploads.example.com/slack/events"
    assert [one["url"] for one in in_http_mode["features"]["slash_commands"]] == [endpoint]
    for part in ("interactivity", "event_subscriptions"):
        assert in_http_mode["settings"][part]["request_url"] == endpoint
    redirect = "https://uploads.example.com/slack/oauth_redirect"
    assert in_http_mode["oauth_config"]["redirect_urls"] == [redirect]
    assert in_http_mode["settings"]["socket_mode_enabled"] is False


def test_security__gives_each_scope_the_manifests_reason() -> None:
    reasons = re.findall(
        r"^ +- (\S+) # (.+)$", ROOT.joinpath("manifest.yaml").read_text("utf-8"), re.MULTILINE
    )
    assert [tuple(map(plain, row)) for row in rows(SECURITY, "Scope")] == reasons


# The emulators and what the bot calls


def test_slack_emulator__covers_every_method_the_bot_calls() -> None:
    assert web_methods() <= set(METHODS)


def test_vault_emulator__covers_every_endpoint_the_bot_calls() -> None:
    assert {(one.method, one.path) for one in Endpoint} <= {(one.method, one.path) for one in COVERAGE}


def test_demo__names_all_its_people_in_the_help() -> None:
    people = {one.name for one in Workspace.seeded().users.values() if not one.is_bot}
    (demo,) = (parser for name, _, parser in verbs(cli.parser()) if name == "demo")
    (option,) = (one for one in demo._actions if one.dest == "person")
    assert people <= set(re.findall(r"\w+", option.help or ""))


# Settings


def entries() -> dict[str, tuple[str, str, bool]]:
    """Return what .env.example says of each setting: its comment, its value, and whether it is commented out."""
    text = ROOT.joinpath(".env.example").read_text("utf-8")
    found = re.findall(r"^((?:# .*\n)+)(#?)([A-Z_]+)=(.*)$", text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^#?[A-Z_]+=", text, re.MULTILINE)), "a setting has no comment"
    return {
        name: (" ".join(line[2:] for line in comment.splitlines()), value, bool(mark))
        for comment, mark, name, value in found
    }


def test_settings__are_the_same_in_code_example_and_documents() -> None:
    documented = [plain(row[0]) for row in rows(section(OPERATING, "Settings"), "Variable")]
    assert documented == Config.names()
    assert list(entries()) == Config.names()


@pytest.mark.parametrize("name", Config.names())
def test_settings__have_the_same_words_in_example_and_documents(name: str) -> None:
    _, default, meaning = next(
        row for row in rows(section(OPERATING, "Settings"), "Variable") if plain(row[0]) == name
    )
    comment, value, is_commented_out = entries()[name]
    assert comment == ("Required. " if default == "required" else "") + plain(meaning)
    assert (default == "required") == (name in REQUIRED and name != "SLACK_BOT_TOKEN")
    assert value == ("" if default in ("required", "–") else plain(default))
    assert is_commented_out or not value


@pytest.mark.parametrize("name", Config.names())
def test_settings__have_the_default_that_the_documents_give(name: str) -> None:
    default = next(
        row[1] for row in rows(section(OPERATING, "Settings"), "Variable") if plain(row[0]) == name
    )
    config = Config.from_environ(IN_USE)
    field = name.lower()
    if default == "required":
        missing = {one: value for one, value in IN_USE.items() if one != name}
        with pytest.raises(Exception, match=f"{name}: is not set"):
            Config.from_environ(missing)
    elif default == "–":
        assert Config.model_fields[field].get_default() is None
    else:
        written = plain(default).replace("HOST", config.host).replace("PORT", str(config.port))
        given = Config.from_environ({**IN_USE, name: written})
        assert str(getattr(given, field)) == str(getattr(config, field))
        assert getattr(given, field) == getattr(config, field)


@pytest.mark.parametrize("mode", [{"SLACK_APP_TOKEN": "xapp-1"}, {"SLACK_SIGNING_SECRET": "s"}])
def test_env_example__works_once_the_required_lines_are_filled(tmp_path: Path, mode: dict[str, str]) -> None:
    text = ROOT.joinpath(".env.example").read_text("utf-8")
    for name, value in {**REQUIRED, **mode}.items():
        text = text.replace(f"\n{name}=\n", f"\n{name}={value}\n")
    tmp_path.joinpath(".env").write_text(text, "utf-8")
    values = dotenv_values(tmp_path / ".env", interpolate=False)
    filled = Config.from_environ({name: value for name, value in values.items() if value is not None})
    assert filled.socket_mode == ("SLACK_APP_TOKEN" in mode)
    assert {one.host for one in filled.vaults} == {"a.example"}


# Commands, routes, errors


def test_documents__have_the_words_of_the_usage_text() -> None:
    commands = [
        (plain(row[0]), plain(row[1])) for row in rows(section(USING, "Words and answers"), "You type")
    ]
    assert commands == [(command, plain(what)) for command, what in USAGE]


def test_documents__have_every_command_of_the_command_line() -> None:
    found = list(verbs(cli.parser()))
    assert [(plain(row[0]), row[1]) for row in rows(section(OPERATING, "Commands"), "Command")] == [
        one[:2] for one in found
    ]
    for name, about, parser in found:
        assert about, f"{name} has no help"
        for action in parser._actions:
            option = action.option_strings[-1] if action.option_strings else str(action.metavar)
            assert option in section(OPERATING, "Commands"), f"the documents do not name {name} {option}"
            assert action.help, f"{name} {option} has no help"


def test_documents__show_only_command_lines_that_can_be_parsed() -> None:
    """Those of the pages are also run: `acceptance/test_documented_commands.py`."""
    texts = [*(entry[0] for entry in entries().values()), ROOT.joinpath("manifest.yaml").read_text("utf-8")]
    shown = [line for text in texts for line in re.findall(r"python -m bot ([a-z][^`\n,]*)", text)]
    assert len(shown) > 1
    for line in shown:
        cli.parser().parse_args(
            shlex.split(line) if "--" in line else re.findall(r"^(?:keys|audit) \w+|^\w+", line)[0].split()
        )
    shown = [line for page in PAGES.values() for line in bot_lines(page)]
    shown += [f"demo {line}" for line in re.findall(r'make demo ARGS="(.+)"', README)]
    assert len(shown) > 20
    for line in shown:
        cli.parser().parse_args(shlex.split(line))


def test_documents__have_every_route() -> None:
    page = SimpleNamespace(endpoint=print, start=print, callback=print)
    app = web_app(
        link_pages=cast("Any", page),
        oidc_pages=cast("Any", page),
        slack_events=cast("Any", page),
        checks={},
        metrics=cast("Any", print),
        more_routes=[Route(path, print, methods=["GET"]) for path in (INSTALL, REDIRECT)],
    )
    routes = {
        f"{', '.join(sorted((one.methods or set()) - {'HEAD'}))} {one.path}"
        for one in app.routes
        if isinstance(one, Route)
    }
    assert {plain(row[0]) for row in rows(OPERATING, "Route")} == routes


def every_error(root: type[errors.BotError] = errors.BotError) -> Iterator[type[errors.BotError]]:
    """Yield the classes of the tree."""
    for one in root.__subclasses__():
        yield one
        yield from every_error(one)


GROUPS = {one for one in every_error() if one.__subclasses__() and "what" not in vars(one)}
NEVER_SHOWN = {errors.NotFoundInVault}
"""What the person reads in its place is UploadNotVisible."""


@pytest.mark.parametrize("error", sorted(set(every_error()) - GROUPS - NEVER_SHOWN, key=str))
def test_errors__say_what_happened_and_what_to_do(error: type[errors.BotError]) -> None:
    assert "what" in vars(error), "it has no sentence of its own"
    words = error.what + error.next_step
    details = {field: "x" for _, field, _, _ in string.Formatter().parse(words) if field}
    shown = error(**details)
    for sentence, template in ((shown.sentence, error.what), (shown.remedy, error.next_step)):
        assert sentence.endswith(".") or re.fullmatch(r"\{\w+\}", template), sentence
    assert errors.__doc__ is not None
    assert re.search(rf"\b{error.__name__}\b", errors.__doc__), "it is not in the tree at the top of the file"


def test_errors__all_stand_in_one_file() -> None:
    assert {one.__module__ for one in every_error()} == {"bot.model.errors"}


# Dependencies and lock files


def names(requirements: list[str]) -> list[str]:
    """Return the projects' names, normalised."""
    return [re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", one)[0]).lower() for one in requirements]


def test_documents__give_a_reason_for_each_dependency() -> None:
    reasons = re.findall(r"^- `([\w-]+)`: \S+", section(CONTRIBUTING, "What it stands on"), re.MULTILINE)
    assert reasons == sorted(names(PROJECT["project"]["dependencies"]))


def test_dependencies__name_all_that_the_code_imports() -> None:
    """A library that happens to be installed, or that another one brings along, is not declared."""
    parts = {
        "yaml": "pyyaml",
        "dotenv": "python-dotenv",
        "pydantic-core": "pydantic",
        "markupsafe": "jinja2",
        "opentelemetry": "opentelemetry-sdk",
    }
    declared = {*names(PROJECT["project"]["dependencies"]), "bot"}
    extra = set(names(PROJECT["project"]["optional-dependencies"]["otel"]))
    for path in ROOT.joinpath("bot").rglob("*.py"):
        source = path.read_text("utf-8")
        for node in ast.walk(ast.parse(source)):
            found = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            found += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for module in {one.split(".")[0] for one in found} - sys.stdlib_module_names:
                name = names([parts.get(names([module])[0], module)])[0]
                there = declared | extra if path.name == "tracing.py" else declared
                assert name in there, f"{path.relative_to(ROOT)} imports {module}"
        if ".form(" in source:
            assert "python-multipart" in declared, (
                f"{path.relative_to(ROOT)}: Starlette's form() needs python-multipart"
            )


@pytest.mark.parametrize(("file", "extras"), [("requirements.lock", []), ("requirements-dev.lock", ["dev"])])
def test_lock__holds_every_dependency_with_hashes_and_no_address(file: str, extras: list[str]) -> None:
    text = ROOT.joinpath(file).read_text("utf-8")
    pins = re.findall(
        r"^([\w.-]+)(?:\[[\w,]+\])?==[^\s\\]+[^\\\n]*((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$",
        text,
        re.MULTILINE,
    )
    assert len(pins) == len(re.findall(r"^\S", text, re.MULTILINE)) - len(
        re.findall(r"^#", text, re.MULTILINE)
    ), "a line is no pin"
    wanted = PROJECT["project"]["dependencies"] + [
        one for extra in extras for one in PROJECT["project"]["optional-dependencies"][extra]
    ]
    assert set(names(wanted)) <= set(names([name for name, _ in pins]))
    assert not re.search(r"://|--index|--extra|--find|--trusted|@ ", text)


# The repository


def test_security__names_only_tests_that_exist() -> None:
    """The threat table says which test proves each defence."""
    there = {
        node.name
        for path in ROOT.joinpath("tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for attack, _, proofs in rows(SECURITY, "Attack"):
        named = re.findall(r"`(test_\w+__\w+)`", proofs)
        assert named, f"nothing proves the defence against: {attack}"
        assert set(named) <= there, f"{attack}: there is no {set(named) - there}"


def test_tests_readme__has_every_tier() -> None:
    tiers = {
        plain(row[0]).strip("/") for row in rows(ROOT.joinpath("tests/README.md").read_text("utf-8"), "Tier")
    }
    assert tiers == {
        one.relative_to(ROOT / "tests").parts[0] for one in ROOT.joinpath("tests").rglob("test_*.py")
    }


def test_changelog__has_this_version() -> None:
    assert re.search(
        rf"^## \[{re.escape(bot.__version__)}\]",
        ROOT.joinpath("CHANGELOG.md").read_text("utf-8"),
        re.MULTILINE,
    )


def test_documents__drawing_has_every_floor() -> None:
    floors = next(one for one in PROJECT["tool"]["importlinter"]["contracts"] if one["type"] == "layers")[
        "layers"
    ]
    drawing = section(CONTRIBUTING, "Design in one drawing")
    lines: list[int] = []
    for floor in floors:
        rooms = [room.strip().removeprefix("bot.") for room in re.split(r"[:|]", floor)]
        places = [re.search(rf"(?<![\w.]){re.escape(room)}(?![\w.])", drawing) for room in rooms]
        assert all(places), f"not all of {rooms} are in the drawing"
        lines.append(min(drawing.count("\n", 0, place.start()) for place in places if place))
    assert lines == sorted(lines), "the floors stand in another order than in pyproject.toml"


def test_readme__card_is_what_the_bot_draws() -> None:
    from datetime import UTC, datetime, timedelta

    from bot.model.accounts import Vault
    from bot.model.statuses import UploadStatus
    from bot.model.uploads import UploadSession
    from bot.slack.blocks.upload_status import Look, card
    from tests.databases import linked

    now = datetime(2026, 3, 5, 17, 38, tzinfo=UTC)
    seeded = next(one for one in seed.UPLOADS if one.id == seed.CHOLECAP)
    upload = UploadSession(
        id=seeded.id, path=seeded.path, name=seeded.path.rpartition("/")[2], size=seeded.size,
        uploaded=seeded.parts * seeded.part_size, uploaded_parts=seeded.parts, created=now - seeded.age,
        expires=now - seeded.age + timedelta(hours=72), last_uploaded=now - seeded.quiet_for, owner="10001400",
    )  # fmt: skip
    vault = Vault("promomats", "https://promomats.vault.example")
    drawn = card(
        UploadStatus(upload=upload, vault=vault, account=linked()),
        Look(now=now, stall_after=timedelta(hours=1), several_vaults=True),
    )
    shown = re.search(r"only visible to Alice\)\n(.*?)\n```", README, re.DOTALL)
    assert shown

    def timeless(text: str) -> list[str]:
        text = re.sub(r"(?:today|[A-Z][a-z]{2} \d+) at \d\d:\d\d|as of \d\d:\d\d", "TIME", text)
        return [line.strip() for line in text.replace("Alice Moreau", "Alice Ångström").splitlines()]

    assert timeless(shown[1]) == timeless(as_text(drawn.text, drawn.blocks))


def test_bot__has_no_long_files() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in ROOT.joinpath("bot").rglob("*.py")}
    long = {path.relative_to(ROOT).as_posix() for path, length in lengths.items() if length > MOST_LINES}
    assert long == set(LONG_FILES)


def test_repository__names_no_path_of_a_machine_and_no_package_index() -> None:
    places = {str(path) for path in (ROOT, Path.home(), Path(sys.prefix)) if len(path.parts) > 2}
    places |= {f"/{ROOT.parts[1]}/"} - {
        f"/{usual}/" for usual in ("app", "opt", "src", "srv", "tmp", "usr", "var")
    }
    wrong = re.compile(
        "|".join(
            [
                r"(?<![\w.:/-])/(?:root|home/[^/\s\"]+|Users/[^/\s\"]+)/",
                r"\bpypi\.|pythonhosted\.|\bfile:[/]{3}|\bdev[p]i\b|\bartifactor[y]\b|[/]simple/",
                *(rf"(?<![\w.:-]){re.escape(place)}(?![-])" for place in sorted(places)),
            ]
        ),
        re.IGNORECASE,
    )
    found = []
    for path in repository_files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in wrong.finditer(text)]
    assert found == []
