"""The log of the real bot: one line for each request, by which it is found again; and the look through it can fail."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.demo.vault import seed
from bot.demo.workspace import DemoWorkspace, demo_workspace
from tests.acceptance.log_check import LeakInLog, LogCheck
from tests.acceptance.operating import audit_rows
from tests.acceptance.steps import (
    ask,
    browser,
    click,
    log_lines,
    open_form,
    password_fields,
    ticket_of,
    until,
    vault_sessions,
)


def line(**fields: object) -> str:
    """A line as the bot writes them."""
    return json.dumps({"event": "x", "level": "info", "timestamp": "2026-01-02T03:04:05.678901Z", **fields})


async def test_log_check__finds_what_is_planted(tmp_path: Path, log_check: LogCheck) -> None:
    """One kind after the other, in a log that was clean until then."""
    async with demo_workspace() as demo:
        ticket = ticket_of(await ask(demo, "alice", "link"))
        await demo.link("alice")
        clean = demo.bot.log_text()
        (session,) = vault_sessions(demo, "alice")
        upload = demo.vault.upload(seed.ALICE_AWKWARD)
        response_url = next(iter(demo.slack._urls._issued))
        planted = [
            session, ticket, response_url, demo.slack.bot_token, demo.slack.signing_secret,
            demo.settings["ENCRYPTION_KEYS"], demo.settings["OIDC_CLIENT_SECRET"], seed.PASSWORDS["alice"],
            seed.ACCESS_TOKENS["bob", seed.QUALITY], upload.id, upload.name, upload.path,
            upload.path_for(upload.owner), seed.ALICE_EXPIRED, "/cholecap-2021", demo.vault.users["nils"].email,
        ]  # fmt: skip
        for value in planted:
            for spoilt in (
                line(event=f"look at {value} here"),
                line(nested={"a": [value]}),
                line(**{f"{value}": 1}),
                f"Traceback {value}",
            ):
                with pytest.raises(LeakInLog):
                    log_check.look_through(
                        f"{clean}{spoilt}\n", demo.bot._settings, refused_to_start=not spoilt.startswith("{")
                    )
        log_check.look_through(clean, demo.bot._settings, refused_to_start=False)


@pytest.mark.parametrize(
    "spoilt",
    ["no JSON", "[]", "{}", '{"event": "x"}', line(level="loud"), line(timestamp="soon"), line()[:-1]],
)
def test_log_check__each_line_is_json(spoilt: str, log_check: LogCheck) -> None:
    with pytest.raises(LeakInLog, match="no JSON object"):
        log_check.look_through(f"{line()}\n{spoilt}\n", {"LOG_FORMAT": "json"}, refused_to_start=False)


@pytest.mark.parametrize("way", ["stop", "kill"])
async def test_log_check__nobody_can_forget_it(way: str) -> None:
    """A leak fails whoever ends the bot, with the line that leaks."""
    async with demo_workspace() as demo:
        with demo.bot.log_file.open("a") as log:
            log.write(line(file="Cholecap-Commercial-2021.mp4") + "\n")
        with pytest.raises(LeakInLog, match=r'"file": "Cholecap-Commercial-2021\.mp4"'):
            await getattr(demo.bot, way)()


REQUEST = {"event", "level", "timestamp", "reference", "team", "kind", "outcome", "seconds", "execution_ids"}
"""What each request's line has, and nothing else (docs, "The log")."""


def line_of(demo: DemoWorkspace, kind: str) -> dict[str, Any]:
    """The last line of a request of that kind."""
    found = [one for one in log_lines(demo) if one.get("kind") == kind and one["event"] in _EVENTS]
    return found[-1]


_EVENTS = ("answered", "event dealt with", "event came to nothing", "page answered")


async def test_request__has_one_line_by_which_it_is_found_again() -> None:
    """Commands, clicks, events and pages, good and bad: reference, team, kind, outcome, duration and Vault's ids."""
    async with demo_workspace() as demo:
        await ask(demo, "bob", "list")
        not_linked = line_of(demo, "command")
        async with browser() as client:
            fields = await open_form(demo, client, "alice", "password")
            page = line_of(demo, "link page")
            wrong = fields | password_fields("alice") | {"password": "a wrong password"}
            assert (await client.post(f"{demo.bot.url}/link", data=wrong)).status_code == 401
            refused = line_of(demo, "link form")
            right = fields | password_fields("alice")
            assert (await client.post(f"{demo.bot.url}/link", data=right)).status_code == 200
            linked = line_of(demo, "link form")
            assert (await client.get(f"{demo.bot.url}/link?ticket=nobody-knows-it")).status_code == 410
            stranger = line_of(demo, "link page")
        card = await ask(demo, "alice", seed.CHOLECAP)
        command = line_of(demo, "command")
        await click(demo, "alice", card, "refresh")
        clicked = line_of(demo, "refresh")
        await demo.slack.open_home("alice", "messages")
        await until(lambda: "event dealt with" in demo.bot.log_text(), "the event is dealt with")
        event = line_of(demo, "app_home_opened")
        rows = await audit_rows(demo)
    lines = [not_linked, page, refused, linked, stranger, command, clicked, event]
    for one in lines:
        assert set(one) == REQUEST
        assert one["level"] == "info"
        assert 0 <= one["seconds"] < 60
    assert [one["outcome"] for one in lines] == [
        "NotLinked", "ok", "WrongCredential", "ok", "TicketNotValid", "ok", "ok", "ok",
    ]  # fmt: skip
    assert [one["team"] for one in lines] == [*["T0NORDLICHT"] * 4, "", *["T0NORDLICHT"] * 3]
    assert len({one["reference"] for one in lines}) == len(lines)
    # Whoever asked Vault has its ids in the line, the same as the audit log.
    asked = {row["reference"]: row["execution_id"].split() for row in rows}
    assert [bool(one["execution_ids"]) for one in lines] == [
        False,
        True,
        True,
        True,
        False,
        True,
        True,
        False,
    ]
    for one in (command, clicked):
        assert one["execution_ids"] == asked[one["reference"]]
    assert set(asked[linked["reference"]]) <= set(linked["execution_ids"])
