"""What the wallet tells this scheme: money that came in at the bank, and how far a creditor's payment is (SK-8, SK-12)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from sqlmodel import Session

from foundation.identifiers import identifier
from foundation.money import euros
from sociaal_krediet.actions import keeping, tasks
from sociaal_krediet.models import Creditor
from sociaal_krediet.queries import applications, loans

log = structlog.get_logger()

BANK = "bank"


def take(db: Session, announcement: Mapping[str, Any]) -> None:
    """Write down what one announcement says; again is no change."""
    content = announcement["content"]
    match announcement["kind"]:
        case "receipt":
            _receive(db, announcement["id"], content)
        case "payment":
            _follow_payment(db, content)
        case kind:
            # A newer wallet may tell more than we know what to do with; it stays on record there.
            log.warning("announcement-not-understood", kind=kind)


def _receive(db: Session, announcement_id: str, content: Mapping[str, Any]) -> None:
    kind, _, name = str(content["subject"]).partition("/")
    loan = loans.find(db, identifier(name), lock=True) if kind == "loan" else None
    if loan is None:
        log.error("receipt-of-no-loan", announcement=announcement_id)
        return
    if loans.fact_of_source(db, BANK, announcement_id) is not None:
        return
    fact = keeping.new_fact(
        loan,
        "receipt",
        BANK,
        on=date.fromisoformat(content["receivedOn"]),
        source=BANK,
        source_id=announcement_id,
        amount=content["amount"],
        reference=content["reference"],
    )
    keeping.record(db, loan, fact)


def _follow_payment(db: Session, content: Mapping[str, Any]) -> None:
    payee_id = identifier(str(content["payee"]))
    creditor = None if payee_id is None else applications.creditor_of_payee(db, payee_id)
    if creditor is None:
        return
    creditor.state, creditor.bank_reason = content["state"], content.get("reason")
    creditor.changed_on = date.fromisoformat(content["on"])
    db.flush()
    if creditor.state in ("returned", "rejected"):
        _give_work(db, creditor, UUID(str(content["line"])))


def _give_work(db: Session, creditor: Creditor, line: UUID) -> None:
    """The line is open again: somebody finds out which account is right, and finance pays it once more."""
    reason = f" ({creditor.bank_reason})" if creditor.bank_reason else ""
    text = (
        f"De betaling van € {euros(creditor.amount)} aan {creditor.name} kwam terug{reason}."
        " Vraag het goede rekeningnummer na en leg het vast; daarna kan finance opnieuw betalen."
    )
    tasks.add_for_application(db, creditor.application_id, "disbursementReturned", str(line), text)
