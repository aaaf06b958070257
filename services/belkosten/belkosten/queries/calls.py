"""Calls: what a provider asked before them, their records, and how they were paid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import Row, text
from sqlmodel import Session

from belkosten.rules.rating import Asked, CallContent, RatedCall
from belkosten.rules.spans import Span
from foundation.clock import now

# One statement for all that must be known before calls: callers wait on the line.
_LOOK_UP = """
    SELECT p.holder_id, n.id AS approved_number_id,
           EXISTS (SELECT FROM belkosten.call c WHERE c.provider = u.provider AND c.call_id = u.call_id) AS ended,
           EXISTS (SELECT FROM belkosten.participant k WHERE k.number = u.participant) AS is_known,
           a.call_id IS NOT NULL AS is_asked, a.participant_number AS asked_participant,
           a.approved_number_id AS asked_number_id, a.max_seconds, a.reason
      FROM unnest(CAST(%(providers)s AS text[]), CAST(%(call_ids)s AS text[]), CAST(%(participants)s AS text[]),
                  CAST(%(numbers)s AS text[])) WITH ORDINALITY u(provider, call_id, participant, number, place)
      LEFT JOIN belkosten.authorisation a ON a.provider = u.provider AND a.call_id = u.call_id
      LEFT JOIN belkosten.participant p ON p.number = u.participant AND EXISTS (
                SELECT FROM belkosten.participation s
                 WHERE s.participant_number = u.participant AND s.product = 'belapp' AND s.state = 'confirmed'
                   AND s.starts_on <= %(today)s AND (s.ends_on IS NULL OR s.ends_on >= %(today)s))
      LEFT JOIN belkosten.approved_number n ON n.number = u.number AND n.valid_from <= %(today)s
                AND (n.valid_until IS NULL OR n.valid_until >= %(today)s)
     ORDER BY u.place
"""
_KEEP = """
    INSERT INTO belkosten.authorisation (provider, call_id, participant_number, approved_number_id, allowed, reason,
           max_seconds, tariff, hold_id, hold_account, held, asked_on, asked_at)
    SELECT u.provider, u.call_id, u.participant, u.approved_number_id, u.reason IS NULL, u.reason, u.max_seconds, u.tariff,
           u.hold_id, u.hold_account, u.held, %(today)s, %(now)s
      FROM unnest(CAST(%(providers)s AS text[]), CAST(%(call_ids)s AS text[]), CAST(%(participants)s AS text[]),
                  CAST(%(approved_number_ids)s AS uuid[]), CAST(%(reasons)s AS text[]), CAST(%(max_seconds)s AS int[]),
                  CAST(%(tariffs)s AS int[]), CAST(%(hold_ids)s AS text[]), CAST(%(hold_accounts)s AS text[]),
                  CAST(%(held)s AS bigint[]))
           u(provider, call_id, participant, approved_number_id, reason, max_seconds, tariff, hold_id, hold_account, held)
        ON CONFLICT (provider, call_id) DO NOTHING
    RETURNING provider, call_id
"""


@dataclass(frozen=True, slots=True)
class AskedCall:
    """What a provider asks; `number` in the form in which numbers are compared."""

    provider: str
    call_id: str
    participant: str
    number: str

    @property
    def key(self) -> tuple[str, str]:
        """What its answer is kept under."""
        return self.provider, self.call_id


def look_up(cursor: Cursor[Any], asked: Sequence[AskedCall], today: date) -> Sequence[Any]:
    """Give for each who calls, which line of the list the number is today, and what was asked and told of it before."""
    values = {
        "providers": [one.provider for one in asked],
        "call_ids": [one.call_id for one in asked],
        "participants": [one.participant for one in asked],
        "numbers": [one.number for one in asked],
    }
    return cursor.execute(_LOOK_UP, {**values, "today": today}).fetchall()


@dataclass(frozen=True, slots=True)
class Authorisation:
    """An answer to a provider, as it is kept."""

    call: AskedCall
    approved_number_id: UUID | None
    max_seconds: int
    reason: str | None
    tariff: int | None = None
    hold_id: str | None = None
    hold_account: str | None = None
    held: int = 0


def keep(cursor: Cursor[Any], answers: Sequence[Authorisation], today: date) -> set[tuple[str, str]]:
    """Write answers down; gives the keys of those under which there was none yet."""
    values = {
        "providers": [one.call.provider for one in answers],
        "call_ids": [one.call.call_id for one in answers],
        "participants": [one.call.participant for one in answers],
        "approved_number_ids": [one.approved_number_id for one in answers],
        "reasons": [one.reason for one in answers],
        "max_seconds": [one.max_seconds for one in answers],
        "tariffs": [one.tariff for one in answers],
        "hold_ids": [one.hold_id for one in answers],
        "hold_accounts": [one.hold_account for one in answers],
        "held": [one.held for one in answers],
    }
    kept = cursor.execute(_KEEP, {**values, "today": today, "now": now()})
    return {(row.provider, row.call_id) for row in kept}


def taken(db: Session, provider: str, call_ids: Collection[str]) -> dict[str, CallContent]:
    """Give the calls of a provider that are known, by call id."""
    rows = db.execute(
        text(
            "SELECT call_id, participant_number, started_at, seconds FROM belkosten.call"
            " WHERE provider = :provider AND call_id = ANY(:call_ids)"
        ),
        {"provider": provider, "call_ids": list(call_ids)},
    )
    return {row.call_id: CallContent(row.participant_number, row.started_at, row.seconds) for row in rows}


@dataclass(frozen=True, slots=True)
class AskedBefore:
    """What was answered before a call, and the hold that was made for it."""

    asked: Asked
    hold_id: str | None


def asked_before(db: Session, provider: str, call_ids: Collection[str]) -> Mapping[str, AskedBefore]:
    """Give what a provider was answered, by call id."""
    rows = db.execute(
        text(
            "SELECT call_id, participant_number, max_seconds, hold_id FROM belkosten.authorisation"
            " WHERE provider = :provider AND call_id = ANY(:call_ids)"
        ),
        {"provider": provider, "call_ids": list(call_ids)},
    )
    return {row.call_id: AskedBefore(Asked(row.participant_number, row.max_seconds), row.hold_id) for row in rows}


def known_participants(db: Session, participants: Collection[str]) -> set[str]:
    """Give those of these numbers under which somebody takes or took part."""
    sought = text("SELECT number FROM belkosten.participant WHERE number = ANY(:participants)")
    return set(db.execute(sought, {"participants": list(participants)}).scalars())


def belapp_spans(db: Session, participants: Collection[str]) -> Mapping[str, list[Span]]:
    """Give when each of these people takes part in the belapp, by number."""
    found: dict[str, list[Span]] = defaultdict(list)
    rows = db.execute(
        text(
            "SELECT participant_number, starts_on, ends_on FROM belkosten.participation"
            " WHERE participant_number = ANY(:participants) AND product = 'belapp' AND state = 'confirmed'"
        ),
        {"participants": list(participants)},
    )
    for row in rows:
        found[row.participant_number].append(Span(row.starts_on, row.ends_on))
    return found


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call that was told and rated. `message_id` is what settles it; None where there is nothing to settle."""

    id: UUID
    call_id: str
    content: CallContent
    called_on: date
    rated: RatedCall
    message_id: UUID | None


def insert(db: Session, provider: str, calls: Sequence[NewCall], import_id: UUID, today: date) -> None:
    """Write calls down; one with nothing to settle is settled at once."""
    if not calls:
        return
    columns = {
        "ids": ("uuid", [one.id for one in calls]),
        "call_ids": ("text", [one.call_id for one in calls]),
        "participants": ("text", [one.content.participant_number for one in calls]),
        "started_at": ("timestamptz", [one.content.started_at for one in calls]),
        "called_on": ("date", [one.called_on for one in calls]),
        "seconds": ("int", [one.content.seconds for one in calls]),
        "outcomes": ("text", [one.rated.outcome.value for one in calls]),
        "numbers": ("uuid", [one.rated.approved_number_id for one in calls]),
        "tariffs": ("int", [one.rated.tariff for one in calls]),
        "billable": ("int", [one.rated.billable_seconds for one in calls]),
        "costs": ("bigint", [one.rated.cost for one in calls]),
        "messages": ("uuid", [one.message_id for one in calls]),
    }
    arrays = ", ".join(f"CAST(:{name} AS {kind}[])" for name, (kind, _) in columns.items())
    db.execute(
        text(
            f"""
            INSERT INTO belkosten.call (id, provider, call_id, participant_number, started_at, called_on, seconds, outcome,
                   approved_number_id, tariff, billable_seconds, cost, message_id, state, from_hold, from_fund, settled_on,
                   import_id, rated_on, rated_at)
            SELECT u.id, :provider, u.call_id, u.participant, u.started_at, u.called_on, u.seconds, u.outcome, u.number,
                   u.tariff, u.billable, u.cost, u.message, CASE WHEN u.message IS NULL THEN 'settled' ELSE 'waiting' END,
                   CASE WHEN u.message IS NULL THEN 0 END, CASE WHEN u.message IS NULL THEN 0 END,
                   CASE WHEN u.message IS NULL THEN CAST(:today AS date) END, :import_id, :today, :now
              FROM unnest({arrays})
                   u(id, call_id, participant, started_at, called_on, seconds, outcome, number, tariff, billable, cost, message)
            """
        ),
        {
            **{name: values for name, (_, values) in columns.items()},
            "provider": provider,
            "import_id": import_id,
            "today": today,
            "now": now(),
        },
    )


def waiting(db: Session, calls: Collection[UUID]) -> Sequence[Row[Any]]:
    """Give those of these calls that are not settled yet, with the hold made for each and whose purse it is."""
    return db.execute(
        text(
            "SELECT c.id, c.cost, c.called_on, a.hold_id, a.hold_account, a.held, p.holder_id FROM belkosten.call c"
            " LEFT JOIN belkosten.authorisation a USING (provider, call_id)"
            " LEFT JOIN belkosten.participant p ON p.number = c.participant_number"
            " WHERE c.id = ANY(:calls) AND c.state = 'waiting'"
        ),
        {"calls": list(calls)},
    ).all()


def settle(db: Session, paid: Mapping[UUID, tuple[int, int]], today: date) -> None:
    """Write down what each call took from the purse and from the fund; one that is settled stays as it is."""
    db.execute(
        text(
            "UPDATE belkosten.call c SET state = 'settled', from_hold = u.from_hold, from_fund = u.from_fund,"
            " settled_on = :today FROM unnest(CAST(:ids AS uuid[]), CAST(:holds AS bigint[]), CAST(:funds AS bigint[]))"
            " u(id, from_hold, from_fund) WHERE c.id = u.id AND c.state = 'waiting'"
        ),
        {
            "ids": list(paid),
            "holds": [from_hold for from_hold, _ in paid.values()],
            "funds": [from_fund for _, from_fund in paid.values()],
            "today": today,
        },
    )
