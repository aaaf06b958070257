"""The portfolio, held against the ledger, and the letter at the end of a loan."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from foundation.access import Caller, Role, require
from foundation.clock import business_date
from foundation.database import ReadSession
from foundation.outbox import DeliveryFailed, DeliveryRefused
from sociaal_krediet.postings import SCHEME
from sociaal_krediet.queries import portfolio
from sociaal_krediet.refusals import NotSettled
from sociaal_krediet.routes import texts
from sociaal_krediet.routes.visibility import visible_loan
from sociaal_krediet.schemas.reports import AgeOut, LedgerOut, PortfolioOut
from wallet_contract.accounts import lent
from wallet_contract.client import WalletClient

router = APIRouter(tags=["reports"])


@router.get("/portfolio")
def get_portfolio(
    request: Request,
    caller: Annotated[Caller, require(Role.CASEWORKER, Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)],
    db: ReadSession,
) -> PortfolioOut:
    """Give all loans together, and the difference with what the ledger says is lent."""
    totals = portfolio.totals(db)
    ages = portfolio.arrears(db, business_date())
    in_ledger, on_its_way = _lent(request.app.state.wallet), portfolio.lent_on_its_way(db)
    return PortfolioOut(
        **totals._mapping,
        arrears=[AgeOut(age=age, loans=found.loans, amount=found.amount) for age, found in sorted(ages.items())],
        ledger=LedgerOut(
            lent=in_ledger,
            on_its_way=on_its_way,
            difference=None if in_ledger is None else totals.outstanding - on_its_way - in_ledger,
        ),
    )


def _lent(wallet: WalletClient) -> int | None:
    """Ask the wallet what is lent; None while it does not answer, and the report says so."""
    try:
        return int(wallet.account(lent(SCHEME))["balance"])
    except (DeliveryFailed, DeliveryRefused):
        return None


@router.get(
    "/loans/{loan_id}/settlement-letter",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}},
)
def get_settlement_letter(
    request: Request,
    loan_id: str,
    caller: Annotated[
        Caller, require(Role.PASS_HOLDER, Role.HELPER, Role.CASEWORKER, Role.AUDITOR, Role.FINANCE_MAKER)
    ],
    db: ReadSession,
) -> Response:
    """Give the letter that says that nothing is owed any more, as PDF; the same bytes each time."""
    loan = visible_loan(db, caller, loan_id)
    if loan.settled_on is None:
        raise NotSettled("Op deze lening staat nog geld open; de brief komt als zij is afgelost.")
    # What makes a PDF takes long to import: only a process that writes one pays for that.
    from sociaal_krediet.letters import settlement_letter

    content = settlement_letter(texts.words_of_settlement(db, loan), loan, request.app.state.municipality_name)
    headers = {"Content-Disposition": f'attachment; filename="lening-{loan.number}-afgelost.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
