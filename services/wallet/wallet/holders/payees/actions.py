"""What is done with payees: register one, and confirm its account for the officer who decided."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from foundation.clock import business_date, now
from foundation.identifiers import new_id
from wallet.holders.actions import confirm_ibans, propose_iban
from wallet.holders.models import PAYEE, Holder, Iban
from wallet.holders.payees import queries
from wallet.holders.payees.refusals import PayeeIdReused
from wallet.holders.queries import IBAN_FIELD
from wallet.holders.refusals import IbanDecided, IbanNotFound
from wallet.holders.vault import Vault
from wallet.ledger.actions import register_owners
from wallet.ledger.postings import payable_owner
from wallet.ledger.refusals import SameSubject


@dataclass(frozen=True, slots=True, repr=False)
class NewPayee:
    """A payee to register, with its IBAN already in its one form. `id` and `scheme` are those of the asking service."""

    id: UUID | None
    name: str
    iban: str
    reference: str | None
    scheme: str | None


def register_payee(db: Session, vault: Vault, new: NewPayee, person: str) -> tuple[Holder, Iban]:
    """Register a payee, let it be owed, and propose its IBAN as entered by this person.

    Again under the same id with the same content gives the same payee and IBAN. Raises `PayeeIdReused` where the
    content is another, `IbanNotPayable`.
    """
    known = None if new.id is None else db.get(Holder, new.id)
    if known is not None:
        return _as_registered(db, vault, known, new)
    payee = Holder(
        id=new.id or new_id(),
        kind=PAYEE,
        display_name=new.name,
        reference=new.reference,
        scheme=new.scheme,
        registered_by=person,
        registered_on=business_date(),
        registered_at=now(),
    )
    try:
        with db.begin_nested():
            db.add(payee)
    except IntegrityError as error:
        # Two registrations under one id at once: the key decides which was first, and the other looks at that one.
        if "holder_pkey" not in str(error.orig):
            raise
        return _as_registered(db, vault, db.get_one(Holder, payee.id), new)
    register_owners(db, [payable_owner(str(payee.id))])
    return payee, propose_iban(db, vault, payee, new.iban, person)


def _as_registered(db: Session, vault: Vault, known: Holder, new: NewPayee) -> tuple[Holder, Iban]:
    same = (known.kind, known.display_name, known.reference, known.scheme) == (
        PAYEE, new.name, new.reference, new.scheme,
    )  # fmt: skip
    if same:
        iban = queries.first_iban(db, known.id)
        if iban.iban_index in vault.indexes(IBAN_FIELD, new.iban):
            return known, iban
    raise PayeeIdReused("Met dit id is al iemand anders geregistreerd. Maak een nieuw id.", pointer="/id")


def confirm_iban(db: Session, payee: Holder, iban_id: UUID, person: str) -> Iban:
    """Confirm a payee's IBAN in the name of somebody else than who entered it (PO-6, SK-6).

    Raises `IbanNotFound`, `SameSubject`, `IbanDecided`.
    """
    iban = db.get(Iban, iban_id)
    if iban is None or iban.holder_id != payee.id:
        raise IbanNotFound("Deze IBAN is er hier niet.", pointer="/ibanId")
    result = confirm_ibans(db, [iban_id], person)
    for _, code in result.refused:
        if code == "sameSubject":
            raise SameSubject
        raise IbanDecided("Over deze IBAN is al besloten.", pointer="/ibanId")
    return iban
