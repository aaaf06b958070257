"""Reading holds and their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import Session

from foundation.identifiers import identifier
from foundation.pages import decode_cursor, encode_cursor
from foundation.refusals import BadRequest
from wallet.ledger.rules import SHOWN_AS_TOTALS

_HOLD = """
    SELECT h.id, a.address AS account, a.purse, h.amount, h.remaining, a.asset, h.state, h.purpose, h.opened_at,
           h.opened_by, h.expires_at, h.closed_at
      FROM ledger.hold h JOIN ledger.account a ON a.id = h.account_id
"""


@dataclass(frozen=True, slots=True)
class Sought:
    """Which holds are asked for; None asks for all.

    `owner` is one such as `holder:<id>`, whose purses are meant.
    """

    account: str | None = None
    owner: str | None = None
    state: str | None = None
    purpose: str | None = None
    opened_by: str | None = None
    without_totals: bool = False
    """Leave out what a holder sees in totals only."""


def hold(db: Session, hold_id: UUID) -> Row[Any] | None:
    """Give a hold with the address, purse and asset of its account, and who opened it."""
    return db.execute(text(f"{_HOLD} WHERE h.id = :id"), {"id": hold_id}).first()


def holds_before(db: Session, sought: Sought, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Give holds, newest first: those opened before that one. Holds are never deleted, so it is still there."""
    position = hold(db, before) if before is not None else None
    if before is not None and position is None:
        return []
    conditions = {
        "account": "h.account_id = (SELECT id FROM ledger.account WHERE address = CAST(:account AS text))",
        # Above ":" comes ";": what an owner has lies between the two.
        "owner": "h.account_id = ANY (ARRAY(SELECT id FROM ledger.account WHERE kind = 'purse'"
        " AND address > CAST(:owner AS text) || ':' COLLATE \"C\" AND address < CAST(:owner AS text) || ';' COLLATE \"C\"))",
        "state": "h.state = :state",
        "purpose": "h.purpose = :purpose",
        "opened_by": "h.opened_by = :opened_by",
        "opened_at": "(h.opened_at, h.id) < (:opened_at, :id)",
    }
    values: dict[str, Any] = {name: getattr(sought, name) for name in conditions if name != "opened_at"}
    values["opened_at"] = position.opened_at if position is not None else None
    asked = [condition for name, condition in conditions.items() if values[name] is not None]
    if sought.without_totals:
        asked.append(
            "NOT EXISTS (SELECT FROM unnest(CAST(:purses AS text[]), CAST(:purposes AS text[])) t(purse, purpose)"
            " WHERE t.purse = a.purse AND starts_with(h.purpose, t.purpose))"
        )
        values["purses"] = list(SHOWN_AS_TOTALS)
        values["purposes"] = [total.hold_purposes for total in SHOWN_AS_TOTALS.values()]
    return db.execute(
        text(f"{_HOLD} WHERE {' AND '.join(asked) or 'true'} ORDER BY h.opened_at DESC, h.id DESC LIMIT :limit"),
        {**values, "id": before, "limit": limit},
    ).all()


def hold_in_cursor(cursor: str | None) -> UUID | None:
    """Read which hold the page before ended with."""
    position = decode_cursor(cursor, before=str)
    if position is None:
        return None
    known = identifier(position["before"])
    if known is None:
        raise BadRequest(f"cursor {cursor!r} is not one that we gave", pointer="cursor", code="unknownCursor")
    return known


def cursor_after(found: Sequence[Row[Any]], limit: int) -> str | None:
    """Give the cursor of the next page, where one more was found than a page holds."""
    return encode_cursor({"before": str(found[limit - 1].id)}) if len(found) > limit else None


def events_after(db: Session, hold_id: UUID, after: int, limit: int) -> Sequence[Row[Any]]:
    """Give what happened to a hold, in order, from after the event with that sequence."""
    # One journal may take from a hold many times: two of its lines tell that it was not once.
    return db.execute(
        text(
            """
            SELECT e.sequence, e.kind, e.amount, e.remaining_after::bigint, e.journal_id::text, t.transfer_id, e.actor,
                   e.recorded_at
              FROM (SELECT v.*, sum(CASE v.kind WHEN 'opened' THEN v.amount ELSE -v.amount END)
                                    OVER (ORDER BY v.sequence) AS remaining_after
                      FROM ledger.hold_event v WHERE v.hold_id = :id) e
              LEFT JOIN LATERAL (
                    SELECT CASE count(*) WHEN 1 THEN e.journal_id || '-' || min(n.line) END AS transfer_id
                      FROM (SELECT line FROM ledger.entry
                             WHERE journal_id = e.journal_id AND hold_id = :id LIMIT 2) n) t ON true
             WHERE e.sequence > :after
             ORDER BY e.sequence LIMIT :limit
            """
        ),
        {"id": hold_id, "after": after, "limit": limit},
    ).all()


def holds_of_others(db: Session, hold_ids: Sequence[UUID], actor: str) -> list[UUID]:
    """Give those of these holds that somebody else than this actor opened."""
    others = text("SELECT id FROM ledger.hold WHERE id = ANY (CAST(:ids AS uuid[])) AND opened_by <> :actor")
    return list(db.execute(others, {"ids": list(hold_ids), "actor": actor}).scalars())
