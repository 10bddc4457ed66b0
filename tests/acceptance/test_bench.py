"""A small run of `make bench`: it measures what it says it does, and nothing is lost on the way. No time is judged."""

import pytest

from bench import driving, lives
from bench.bars import Report
from bench.commands import Plan, measure
from bench.stand_ins import Tally, stand_ins
from bench.world import HTTP, LEAST, SOCKET, subject

SMALL = Plan(rounds=1, commands=20, burst=8, many=100, memory=100, warm_up=16, settling=0.1)
MODES = pytest.mark.parametrize("mode", [HTTP, SOCKET])


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine is no lapse here."""
    monkeypatch.setattr(driving, "ACK_LIMIT", 120.0)
    monkeypatch.setattr(driving, "PATIENCE", 120.0)


@MODES
async def test_bench__tells_every_bar_of_the_commands(mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    await measure(report, mode, SMALL)
    # So few commands may well meet the first that wants one connection more.
    assert [lapse for lapse in report.lapses if "new connections" not in lapse] == []
    told = capsys.readouterr().out
    for bar in (
        "CPU for each command, as a ratio to the least code",
        "commands/s, as a ratio to the least code",
        "commands/s, as a ratio to the tutorial's",
        "new connections for each command",
        "ack p50, more than the least code's",
        "answer p50, more than the least code's",
        "the tutorial's bot loses",
    ):
        assert bar in told
    assert told.count("one Vault call each") == 4


async def test_bench__tells_every_bar_of_a_life(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report()
    await lives.start(report, HTTP, SMALL)
    await lives.many(report, HTTP, SMALL)
    await lives.memory(report, SOCKET, SMALL)
    assert report.lapses == []
    told = capsys.readouterr().out
    for bar in ("start to first answer", "memory when idle", "100 commands, 64 at once", "growth"):
        assert bar in told


@MODES
async def test_round__counts_one_vault_call_and_one_answer_for_each_command(
    mode: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Of the least code; of the bot that is what the bars have no lapses by."""
    async with stand_ins() as app, subject(LEAST, mode, app, tmp_path_factory.mktemp("bench")) as found:
        await found.ready()
        done = await driving.at_once(found, 30, 10)
    assert (done.vault_calls, app.tally.answers.total(), len(app.tally.answers)) == (30, 30, 30)
    assert done.connections > 0
    assert done.lapses == []


class Twice(Tally):
    """Hears each answer twice."""

    def take(self, key: str, body: bytes) -> None:
        super().take(key, body)
        super().take(key, body)


class Never(Tally):
    """Hears no answer."""

    def take(self, key: str, body: bytes) -> None: ...


@pytest.mark.parametrize(("tally", "lapses"), [(Twice(), ["4 doubled"]), (Never(), ["4 lost"])])
async def test_round__sees_what_goes_wrong(
    tally: Tally, lapses: list[str], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A yardstick that sees nothing would find every bar met."""
    monkeypatch.setattr(driving, "PATIENCE", 2.0)
    async with stand_ins() as app, subject(LEAST, HTTP, app, tmp_path_factory.mktemp("bench")) as found:
        await found.ready()
        app.tally = tally
        done = await driving.at_once(found, 4, 4)
    assert done.lapses == lapses


def test_report__fails_by_lapses_alone(capsys: pytest.CaptureFixture[str]) -> None:
    slow, lost, many, few = Report(), Report(), Report(), Report()
    slow.at_most("seconds", 2, 1)
    lost.faultless("commands", ["1 lost"])
    many.counted_at_most("connections", 0.06, 0.05)
    few.counted_at_most("connections", 0.05, 0.05)
    assert [report.close() for report in (slow, lost, many, few)] == [0, 1, 1, 0]
    assert capsys.readouterr().out.count("NOT met") == 6
