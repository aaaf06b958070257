"""Closing a quarter: a job in phases that goes on where it was, however often it is interrupted.

judging    uses that wait are decided and participants judged, chunk by chunk
reserving  the fund sets the total of the top-ups apart; too little is a clear refusal and nothing is posted
posting    the top-ups go on their way, at most 10,000 to a message
confirming waits until the wallet has acknowledged every one of them
closed
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlmodel import Session

from burgerbudget import postings
from burgerbudget.actions.settling import CHUNK, send_transfers, settle_locked
from burgerbudget.models import Closing
from burgerbudget.queries import calendar, closings, decisions, hours, participants
from burgerbudget.refusals import NotEnded, PreviousQuarterOpen
from foundation import clock, outbox
from foundation.clock import now
from foundation.money import Cents
from foundation.outbox import Leased
from foundation.periods import Quarter
from wallet_contract import accounts
from wallet_contract.messages import OpenHold, TransferLine

OPEN_HOLD = "open-hold"


def subject_of(quarter: Quarter | str) -> str:
    """Name a closing on its messages."""
    return f"closing/{quarter}"


def start_closing(db: Session, quarter: Quarter, actor: str) -> Closing:
    """Begin to close a quarter; one that was begun or closed already is left as it is (BB-10).

    Raises `NotEnded` before the quarter has ended, `PreviousQuarterOpen` before the one before it is closed.
    """
    if clock.business_date() <= quarter.end:
        raise NotEnded(f"{quarter} loopt tot en met {quarter.end}; sluit het kwartaal daarna.")
    state = calendar.read(db, "FOR UPDATE")
    begun = closings.find(db, quarter)
    if begun is not None:
        return begun
    if state.closing is not None:
        raise PreviousQuarterOpen(f"{state.closing} wordt nog gesloten; sluit {quarter} daarna.")
    _check_previous(db, quarter, state.last_closed)
    closings.begin(db, quarter, actor)
    calendar.begin_closing(db, quarter)
    found = closings.find(db, quarter)
    assert found is not None
    return found


def _check_previous(db: Session, quarter: Quarter, last_closed: Quarter | None) -> None:
    if last_closed is not None:
        expected = last_closed.next()
        if quarter != expected:
            raise PreviousQuarterOpen(f"Het laatst gesloten kwartaal is {last_closed}; sluit nu eerst {expected}.")
        return
    first = participants.earliest_start(db)
    if first is not None and first < quarter:
        raise PreviousQuarterOpen(f"Er zijn deelnemers vanaf {first}; sluit dat kwartaal eerst.")


def advance(db: Session, limit: int = CHUNK) -> bool:
    """Take the running closing one step further. Returns whether there is more to do right away."""
    closing = calendar.read(db).closing
    row = closings.find(db, closing, lock=True) if closing is not None else None
    if closing is None or row is None:
        return False
    match row.phase:
        case "judging":
            return _judge_next(db, closing, row, limit)
        case "reserving":
            return _reserve(db, closing, row)
        case "posting":
            return _post_next(db, closing, row, limit)
        case "confirming":
            return _confirm(db, closing, row)
        case _:
            return False


def _judge_next(db: Session, closing: Quarter, row: Closing, limit: int) -> bool:
    if not row.cursor and hours.imports_before(db, row.requested_at):
        # Files that came before the close belong to it: their hours are judged with it.
        return False
    locked = participants.lock_next_to_judge(db, closing, row.cursor, limit)
    if not locked:
        closings.update(db, closing, phase="reserving")
        return True
    state = calendar.read(db)
    outcome = settle_locked(db, locked, state.last_closed, closing)
    closings.count_judged(
        db,
        closing,
        cursor=locked[-1].number,
        sufficient=outcome.sufficient,
        insufficient=outcome.insufficient,
        stopped=len(outcome.stops),
        topped_up=outcome.topped_up,
    )
    return True


def _reserve(db: Session, closing: Quarter, row: Closing) -> bool:
    if row.topped_up == 0:
        closings.update(db, closing, phase="confirming")
        return True
    key = f"reserve/{closing}"
    if closings.message_of(db, key) is None:
        hold = OpenHold(accounts.fund(postings.FUND), row.topped_up, purpose=subject_of(closing))
        outbox.enqueue(db, OPEN_HOLD, key, hold.as_json(), subject=subject_of(closing))
    return False


def hold_opened(db: Session, message: Leased, answer: Mapping[str, Any]) -> None:
    """The fund has set the total apart: the top-ups may go on their way."""
    quarter = Quarter.parse(message.subject.removeprefix("closing/"))
    closings.update(db, quarter, hold_id=str(answer["id"]), phase="posting", problem_code=None, problem=None)


def hold_refused(db: Session, message: Leased, code: str, text: str) -> None:
    """The fund has too little: the closing says so and waits until somebody resumes it after a deposit."""
    quarter = Quarter.parse(message.subject.removeprefix("closing/"))
    closings.update(db, quarter, problem_code=code, problem=text)


def resume(db: Session, quarter: Quarter) -> Closing | None:
    """Ask the fund once more for the total of a closing that it refused."""
    row = closings.find(db, quarter, lock=True)
    message = closings.message_of(db, f"reserve/{quarter}")
    if row is not None and message is not None and message.state == "dead":
        outbox.resume(db, message.id)
        closings.update(db, quarter, problem_code=None, problem=None)
    return closings.find(db, quarter, lock=True)


def _post_next(db: Session, closing: Quarter, row: Closing, limit: int) -> bool:
    top_ups = decisions.top_ups_to_post(db, closing, limit)
    if not top_ups:
        closings.update(db, closing, phase="confirming")
        return True
    lines = [_held_line(top_up, closing, row.hold_id) for top_up in top_ups]
    after = outbox.undone(db, sorted({t.last_message for t in top_ups if t.last_message is not None}))
    message_id = send_transfers(db, "top-up", lines, clock.business_date(), after=after, subject=subject_of(closing))
    decisions.mark_on_their_way(db, top_ups, message_id)
    return True


def _held_line(top_up: decisions.TopUpToPost, closing: Quarter, hold_id: str | None) -> TransferLine:
    assert hold_id is not None, "top-ups go on their way only when the fund has set their total apart"
    line = postings.top_up(top_up.participant_number, top_up.holder_id, closing, Cents(top_up.amount))
    assert line is not None, "a top-up of nothing is not posted"
    return replace(line, hold_id=hold_id)


def _confirm(db: Session, closing: Quarter, row: Closing) -> bool:
    if closings.messages_undone(db, subject_of(closing)):
        return False
    calendar.read(db, "FOR UPDATE")
    closings.update(db, closing, phase="closed", closed_at=now())
    calendar.end_closing(db, closing)
    return False
