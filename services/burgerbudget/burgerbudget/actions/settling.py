"""Deciding what is due to participants, writing it down, and putting the postings on their way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlmodel import Session

from burgerbudget import postings
from burgerbudget.parameters import PARAMETERS
from burgerbudget.queries import calendar
from burgerbudget.queries import decisions as decision_queries
from burgerbudget.queries import participants as participant_queries
from burgerbudget.queries.decisions import DecisionRow
from burgerbudget.queries.participants import LockedParticipant
from burgerbudget.rules.settlement import Decision, QuarterState, WaitingUse, settle
from foundation import clock, outbox
from foundation.identifiers import new_id
from foundation.objections import object_until
from foundation.periods import Quarter
from wallet_contract.messages import MAX_TRANSFERS, PostTransfers, TransferLine

POST_TRANSFERS = "post-transfers"
CHUNK = 10_000


@dataclass(slots=True)
class Outcome:
    """What settling a number of participants came to."""

    settled: int = 0
    sufficient: int = 0
    insufficient: int = 0
    topped_up: int = 0
    rows: list[DecisionRow] = field(default_factory=list)
    touched: list[tuple[str, Quarter, QuarterState]] = field(default_factory=list)
    stops: list[tuple[str, Quarter]] = field(default_factory=list)
    reopened: list[str] = field(default_factory=list)
    consumed: list[tuple[str, int]] = field(default_factory=list)
    lines: dict[tuple[int, str], list[TransferLine]] = field(default_factory=lambda: defaultdict(list))


def settle_waiting(db: Session, after: str = "", limit: int = CHUNK) -> str | None:
    """Settle the next participants with hours that wait; returns the last number, None when there are no more.

    While a quarter is being closed nothing is decided: hours then wait, and are used in order of receipt afterwards.
    """
    state = calendar.read(db)
    if state.closing is not None:
        return None
    numbers = decision_queries.waiting_participants(db, state.last_closed, after, limit)
    settle_participants(db, numbers)
    return numbers[-1] if numbers else None


def start_due(db: Session, after: str = "", limit: int = CHUNK) -> str | None:
    """Credit the start amounts that are due by now (BB-1); returns the last number, None when there are no more."""
    if calendar.read(db).closing is not None:
        return None
    numbers = participant_queries.not_started_by(db, clock.business_date(), after, limit)
    settle_participants(db, numbers)
    return numbers[-1] if numbers else None


def starts_are_credited(db: Session) -> bool:
    """Tell whether nobody waits for a start amount; while a quarter is being closed somebody may."""
    return not participant_queries.not_started_by(db, clock.business_date(), "", 1)


def settle_participants(db: Session, numbers: Sequence[str]) -> None:
    """Decide all that is due to these participants, unless a quarter is being closed."""
    if not numbers:
        return
    locked = participant_queries.lock_by_number(db, numbers)
    # Read after the participants are locked: a closing that judged them before is seen here.
    state = calendar.read(db)
    if state.closing is None:
        settle_locked(db, locked, state.last_closed, None)


def settle_locked(
    db: Session, locked: Sequence[LockedParticipant], last_closed: Quarter | None, closing: Quarter | None
) -> Outcome:
    """Decide all that is due to locked participants; with `closing` also judge that quarter.

    The top-ups of a closing are not put on their way here: the fund must first set their total apart.
    """
    today = clock.business_date()
    waiting = decision_queries.waiting_of(db, [p.number for p in locked])
    outcome = Outcome()
    changed = []
    for participant in locked:
        if _settle_one(participant, waiting.get(participant.number, ()), last_closed, today, closing, outcome):
            changed.append(participant)
    last_message = _send(db, outcome, locked, today)
    if last_message is not None:
        for participant in changed:
            participant.last_message = last_message
    if changed:
        participant_queries.save(db, changed, outcome.touched)
        write_down(db, outcome.rows, today)
        # Undone first: late hours may reopen a participation that the same close stops again.
        participant_queries.undo_stops(db, outcome.reopened)
        participant_queries.record_stops(db, outcome.stops)
    if outcome.consumed:
        decision_queries.consume(db, outcome.consumed)
    return outcome


def _settle_one(
    participant: LockedParticipant,
    waiting: Iterable[WaitingUse],
    last_closed: Quarter | None,
    today: date,
    closing: Quarter | None,
    outcome: Outcome,
) -> bool:
    state = participant.state
    settled = settle(state, waiting, last_closed, today, closing)
    if not settled.decisions and not settled.consumed:
        return False
    outcome.settled += 1
    outcome.consumed += [(participant.number, sequence) for sequence in settled.consumed]
    wave, kind = 0, ""
    quarters: dict[Quarter, QuarterState] = {}
    for decision in settled.decisions:
        line = _line(participant, decision)
        judged_now = closing is not None and decision.quarter == closing
        if judged_now and decision.kind in ("top-up", "insufficient"):
            _count(outcome, decision)
            line_sent = None
        else:
            line_sent = line
        if decision.kind == "stop":
            outcome.stops.append((participant.number, decision.quarter))
        elif decision.kind == "reopening":
            outcome.reopened.append(participant.number)
        if line_sent is not None:
            # The wallet must see one participant's postings in the order of the decisions: a kind that changes
            # begins a new wave, and waves are sent one after the other.
            if decision.kind != kind:
                wave, kind = wave + 1, decision.kind
            outcome.lines[wave, kind].append(line_sent)
        outcome.rows.append(decision_row(participant.number, decision))
        if decision.kind != "start":
            quarters[decision.quarter] = state.quarters[decision.quarter]
    outcome.touched += [(participant.number, quarter, changed) for quarter, changed in quarters.items()]
    return True


def _count(outcome: Outcome, decision: Decision) -> None:
    if decision.kind == "top-up":
        outcome.sufficient += 1
        outcome.topped_up += decision.amount
    else:
        outcome.insufficient += 1


def write_down(db: Session, rows: Sequence[DecisionRow], today: date) -> None:
    """Write decisions down, each with its notice to the participant where it has one (BB-4)."""
    decision_queries.insert(db, rows, today, object_until(today, PARAMETERS.objection_weeks.on(today)))


def _line(participant: LockedParticipant, decision: Decision) -> TransferLine | None:
    number, holder = participant.number, participant.holder_id
    match decision.kind:
        case "start":
            return postings.start(number, holder, decision.amount)
        case "use":
            use = postings.use_of_import if decision.source_kind == "import" else postings.use_of_hour
            return use(str(decision.source_id), number, holder, decision.quarter, decision.amount)
        case "top-up":
            return postings.top_up(number, holder, decision.quarter, decision.amount)
        case _:
            return None


def decision_row(number: str, decision: Decision) -> DecisionRow:
    """Give a decision as it is written down."""
    return DecisionRow(
        id=new_id(),
        kind=decision.kind,
        participant_number=number,
        quarter=decision.quarter,
        amount=decision.amount,
        hours=decision.hours,
        wage=decision.wage,
        budget_before=decision.budget_before,
        source_kind=decision.source_kind,
        source_id=decision.source_id,
        grant_key=grant_key(number, decision),
    )


def grant_key(number: str, decision: Decision) -> str | None:
    """Give the key under which a decision is posted once and never again (BB-10)."""
    match decision.kind:
        case "start":
            return postings.start_key(number)
        case "use":
            return postings.use_key(str(decision.source_id), number, decision.quarter)
        case "top-up":
            return postings.top_up_key(number, decision.quarter)
        case _:
            return None


def _send(db: Session, outcome: Outcome, locked: Sequence[LockedParticipant], today: date) -> UUID | None:
    """Put the lines on their way in waves, each after the one before and after what these participants still have due."""
    previous = sorted({p.last_message for p in locked if p.last_message is not None})
    after = outbox.undone(db, previous) if outcome.lines else []
    last: UUID | None = None
    for (_, kind), lines in sorted(outcome.lines.items()):
        for begin in range(0, len(lines), MAX_TRANSFERS):
            chunk = lines[begin : begin + MAX_TRANSFERS]
            last = send_transfers(db, kind, chunk, today, after=after)
            after = [last]
    return last


def send_transfers(
    db: Session, kind: str, lines: Sequence[TransferLine], value_date: date, *, after: Sequence[UUID], subject: str = ""
) -> UUID:
    """Put up to 10,000 transfers on their way as one message; its key is that of the first grant and its size."""
    message = PostTransfers(kind, value_date, lines)
    key = f"{kind}/{lines[0].grant_key}/{len(lines)}"
    return outbox.enqueue(db, POST_TRANSFERS, key, message.as_json(), subject=subject, after=after)
