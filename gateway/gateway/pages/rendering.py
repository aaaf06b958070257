"""Templates to pages: everything escaped, nothing undefined, no script and no style of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from foundation.refusals import Refusal
from gateway.pages.dutch import amount_in_words, day
from gateway.pages.everyone.texts import error_text

FOLDER = Path(__file__).parent
STATIC = {"stadsbeurs.css": "text/css; charset=utf-8", "stadsbeurs.svg": "image/svg+xml"}

log = structlog.get_logger()


class Pages:
    """Makes pages of one municipality."""

    def __init__(self, municipality_name: str) -> None:
        self.files = {name: (FOLDER / "static" / name).read_bytes() for name in STATIC}
        # A new stylesheet has a new address, so that browsers may keep the old one for ever.
        version = hashlib.sha256(b"".join(self.files.values())).hexdigest()[:12]
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(municipality_name=municipality_name, version=version)
        self._templates.filters.update(amount=amount_in_words, day=day)

    def show(self, request: Request, template: str, status: int = 200, **content: Any) -> HTMLResponse:
        """Give a page; `template` is a file below this folder."""
        signed_in = getattr(request.state, "session", None) is not None
        text = self._templates.get_template(template).render(signed_in=signed_in, **content)
        return HTMLResponse(text, status)

    def show_error(self, request: Request, status: int, headers: dict[str, str] | None = None) -> HTMLResponse:
        """Say in plain words what went wrong and what to do."""
        response = self.show(request, "everyone/error.html", status, text=error_text(status))
        response.headers.update({name: value for name, value in (headers or {}).items() if name != "WWW-Authenticate"})
        return response


class PageRoute(APIRoute):
    """A route whose unforeseen faults end in a page as well, where `/api` answers with a problem document."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_or_show(request: Request) -> Response:
            try:
                return await handle(request)
            except (Refusal, RequestValidationError, HTTPException):
                raise
            except Exception:
                log.exception("page-failed", route=self.path)
                pages: Pages = request.app.state.pages
                return pages.show_error(request, 500)

        return handle_or_show
