"""How a refusal is told: a problem document below `/api`, a page in plain Dutch everywhere else."""

from __future__ import annotations

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from foundation.application import problem_response
from foundation.refusals import TITLES, Problem, Refusal
from gateway.pages.rendering import Pages

log = structlog.get_logger()


def is_api(request: Request) -> bool:
    """Tell whether a program asks, and not a person."""
    path: str = request.scope["path"]
    return path == "/api" or path.startswith(("/api/", "/healthz", "/readyz"))


def answer_errors(api: FastAPI) -> None:
    """Register what is answered to every refusal, known or not."""

    @api.exception_handler(Refusal)
    async def refused(request: Request, refusal: Refusal) -> Response:
        if is_api(request):
            return problem_response(refusal.status, refusal.message, refusal.errors, refusal.headers)
        return _page(request, refusal.status, refusal.headers)

    @api.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        if not is_api(request):
            return _page(request, error.status_code, dict(error.headers or {}))
        text = (
            "Dit adres bestaat niet."
            if error.status_code == 404
            else TITLES.get(error.status_code, "Dit kan niet") + "."
        )
        code = {404: "notFound", 405: "methodNotAllowed"}.get(error.status_code, "refused")
        return problem_response(error.status_code, text, [Problem("", code, text)], error.headers)

    @api.exception_handler(RequestValidationError)
    async def malformed(request: Request, _: RequestValidationError) -> Response:
        return _page(request, 400, {})


def _page(request: Request, status: int, headers: dict[str, str]) -> Response:
    pages: Pages = request.app.state.pages
    return pages.show_error(request, status, headers)
