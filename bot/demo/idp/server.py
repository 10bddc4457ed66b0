"""The endpoints of the emulated provider."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.demo.idp.clients import OAuthError
from bot.demo.idp.faults import Fault
from bot.demo.idp.grants import Grant
from bot.demo.idp.pages import Pages
from bot.demo.idp.requests import Kind, Visit
from bot.demo.idp.signing import half_hash, make_id_token
from bot.demo.serving import HangUp

if TYPE_CHECKING:
    from bot.demo.idp.emulator import IdpEmulator

SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
ID_TOKEN_SECONDS = 600
NO_STORE = {"Cache-Control": "no-store"}

Endpoint = Callable[[Request, Visit], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a client asked for, while the person is at the sign-in page."""

    redirect_uri: str
    scopes: frozenset[str]
    state: str | None
    nonce: str | None
    challenge: str


class Provider:
    """One method for each endpoint, over what the emulator knows."""

    def __init__(self, emulator: "IdpEmulator", company: str) -> None:
        self._idp = emulator
        self._pages = Pages(company)
        self._asked: dict[str, Asked] = {}
        self.app = Starlette(
            routes=[
                self._route("GET", "/.well-known/openid-configuration", Kind.METADATA, self._metadata),
                self._route("GET", "/jwks", Kind.KEYS, self._keys),
                self._route("GET", "/authorize", Kind.AUTHORIZE, self._authorize),
                self._route("POST", "/sign-in", Kind.SIGN_IN, self._sign_in),
                self._route("POST", "/token", Kind.TOKEN, self._token),
                self._route("GET", "/userinfo", Kind.USERINFO, self._userinfo),
                self._route("POST", "/userinfo", Kind.USERINFO, self._userinfo),
            ]
        )

    def _route(self, method: str, path: str, kind: Kind, endpoint: Endpoint) -> Route:
        async def serve(request: Request) -> Response:
            started, visit = time.perf_counter(), Visit(kind=kind)
            self._idp.requests.count(kind)
            response = await self._spoiled() or await endpoint(request, visit)
            self._idp.requests.write(
                visit,
                at=self._idp.clock.now(),
                method=request.method,
                path=request.url.path,
                agent=request.headers.get("user-agent", ""),
                status=0 if isinstance(response, HangUp) else response.status_code,
                seconds=time.perf_counter() - started,
            )
            return response

        return Route(path, serve, methods=[method])

    async def _spoiled(self) -> Response | None:
        """What comes in the place of any answer, if such a fault stands."""
        faults = self._idp.faults
        if Fault.SLOW in faults:
            await asyncio.sleep(self._idp.slow_seconds)
        if Fault.DOWN in faults:
            return HangUp()
        if Fault.FAILING in faults:
            return JSONResponse({"error": "server_error"}, 500)
        if Fault.NO_JSON in faults:
            return HTMLResponse("<h1>Welcome</h1>")
        if Fault.TOO_LARGE in faults:
            return JSONResponse({"issuer": self._idp.issuer, "filler": "x" * 2 * 1024 * 1024})
        return None

    async def _metadata(self, _: Request, __: Visit) -> Response:
        idp, faults = self._idp, self._idp.faults
        tls_less = "http://idp.elsewhere.example" if Fault.PLAIN_HTTP in faults else idp.issuer
        return JSONResponse(
            {
                "issuer": "https://idp.elsewhere.example" if Fault.OTHER_ISSUER in faults else idp.issuer,
                "authorization_endpoint": f"{idp.issuer}/authorize",
                "token_endpoint": f"{tls_less}/token",
                "userinfo_endpoint": idp.userinfo_url,
                "jwks_uri": f"{idp.issuer}/jwks",
                "scopes_supported": sorted(SCOPES),
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": sorted(idp.client_auth)
                if idp.client.secret
                else ["none"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    async def _keys(self, _: Request, __: Visit) -> Response:
        return JSONResponse({"keys": [key.public() for key in self._idp.keys]})

    async def _authorize(self, request: Request, visit: Visit) -> Response:
        """The sign-in page. Errors go back to the client once it is known to be one (RFC 6749, section 4.1.2.1)."""
        query = dict(request.query_params)
        client = self._idp.client
        if query.get("client_id") != client.id or query.get("redirect_uri") not in client.redirect_uris:
            visit.error = "unknown client or redirect_uri"
            return self._pages.refused("The app that sent you here is not registered with this address.")
        asked = Asked(
            redirect_uri=query["redirect_uri"],
            scopes=_granted_scopes(query),
            state=query.get("state"),
            nonce=query.get("nonce"),
            challenge=query.get("code_challenge", ""),
        )
        visit.error = self._fault_in(query)
        if visit.error is not None:
            return self._back(
                asked, {"error": visit.error, "error_description": "said <b>by</b> the provider"}
            )
        request_id = secrets.token_urlsafe(16)
        self._asked[request_id] = asked
        return self._pages.sign_in(
            self._idp.people.values(),
            client=client.name,
            offline="offline_access" in asked.scopes,
            request_id=request_id,
            back_to=asked.redirect_uri,
        )

    def _fault_in(self, query: Mapping[str, str]) -> str | None:
        """The code of what is wrong with the request, or of the fault that stands."""
        if Fault.REFUSES_SIGN_IN in self._idp.faults:
            return self._idp.sign_in_error
        if query.get("response_type") != "code":
            return "unsupported_response_type"
        if "openid" not in query.get("scope", "").split():
            return "invalid_scope"
        if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
            return "invalid_request"
        return "login_required" if query.get("prompt") == "none" else None

    async def _sign_in(self, request: Request, visit: Visit) -> Response:
        form = await _read_form(request)
        asked = self._asked.pop(form.get("request", ""), None)
        person = self._idp.people.get(form.get("person", ""))
        if asked is None:
            return self._pages.refused("This page was used already. Start again from the app.")
        if person is None:
            visit.error = "access_denied"
            return self._back(asked, {"error": visit.error})
        visit.who = person.key
        code = self._idp.grants.allow(
            person,
            scopes=asked.scopes,
            nonce=asked.nonce,
            redirect_uri=asked.redirect_uri,
            challenge=asked.challenge,
        )
        return self._back(asked, {"code": code})

    def _back(self, asked: Asked, answer: dict[str, str]) -> Response:
        if asked.state is not None:
            answer["state"] = asked.state
        if Fault.CALLBACK_OF_ANOTHER in self._idp.faults:
            answer["iss"] = "https://idp.elsewhere.example"
        elif Fault.CALLBACK_UNSIGNED not in self._idp.faults:
            answer["iss"] = self._idp.issuer
        joint = "&" if urlsplit(asked.redirect_uri).query else "?"
        return RedirectResponse(
            f"{asked.redirect_uri}{joint}{urlencode(answer)}", status_code=303, headers=NO_STORE
        )

    async def _token(self, request: Request, visit: Visit) -> Response:
        form = await _read_form(request)
        try:
            return JSONResponse(self._granted(request, form, visit), headers=NO_STORE)
        except OAuthError as error:
            visit.error = error.code
            return JSONResponse(error.as_json(), error.status, headers=NO_STORE)

    def _granted(self, request: Request, form: Mapping[str, str], visit: Visit) -> dict[str, Any]:
        if Fault.REFUSES_CLIENT in self._idp.faults:
            raise OAuthError("invalid_client", "The secret has expired.", 401)
        self._idp.client.check(request.headers.get("authorization"), form, self._idp.client_auth)
        visit.grant_type = form.get("grant_type")
        if visit.grant_type == "authorization_code":
            grant = self._idp.grants.redeem(
                form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", "")
            )
            nonce = grant.nonce
        elif visit.grant_type == "refresh_token":
            grant, nonce = self._idp.grants.renew(form.get("refresh_token", "")), None
        else:
            raise OAuthError("unsupported_grant_type", "Neither a code nor a refresh token.")
        visit.who = grant.person.key
        access_token, refresh_token = self._idp.grants.issue(grant)
        answer = {
            "access_token": access_token,
            "token_type": "mac" if Fault.NO_BEARER in self._idp.faults else "Bearer",
            "expires_in": int(self._idp.grants.access_lives.total_seconds()),
            "scope": " ".join(sorted(grant.scopes)),
        }
        if refresh_token is not None:
            answer["refresh_token"] = refresh_token
        if Fault.NO_ID_TOKEN not in self._idp.faults:
            answer["id_token"] = self._id_token(grant, nonce, access_token)
        return answer

    def _id_token(self, grant: Grant, nonce: str | None, access_token: str) -> str:
        now = int(self._idp.clock.timestamp())
        claims = {
            "iss": self._idp.issuer,
            "sub": grant.person.subject,
            "aud": self._idp.client.id,
            "iat": now,
            "exp": now + ID_TOKEN_SECONDS,
            "auth_time": int(grant.auth_time.timestamp()),
            "at_hash": half_hash(access_token),
            **({} if nonce is None else {"nonce": nonce}),
        }
        return make_id_token(self._idp.keys[0], claims, self._idp.client.secret, self._idp.faults)

    async def _userinfo(self, request: Request, visit: Visit) -> Response:
        """Whose access token that is (Core, section 5.3)."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            grant = self._idp.grants.behind(value.strip() if scheme.lower() == "bearer" else "")
        except OAuthError as error:
            visit.error = error.code
            told = f'Bearer error="{error.code}", error_description="{error.description}"'
            return JSONResponse(error.as_json(), error.status, headers={**NO_STORE, "WWW-Authenticate": told})
        visit.who = grant.person.key
        return JSONResponse(grant.person.claims(grant.scopes), headers=NO_STORE)


def _granted_scopes(query: Mapping[str, str]) -> frozenset[str]:
    """The known ones. Offline access only with the person's consent (Core, section 11)."""
    scopes = SCOPES & set(query.get("scope", "").split())
    asks_consent = "consent" in query.get("prompt", "").split()
    return scopes if asks_consent else scopes - {"offline_access"}


async def _read_form(request: Request) -> dict[str, str]:
    """Fields of an urlencoded form; nothing if there is none that can be read."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != (
        "application/x-www-form-urlencoded"
    ):
        return {}
    try:
        return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=30))
    except ValueError:
        return {}
