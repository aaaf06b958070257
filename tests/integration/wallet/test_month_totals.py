"""A holder sees minutes and money, never a list of calls: not in transactions, holds, proofs or statements."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pypdf
import pytest
from sqlalchemy import event

from foundation.access import Role
from foundation.pages import encode_cursor
from tests.integration.wallet.ledger_books import FUND, Books
from tests.integration.wallet.ledger_periods import Periods
from tests.integration.wallet.payouts_house import House
from tests.integration.wallet.test_ledger_holds_routes import code_of, paged
from tests.support.callers import Client
from wallet.app import make_api
from wallet.ledger.actions import HoldRequest, Transfer
from wallet.ledger.queries import Transaction, transactions_of

CLEARING = "clearing:belkosten"
OCTOBER, NOVEMBER = date(2026, 10, 6), date(2026, 11, 3)


class Caller:
    """Anna, who calls, with credit of 10.00 in October and what was called of it in November."""

    def __init__(self, house: House) -> None:
        self.house = house
        house.today("2026-12-01")
        self.books = Books(house.database)
        self.id = house.holder(1, confirm=False)
        self.owner = f"holder:{self.id}"
        self.purse = f"{self.owner}:belkosten"
        self.give(1_000, date(2026, 10, 1))
        self.call(25, OCTOBER)
        self.call(40, OCTOBER)
        self.give(65, date(2026, 11, 1))
        self.call(10, NOVEMBER)
        # A record that came late: a call of October, after the first of November.
        self.call(5, date(2026, 10, 31))
        self.call(7, NOVEMBER, 3)
        self.books.post(Transfer(FUND, f"{self.owner}:vrij", 500), value_date=NOVEMBER)
        self.api = make_api(house.database, house.callers.verifier("wallet"), house.settings)
        self.auditor = self.client(Role.AUDITOR)
        self.herself = self.client(Role.PASS_HOLDER, holder_id=self.id)
        self.caseworker = self.client(Role.CASEWORKER)

    def client(self, role: Role, **claims: Any) -> Client:
        return self.house.callers.client(self.api, "wallet", role, **claims)

    def give(self, amount: int, day: date) -> None:
        self.books.post(Transfer(FUND, self.purse, amount), kind="credit", value_date=day)

    def call(self, amount: int, day: date, *more: int) -> str:
        """Post what was called, in one journal where there is more; gives the id of the first transfer."""
        calls = [Transfer(self.purse, CLEARING, each, reference=f"record/{uuid4()}") for each in (amount, *more)]
        return self.books.post(*calls, kind="call", value_date=day).transfer_ids[0]

    def shown(self, **asked: Any) -> list[Transaction]:
        with self.books.database.reading() as db:
            return transactions_of(db, self.owner, **asked)[0]


@pytest.fixture
def anna(house: House) -> Caller:
    return Caller(house)


# October: 25 + 40 + 5, where the late 5 stands; November: 10 + 7 + 3, at the last of them.
# 1,000 - 25 - 40 + 65 - 10 - 5 = 985; - 7 - 3 = 975.
EXPECTED = [
    ("vrij", "test", 500, 500),
    ("belkosten", "calls", -20, 975),
    ("belkosten", "calls", -70, 985),
    ("belkosten", "credit", 65, 1_000),
    ("belkosten", "credit", 1_000, 1_000),
]


def figures(items: Sequence[Transaction]) -> list[tuple[str, str, int, int]]:
    return [(item.purse, item.kind, item.amount, item.balance_after) for item in items]


def test_calls_are_one_line_a_month_where_the_newest_is_and_all_else_stands_as_it_was(anna: Caller) -> None:
    for reader in (anna.herself, anna.caseworker, anna.auditor):
        items = reader.get(f"/holders/{anna.id}/transactions").json()["items"]
        assert [(item["purse"], item["kind"], item["amount"], item["balanceAfter"]) for item in items] == EXPECTED
        november = items[1]
        assert (november["id"], november["reference"]) == ("belkosten-2026-11", "2026-11")
        assert november["explanationCode"] == "belkosten.calls"
        assert november["explanation"] == "Belkosten: gesprekken in november 2026"
        assert [item["explanation"] for item in items[2:3]] == ["Belkosten: gesprekken in oktober 2026"]
        assert not any("record/" in str(item) for item in items)
    assert sum(item.amount for item in anna.shown(purse="belkosten")) == anna.books.balance(anna.purse) == 975


def test_pages_of_any_length_show_each_month_once(anna: Caller) -> None:
    for limit in range(1, 7):
        pages = paged(anna.herself, f"/holders/{anna.id}/transactions", limit)
        shown = [(item["purse"], item["kind"], item["amount"], item["balanceAfter"]) for page in pages for item in page]
        assert shown == EXPECTED
        assert {len(page) for page in pages[:-1]} <= {limit}


def test_a_call_between_two_pages_shows_no_month_twice(anna: Caller) -> None:
    first = anna.herself.get(f"/holders/{anna.id}/transactions?limit=2").json()
    anna.call(100, NOVEMBER)
    rest = anna.herself.get(f"/holders/{anna.id}/transactions?cursor={first['nextCursor']}").json()["items"]
    assert [item["kind"] for item in first["items"] + rest] == [kind for _, kind, _, _ in EXPECTED]
    again = anna.herself.get(f"/holders/{anna.id}/transactions?limit=1").json()["items"]
    assert (again[0]["id"], again[0]["amount"]) == ("belkosten-2026-11", -120)


def test_no_span_of_days_and_no_made_up_cursor_tells_less_than_a_whole_month(anna: Caller) -> None:
    whole = {-20, -70}
    for first in (date(2026, 10, 1), OCTOBER, date(2026, 10, 31), date(2026, 11, 1), NOVEMBER):
        for last in (OCTOBER, date(2026, 10, 31), NOVEMBER, date(2026, 11, 30)):
            shown = anna.shown(from_=first, to=last, purse="belkosten")
            assert {item.amount for item in shown if item.kind == "calls"} <= whole
    assert figures(anna.shown(from_=date(2026, 11, 1), to=date(2026, 11, 30))) == [*EXPECTED[:2], EXPECTED[3]]
    [account] = anna.books.rows("SELECT id FROM ledger.account WHERE address = :address", address=anna.purse)
    for version in range(1, 10):
        cursor = encode_cursor({"read": {str(account.id): version}})
        assert {item.amount for item in anna.shown(cursor=cursor) if item.kind == "calls"} <= whole


def test_a_call_kind_on_another_purse_is_shown_as_it_is(anna: Caller) -> None:
    anna.books.post(Transfer(f"{anna.owner}:vrij", FUND, 1), kind="call")
    assert figures(anna.shown(limit=1)) == [("vrij", "call", -1, 499)]


def test_a_holder_without_calls_is_asked_the_same_question_as_ever(anna: Caller) -> None:
    statements: list[str] = []
    event.listen(anna.books.database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    anna.shown(purse="vrij")
    assert not any("total" in statement.lower().replace("as total", "") for statement in statements)
    anna.shown()
    assert any("WITH shown" in statement for statement in statements)


def test_holds_for_calls_are_listed_to_the_auditor_alone_and_held_is_shown_to_all(anna: Caller) -> None:
    call, other, elsewhere = uuid4(), uuid4(), uuid4()
    anna.books.hold(HoldRequest(call, anna.purse, 100), purpose=f"call/{uuid4()}", actor="belkosten")
    anna.books.hold(HoldRequest(other, anna.purse, 50), purpose="bundle/1", actor="belkosten")
    anna.books.hold(HoldRequest(elsewhere, f"{anna.owner}:vrij", 1), purpose="call/club", actor="till")

    def listed(reader: Client, query: str = "") -> list[str]:
        pages = paged(reader, f"/holders/{anna.id}/holds{query}", 1)
        return [item["id"] for page in pages for item in page]

    for reader in (anna.herself, anna.caseworker):
        assert listed(reader) == listed(reader, "?state=open") == [str(elsewhere), str(other)]
    assert listed(anna.auditor) == [str(elsewhere), str(other), str(call)]
    purses = anna.herself.get(f"/holders/{anna.id}/purses").json()["items"]
    assert [(purse["purse"], purse["held"]) for purse in purses] == [("belkosten", 150), ("vrij", 1)]


@pytest.fixture
def sealed(anna: Caller, tmp_path: Path, today: Callable[[str], None]) -> Periods:
    made = Periods(anna.books, tmp_path, today)
    made.seal()
    return made


def statement(anna: Caller, reader: Client, quarter: str = "2026-Q4", **query: Any) -> Any:
    return reader.get(f"/holders/{anna.id}/statements/{quarter}", params=query, headers={"Accept": "application/json"})


def test_a_statement_says_what_was_added_up_and_its_balances_follow(anna: Caller, sealed: Periods) -> None:
    belkosten = statement(anna, anna.herself).json()["purses"][0]
    assert (belkosten["openingBalance"], belkosten["closingBalance"]) == (0, 975)
    lines = belkosten["entries"]
    # + 10.00, + 0.65, - 0.70 with three calls of October, - 0.20 with three of November.
    assert [(row["kind"], row["amount"], row["balance"], row["entries"]) for row in lines] == [
        ("credit", 1_000, 1_000, 1),
        ("credit", 65, 1_065, 1),
        ("calls", -70, 995, 3),
        ("calls", -20, 975, 3),
    ]
    # The auditor, who sees the entries, makes the fingerprint of a total again.
    entries = anna.auditor.get(f"/accounts/{anna.purse}/transactions").json()["items"][::-1]
    october = [row["id"] for row in entries if row["kind"] == "call" and row["valueDate"] < "2026-11-01"]
    leaves = [bytes.fromhex(anna.auditor.get(f"/transfers/{each}/proof").json()["leaf"]) for each in october]
    assert len(leaves) == 3
    assert lines[2]["leaf"] == hashlib.sha256(b"".join(leaves)).hexdigest()


def test_the_paper_tells_the_months_and_how_to_check_them(anna: Caller, sealed: Periods) -> None:
    paper = anna.herself.get(f"/holders/{anna.id}/statements/2026-Q4").content
    words = re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(paper)).pages))
    assert "Belkosten: gesprekken in oktober 2026 (belkosten-2026-10: 3 boekingen opgeteld)" in words
    assert "Gesprekken staan hier per maand opgeteld" in words
    assert "record/" not in words
    earlier = anna.house.holder(2, vrij=5, confirm=False)
    sealed.seal()
    other = anna.caseworker.get(f"/holders/{earlier}/statements/2026-Q3").content
    assert "per maand opgeteld" not in " ".join(
        page.extract_text() for page in pypdf.PdfReader(io.BytesIO(other)).pages
    )


def test_blocks_one_after_the_other_do_not_tell_the_calls_one_by_one(anna: Caller, sealed: Periods) -> None:
    for reader in (anna.herself, anna.caseworker, anna.auditor):
        assert statement(anna, reader, asOfBlock=1).status_code == 200
    anna.call(9, NOVEMBER)
    sealed.seal()
    for reader in (anna.herself, anna.caseworker):
        refused = statement(anna, reader, asOfBlock=1)
        assert (refused.status_code, code_of(refused)) == (409, "partOfMonth")
        assert statement(anna, reader, asOfBlock=2).json()["purses"][0]["closingBalance"] == 966
    # Of another quarter nothing was added, and the auditor sees every entry anyway.
    assert statement(anna, anna.herself, "2026-Q3", asOfBlock=1).status_code == 200
    assert statement(anna, anna.auditor, asOfBlock=1).json()["purses"][0]["closingBalance"] == 975


def test_the_proof_of_a_call_is_for_the_auditor_and_of_all_else_for_the_holder_too(
    anna: Caller, sealed: Periods
) -> None:
    call = anna.call(9, NOVEMBER)
    sealed.seal()
    entries = anna.auditor.get(f"/accounts/{anna.purse}/transactions").json()["items"]
    credit = next(row["id"] for row in entries if row["kind"] == "credit")
    assert anna.herself.get(f"/transfers/{credit}/proof").status_code == 200
    journal, line = call.split("-")
    for number in (int(line), int(line) - 1):
        refused = anna.herself.get(f"/transfers/{journal}-{number}/proof")
        assert (refused.status_code, code_of(refused)) == (404, "transferNotFound")
    assert anna.auditor.get(f"/transfers/{call}/proof").status_code == 200
