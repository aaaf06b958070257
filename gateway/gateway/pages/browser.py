"""What we know of the browser in front of us: its session cookie, whether a form came from our own page, its fields."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request, Response

from foundation.access import Role
from foundation.refusals import BadRequest, Forbidden, TooLarge, Unauthenticated, UnsupportedType
from gateway.refusals import ForeignForm
from gateway.sessions import Session, Sessions
from gateway.settings import GatewaySettings

MAX_FORM_BYTES = 16 * 1024
MAX_FIELDS = 50


class Cookie:
    """A cookie that no script reads and no other site sends along with a form.

    In production its name begins with `__Host-`: browsers then take it over https only and from this very host. A
    local installation has no https, so it does without.
    """

    def __init__(self, name: str, settings: GatewaySettings) -> None:
        self._name = f"__Host-{name}" if settings.production else name
        self._secure = settings.production

    def read(self, request: Request) -> str | None:
        return request.cookies.get(self._name)

    def set(self, response: Response, value: str) -> None:
        response.set_cookie(self._name, value, path="/", secure=self._secure, httponly=True, samesite="lax")

    def clear(self, response: Response) -> None:
        response.delete_cookie(self._name, path="/", secure=self._secure, httponly=True, samesite="lax")


def session_cookie(request: Request) -> Cookie:
    return Cookie("session", request.app.state.settings)


async def _current_session(request: Request) -> Session | None:
    sessions: Sessions = request.app.state.sessions
    session_id = session_cookie(request).read(request)
    session = await sessions.find(session_id) if session_id else None
    request.state.session = session
    return session


CurrentSession = Annotated[Session | None, Depends(_current_session)]
"""Who is signed in, or None."""


async def _pass_holder(session: CurrentSession) -> Session:
    if session is None:
        raise Unauthenticated("Meld u aan om deze pagina te zien.")
    if not session.caller.has(Role.PASS_HOLDER):
        raise Forbidden("Deze pagina is voor pashouders.", code="roleNotAllowed")
    return session


PassHolder = Annotated[Session, Depends(_pass_holder)]
"""A pass holder who is signed in; others get 401 or 403."""


def from_our_own_page(request: Request) -> None:
    """Refuse a form that another site made somebody send (cross-site request forgery).

    Browsers say where a request comes from and let no page lie about it: `Sec-Fetch-Site`, or `Origin` in older ones
    and on plain http. A request that says neither is no form of ours.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site == "same-origin":
            return
    elif request.headers.get("origin") == own_origin(request):
        return
    raise ForeignForm("Dit formulier kwam niet van onze eigen pagina. Open de pagina opnieuw en probeer het nog eens.")


def own_origin(request: Request) -> str:
    """Give the origin of our own pages; without a setting (local only) it is what the browser asked for."""
    settings: GatewaySettings = request.app.state.settings
    if settings.public_url is not None:
        parts = urlsplit(settings.public_url)
        return f"{parts.scheme}://{parts.netloc}"
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


OwnForm = Depends(from_our_own_page)


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise UnsupportedType("Dit is geen formulier.")
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_FORM_BYTES:
            raise TooLarge("Dit formulier is te groot.")
    try:
        pairs = parse_qsl(content.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        raise BadRequest("Dit formulier is niet goed opgebouwd.") from None
    return {name: value.strip() for name, value in pairs}


FormFields = Annotated[dict[str, str], Depends(_form)]
"""The fields of a small form; a field that is there twice counts once, its last value."""
