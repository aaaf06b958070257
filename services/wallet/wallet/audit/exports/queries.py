"""Reading what an export holds: entries of a period under the seals up to one block, in the order of their journals.

Sealed rows never change and no later block adds to an earlier one, so the same cut gives the same rows for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from foundation.database import cursor_of

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """What an export covers: value dates, both included, of the journals sealed up to and with `block`.

    `block` is 0, without header and instant, where nothing is sealed yet.
    """

    first: date
    last: date
    asset: str | None
    block: int
    header: bytes | None
    sealed_at: datetime | None


# By the name of a column in the file. Instants and dates are written here: the same text whoever is connected.
COLUMNS = {
    "id": "e.journal_id || '-' || e.line",
    "journalId": "e.journal_id::text",
    "line": "e.line",
    "kind": "j.kind",
    "valueDate": "to_char(j.value_date, 'YYYY-MM-DD')",
    "recordedAt": """to_char(j.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    "accountId": "e.account_id::text",
    "account": "a.address",
    "version": "e.version",
    "amount": "e.amount",
    "asset": "a.asset",
    "balanceAfter": "e.balance_after",
    "counterAccount": "c.address",
    "grantKey": "e.grant_key",
    "reference": "e.reference",
    "explanation": "e.explanation",
    "holdId": "e.hold_id::text",
    "reversed": "e.reversed_journal_id || '-' || e.reversed_line",
    "actor": "j.actor",
    "onBehalfOf": "j.on_behalf_of",
    "decision": "j.decision",
    "batch": "j.batch",
    "chunk": "j.chunk",
    "reason": "j.reason",
    "block": "b.block_number",
}

# In the auditfile every account of a person is one of a group: the general ledger has the group, and the line says
# whose it is, by an id that only the vault can turn into a person.
_LEDGER_ACCOUNT = """CASE a.kind WHEN 'purse' THEN 'purse:' || a.purse WHEN 'payable' THEN 'payable'
                          WHEN 'loan' THEN 'loan' ELSE a.address END"""
_RELATION = """CASE a.kind WHEN 'purse' THEN left(a.address, -1 - length(a.purse)) WHEN 'payable' THEN a.address
                    WHEN 'loan' THEN a.address END"""
_XAF_COLUMNS = f"""j.id, j.value_date, j.actor, j.decision, j.reason, e.line, {_LEDGER_ACCOUNT}, {_RELATION}, e.amount,
                   e.reference, e.grant_key, e.explanation"""

_SEALED = """
  FROM ledger.journal j
  JOIN ledger.block_journal b ON b.journal_id = j.id AND b.block_number <= %(block)s
  JOIN ledger.entry e ON e.journal_id = j.id
  JOIN ledger.account a ON a.id = e.account_id
"""
_OF_PERIOD = "j.value_date BETWEEN %(first)s AND %(last)s AND (%(asset)s::text IS NULL OR a.asset = %(asset)s)"

# A first row may wait for all journals of earlier years to be passed over; a slow reader may keep us waiting between
# two fetches, but not for ever: an open snapshot keeps old rows alive in every table.
_PATIENCE = ("SET LOCAL statement_timeout = '10min'", "SET LOCAL idle_in_transaction_session_timeout = '5min'")
# Journals in the order of their ids and their entries looked up: other plans sort all rows on disk before the first.
_IN_ORDER = ("enable_hashjoin", "enable_mergejoin", "enable_seqscan", "enable_sort")
_FETCHED_ROWS = 2_000


def be_patient(db: Session) -> None:
    """Let this transaction take the time that a long download needs."""
    for setting in _PATIENCE:
        db.execute(text(setting))


def earliest_value_date(db: Session, block: int) -> date | None:
    """Give the first value date under the seals up to this block."""
    return db.execute(
        text(
            "SELECT min(j.value_date) FROM ledger.journal j"
            " JOIN ledger.block_journal b ON b.journal_id = j.id AND b.block_number <= :block"
        ),
        {"block": block},
    ).scalar()


def asset_exists(db: Session, code: str) -> bool:
    """Tell whether something is counted in this unit."""
    return db.execute(text("SELECT 1 FROM ledger.asset WHERE code = :code"), {"code": code}).first() is not None


def rows(db: Session, cut: Cut) -> Iterator[Row]:
    """Give every entry of the cut, each with the columns of `COLUMNS`."""
    statement = f"""
        SELECT {", ".join(COLUMNS.values())} {_SEALED} LEFT JOIN ledger.account c ON c.id = e.counter_account_id
         WHERE {_OF_PERIOD} ORDER BY j.id, e.line"""
    return _in_order(db, statement, _values(cut))


@dataclass(frozen=True, slots=True)
class AssetTotals:
    """How many entries there are in one asset, and what they debit and credit, both as amounts of 0 and up."""

    asset: str
    rows: int
    debit: int
    credit: int


def totals(db: Session, cut: Cut) -> list[AssetTotals]:
    """Add the cut up, per asset."""
    statement = f"""
        SELECT a.asset, count(*), coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0)::bigint,
               coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0)::bigint {_SEALED}
         WHERE {_OF_PERIOD} GROUP BY a.asset ORDER BY a.asset COLLATE "C" """
    return [AssetTotals(*row) for row in cursor_of(db).execute(statement, _values(cut))]


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    """One account of the auditfile's general ledger: its balance before the period (above 0 is credit)."""

    name: str
    opening: int


def ledger_accounts(db: Session, cut: Cut) -> list[LedgerAccount]:
    """Give the general ledger accounts that have entries in or before the period, by name."""
    statement = f"""
        SELECT ({_LEDGER_ACCOUNT}) COLLATE "C" AS name,
               coalesce(sum(e.amount) FILTER (WHERE j.value_date < %(first)s), 0)::bigint {_SEALED}
         WHERE j.value_date <= %(last)s AND a.asset = %(asset)s
         GROUP BY 1 ORDER BY name"""
    return [LedgerAccount(*row) for row in cursor_of(db).execute(statement, _values(cut))]


def relations(db: Session, cut: Cut) -> Iterator[str]:
    """Give whose accounts have entries in the cut: owners of purses, payables and loans, in order."""
    statement = f"""
        SELECT DISTINCT ({_RELATION}) COLLATE "C" AS relation {_SEALED}
         WHERE {_OF_PERIOD} AND a.kind IN ('purse', 'payable', 'loan') ORDER BY relation"""
    return (relation for (relation,) in _streamed(db, statement, _values(cut)))


def kinds(db: Session, cut: Cut) -> list[str]:
    """Give the kinds of journal in the cut, by name."""
    statement = f'SELECT DISTINCT j.kind COLLATE "C" AS kind {_SEALED} WHERE {_OF_PERIOD} ORDER BY kind'
    return [kind for (kind,) in cursor_of(db).execute(statement, _values(cut))]


def rows_of_kind(db: Session, cut: Cut, kind: str) -> Iterator[Row]:
    """Give the entries of the cut whose journals are of one kind, with the columns that an auditfile has."""
    statement = f"SELECT {_XAF_COLUMNS} {_SEALED} WHERE {_OF_PERIOD} AND j.kind = %(kind)s ORDER BY j.id, e.line"
    return _in_order(db, statement, {**_values(cut), "kind": kind})


def _values(cut: Cut) -> dict[str, Any]:
    return {"first": cut.first, "last": cut.last, "asset": cut.asset, "block": cut.block}


def _in_order(db: Session, statement: str, values: dict[str, Any]) -> Iterator[Row]:
    for setting in _IN_ORDER:
        db.execute(text(f"SET LOCAL {setting} = off"))
    yield from _streamed(db, statement, values)
    for setting in _IN_ORDER:
        db.execute(text(f"SET LOCAL {setting} = on"))


def _streamed(db: Session, statement: str, values: dict[str, Any]) -> Iterator[Row]:
    with cursor_of(db).connection.cursor("export") as cursor:
        cursor.itersize = _FETCHED_ROWS
        cursor.execute(statement, values)
        yield from cursor
