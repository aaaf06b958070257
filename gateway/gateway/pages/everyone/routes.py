"""The start page, signing in and signing out."""

from __future__ import annotations

import re
import secrets
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from foundation.access import Caller, Role
from foundation.refusals import NotFound, Unauthenticated
from gateway.metrics import SIGN_INS
from gateway.oidc import Provider
from gateway.pages.browser import Cookie, CurrentSession, FormFields, OwnForm, own_origin, session_cookie
from gateway.pages.everyone.texts import ROLES
from gateway.pages.rendering import STATIC, PageRoute, Pages
from gateway.sessions import Sessions, SigningIn
from gateway.settings import GatewaySettings
from gateway.sign_in import Callers

WAY_BACK = "/aanmelden/terug"
_FIELD = re.compile(r"[^\x00-\x1f\x7f]{0,64}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{1,64}")

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
async def get_start(
    request: Request, session: CurrentSession, afgemeld: Annotated[str, Query(max_length=5)] = ""
) -> Response:
    """Say what this is; to somebody who is signed in, where to go."""
    pages: Pages = request.app.state.pages
    roles = [text for text in ROLES if session is not None and session.caller.has(text.role)]
    name = session.caller.subject if session else ""
    return pages.show(
        request, "everyone/start.html", roles=roles, name=name, signed_out=bool(afgemeld) and session is None
    )


@router.get("/aanmelden")
async def get_sign_in(request: Request, session: CurrentSession) -> Response:
    return _sign_in_page(request, {}, {})


@router.post("/aanmelden", dependencies=[OwnForm])
async def post_sign_in(request: Request, fields: FormFields) -> Response:
    """Sign in through the stand-in identity provider: whoever one says one is. Local only."""
    settings: GatewaySettings = request.app.state.settings
    if settings.stand_in_identity_key_file is None:
        raise NotFound("Dit adres bestaat niet.")
    mistakes = _mistakes(fields)
    if mistakes:
        return _sign_in_page(request, fields, mistakes, 400)
    role = Role(fields["rol"])
    caller = Caller(
        subject=fields.get("naam") or role.value,
        roles=frozenset({role}),
        holder_id=fields.get("houder") or None,
        organisation_id=fields.get("organisatie") or None,
    )
    SIGN_INS.labels("stand-in").inc()
    return await _signed_in(request, caller)


@router.get("/aanmelden/begin")
async def get_begin(request: Request) -> Response:
    """Send somebody to the identity provider, remembering what its answer must hold."""
    settings, provider = _web_sign_in(request)
    sessions: Sessions = request.app.state.sessions
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    assert settings.oidc_client_id is not None
    way = await provider.way_to_sign_in(settings.oidc_client_id, own_origin(request) + WAY_BACK, state, nonce, verifier)
    await sessions.send_away(state, SigningIn(nonce, verifier))
    response = RedirectResponse(way, 303)
    _state_cookie(request).set(response, state)
    return response


@router.get(WAY_BACK)
async def get_back(
    request: Request,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
    iss: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Take somebody back from the identity provider; the answer counts once and only in the browser that asked."""
    settings, provider = _web_sign_in(request)
    sessions: Sessions = request.app.state.sessions
    callers: Callers = request.app.state.callers
    cookie = _state_cookie(request)
    ours = cookie.read(request) or ""
    if not state or not secrets.compare_digest(ours.encode(), state.encode()):
        raise Unauthenticated("Het aanmelden is niet gelukt. Begin opnieuw.")
    flow = await sessions.welcome_back(state)
    # RFC 9207: another provider may not answer in this one's place.
    if flow is None or not code or iss not in (None, provider.issuer):
        raise Unauthenticated("Het aanmelden is niet gelukt. Begin opnieuw.")
    assert settings.oidc_client_id is not None
    secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else None
    token = await provider.exchange(
        code, settings.oidc_client_id, secret, own_origin(request) + WAY_BACK, flow.verifier
    )
    caller = await callers.check_sign_in(token, settings.oidc_client_id, flow.nonce)
    SIGN_INS.labels("oidc").inc()
    response = await _signed_in(request, caller)
    cookie.clear(response)
    return response


@router.post("/afmelden", dependencies=[OwnForm])
async def post_sign_out(request: Request) -> Response:
    """End the session here and in the browser."""
    sessions: Sessions = request.app.state.sessions
    cookie = session_cookie(request)
    session_id = cookie.read(request)
    if session_id:
        await sessions.end(session_id)
    response = RedirectResponse("/?afgemeld=ja", 303)
    cookie.clear(response)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@router.get("/static/{name}")
async def get_static(request: Request, name: str) -> Response:
    pages: Pages = request.app.state.pages
    if name not in STATIC:
        raise NotFound("Dit adres bestaat niet.")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(pages.files[name], media_type=STATIC[name], headers=headers)


def _sign_in_page(request: Request, fields: dict[str, str], mistakes: dict[str, str], status: int = 200) -> Response:
    pages: Pages = request.app.state.pages
    settings: GatewaySettings = request.app.state.settings
    return pages.show(
        request,
        "everyone/sign_in.html",
        status,
        stand_in=settings.stand_in_identity_key_file is not None,
        issuer=settings.oidc_client_id is not None,
        roles=ROLES,
        fields={name: fields.get(name, "") for name in ("rol", "naam", "houder", "organisatie")},
        mistakes=mistakes,
    )


def _mistakes(fields: dict[str, str]) -> dict[str, str]:
    """Give what is wrong with the form, by field."""
    wrong = {}
    role = fields.get("rol", "")
    if role not in {text.role.value for text in ROLES}:
        wrong["rol"] = "Kies een rol."
    if not _FIELD.fullmatch(fields.get("naam", "")):
        wrong["naam"] = "Vul een naam in van hoogstens 64 tekens."
    needed = {"houder": (Role.PASS_HOLDER,), "organisatie": (Role.ORGANISATION, Role.PROVIDER)}
    labels = {"houder": "het nummer van de pashouder", "organisatie": "het nummer van de organisatie"}
    for name, roles in needed.items():
        value = fields.get(name, "")
        if (not value and role in roles) or (value and not _IDENTIFIER.fullmatch(value)):
            wrong[name] = f"Vul {labels[name]} in: letters, cijfers en streepjes."
    return wrong


async def _signed_in(request: Request, caller: Caller) -> Response:
    """Begin a session under a new id, so that an id from before signing in is worth nothing."""
    sessions: Sessions = request.app.state.sessions
    cookie = session_cookie(request)
    session_id = await sessions.start(caller, replaces=cookie.read(request))
    response = RedirectResponse("/mijn" if caller.roles == {Role.PASS_HOLDER} else "/", 303)
    cookie.set(response, session_id)
    return response


def _web_sign_in(request: Request) -> tuple[GatewaySettings, Provider]:
    settings: GatewaySettings = request.app.state.settings
    provider: Provider | None = request.app.state.provider
    if provider is None or settings.oidc_client_id is None:
        raise NotFound("Dit adres bestaat niet.")
    return settings, provider


def _state_cookie(request: Request) -> Cookie:
    return Cookie("signing-in", request.app.state.settings)
