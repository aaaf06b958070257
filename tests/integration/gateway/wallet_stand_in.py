"""A small wallet over HTTP, with the schemes beside it: the reads of the pass holder's page, in the contract's shapes."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from joserfc.jwk import OKPKey

from foundation.access import GATEWAY, TokenVerifier
from foundation.application import problem_response
from foundation.refusals import Refusal

Json = dict[str, Any]


class StandInWallet:
    """Holds purses and transactions per holder; believes only tokens that the gateway signed for it."""

    def __init__(self, gateway_key: OKPKey) -> None:
        public = OKPKey.import_key(gateway_key.as_dict(private=False))
        self._verifier = TokenVerifier("wallet", {GATEWAY: public})
        self.purses: dict[str, list[Json]] = {}
        self.transactions: dict[str, list[Json]] = {}
        self.notices: list[Json] = []
        self.loans: list[Json] = []
        self.belkosten: dict[str, list[Json]] = {}
        self.answer: Response | None = None
        """Set: this is answered to everything."""
        self.app = self._app()

    def forget(self) -> None:
        self.purses.clear()
        self.transactions.clear()
        self.notices.clear()
        self.loans.clear()
        self.belkosten.clear()
        self.answer = None

    def add(self, holder: str, purse: str, balance: int, held: int = 0, asset: str = "EUR") -> None:
        row = {"purse": purse, "asset": asset, "balance": balance, "held": held, "available": balance - held}
        self.purses.setdefault(holder, []).append(row)

    def move(self, holder: str, purse: str, amount: int, after: int, explanation: str, day: str) -> None:
        """Add the newest transaction."""
        rows = self.transactions.setdefault(holder, [])
        rows.insert(
            0,
            {
                "id": str(len(rows) + 1),
                "kind": "use",
                "amount": amount,
                "asset": "EUR",
                "purse": purse,
                "balanceAfter": after,
                "valueDate": day,
                "recordedAt": f"{day}T09:00:00Z",
                "explanation": explanation,
                "reference": None,
            },
        )

    def _app(self) -> FastAPI:
        app = FastAPI()

        def refusal(request: Request, holder: str) -> Response | None:
            if self.answer is not None:
                return self.answer
            try:
                caller = self._verifier.caller(request.headers.get("authorization", "").removeprefix("Bearer "))
            except Refusal as refused:
                return problem_response(refused.status, refused.message)
            known = holder in self.purses and caller.holder_id == holder
            return None if known else problem_response(404, "Deze pashouder is er niet.")

        @app.get("/api/wallet/v1/holders/{holder}/purses")
        async def purses(request: Request, holder: str) -> Response:
            return refusal(request, holder) or JSONResponse({"items": self.purses[holder], "nextCursor": None})

        @app.get("/api/sociaal-krediet/v1/notices")
        async def notices() -> Response:
            return JSONResponse({"items": self.notices, "nextCursor": None})

        @app.get("/api/sociaal-krediet/v1/loans")
        async def loans(state: str) -> Response:
            found = [loan for loan in self.loans if loan["state"] == state]
            return JSONResponse({"items": found, "nextCursor": None})

        @app.get("/api/sociaal-krediet/v1/loans/{loan}")
        async def one_loan(loan: str) -> Response:
            return JSONResponse(next(one for one in self.loans if one["id"] == loan))

        @app.get("/api/belkosten/v1/{what}")
        async def belkosten(what: str) -> Response:
            return JSONResponse({"items": self.belkosten.get(what, []), "nextCursor": None})

        @app.get("/api/belkosten/v1/participants/{number}")
        async def participant(number: str) -> Response:
            return JSONResponse(next(one for one in self.belkosten["participants"] if one["number"] == number))

        @app.get("/api/wallet/v1/holders/{holder}/transactions")
        async def transactions(request: Request, holder: str, limit: int, cursor: str = "0") -> Response:
            refused = refusal(request, holder)
            if refused is not None:
                return refused
            if not cursor.isdigit():
                return problem_response(400, "cursor is not one that we gave")
            rows, start = self.transactions.get(holder, []), int(cursor)
            more = str(start + limit) if len(rows) > start + limit else None
            return JSONResponse({"items": rows[start : start + limit], "nextCursor": more})

        @app.get("/readyz")
        async def readyz() -> Json:
            return {"status": "ready"}

        return app
