"""Installing the app by OAuth: the page where an administrator allows it, and oauth.v2.access.

Slack: docs "Installing with OAuth", reference "oauth.v2.access".
"""

import base64
import binascii
import html
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from bot.demo.slack.bot_tokens import Issued
from bot.demo.slack.emulator import SlackEmulator
from bot.demo.slack.faults import Faults
from bot.demo.slack.signing import Credentials
from bot.demo.slack.web_api import ApiFailureError, read_arguments, with_fault
from bot.demo.slack.workspace import APP_ID, BOT_USER_ID, ENTERPRISE_NAME

CODE_LIFE = timedelta(minutes=10)
ACCESS = "oauth.v2.access"

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}}</style>
<h1>{title}</h1>{body}</html>"""


@dataclass(frozen=True, slots=True)
class _Code:
    workspace: SlackEmulator
    installer: str
    scopes: frozenset[str]
    redirect_uri: str
    org_wide: bool
    ends: datetime


class OAuth:
    """Codes, and what they are exchanged for."""

    def __init__(
        self,
        credentials: Credentials,
        workspaces: Mapping[str, SlackEmulator],
        now: Callable[[], datetime],
        *,
        rotating: bool,
    ) -> None:
        self.faults = Faults()
        self.withheld: set[str] = set()
        """Scopes that are not granted although they are asked for."""
        self.rotating = rotating
        self._credentials = credentials
        self._workspaces = workspaces
        self._now = now
        self._codes: dict[str, _Code] = {}

    async def authorize(self, request: Request) -> Response:
        """GET shows what the app asks for; POST allows it in one workspace, or cancels."""
        asked = dict(request.query_params)
        if request.method == "POST":
            asked = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        trouble = self._trouble(asked)
        if trouble is not None:
            return HTMLResponse(_PAGE.format(title="Something is wrong", body=f"<p>{trouble}</p>"), 400)
        if request.method != "POST":
            return HTMLResponse(self._page(asked))
        back = {"state": asked.get("state", "")}
        if asked.get("answer") != "allow":
            back = {"error": "access_denied", **back}
        else:
            back = {"code": self._grant(asked), **back}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def access(self, request: Request) -> Response:
        """oauth.v2.access: a code, or a refresh token, for a bot token."""
        arguments = await read_arguments(request)
        client = _client_of(request, arguments)
        return await with_fault(self.faults.take(ACCESS), lambda: self._answer(arguments, client))

    def _answer(self, arguments: Mapping[str, Any], client: tuple[str, str]) -> Response:
        try:
            if client[0] != self._credentials.client_id:
                raise ApiFailureError("invalid_client_id")
            if client[1] != self._credentials.client_secret:
                raise ApiFailureError("bad_client_secret")
            if arguments.get("grant_type") == "refresh_token":
                return JSONResponse(self._refreshed(str(arguments.get("refresh_token"))))
            return JSONResponse(self._redeemed(arguments))
        except ApiFailureError as failure:
            return JSONResponse(failure.body)

    def _redeemed(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        code = self._codes.pop(str(arguments.get("code")), None)
        if code is None or self._now() >= code.ends:
            raise ApiFailureError("invalid_code")
        if arguments.get("redirect_uri") != code.redirect_uri:
            raise ApiFailureError("bad_redirect_uri")
        issued = code.workspace.install(set(code.scopes), rotating=self.rotating, org_wide=code.org_wide)
        return _body(code.workspace, issued) | {"authed_user": {"id": code.installer}}

    def _refreshed(self, refresh_token: str) -> dict[str, Any]:
        for workspace in self._workspaces.values():
            issued = workspace.refresh(refresh_token)
            if issued is not None:
                return _body(workspace, issued)
        raise ApiFailureError("invalid_refresh_token")

    def _trouble(self, asked: Mapping[str, str]) -> str | None:
        """Slack tells the person, and redirects nowhere."""
        app = next(iter(self._workspaces.values())).app
        if asked.get("client_id") != self._credentials.client_id:
            return "Invalid client_id parameter"
        if app.declared and asked.get("redirect_uri") not in app.redirect_urls:
            return "redirect_uri did not match any configured URIs"
        unknown = _scopes(asked) - app.scopes
        return f"Invalid permissions requested: {html.escape(', '.join(unknown))}" if unknown else None

    def _page(self, asked: Mapping[str, str]) -> str:
        fields = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in asked.items()
        )
        choices = "".join(
            f'<option value="{value}">{html.escape(name)}</option>' for value, name in self._choices()
        )
        items = "".join(f"<li>{html.escape(scope)}</li>" for scope in sorted(_scopes(asked)))
        return _PAGE.format(
            title="Vault Uploads is requesting permission",
            body=f'<ul>{items}</ul><form method="post" action="/oauth/v2/authorize">{fields}'
            f'<label>Install to <select name="place">{choices}</select></label> '
            '<button name="answer" value="allow">Allow</button> '
            '<button name="answer" value="cancel">Cancel</button></form>',
        )

    def _choices(self) -> list[tuple[str, str]]:
        """Each workspace, and each Enterprise organisation as a whole."""
        places = [(domain, one.workspace.name) for domain, one in self._workspaces.items()]
        organisations = [
            (one.workspace.enterprise_id, ENTERPRISE_NAME)
            for one in self._workspaces.values()
            if one.workspace.enterprise_id
        ]
        return places + organisations

    def _grant(self, asked: Mapping[str, str]) -> str:
        place = asked.get("place", "")
        org_wide = place not in self._workspaces
        found = (
            next(one for one in self._workspaces.values() if one.workspace.enterprise_id == place)
            if org_wide
            else self._workspaces[place]
        )
        installer = next(one for one in found.workspace.users.values() if one.is_admin or not one.is_bot)
        code = f"{secrets.randbelow(10**12)}.{secrets.token_hex(24)}"
        granted = frozenset(_scopes(asked) - self.withheld)
        ends = self._now() + CODE_LIFE
        self._codes[code] = _Code(found, installer.id, granted, asked["redirect_uri"], org_wide, ends)
        return code


def _body(workspace: SlackEmulator, issued: Issued) -> dict[str, Any]:
    here = workspace.workspace
    body = {
        "ok": True,
        "app_id": APP_ID,
        "token_type": "bot",
        "access_token": issued.token,
        "bot_user_id": BOT_USER_ID,
        "scope": ",".join(sorted(workspace.scopes)),
        "team": None if here.org_wide else {"id": here.team_id, "name": here.name},
        "enterprise": {"id": here.enterprise_id, "name": ENTERPRISE_NAME} if here.enterprise_id else None,
        "is_enterprise_install": here.org_wide,
    }
    if issued.refresh_token is not None:
        body |= {"refresh_token": issued.refresh_token, "expires_in": issued.expires_in}
    return body


def _scopes(asked: Mapping[str, str]) -> set[str]:
    return {scope for scope in asked.get("scope", "").split(",") if scope}


def _client_of(request: Request, arguments: Mapping[str, Any]) -> tuple[str, str]:
    """Client id and secret, by HTTP Basic or as arguments."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(encoded).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return name, secret
    return str(arguments.get("client_id", "")), str(arguments.get("client_secret", ""))
