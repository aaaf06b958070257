"""Who is paid for calls, SIM cards and call credit."""

from __future__ import annotations

from typing import Annotated
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from belkosten.actions import providers
from belkosten.models import Provider
from belkosten.queries import providers as provider_queries
from belkosten.refusals import IbanRefused, ProviderThere
from belkosten.routes.bells import ring_jobs
from belkosten.schemas.providers import ProviderIn, ProviderOut, ProvidersOut
from foundation.access import Caller, Role, require
from foundation.database import ReadSession, after_commit
from foundation.idempotency import Command, IdempotentCommand, KeyReused
from foundation.outbox import DeliveryFailed, DeliveryRefused
from foundation.refusals import Unavailable
from wallet_contract.client import WalletClient

router = APIRouter(tags=["providers"])

PAYEE_ID_REUSED = "payeeIdReused"


@router.post("/providers", status_code=201, response_model=ProviderOut)
def post_provider(
    request: Request,
    body: ProviderIn,
    caller: Annotated[Caller, require(Role.CASEWORKER)],
    command: IdempotentCommand,
) -> Response:
    """Register who is paid. The IBAN goes to the wallet, where another person confirms it before anything is paid."""
    refusal: ProviderThere | None = None
    kept: tuple[UUID, UUID] | None = None
    try:
        with command.database.reading() as db:
            providers.refuse_known(db, body.organisation)
        kept = _register_payee(request.app.state.wallet, body, command)
    except ProviderThere as conflict:
        refusal = conflict

    def act(db: Session) -> ProviderOut:
        if kept is None:
            assert refusal is not None, "without an account something was refused"
            raise refusal
        payee_id, iban_id = kept
        provider = Provider(
            organisation=body.organisation,
            name=body.name,
            offers=sorted(set(body.offers)),
            payee_id=payee_id,
            iban_id=iban_id,
            registered_by=caller.subject,
        )
        # Months of SIM cards may have waited for it.
        after_commit(db, lambda: ring_jobs(request))
        return ProviderOut.model_validate(providers.register(db, provider))

    return command.once(body.model_dump(mode="json", by_alias=True, exclude={"iban"}), act)


def _register_payee(wallet: WalletClient, body: ProviderIn, command: Command) -> tuple[UUID, UUID]:
    """Have the wallet keep the account; a repetition of the request finds the same one."""
    payee_id = uuid5(NAMESPACE_URL, "/".join(command.place))
    content = {"id": str(payee_id), "name": body.name, "iban": body.iban.get_secret_value(), "reference": "Belkosten"}
    try:
        kept = wallet.create_payee(content, key=f"payee/{payee_id}", on_behalf_of=command.caller.subject)
    except DeliveryRefused as refused:
        if refused.code in (KeyReused.code, PAYEE_ID_REUSED):
            raise KeyReused(
                "Deze Idempotency-Key hoort bij een andere inschrijving. Neem een nieuwe sleutel.", pointer="/iban"
            ) from refused
        raise IbanRefused(refused.message, code=refused.code, pointer="/iban") from refused
    except DeliveryFailed as failed:
        raise Unavailable(
            "De rekening kan nu niet worden opgeslagen. Probeer het zo opnieuw.", headers={"Retry-After": "5"}
        ) from failed
    return UUID(kept["id"]), UUID(kept["ibanId"])


@router.get("/providers")
def get_providers(
    caller: Annotated[Caller, require(Role.CASEWORKER, Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)],
    db: ReadSession,
) -> ProvidersOut:
    """List who is paid, by name; the wallet pays them as payees with these ids."""
    return ProvidersOut(items=[ProviderOut.model_validate(row) for row in provider_queries.every(db)])
