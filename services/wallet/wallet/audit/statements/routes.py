"""Statements over HTTP: on paper, or as JSON for who asks for that."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from foundation.access import Caller, Role, require
from foundation.clock import business_date
from foundation.database import ReadSession
from foundation.periods import Quarter
from foundation.refusals import NotFound
from wallet.audit.statements import actions
from wallet.audit.statements.schemas import StatementOut
from wallet.holders.routes import visible
from wallet.payouts.settings import WithPayoutSettings

router = APIRouter(tags=["statements"])

JSON = "application/json"
PDF = "application/pdf"

Reader = Annotated[Caller, require(Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR)]


async def _quarter(quarter: str) -> Quarter:
    try:
        return Quarter.parse(quarter)
    except ValueError as error:
        raise NotFound(f"{quarter} is geen kwartaal; schrijf het als 2026-Q3.", code="unknownQuarter") from error


QuarterPath = Annotated[Quarter, Depends(_quarter)]


@router.get(
    "/holders/{holder_id}/statements/{quarter}",
    response_class=Response,
    responses={200: {"model": StatementOut, "content": {PDF: {}}}},
)
def get_statement(
    holder_id: str,
    quarter: QuarterPath,
    caller: Reader,
    db: ReadSession,
    request: Request,
    settings: WithPayoutSettings,
    as_of_block: Annotated[int | None, Query(alias="asOfBlock", ge=1, le=2**63 - 1)] = None,
) -> Response:
    """What happened on a person's purses in a quarter, with the seal of every entry; of an open quarter, up to today."""
    statement = actions.statement_of(
        db,
        visible(holder_id, caller),
        quarter,
        business_date(),
        as_of_block,
        whole_months_only=not caller.has(Role.AUDITOR),
    )
    headers = {"Vary": "Accept"}
    if _wants_json(request.headers.get("accept", "")):
        return Response(StatementOut.of(statement).model_dump_json(by_alias=True), media_type=JSON, headers=headers)
    # What makes a PDF takes long to import: only a process that writes one pays for that.
    from wallet.audit.statements.document import pdf

    headers["Content-Disposition"] = f'inline; filename="afschrift-{quarter}.pdf"'
    return Response(pdf(statement, settings.municipality_name), media_type=PDF, headers=headers)


def _wants_json(accept: str) -> bool:
    """Tell whether a caller names JSON and not PDF; whoever takes anything gets the paper."""
    named = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return JSON in named and PDF not in named
