"""How a participant stands: what is known here, with what the wallet says is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from belkosten import postings
from belkosten.actions.crediting import ceiling_on
from belkosten.models import Credit, Participant, Participation
from belkosten.parameters import PARAMETERS
from belkosten.queries import crediting, participants
from belkosten.rules.products import WITH_PURSE, latest, standing
from belkosten.rules.tariffs import whole_minutes_for
from belkosten.schemas.participants import MonthCreditOut, ParticipantOut, ParticipationOut
from foundation.clock import business_date
from foundation.money import Cents
from foundation.outbox import DeliveryFailed, DeliveryRefused
from foundation.periods import Month
from wallet_contract.client import WalletClient


@dataclass(frozen=True, slots=True)
class Known:
    """What our own tables say of a participant today."""

    participant: Participant
    participations: list[Participation]
    now: Participation
    """The product of today or the next, or else the last."""
    month_credit: Credit | None
    today: date

    @property
    def is_over(self) -> bool:
        return standing(participants.stay_of(self.now), self.today) in ("ended", "rejected", "withdrawn")

    @property
    def has_purse(self) -> bool:
        """Whether the product of today has its credit in a purse."""
        return self.now.product in WITH_PURSE and standing(participants.stay_of(self.now), self.today) == "active"


def known_of(db: Session, participant: Participant) -> Known:
    """Read what is known of a participant."""
    today = business_date()
    rows = list(participants.participations(db, participant.number))
    told = latest([participants.stay_of(row) for row in rows], today)
    assert told is not None, "a participant is made with a product"
    now = next(row for row in rows if row.id == told.id)
    month_credit = crediting.credit_of(db, participant.number, Month.of(today))
    # Kept as they were read: what stays in the session is emptied at its end.
    db.expunge_all()
    return Known(participant, rows, now, month_credit, today)


def credit_left(wallet: WalletClient, known: Known) -> int | None:
    """Ask the wallet what can be spent; None where there is no purse with a limit, or no answer."""
    if not known.has_purse or ceiling_on(known.now.product, known.today) is None:
        return None
    try:
        [purse] = wallet.balances([postings.purse_of(known.participant.holder_id)])
    except (DeliveryFailed, DeliveryRefused):
        return None
    left: int = purse["available"]
    return left


def participant_out(known: Known, left: int | None) -> ParticipantOut:
    """Put a participant into the answer of the API."""
    now, is_over = known.now, known.is_over
    tariff = PARAMETERS.tariff.on(known.today)
    return ParticipantOut(
        number=known.participant.number,
        holder_id=known.participant.holder_id,
        product=None if is_over else now.product,
        ground=None if is_over else now.ground,
        from_=None if is_over else now.starts_on,
        until=None if is_over else now.ends_on,
        state=standing(participants.stay_of(now), known.today),
        neighbourhood=known.participant.neighbourhood,
        participations=[_participation_out(row, known.today) for row in reversed(known.participations)],
        month_credit=None
        if known.month_credit is None
        else MonthCreditOut(
            month=str(Month.of(known.month_credit.month)),
            ceiling=known.month_credit.ceiling,
            amount=known.month_credit.amount,
        ),
        credit_left=left,
        minutes_left=None if left is None else whole_minutes_for(Cents(left), tariff),
        next_credit_on=_next_credit_on(now, known.today),
    )


def _next_credit_on(now: Participation, today: date) -> date | None:
    if now.due_on is None or now.product not in WITH_PURSE or (now.ends_on is not None and now.ends_on < now.due_on):
        return None
    return None if ceiling_on(now.product, today) is None else max(now.due_on, today)


def _participation_out(row: Participation, today: date) -> ParticipationOut:
    return ParticipationOut(
        id=row.id,
        product=row.product,
        ground=row.ground,
        from_=row.starts_on,
        until=row.ends_on,
        state=standing(participants.stay_of(row), today),
        provider=row.provider,
        registered_on=row.registered_on,
        checked_on=row.checked_on,
        reason=row.reason,
    )
