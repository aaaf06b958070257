"""Books to test with: a funded fund, holders, and short ways to post and to look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from foundation.database import Database
from wallet.ledger import queries
from wallet.ledger.actions import HoldRequest, Posted, Transfer, open_fund_account, open_holds, post, register_owners

DAY = date(2026, 10, 1)
FUND = "fund:burgerbudget"
BANK = "bank:current"
OUTGOING = "bank:outgoing"


class Books:
    """The ledger of one test database."""

    def __init__(self, database: Database, deposit: int = 1_000_000) -> None:
        self.database = database
        with database.transaction() as db:
            open_fund_account(db, "burgerbudget", "Burgerbudget", "EUR", "piet")
        if deposit:
            self.post(Transfer(BANK, FUND, deposit), kind="deposit")

    def holder(self) -> str:
        """Register a holder; gives the owner's address."""
        owner = f"holder:{uuid4()}"
        with self.database.transaction() as db:
            register_owners(db, [owner])
        return owner

    def post(self, *transfers: Transfer, kind: str = "test", **more: Any) -> Posted:
        with self.database.transaction() as db:
            return post(
                db, kind=kind, value_date=more.pop("value_date", DAY), actor="tester", transfers=transfers, **more
            )

    def hold(
        self,
        *requests: HoldRequest,
        purpose: str = "test",
        actor: str = "tester",
        expires_at: datetime | None = None,
    ) -> None:
        with self.database.transaction() as db:
            open_holds(db, requests, purpose, actor, expires_at)

    def figures(self, address: str) -> tuple[int, int] | None:
        """Give what stands on an account and what is held, or None."""
        with self.database.transaction() as db:
            found = queries.account(db, address)
            return None if found is None else (found.balance, found.held)

    def balance(self, address: str) -> int:
        figures = self.figures(address)
        return 0 if figures is None else figures[0]

    def all_figures(self, addresses: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Give what stands and is held on those of these accounts that are there."""
        rows = self.rows(
            "SELECT a.address, b.posted, b.held FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id"
            " WHERE a.address = ANY (:addresses)",
            addresses=list(addresses),
        )
        return {row.address: (row.posted, row.held) for row in rows}

    def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        with self.database.transaction() as db:
            return db.execute(text(statement), values).all()

    def lines(self, journal_id: int) -> list[tuple[Any, ...]]:
        """Give a journal's lines: line, address, counter address, amount, balance after, version, grant key, hold."""
        return [
            tuple(row)
            for row in self.rows(
                "SELECT e.line, a.address, c.address, e.amount, e.balance_after, e.version, e.grant_key, e.hold_id"
                "  FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id"
                "  LEFT JOIN ledger.account c ON c.id = e.counter_account_id WHERE e.journal_id = :id ORDER BY e.line",
                id=journal_id,
            )
        ]

    def faults(self) -> list[tuple[Any, ...]]:
        """Give every account whose chain, balance or held amount does not follow from its entries and holds."""
        return [
            tuple(row)
            for row in self.rows(
                """
                SELECT b.account_id, b.posted, b.held, b.version, e.posted, e.gaps, h.held
                  FROM ledger.balance b
                  LEFT JOIN (SELECT account_id, sum(amount)::bigint AS posted, max(version) - count(*) AS gaps,
                                    count(*) FILTER (WHERE balance_after <> running) AS broken
                               FROM (SELECT e.*, sum(amount) OVER (PARTITION BY account_id ORDER BY version) AS running
                                       FROM ledger.entry e) e GROUP BY account_id) e ON e.account_id = b.account_id
                  LEFT JOIN (SELECT account_id, sum(remaining)::bigint AS held FROM ledger.hold GROUP BY account_id) h
                         ON h.account_id = b.account_id
                 WHERE b.posted <> coalesce(e.posted, 0) OR coalesce(e.gaps, 0) <> 0 OR coalesce(e.broken, 0) <> 0
                    OR b.held <> coalesce(h.held, 0)
                """
            )
        ]
