"""What is done with holders: register, propose and confirm an IBAN, block and unblock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from foundation.clock import business_date, now
from foundation.identifiers import new_id
from wallet.holders import queries, rules
from wallet.holders.models import BlockEvent, Holder, Iban
from wallet.holders.parameters import policy_on
from wallet.holders.payees.queries import known_accounts
from wallet.holders.refusals import (
    AlreadyBlocked,
    BirthDateInFuture,
    BsnAlreadyRegistered,
    IbanDecided,
    IbanNotFound,
    IbanNotPayable,
    NotBlocked,
    bsn_malformed,
    iban_malformed,
)
from wallet.holders.vault import Vault
from wallet.ledger.actions import register_owners


@dataclass(frozen=True, slots=True, repr=False)
class NewHolder:
    """A person to register, with BSN and IBAN already in their one form. Has no repr: it is all personal."""

    display_name: str
    birth_date: date | None
    bsn: str | None
    iban: str | None


@dataclass(frozen=True, slots=True)
class Confirmations:
    """What came of confirming IBANs: those confirmed, and the code of each that was not.

    From `usable_from` on all those confirmed can be paid to; an account that is no news can be already.
    """

    confirmed: list[UUID]
    refused: list[tuple[UUID, str]]
    usable_from: date


def read_bsn(text: str | None) -> str | None:
    """Give a BSN in its one form; raises `BsnMalformed`."""
    if text is None:
        return None
    bsn = rules.clean_bsn(text)
    if bsn is None:
        raise bsn_malformed()
    return bsn


def read_iban(text: str | None) -> str | None:
    """Give an IBAN in its one form; raises `IbanMalformed`."""
    if text is None:
        return None
    iban = rules.clean_iban(text)
    if iban is None:
        raise iban_malformed()
    return iban


def register_holder(db: Session, vault: Vault, new: NewHolder, actor: str) -> tuple[Holder, Iban | None]:
    """Register a person and open the right to purses; an IBAN is proposed. Raises `BsnAlreadyRegistered`."""
    if new.birth_date is not None and new.birth_date > business_date():
        raise BirthDateInFuture(f"birthDate {new.birth_date} ligt in de toekomst.", pointer="/birthDate")
    holder = Holder(
        id=new_id(),
        display_name=new.display_name,
        birth_date=new.birth_date,
        registered_by=actor,
        registered_on=business_date(),
        registered_at=now(),
    )
    if new.bsn is not None:
        if queries.is_registered(db, vault.indexes(queries.BSN_FIELD, new.bsn)):
            raise _already_registered()
        sealed, index = vault.seal(holder.id, queries.BSN_FIELD, new.bsn), vault.index(queries.BSN_FIELD, new.bsn)
        holder.bsn_ciphertext, holder.bsn_nonce, holder.bsn_key_id = sealed.ciphertext, sealed.nonce, sealed.key_id
        holder.bsn_index, holder.bsn_index_key_id = index.value, index.key_id
    try:
        with db.begin_nested():
            db.add(holder)
    except IntegrityError as error:
        # Two registrations of one BSN at once: the index decides which was first.
        if "holder_bsn_once" in str(error.orig):
            raise _already_registered() from None
        raise
    register_owners(db, [f"holder:{holder.id}"])
    iban = None if new.iban is None else propose_iban(db, vault, holder, new.iban, actor)
    return holder, iban


def propose_iban(db: Session, vault: Vault, holder: Holder, iban: str, actor: str) -> Iban:
    """Write down a bank account that somebody else must confirm (PO-6). Raises `IbanNotPayable`."""
    if not rules.is_payable_iban(iban):
        raise IbanNotPayable(
            "Naar dit land kan geen SEPA-betaling. Vraag om een rekening in het SEPA-gebied.", pointer="/iban"
        )
    iban_id = new_id()
    sealed = vault.seal(holder.id, f"{queries.IBAN_FIELD}:{iban_id}", iban)
    index = vault.index(queries.IBAN_FIELD, iban)
    row = Iban(
        id=iban_id,
        holder_id=holder.id,
        ciphertext=sealed.ciphertext,
        nonce=sealed.nonce,
        key_id=sealed.key_id,
        iban_index=index.value,
        index_key_id=index.key_id,
        state="proposed",
        proposed_by=actor,
        proposed_on=business_date(),
        proposed_at=now(),
    )
    db.add(row)
    db.flush()
    return row


def confirm_ibans(db: Session, iban_ids: Sequence[UUID], actor: str) -> Confirmations:
    """Confirm IBANs that others proposed, of persons and of payees alike (PO-6). Judged one by one."""
    found = queries.ibans_for_decision(db, iban_ids)
    today = business_date()
    policy = policy_on(today)
    known = known_accounts(db, list(found), today)
    result = Confirmations([], [], rules.usable_from(today, policy))
    for iban_id in iban_ids:
        row = found.get(iban_id)
        code = rules.refusal_to_confirm(rules.OpenProposal(row.state, row.proposed_by) if row else None, actor)
        if row is None or code is not None:
            result.refused.append((iban_id, code or "unknownIban"))
            continue
        row.state, row.confirmed_by = "confirmed", actor
        row.confirmed_on, row.confirmed_at = today, now()
        row.usable_from = rules.usable_from(today, policy, known=iban_id in known)
        result.confirmed.append(iban_id)
    db.flush()
    return result


def refuse_iban(db: Session, holder_id: UUID, iban_id: UUID, reason: str, actor: str) -> None:
    """Turn a proposed IBAN down, with a reason. Raises `IbanNotFound`, `IbanDecided`."""
    row = queries.ibans_for_decision(db, [iban_id]).get(iban_id)
    if row is None or row.holder_id != holder_id:
        raise IbanNotFound("Deze IBAN is er hier niet.")
    if row.state != "proposed":
        raise IbanDecided("Over deze IBAN is al besloten.")
    row.state, row.refused_by, row.refused_at, row.refusal = "refused", actor, now(), reason
    db.flush()


def set_blocked(db: Session, holder: Holder, blocked: bool, reason: str, actor: str) -> None:
    """Stop the payouts to a person or a payee, or let them go again. Raises `AlreadyBlocked`, `NotBlocked`."""
    # Not FOR UPDATE: that would wait for every batch that is being drafted, because their lines name this row.
    db.refresh(holder, with_for_update={"key_share": True})
    if holder.blocked == blocked:
        raise (
            AlreadyBlocked("De uitbetalingen hieraan zijn al geblokkeerd.")
            if blocked
            else NotBlocked("De uitbetalingen hieraan zijn niet geblokkeerd.")
        )
    holder.blocked = blocked
    kind = "blocked" if blocked else "unblocked"
    db.add(BlockEvent(holder_id=holder.id, kind=kind, reason=reason, actor=actor, recorded_at=now()))
    db.flush()


def _already_registered() -> BsnAlreadyRegistered:
    return BsnAlreadyRegistered(
        "Met dit burgerservicenummer is al iemand geregistreerd. Zoek die pashouder op.", pointer="/bsn"
    )
