"""The auditfile, read back by a reader of auditfiles and by the schema of the tax authority, not by us."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Any
from uuid import UUID

import pytest
import pyxaf
import xmlschema
from lxml import etree
from sqlalchemy import text

from tests.integration.wallet.test_audit.conftest import ANNA, CAS, Books, SealedBooks
from tests.support.callers import Client
from wallet.audit.exports.xaf import NAMESPACE, relation_id, short
from wallet.ledger.actions import Transfer, post

PERSON = UUID("0199f3a0-7c1e-7d52-9a53-3b1d52c0a001")


@pytest.fixture(autouse=True)
def _on_the_day(today: Callable[[str], None]) -> None:
    today("2026-10-01")


@pytest.fixture(scope="module")
def schema() -> Any:
    """The schema of XAF 4.0 as the tax authority published it."""
    return xmlschema.XMLSchema(str(files("pyxaf") / "schemas" / "XmlAuditfileFinancieel4.0.xsd"))


def auditfile(client: Client, schema: Any, **query: str) -> tuple[pyxaf.AuditFile, bytes]:
    """Get an auditfile that the schema and all rules of the reader find good."""
    answer = client.get("/exports/xaf", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/xml"
    schema.validate(io.BytesIO(answer.content))
    report = pyxaf.validate(answer.content)
    assert [str(finding) for finding in report.findings] == []
    return pyxaf.open(answer.content), answer.content


def test_the_auditfile_is_good_and_says_whose_it_is(auditor: Client, sealed: SealedBooks, schema: Any) -> None:
    read, content = auditfile(auditor, schema)

    root = etree.fromstring(content)
    assert root.tag == f"{{{NAMESPACE}}}auditfile"
    assert {etree.QName(element).namespace for element in root.iter()} == {NAMESPACE}
    assert content.count(b"xmlns") == 1
    header = read.header
    assert (header.fiscal_year, str(header.start_date), str(header.end_date)) == ("2026", "2026-10-01", "2026-10-01")
    assert (header.currency, read.company.name) == ("EUR", "Gemeente Voorbeeldstad")


def test_its_totals_are_those_of_the_trial_balance(auditor: Client, sealed: SealedBooks, schema: Any) -> None:
    read, _ = auditfile(auditor, schema)
    books = sealed.books
    [(debited, credited)] = books.rows("SELECT -sum(least(amount, 0)), sum(greatest(amount, 0)) FROM ledger.entry")

    lines = list(read.lines())
    debit = sum(line.amount for line in lines if line.side is pyxaf.Side.DEBIT)
    credit = sum(line.amount for line in lines if line.side is pyxaf.Side.CREDIT)
    # Deposit 1,000.00, start 300.00, use 30.00, payout 30.00.
    assert (len(lines), debit, credit) == (10, Decimal("1360.00"), Decimal("1360.00"))
    assert (100 * debit, 100 * credit) == (debited, credited)
    # Per general ledger account: the three purses of burgerbudget together, debited 30.00 and credited 300.00.
    per_account: dict[str, list[Decimal]] = {}
    for line in lines:
        sides = per_account.setdefault(line.account_id or "", [Decimal(0), Decimal(0)])
        sides[line.side is pyxaf.Side.CREDIT] += line.amount
    assert per_account == {
        "bank:current": [Decimal("1000.00"), Decimal(0)],
        "bank:outgoing": [Decimal(0), Decimal("30.00")],
        "fund:burgerbudget": [Decimal("300.00"), Decimal("1000.00")],
        "purse:burgerbudget": [Decimal("30.00"), Decimal("300.00")],
        "purse:vrij": [Decimal("30.00"), Decimal("30.00")],
    }


def test_a_line_leads_back_to_its_entry(auditor: Client, sealed: SealedBooks, schema: Any) -> None:
    _, content = auditfile(auditor, schema)
    names = {"x": NAMESPACE}
    root = etree.fromstring(content)

    [transaction] = root.xpath(f"//x:transaction[x:nr = '{sealed.start}']", namespaces=names)
    assert transaction.xpath("string(../x:jrnID)", namespaces=names) == "start"
    about = [(etree.QName(one).localname, one.text) for one in transaction if len(one) == 0]
    assert about == [
        ("nr", str(sealed.start)),
        ("desc", "start"),
        ("periodNumber", "1"),
        ("trDt", "2026-10-01"),
        ("Source", "decision:1"),
        ("User", "burgerbudget"),
    ]
    ben = transaction.findall("x:trLine", names)[1]
    assert [(etree.QName(one).localname, one.text) for one in ben] == [
        ("nr", "4"),
        ("accID", "purse:burgerbudget"),
        ("docRef", "decision:2"),
        ("effDate", "2026-10-01"),
        ("desc", "start"),
        ("amnt", "100.00"),
        ("amntTp", "C"),
        ("custSupID", "holder:b"),
        ("invRef", "start/2"),
    ]
    assert root.xpath("//x:customerSupplier/x:custSupID/text()", namespaces=names) == [
        "holder:a",
        "holder:b",
        "holder:c",
    ]


def test_what_stood_before_the_period_is_its_opening_balance(
    auditor: Client, sealed: SealedBooks, schema: Any, today: Callable[[str], None]
) -> None:
    books = sealed.books
    books.tamper(f"UPDATE ledger.journal SET value_date = '2027-02-03' WHERE id = {sealed.payout}")
    today("2027-03-31")
    read, content = auditfile(auditor, schema, **{"from": "2027-01-01"})

    assert [(line.account_id, line.amount, line.side.value) for line in read.opening_balance().lines] == [
        ("bank:current", Decimal("1000.00"), "D"),
        ("fund:burgerbudget", Decimal("700.00"), "C"),
        ("purse:burgerbudget", Decimal("270.00"), "C"),
        ("purse:vrij", Decimal("30.00"), "C"),
    ]
    assert [(line.account_id, line.amount) for line in read.lines()] == [
        ("purse:vrij", Decimal("30.00")),
        ("bank:outgoing", Decimal("30.00")),
    ]
    # January, February and March 2027.
    periods = [(str(one.start_date), str(one.end_date)) for one in read.periods.values()]
    assert periods == [("2027-01-01", "2027-01-31"), ("2027-02-01", "2027-02-28"), ("2027-03-01", "2027-03-31")]
    assert b"<periodNumber>2</periodNumber><trDt>2027-02-03</trDt>" in content


def test_a_period_over_two_years_names_both(auditor: Client, sealed: SealedBooks, schema: Any) -> None:
    read, _ = auditfile(auditor, schema, **{"from": "2025-12-15", "to": "2026-10-31"})

    assert read.header.fiscal_year == "2025-2026"
    periods = list(read.periods.values())
    assert len(periods) == 11
    assert (str(periods[0].start_date), str(periods[0].end_date)) == ("2025-12-15", "2025-12-31")
    assert (str(periods[-1].start_date), str(periods[-1].end_date)) == ("2026-10-01", "2026-10-31")


def test_only_euros_are_in_it(auditor: Client, books: Books, schema: Any) -> None:
    with books.database.transaction() as db:
        db.execute(text("SELECT ledger.open_fund('zwemmen', 'Zwemles', 'LESSON', 'eva')"))
        db.execute(text("SELECT ledger.open_account('system:lessons', 'LESSON', 'system', NULL, NULL, 10)"))
    books.post_alone("deposit", ("bank:current", "fund:burgerbudget", 100))
    lessons = Transfer("system:lessons", "fund:zwemmen", 40, "LESSON")
    with books.database.transaction() as db:
        post(db, kind="deposit", value_date=date(2026, 10, 1), actor="eva", transfers=[lessons])
    books.seal()

    read, _ = auditfile(auditor, schema)

    assert [line.account_id for line in read.lines()] == ["fund:burgerbudget", "bank:current"]
    assert auditor.get("/exports/xaf/manifest").json()["totals"] == {"EUR": {"rows": 2, "debit": 100, "credit": 100}}
    totals = auditor.get("/exports/csv/manifest").json()["totals"]
    assert totals["LESSON"] == {"rows": 2, "debit": 40, "credit": 40}


def test_an_empty_period_is_a_good_auditfile_too(auditor: Client, books: Books, schema: Any) -> None:
    read, _ = auditfile(auditor, schema)

    assert list(read.lines()) == []


def test_a_large_journal_and_strange_signs_pass(auditor: Client, books: Books, schema: Any) -> None:
    books.post_alone("deposit", ("bank:current", "fund:burgerbudget", 3_000), reason="a \x01 & <b> é €")
    books.post_alone("start", *[("fund:burgerbudget", f"{ANNA}:burgerbudget", 1) for _ in range(1_700)])
    books.post_alone("use", (f"{ANNA}:burgerbudget", f"{ANNA}:vrij", 5))
    books.post_alone("start", ("fund:burgerbudget", f"{CAS}:burgerbudget", 1), references=["x" * 300])
    books.seal()

    read, content = auditfile(auditor, schema)

    assert len(list(read.lines())) == 2 + 1_701 + 2 + 2
    assert "a \ufffd &amp; &lt;b&gt; é €" in content.decode()
    # One journal of the file for each kind; the two starts are together.
    assert list(read.journals) == ["deposit", "start", "use"]


def test_ids_fit_and_stay_apart() -> None:
    assert short("purse:vrij") == "purse:vrij"
    one, two = short("fund:" + "a" * 40), short("fund:" + "a" * 39)
    assert len(one) == len(two) == 35 and one != two
    assert relation_id(f"holder:{PERSON}") == PERSON.hex
    assert relation_id("holder:a") == "holder:a"
