"""Schemes that tell pass holders things, over HTTP: the messages of the pass holder's pages, in the contract's shapes."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from joserfc.jwk import OKPKey

from foundation.access import GATEWAY, TokenVerifier
from foundation.application import problem_response
from foundation.identifiers import new_id
from foundation.pages import encode_cursor, id_before
from gateway.pages.pass_holder.notices import BURGERBUDGET, SCHEMES

Json = dict[str, Any]


class StandInSchemes:
    """Keeps what each scheme told to whom, and what was said to be read; believes only what the gateway signed for it."""

    def __init__(self, gateway_key: OKPKey) -> None:
        public = OKPKey.import_key(gateway_key.as_dict(private=False))
        self._verifiers = {scheme: TokenVerifier(scheme, {GATEWAY: public}) for scheme in SCHEMES}
        self.told: dict[tuple[str, str], list[Json]] = {}
        """By scheme and holder, the newest first."""
        self.read: list[tuple[str, str, str]] = []
        """Scheme, message and idempotency key of each time that somebody said to have read."""
        self.away: dict[str, int] = {}
        """With which status a scheme answers everything."""
        self.app = self._app()

    def forget(self) -> None:
        self.told.clear()
        self.read.clear()
        self.away.clear()

    def tell(self, scheme: str, holder: str, subject: str, object_until: str | None = None) -> str:
        """Tell somebody something; gives the id of the message."""
        message = str(new_id())
        self.told.setdefault((scheme, holder), []).insert(
            0,
            {
                "id": message,
                "subject": subject,
                "text": f"Beste lezer, {subject}.\n\nMet <b>groet</b>.",
                "madeOn": "2026-10-01",
                "objectUntil": object_until,
                "readAt": None,
            },
        )
        return message

    def _app(self) -> FastAPI:
        app = FastAPI()

        def holder_of(request: Request, scheme: str) -> str:
            authorisation = request.headers["authorization"].removeprefix("Bearer ")
            return self._verifiers[scheme].caller(authorisation).holder_id or ""

        def page(scheme: str, holder: str, limit: int, cursor: str | None) -> Response:
            if scheme in self.away:
                return Response(status_code=self.away[scheme])
            before = id_before(cursor)
            known = [one for one in self.told.get((scheme, holder), []) if before is None or one["id"] < str(before)]
            following = encode_cursor({"id": known[limit - 1]["id"]}) if len(known) > limit else None
            return JSONResponse({"items": known[:limit], "nextCursor": following})

        @app.get("/api/burgerbudget/v1/participants")
        async def participants(request: Request, holderId: str) -> Response:  # noqa: N803 (the contract's)
            takes_part = holderId == holder_of(request, BURGERBUDGET) and (BURGERBUDGET, holderId) in self.told
            return JSONResponse({"items": [{"number": f"p-{holderId}"}] if takes_part else [], "nextCursor": None})

        @app.get("/api/burgerbudget/v1/participants/{number}/notices")
        async def of_participant(request: Request, number: str, limit: int, cursor: str | None = None) -> Response:
            holder = holder_of(request, BURGERBUDGET)
            return page(BURGERBUDGET, holder if number == f"p-{holder}" else "", limit, cursor)

        @app.get("/api/{scheme}/v1/notices")
        async def notices(request: Request, scheme: str, limit: int, cursor: str | None = None) -> Response:
            return page(scheme, holder_of(request, scheme), limit, cursor)

        @app.post("/api/{scheme}/v1/notices/{message}/readings", status_code=201)
        async def reading(request: Request, scheme: str, message: str) -> Response:
            if scheme in self.away:
                return Response(status_code=self.away[scheme])
            own = self.told.get((scheme, holder_of(request, scheme)), [])
            found = next((one for one in own if one["id"] == message), None)
            if found is None:
                return problem_response(404, "Dit bericht is niet bekend.")
            self.read.append((scheme, message, request.headers["idempotency-key"]))
            is_first = found["readAt"] is None
            found["readAt"] = found["readAt"] or "2026-10-02T09:00:00Z"
            return JSONResponse(found, 201 if is_first else 200)

        return app
