"""Moving money: the only way from Python to the functions that write the books.

Every function here runs inside the caller's transaction and raises refusals of `wallet.ledger.refusals`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Cursor
from sqlalchemy import CursorResult, Row
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from foundation.database import cursor_of
from wallet.ledger.postings import AskedHold, Granted, HoldRequest, Posted, Posting, Transfer, naming_line
from wallet.ledger.refusals import LedgerRefusal, refusal_by_rule, refusal_in

# %b sends arrays in binary: 10,000 texts in a third of the time.
_POST = """
SELECT ledger.post(%b::text, %b::date, %b::text, %b::text, %b::text, %b::text, %b::int, %b::text,
                   %b::text[], %b::text[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::text[], %b::uuid[],
                   %b::bigint, %b::int)
"""
_OPEN_HOLDS = """
SELECT ledger.open_holds(%b::uuid[], %b::text[], %b::bigint[], %b::text[], %b::text, %b::timestamptz, %b::text)
"""
_OPEN_EACH_HOLD = """
SELECT (opened).amount, (opened).opened_at, (opened).remaining, (opened).state, (opened).expires_at, (opened).closed_at,
       refusal_code, refusal_detail
  FROM ledger.open_each_hold(%b::uuid[], %b::text[], %b::bigint[], %b::bigint[], %b::text[], %b::text[],
                             %b::timestamptz[], %b::text[])
"""


def post(
    db: Session,
    *,
    kind: str,
    value_date: date,
    actor: str,
    transfers: Sequence[Transfer],
    on_behalf_of: str | None = None,
    decision: str | None = None,
    batch: str | None = None,
    chunk: int | None = None,
    reason: str | None = None,
    reverses: tuple[int, int] | None = None,
) -> Posted:
    """Post 1 to 10,000 transfers as one journal, all or nothing.

    Purses of registered owners open at their first credit. `reverses` is the journal and line of the one transfer that
    all of these take back. Raises among others `TooLittle`, `OverCeiling`, `UnknownAccount`, `PeriodClosed`,
    `GrantKeyUsed` (before the others of its kind: the work was done earlier) and `HoldTooSmall`.
    """
    arguments = (
        kind,
        value_date,
        actor,
        on_behalf_of,
        decision,
        batch,
        chunk,
        reason,
        _once_if_same([each.source for each in transfers]),
        [each.destination for each in transfers],
        [each.amount for each in transfers],
        _once_if_same([each.asset for each in transfers]),
        _none_if_empty([each.grant_key for each in transfers]),
        _none_if_empty([each.reference for each in transfers]),
        _none_if_empty([each.explanation for each in transfers]),
        _none_if_empty([each.hold_id for each in transfers]),
        *(reverses or (None, None)),
    )
    return _posted(_call(db, _POST, arguments)[0], transfers)


def post_each(db: Session, postings: Sequence[Posting]) -> list[Posted | LedgerRefusal]:
    """Post each of these as a journal of its own; one that a rule refuses leaves the others as they are.

    No transfer may capture a hold. What is malformed refuses all.
    """
    requests = json.dumps([_request(posting) for posting in postings])
    rows = _execute(db, "SELECT * FROM ledger.post_each(%b::jsonb)", (requests,)).all()
    return [
        _posted(row.journal_id, posting.transfers)
        if row.refusal_code is None
        else refusal_by_rule(row.refusal_code, row.refusal_detail)
        for row, posting in zip(rows, postings, strict=True)
    ]


def _request(posting: Posting) -> dict[str, Any]:
    transfers = posting.transfers
    return {
        "kind": posting.kind,
        "valueDate": posting.value_date.isoformat(),
        "actor": posting.actor,
        "onBehalfOf": posting.on_behalf_of,
        "decision": posting.decision,
        "reason": posting.reason,
        "sources": [each.source for each in transfers],
        "destinations": [each.destination for each in transfers],
        "amounts": [each.amount for each in transfers],
        "assets": [each.asset for each in transfers],
        "grantKeys": [each.grant_key for each in transfers],
        "references": [each.reference for each in transfers],
        "explanations": [each.explanation for each in transfers],
    }


def open_holds(
    db: Session, holds: Sequence[HoldRequest], purpose: str, actor: str, expires_at: datetime | None = None
) -> None:
    """Set amounts apart, all or nothing. Raises `TooLittle`, `UnknownAccount`, `WrongAsset` or `HoldExists`."""
    arguments = (
        [each.id for each in holds],
        [each.account for each in holds],
        [each.amount for each in holds],
        [each.asset for each in holds],
        purpose,
        expires_at,
        actor,
    )
    _call(db, _OPEN_HOLDS, arguments)


def open_each_hold(db: Session | Cursor[Any], asked: Sequence[AskedHold]) -> list[Granted | LedgerRefusal]:
    """Open each of these holds as far as there is money for it; one that a rule refuses leaves the others as they are.

    One that was opened before under its id, for the same purpose, is given as it is: one statement, that may be repeated.
    """
    arguments = (
        [each.request.id for each in asked],
        [each.request.account for each in asked],
        [each.request.amount for each in asked],
        [each.minimum for each in asked],
        [each.request.asset for each in asked],
        [each.purpose for each in asked],
        _none_if_empty([each.expires_at for each in asked]),
        [each.actor for each in asked],
    )
    cursor = _flushed(db) if isinstance(db, Session) else db
    try:
        rows = cursor.execute(_OPEN_EACH_HOLD, arguments).fetchall()
    except psycopg.Error as error:
        refusal = refusal_in(error)
        if refusal is None:
            raise
        raise refusal from error
    return [Granted(*figures) if code is None else refusal_by_rule(code, detail) for *figures, code, detail in rows]


def release_holds(db: Session, ids: Sequence[UUID], actor: str) -> None:
    """Give back what remains of holds; those closed already stay as they are. Raises `UnknownHold`."""
    _call(db, "SELECT ledger.release_holds(%b::uuid[], %b::text)", (list(ids), actor))


def expire_holds(db: Session, before: datetime, limit: int, actor: str) -> int:
    """Close at most `limit` holds whose time was past before `before`; gives how many."""
    closed: int = _call(db, "SELECT ledger.expire_holds(%b::timestamptz, %b::int, %b::text)", (before, limit, actor))[0]
    return closed


def register_owners(db: Session, owners: Sequence[str]) -> None:
    """Let owners such as `holder:<id>` have purses, which open at their first credit; again is no change."""
    _call(db, "SELECT ledger.register_owners(%b::text[])", (list(owners),))


def open_account(
    db: Session, address: str, *, asset: str, kind: str, floor: int | None, ceiling: int | None, lock_rank: int
) -> int:
    """Open an account that is no purse, and give its id; again with other terms raises `OtherTerms`."""
    statement = "SELECT ledger.open_account(%b::text, %b::text, %b::text, %b::bigint, %b::bigint, %b::int)"
    account_id: int = _call(db, statement, (address, asset, kind, floor, ceiling, lock_rank))[0]
    return account_id


def open_fund_account(db: Session, code: str, name: str, asset: str, actor: str) -> None:
    """Open a fund, with a floor of 0. Raises `FundExists`."""
    _call(db, "SELECT ledger.open_fund(%b::text, %b::text, %b::text, %b::text)", (code, name, asset, actor))


def open_loan(db: Session, loan_id: UUID, principal: int) -> str:
    """Open the account of what is owed under a loan, and give its address; another principal raises `OtherTerms`."""
    address: str = _call(db, "SELECT ledger.open_loan(%b::uuid, %b::bigint)", (loan_id, principal))[0]
    return address


def lock_posting(db: Session, transfers: Sequence[Transfer], releases: Sequence[UUID]) -> None:
    """Lock all that a posting moves and all that the release of these holds frees, in the order that everybody keeps."""
    arguments = ([each.source for each in transfers], [each.destination for each in transfers], list(releases))
    _call(db, "SELECT ledger.lock_posting(%b::text[], %b::text[], %b::uuid[])", arguments)


def lock_reversal(db: Session, journal_id: int, line: int) -> None:
    """Lock the accounts that taking a transfer back moves: what is read of them afterwards stays so until the commit."""
    _call(db, "SELECT ledger.lock_reversal(%b::bigint, %b::int)", (journal_id, line))


def open_receivable(db: Session, purse: str) -> None:
    """Open what the owner of a purse owes because of it; again is no change. Raises `NotClaimable`."""
    _call(db, "SELECT ledger.open_receivable(%b::text)", (purse,))


def open_day(db: Session, day: date) -> date:
    """Give a day, or the first open one where its month is closed; no month closes until the commit."""
    first_open: date = _call(db, "SELECT ledger.open_day(%b::date)", (day,))[0]
    return first_open


def check_period(db: Session, month: date, today: date) -> None:
    """Raise why a month cannot be closed: `ClosedAlready`, `MonthNotEnded` or `EarlierMonthOpen`."""
    _call(db, "SELECT ledger.check_period(%b::date, %b::date)", (month, today))


def close_period(db: Session, proposal_id: UUID, closed_by: str, today: date) -> date:
    """Close the month that a proposal asks for, and give it. Raises what `check_period` does, or `NotSealed`."""
    month: date = _call(
        db, "SELECT ledger.close_period(%b::uuid, %b::text, %b::date)", (proposal_id, closed_by, today)
    )[0]
    return month


def _posted(journal_id: int, transfers: Sequence[Transfer]) -> Posted:
    lines = (naming_line(number, each) for number, each in enumerate(transfers, start=1))
    return Posted(journal_id, [f"{journal_id}-{line}" for line in lines])


def _call(db: Session, statement: str, arguments: tuple[Any, ...]) -> Row[Any]:
    return _execute(db, statement, arguments).one()


def _flushed(db: Session) -> Cursor[Any]:
    db.flush()
    return cursor_of(db)


def _execute(db: Session, statement: str, arguments: tuple[Any, ...]) -> CursorResult[Any]:
    db.flush()
    try:
        return db.connection().exec_driver_sql(statement, arguments)
    except DBAPIError as error:
        refusal = refusal_in(error)
        if refusal is None:
            raise
        raise refusal from error


def _once_if_same(values: list[str]) -> list[str]:
    return values[:1] if len(set(values)) == 1 else values


def _none_if_empty(values: list[Any]) -> list[Any] | None:
    return None if all(value is None for value in values) else values
