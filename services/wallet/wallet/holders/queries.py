"""Reading holders: who they are, and to which bank account money may go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlmodel import Session, col, select

from foundation.identifiers import identifier
from wallet.holders.models import PERSON, Holder, Iban
from wallet.holders.refusals import HolderNotFound
from wallet.holders.vault import Sealed, Vault

IBAN_FIELD = "iban"
BSN_FIELD = "bsn"


def holder(db: Session, holder_id: UUID) -> Holder:
    """Give a person who has purses; raises `HolderNotFound`, also for a payee."""
    found = db.get(Holder, holder_id)
    if found is None or found.kind != PERSON:
        raise HolderNotFound
    return found


def unknown_of(db: Session, holder_ids: Iterable[str]) -> list[str]:
    """Give those of these ids that no person has, in their order; a payee is no person either."""
    asked = list(dict.fromkeys(holder_ids))
    possible = {known for known in map(identifier, asked) if known is not None}
    found = db.exec(select(Holder.id).where(col(Holder.id).in_(possible), Holder.kind == PERSON)).all()
    # An id written in another way names no account, so it is nobody's.
    known = {str(holder_id) for holder_id in found}
    return [text for text in asked if text not in known]


def is_registered(db: Session, bsn_indexes: Sequence[bytes]) -> bool:
    """Tell whether some holder has this BSN, under any of the index keys."""
    return db.exec(select(Holder.id).where(col(Holder.bsn_index).in_(bsn_indexes)).limit(1)).first() is not None


def ibans_of(db: Session, holder_id: UUID) -> Sequence[Iban]:
    """Give a holder's IBANs, newest first."""
    return db.exec(select(Iban).where(Iban.holder_id == holder_id).order_by(col(Iban.id).desc())).all()


def ibans_for_decision(db: Session, iban_ids: Iterable[UUID]) -> dict[UUID, Iban]:
    """Lock IBANs to decide on them, in one order for everybody."""
    rows = db.exec(select(Iban).where(col(Iban.id).in_(set(iban_ids))).order_by(col(Iban.id)).with_for_update()).all()
    return {row.id: row for row in rows}


def usable_iban(ibans: Sequence[Iban], today: date) -> Iban | None:
    """Give the IBAN that money goes to today: of those confirmed and past cooling-off, the one usable last."""
    usable = [(iban.usable_from, iban.id, iban) for iban in ibans if iban.usable_from and iban.usable_from <= today]
    return max(usable, key=lambda row: row[:2])[2] if usable else None


def opened(vault: Vault, iban: Iban) -> str:
    """Decrypt an IBAN."""
    return vault.open(iban.holder_id, f"{IBAN_FIELD}:{iban.id}", Sealed(iban.ciphertext, iban.nonce, iban.key_id))
