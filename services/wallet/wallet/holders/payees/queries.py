"""Reading payees: who they are, and which of their accounts were used before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from wallet.holders.models import PAYEE, Holder, Iban
from wallet.holders.payees.refusals import PayeeNotFound


def payee(db: Session, payee_id: UUID, scheme: str | None = None) -> Holder:
    """Give a payee, of one scheme where that is named; raises `PayeeNotFound`."""
    found = db.get(Holder, payee_id)
    if found is None or found.kind != PAYEE or scheme not in (None, found.scheme):
        raise PayeeNotFound
    return found


def payees_page(db: Session, scheme: str | None, after: UUID | None, limit: int) -> Sequence[Holder]:
    """Give payees by id, of one scheme where that is named."""
    statement = select(Holder).where(Holder.kind == PAYEE).order_by(col(Holder.id)).limit(limit)
    if scheme is not None:
        statement = statement.where(Holder.scheme == scheme)
    if after is not None:
        statement = statement.where(col(Holder.id) > after)
    return db.exec(statement).all()


def first_iban(db: Session, payee_id: UUID) -> Iban:
    """Give the IBAN that a payee was registered with."""
    return db.exec(select(Iban).where(Iban.holder_id == payee_id).order_by(col(Iban.id)).limit(1)).one()


def ibans_of_payees(db: Session, payee_ids: Sequence[UUID]) -> dict[UUID, list[Iban]]:
    """Give the IBANs of each of these payees, newest first."""
    found: dict[UUID, list[Iban]] = {payee_id: [] for payee_id in payee_ids}
    for row in db.exec(select(Iban).where(col(Iban.holder_id).in_(payee_ids)).order_by(col(Iban.id).desc())):
        found[row.holder_id].append(row)
    return found


def known_accounts(db: Session, iban_ids: Sequence[UUID], today: date) -> set[UUID]:
    """Give those of these IBANs on which a payee of the same name can be paid today already.

    Found by the keyed index; one that an older key made is not recognised, which only costs the cooling-off.
    """
    rows = db.execute(
        text(
            "SELECT i.id FROM holders.iban i JOIN holders.holder h ON h.id = i.holder_id"
            " WHERE i.id = ANY (:ids) AND h.kind = 'payee' AND EXISTS ("
            "       SELECT FROM holders.iban k JOIN holders.holder p ON p.id = k.holder_id"
            "        WHERE k.iban_index = i.iban_index AND k.index_key_id = i.index_key_id"
            "          AND k.state = 'confirmed' AND k.usable_from <= :today"
            "          AND p.kind = 'payee' AND p.display_name = h.display_name AND NOT p.blocked)"
        ),
        {"ids": list(iban_ids), "today": today},
    )
    return set(rows.scalars())
