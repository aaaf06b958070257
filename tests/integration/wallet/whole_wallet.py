"""A wallet in which everything has happened once: a row in every table that a trigger guards, sealed and verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from foundation import clock
from tests.integration.wallet.bulk_house import CHUCK, MARA, BulkHouse
from tests.integration.wallet.ledger_books import BANK, FUND, OUTGOING
from tests.integration.wallet.ledger_periods import Periods
from tests.integration.wallet.payouts_house import open_house
from tests.support.callers import Callers
from tests.support.databases import ServiceDatabase
from wallet.audit.differences import Report
from wallet.ledger.actions import (
    HoldRequest,
    Transfer,
    expire_holds,
    open_fund_account,
    open_holds,
    open_loan,
    release_holds,
)
from wallet.ledger.actions.proposals import TRANSFER, confirm, propose_transfers, reject
from wallet.ledger.corrections import actions as corrections
from wallet.ledger.corrections.schemas import ReversalIn
from wallet.ledger.schemas import TransferIn, TransfersIn
from wallet.payouts.announcements.actions import announce, take
from wallet.payouts.announcements.queries import waiting
from wallet.payouts.references.actions import register

JULY = date(2026, 7, 15)
PURSE = "holder:anna:vrij"
CLAIMABLE = "holder:ben:burgerbaan"
LENT, CLEARING = "lent:sociaal-krediet", "clearing:sociaal-krediet"


@dataclass(frozen=True)
class WholeWallet:
    """The database, its seals, and what some of it is called."""

    made: ServiceDatabase
    periods: Periods
    bulk: UUID

    def verify(self, url: str | None = None) -> Report:
        """Verify as the auditor, on this database or on a copy."""
        return self.periods.verify(url or self.made.url_of("wallet_auditor"))


def fill(made: ServiceDatabase, callers: Callers, folder: Path, monkeypatch: pytest.MonkeyPatch) -> WholeWallet:
    """Let everything happen that a wallet does: July and August are closed, most is sealed, one journal waits for its seal."""
    date_file = folder / "business-date"
    monkeypatch.setenv(clock.DATE_FILE_SETTING, str(date_file))

    def today(day: str) -> None:
        date_file.write_text(day, encoding="ascii")

    _pay_out(made, callers, today, folder, monkeypatch)
    house = BulkHouse(made.database, deposit=0)
    periods = Periods(house, folder, today)
    house.post(Transfer(BANK, FUND, 1_000_000), kind="deposit", value_date=JULY)
    with made.database.transaction() as db:
        db.execute(text("SELECT ledger.register_owners(ARRAY['holder:anna', 'holder:ben', 'holder:cas'])"))
        db.execute(text("SELECT ledger.open_account('payable:dicht', 'EUR', 'payable', 0, NULL, 10)"))
    july = [Transfer(FUND, PURSE, 5_000, grant_key="july/anna", reference="case/1", explanation="start")]
    advance = Transfer(FUND, CLAIMABLE, 10_000)
    house.post(*july, value_date=JULY, on_behalf_of="eva", decision="decision/1", reason="start")
    transfer = house.post(advance, value_date=JULY).transfer_ids[0]
    house.post(Transfer(CLAIMABLE, OUTGOING, 4_000), value_date=JULY)
    _lend(house)
    periods.close("2026-07")
    periods.close("2026-08")
    _hold_back(house)
    _decide(house, transfer)
    bulk = _post_in_bulk(house)
    periods.seal()
    house.post(Transfer(FUND, "holder:cas:vrij", 7))
    return WholeWallet(made, periods, bulk)


def _pay_out(
    made: ServiceDatabase, callers: Callers, today: object, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_house(made.database, callers, today, folder, monkeypatch)  # type: ignore[arg-type]
    holders = [house.holder(number, vrij) for number, vrij in ((1, 59_964), (2, 5), (3, 100_000))]
    blocked = house.caseworker.post(f"/holders/{holders[1]}/blocks", json={"reason": "onderzoek"})
    assert blocked.status_code == 201, blocked.text
    house.holder(4, confirm=False)
    house.today("2026-10-01")
    batch = house.sent()
    read = house.read(house.statement(batch, returns=[{"holder": holders[0]}]))
    assert read["returned"] == 1


def _lend(house: BulkHouse) -> None:
    """A loan of which something is paid back under its reference; of the two announcements one is taken."""
    with house.database.transaction() as db:
        open_fund_account(db, "sociaal-krediet", "Sociaal krediet", "EUR", "piet")
        loan = open_loan(db, UUID(int=1), 175_000)
        reference = register(db, "sociaal-krediet", "RF18539007547034", "loan/1").reference
        for number in (1, 2):
            announce(db, "sociaal-krediet", "receipt", {"reference": reference, "amount": 4_861 * number})
        db.flush()
        first, _ = waiting(db, "sociaal-krediet", 10)
        assert take(db, "sociaal-krediet", [first.id]) == 1
    house.post(Transfer(loan, LENT, 175_000), value_date=JULY)
    house.post(Transfer(BANK, CLEARING, 4_861, reference=reference), kind="receipt", value_date=JULY)
    house.post(Transfer(CLEARING, "fund:sociaal-krediet", 4_861), Transfer(LENT, loan, 4_861), value_date=JULY)


def _hold_back(house: BulkHouse) -> None:
    """Four holds: one open and partly captured, one captured, one released, one whose time is past."""
    part, whole, released, late = (uuid4() for _ in range(4))
    house.hold(*(HoldRequest(hold, PURSE, 100) for hold in (part, whole, released)))
    now = datetime.now(UTC)
    with house.database.transaction() as db:
        open_holds(db, [HoldRequest(late, PURSE, 100)], "short", "tester", now - timedelta(hours=1))
    house.post(Transfer(PURSE, OUTGOING, 40, hold_id=part), Transfer(PURSE, OUTGOING, 100, hold_id=whole))
    with house.database.transaction() as db:
        release_holds(db, [released], "tester")
        assert expire_holds(db, now, 10, "wallet") == 1


def _decide(house: BulkHouse, transfer: str) -> None:
    """A reversal that leaves a claim, a transfer by hand that was rejected, and one that nobody decided about."""
    asked = TransfersIn(
        kind="manual", reason="verzoek", transfers=[TransferIn(source=FUND, destination="holder:cas:vrij", amount=9)]
    )

    with house.database.transaction() as db:
        proposed = corrections.propose_reversal(db, transfer, ReversalIn(reason="dubbel", receivable=True), MARA).id
        turned_down, _ = (propose_transfers(db, asked, MARA).id for _ in range(2))
    with house.database.transaction() as db:
        corrections.confirm_reversal(db, proposed, CHUCK)
        reject(db, turned_down, "nee", CHUCK, TRANSFER)
    with house.database.transaction() as db:
        confirm(db, propose_transfers(db, asked, MARA).id, CHUCK, TRANSFER)


def _post_in_bulk(house: BulkHouse) -> UUID:
    """A batch of seven lines in three chunks: one not posted because of the checks, two refused under lock."""
    owners = house.holders(6)
    lines = [
        (f"{owners[0]}:vrij", 1, "k/1", "case/1", "gift"),
        ("holder:nobody:vrij", 2, "k/2"),
        ("payable:dicht", 4, "k/3"),
        (f"{owners[1]}:vrij", 8, "k/4"),
        (f"{owners[2]}:vrij", 16, "k/5", "case/5"),
        (f"{owners[3]}:vrij", 32, "k/6"),
        ("bank:outgoing", 64, "k/7"),
    ]
    made = house.approved(lines, partial=True, chunk_lines=3)
    house.post(Transfer(FUND, f"{owners[5]}:vrij", 3, grant_key="k/6"))
    with house.database.transaction() as db:
        db.execute(text("SELECT ledger.close_account('payable:dicht')"))
    house.work()
    assert house.batch(made).failed_lines == 2
    return made
