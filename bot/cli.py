"""The command line. The only place that prints, reads `.env`, and decides exit codes.

0 good, 1 a check or run failed, 2 wrong usage or wrong settings. Results on stdout, logs and faults on stderr.

What a command needs is imported in it: the libraries of all together take a second, and most need few of them.
"""

import argparse
import asyncio
import gc
import importlib
import io
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values

from bot import __version__, cli_verbs
from bot.cli_verbs import RunFailed, WrongUsage
from bot.config_faults import ConfigError
from bot.model.errors import BotError

if TYPE_CHECKING:
    from bot.config import Config
    from bot.tracing import Traces

GARBAGE_AFTER = 10_000
"""Objects more than before."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = parser().parse_args(argv)
    # What is imported stays: to look through all of it for garbage again and again takes a fifth of a start.
    gc.disable()
    try:
        command: Callable[[argparse.Namespace], int] = arguments.command
        return command(arguments)
    except ConfigError as error:
        print(
            "These settings cannot be used:",
            *(f"  {fault}" for fault in error.faults),
            sep="\n",
            file=sys.stderr,
        )
        print("docs/operating.md and .env.example tell what each may hold.", file=sys.stderr)
        return 2
    except WrongUsage as error:
        print(error, file=sys.stderr)
        return 2
    except (BotError, RunFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); Python would complain again while flushing at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        gc.enable()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="vault-upload-bot", description="Answers in Slack where a Vault upload session stands."
    )
    top.add_argument("--version", action="version", version=f"vault-upload-bot {__version__}")
    top.set_defaults(command=run)
    verbs = top.add_subparsers(title="commands", metavar="COMMAND")

    verb = verbs.add_parser("run", help="serve (the default); settings from the environment and .env")
    verb.set_defaults(command=run)

    verb = verbs.add_parser("demo", help="try it: emulated Slack and Vault, the real bot between them")
    verb.add_argument(
        "--once",
        action="append",
        metavar="TEXT",
        help="type this and print the conversation; several make a longer one",
    )
    verb.add_argument(
        "--as",
        dest="person",
        default="alice",
        help="who one is: alice, bob, vera (Admin), nils, gina (guest)",
    )
    verb.add_argument(
        "--in",
        dest="channel",
        metavar="CHANNEL",
        default="#trial-uploads",
        help="where --once is typed: '#trial-uploads' (the default), '#general', '#random', or dm",
    )
    verb.add_argument(
        "--http",
        action="store_true",
        help="the page: run the bot in HTTP mode instead of Socket Mode (--once always does)",
    )
    verb.add_argument(
        "--port", type=int, default=8765, help="of the page (default 8765); a free one if it is taken"
    )
    verb.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="keep the database in this folder and go on with it next time",
    )
    verb.set_defaults(command=demo)

    cli_verbs.add_verbs(verbs, stored)

    verb = verbs.add_parser("manifest", help="print the Slack app manifest, filled in")
    ways = verb.add_mutually_exclusive_group()
    ways.add_argument("--http", metavar="URL", help="for HTTP mode: the public https address of this bot")
    ways.add_argument("--socket", action="store_true", help="for Socket Mode (the default)")
    verb.set_defaults(command=manifest)
    return top


def run(_: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    import structlog

    from bot.cli_store import CHECKS
    from bot.config import Config
    from bot.config_rules import near_misses
    from bot.logs import set_up_logging
    from bot.tracing import traces_by
    from bot.web import open_files

    open_files.allow_many()
    environ = environment()
    config = Config.from_environ(environ, CHECKS)
    set_up_logging(config.log_level, config.log_format)
    for warning in near_misses(environ, Config.names()):
        structlog.get_logger().warning(warning)
    for name in [name for name in os.environ if name.startswith("SLACK_")]:
        # Bolt would read these by itself, and SLACK_CLIENT_ID alone makes it store installations in files.
        del os.environ[name]
    traces = traces_by(environ)
    return _in_loop(lambda: _serve(config, traces))


async def _serve(config: "Config", traces: "Traces | None") -> int:
    from slack_sdk.errors import SlackApiError

    from bot.serving import serve
    from bot.slack.workspace import PASSING, SlackRefused, error_code
    from bot.web.server import CannotListen

    _end_of_imports()
    stop, started = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(serve(config, stop, started, traces))

    def on_signal() -> None:
        # Before the start is done there is nothing to finish; and who asks twice does not want to wait.
        if stop.is_set() or not started.is_set():
            task.cancel()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        await task
    except asyncio.CancelledError:
        return 1 if started.is_set() else 0
    except (SlackRefused, CannotListen) as error:
        raise RunFailed(str(error)) from None
    except SlackApiError as error:
        raise RunFailed(
            f"Slack refused a call at the start ({error_code(error)}). Try again later."
        ) from None
    except PASSING:
        raise RunFailed(
            "Slack cannot be reached. Check the network, HTTPS_PROXY and SLACK_API_URL, then start again."
        ) from None
    return 0


def demo(arguments: argparse.Namespace) -> int:
    """Open the demo workspace in the browser, or print a conversation in it."""
    from bot.demo.bot_process import BotDidNotStart
    from bot.demo.page import serve_page
    from bot.demo.transcript import converse
    from bot.demo.workspace import DemoCannotStart, UnknownName

    _end_of_imports()
    if not 0 <= arguments.port <= 65535:
        raise WrongUsage("--port: must be between 0 and 65535")

    def say(line: str) -> None:
        print(line, flush=True)

    async def work() -> int:
        person, keep = arguments.person, arguments.keep
        if not arguments.once:
            return await serve_page(
                say=say, person=person, socket_mode=not arguments.http, port=arguments.port, keep=keep
            )
        talk = asyncio.ensure_future(
            converse(
                arguments.once,
                person=person,
                say=say,
                channel=arguments.channel,
                keep=keep,
            )
        )
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, talk.cancel)
        return await talk

    try:
        return _in_loop(work)
    except asyncio.CancelledError:
        return 1
    except UnknownName as error:
        raise WrongUsage(str(error)) from None
    except (DemoCannotStart, BotDidNotStart) as error:
        raise RunFailed(str(error)) from None


def stored(arguments: argparse.Namespace) -> int:
    """Run a verb that gives lines and print them, in UTF-8 whatever the terminal says of itself."""
    module, _, name = arguments.lines.partition(":")
    lines_of = getattr(importlib.import_module(f"bot.{module}"), name)
    _end_of_imports()

    async def work() -> int:
        async with aclosing(lines_of(arguments, environment)) as lines:
            async for line in lines:
                print(line)
        return 0

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    return _in_loop(work)


def manifest(arguments: argparse.Namespace) -> int:
    """Print the manifest for one of the two modes, with the hosts of VAULTS where that is set."""
    from bot.config import Config
    from bot.config_values import vaults
    from bot.manifest import MOST_DOMAINS, domains_of, filled_in

    environ, hosts = environment(), list[str]()
    if environ.get("VAULTS", "").strip() or environ.get("VAULTS_FILE", "").strip():
        settings = Config.only(environ, ["VAULTS"], {"VAULTS": vaults})
        hosts = [vault.host for vault in vaults(settings["VAULTS"])]
    try:
        print(filled_in(arguments.http, hosts), end="")
    except ValueError as error:
        raise WrongUsage(f"--http: {error}") from None
    if left_out := domains_of(hosts)[MOST_DOMAINS:]:
        print(
            f"Slack takes {MOST_DOMAINS} unfurl domains; links to these get no card: {', '.join(left_out)}",
            file=sys.stderr,
        )
    return 0


def environment() -> Mapping[str, str]:
    """Return the environment, with what `.env` in the working directory adds to it."""
    path = Path(".env")
    try:
        found = dotenv_values(path, interpolate=False) if path.is_file() else {}
    except (OSError, UnicodeDecodeError):
        raise WrongUsage("The file .env cannot be read as text.") from None
    return {**{name: value for name, value in found.items() if value is not None}, **os.environ}


def _in_loop(work: Callable[[], Coroutine[None, None, int]]) -> int:
    import structlog
    import uvloop

    from bot.logs import set_up_logging

    if not structlog.is_configured():
        set_up_logging("WARNING", None)
    return uvloop.run(work())


def _end_of_imports() -> None:
    """Let garbage be collected again, among what is made from here on; not after every 700 objects, as Python does: one
    command makes as many, and next to none of them are in circles."""
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)
    gc.enable()
