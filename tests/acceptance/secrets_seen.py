"""Everything secret that the emulators have issued or were given, and what the uploads of their Vaults are called."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary, WeakSet

import pytest

from bot.demo.idp import server as idp_server
from bot.demo.idp.grants import Grants
from bot.demo.slack.bot_tokens import BotTokens, Issued
from bot.demo.slack.messages import MessageBoard
from bot.demo.slack.oauth import OAuth
from bot.demo.slack.response_urls import ResponseUrls
from bot.demo.slack.sockets import SocketHub
from bot.demo.slack.view_book import ViewBook
from bot.demo.vault.domain import Domain
from bot.demo.vault.emulator import VaultEmulator
from bot.demo.vault.logins import Logins, VaultSession
from bot.demo.vault.staging import Staging

if TYPE_CHECKING:
    from bot.demo.vault.uploads import Upload

SHORTEST = 6
"""Signs; what is shorter is found in any text, and no secret is."""
LONG_FOLDER = 10
SECRET_SETTINGS = (
    "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_CLIENT_SECRET", "OIDC_CLIENT_SECRET",
    "ENCRYPTION_KEYS",
)  # fmt: skip
_TICKET = re.compile(r"[?&]ticket=([A-Za-z0-9_-]+)")

Keep = Callable[[Any, Sequence[Any], Mapping[str, Any]], None]
"""Given what a method returns (None before it has), and what it was called with."""
Watch = Callable[[object, str, Keep], None]


class SecretsSeen:
    """Keeps them for as long as the tests of this process run: a secret stays one when its workspace is gone.

    Names of uploads count only for bots that had to do with their Vault, since another may use them as words.
    """

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        """What each one is."""
        self._vaults = WeakSet[VaultEmulator]()
        self._uploads: WeakKeyDictionary[Staging, dict[int, Upload]] = WeakKeyDictionary()

    def note(self, what: str, *values: object) -> None:
        """Keep values that are secret; what is no text, and what is too short to be one, is left out."""
        for value in values:
            if isinstance(value, str) and len(value) >= SHORTEST:
                self.secrets.setdefault(value, what)

    def note_settings(self, settings: Mapping[str, str]) -> None:
        """Keep what is secret among a bot's settings."""
        for name in SECRET_SETTINGS:
            for one in re.split(r"[,\s]+", settings.get(name, "")):
                self.note(name, one, one.partition(".")[2] if name == "ENCRYPTION_KEYS" else "")
        self.note("the database's password", urlsplit(settings.get("DATABASE_URL", "")).password)

    def names_for(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the ids, paths and names of all uploads that were ever in the Vaults of these settings, and of the
        files that lie there now, each with what it is."""
        found = dict[str, str]()
        for entry in settings.get("VAULTS", "").split(","):
            host = urlsplit(entry.rpartition("=")[2]).netloc
            for vault in (
                one for emulator in self._vaults for one in emulator.vaults.values() if one.dns == host
            ):
                for upload in self._uploads.get(vault.staging, {}).values():
                    found[upload.id] = "an upload's id"
                    found |= _parts_of(upload.path, upload.owner.home)
                for path in vault.staging.files:
                    found |= _parts_of(path, "")
        return {value: what for value, what in found.items() if len(value) >= SHORTEST}

    @contextmanager
    def looking_on(self) -> Iterator[None]:
        """Keep what the emulators of this process issue and are given while the block runs."""
        with pytest.MonkeyPatch.context() as patch:

            def watch(owner: object, name: str, keep: Keep) -> None:
                plain = getattr(owner, name)

                @functools.wraps(plain)
                def watched(*args: Any, **named: Any) -> Any:
                    keep(None, args, named)
                    result = plain(*args, **named)
                    keep(result, args, named)
                    return result

                patch.setattr(owner, name, watched)

            self._watch_slack(watch)
            self._watch_vault(watch)
            self._watch_sign_in(watch)
            yield

    def _watch_slack(self, watch: Watch) -> None:
        def pair(issued: Issued | None, *_: object) -> None:
            if issued is not None:
                self.note("a bot token", issued.token, issued.refresh_token)

        def tickets(_: object, args: Sequence[Any], named: Mapping[str, Any]) -> None:
            self.note("the ticket of a link page", *_TICKET.findall(f"{args[1:]} {named}"))

        watch(BotTokens, "issue", pair)
        watch(BotTokens, "_issue_pair", pair)
        watch(OAuth, "_grant", lambda code, *_: self.note("a code of Slack's OAuth", code))
        watch(SocketHub, "issue_ticket", lambda ticket, *_: self.note("the ticket of a websocket", ticket))
        watch(ResponseUrls, "issue", lambda secret, *_: self.note("the secret of a response_url", secret))
        watch(MessageBoard, "post", tickets)
        watch(MessageBoard, "edit", tickets)
        for name in ("open", "push", "update", "publish"):
            watch(ViewBook, name, tickets)

    def _watch_vault(self, watch: Watch) -> None:
        def opened(session: VaultSession | None, *_: object) -> None:
            self.note("a Vault session", session and session.id)

        def granted(_: object, args: Sequence[Any], __: object) -> None:
            self.note("an API access token", args[1])

        def shown(_: object, args: Sequence[Any], __: object) -> None:
            self.note("a credential", args[1].rpartition(" ")[2])

        def signed_in(_: object, args: Sequence[Any], __: object) -> None:
            self.note("a password", args[2])

        def added(_: object, args: Sequence[Any], __: object) -> None:
            staging, upload = args
            self._uploads.setdefault(staging, {})[id(upload)] = upload

        def made(_: object, args: Sequence[Any], __: object) -> None:
            self._vaults.add(args[0])

        watch(Logins, "open", opened)
        watch(Logins, "grant", granted)
        watch(Logins, "identify", shown)
        watch(Domain, "sign_in", signed_in)
        watch(Staging, "add", added)
        watch(VaultEmulator, "__init__", made)

    def _watch_sign_in(self, watch: Watch) -> None:
        def allowed(code: str | None, _: object, named: Mapping[str, Any]) -> None:
            self.note("a code or nonce of the sign-in", code, named["nonce"])

        def issued(tokens: tuple[str, str | None] | None, *_: object) -> None:
            self.note("a token of the sign-in", *(tokens or ()))

        def shown(_: object, args: Sequence[Any], __: object) -> None:
            self.note("a code, verifier or refresh token of the sign-in", *args[1:2], *args[3:])

        watch(Grants, "allow", allowed)
        watch(Grants, "issue", issued)
        watch(Grants, "redeem", shown)
        watch(Grants, "renew", shown)
        watch(idp_server, "make_id_token", lambda token, *_: self.note("an ID token", token))


def _parts_of(path: str, home: str) -> dict[str, str]:
    below = path.removeprefix(home)
    folder, _, name = below.rpartition("/")
    found = {path: "a path", below: "a path", home + folder: "a folder's path", name: "a file's name"}
    # The program has folders of its own, such as `/store/audit.py`, and tracebacks name them.
    return found | ({folder: "a folder's path"} if len(folder) >= LONG_FOLDER else {})
