"""Headers that tell a browser what it may not do with our answers."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_EVERYWHERE = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Not no-referrer: browsers then send `Origin: null` with our own forms, and we could not tell them apart.
    "Referrer-Policy": "same-origin",
}
_PAGES = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_API = "default-src 'none'; frame-ancestors 'none'; sandbox"


_OURS = [(name.lower().encode(), value.encode()) for name, value in _EVERYWHERE.items()]
_OF_PAGES = [*_OURS, (b"content-security-policy", _PAGES.encode())]
_OF_API = [*_OURS, (b"content-security-policy", _API.encode())]
_NAMES = frozenset(name for name, _ in _OF_API)


class SafeHeaders:
    """Adds them to every answer, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        is_api = scope["path"].startswith("/api/")

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                is_page = not is_api and any(
                    name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in given
                )
                kept = [header for header in given if header[0].lower() not in _NAMES]
                message["headers"] = kept + (_OF_PAGES if is_page else _OF_API)
            await send(message)

        await self._app(scope, receive, send_safely)
