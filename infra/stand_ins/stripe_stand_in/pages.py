"""The hosted page: plain HTML on which a person pays, authorises, fails or turns back."""

from __future__ import annotations

from html import escape
from typing import Annotated, Literal

from fastapi import APIRouter, Form
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from foundation.money import euros
from stripe_stand_in import checkout
from stripe_stand_in.accounts import TEST_IBANS, Fate
from stripe_stand_in.refusals import StripeRefusal
from stripe_stand_in.requests import Counter
from stripe_stand_in.store import Change, Object

METHOD_NAMES = {"sepa_debit": "Automatische incasso", "ideal": "iDEAL"}
FATES = {
    Fate.PAYS: "incasso lukt",
    Fate.FAILS: "incasso wordt geweigerd",
    Fate.BOUNCES: "incasso wordt teruggeboekt",
}
HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Cache-Control": "no-store"}


def pages(counter: Counter) -> APIRouter:
    """Give the pages under /checkout."""
    router = APIRouter()

    @router.get("/checkout/{session_id}")
    def show(session_id: str) -> Response:
        with counter.store.change() as change:
            return _page(change, session_id)

    @router.post("/checkout/{session_id}")
    async def act(
        session_id: str,
        act: Annotated[Literal["pay", "fail", "cancel"], Form()],
        method: Annotated[Literal["sepa_debit", "ideal"], Form()] = "sepa_debit",
        iban: Annotated[str | None, Form(max_length=40)] = None,
    ) -> Response:
        answer = await run_in_threadpool(_act, counter, session_id, act, method, iban)
        counter.sender.wake()
        return answer

    return router


def _act(counter: Counter, session_id: str, act: str, method: str, iban: str | None) -> Response:
    try:
        with counter.store.change() as change:
            till = counter.till(change)
            if act == "pay":
                return RedirectResponse(checkout.pay(till, session_id, method, iban), 303)
            if act == "cancel":
                return RedirectResponse(checkout.cancelled(till, session_id), 303)
            checkout.fail(till, session_id, method)
            return _page(change, session_id, "Het is niet gelukt. U kunt het nog eens proberen.")
    except StripeRefusal as refusal:
        with counter.store.change() as change:
            return _page(change, session_id, str(refusal), refusal.status)


def _page(change: Change, session_id: str, message: str = "", status: int = 200) -> HTMLResponse:
    session = change.get("checkout.session", session_id)
    if session is None:
        content = "<p>Deze betaalpagina bestaat niet.</p>"
        status = 404
    elif session["status"] != "open":
        content = "<p>Deze betaalpagina is gesloten.</p>"
    else:
        content = _form(session)
    said = f'<p role="alert">{escape(message)}</p>' if message else ""
    return HTMLResponse(
        '<!doctype html><html lang="nl"><meta charset="utf-8"><title>Nagemaakte betaalpagina</title>'
        '<meta name="viewport" content="width=device-width"><style>body{font:1rem sans-serif;max-width:30rem;'
        "margin:2rem auto;padding:0 1rem}button,select{font:inherit;margin:.5rem .5rem .5rem 0;padding:.5rem}</style>"
        f"<main><h1>Nagemaakte betaalpagina</h1><p>Hier gaat geen echt geld om.</p>{said}{content}</main></html>",
        status,
        HEADERS,
    )


def _form(session: Object) -> str:
    setup = session["mode"] == "setup"
    what = "U machtigt voor automatische incasso." if setup else f"U betaalt € {euros(session['amount_total'])}."
    methods = "".join(
        f'<option value="{name}">{METHOD_NAMES[name]}</option>' for name in session["payment_method_types"]
    )
    ibans = "".join(f'<option value="{iban}">{iban}: {FATES[fate]}</option>' for iban, fate in TEST_IBANS.items())
    debit = "sepa_debit" in session["payment_method_types"]
    account = f'<p><label>Test-IBAN <select name="iban">{ibans}</select></label></p>' if debit else ""
    return (
        f'<p>{escape(what)}</p><form method="post"><p><label>Manier <select name="method">{methods}</select></label></p>'
        f'{account}<button name="act" value="pay">{"Machtigen" if setup else "Betalen"}</button>'
        '<button name="act" value="fail">Mislukken</button><button name="act" value="cancel">Annuleren</button></form>'
    )
