"""What came in at the bank: when it is a scheme's, and when somebody must look at it (PO-5, SK-12)."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from wallet.payouts.bank_messages import Direction, Entry, Level, entry_key
from wallet.payouts.bank_messages.reader import read_message
from wallet.payouts.channels.stand_in import Receipt, statement_of_receipts
from wallet.payouts.reconciliation import BatchFacts, Book, Booked, Effect, Expected, LineFacts, Outcome

ACCOUNT = "NL66BNGH0123456789"
ONE, TWO, UNREGISTERED = "RF18539007547034", "RF185390075470Y", "RF712348231"
EXPECTED = {
    ONE: Expected(ONE, "sociaal-krediet", "loan/1"),
    TWO: Expected(TWO, "sociaal-krediet", "loan/2"),
}
DAY = date(2026, 10, 1)
LINE = UUID("01900000-0000-7000-8000-000000000001")


def book(**known: Any) -> Book:
    return Book([], [], own_account=ACCOUNT, expected=EXPECTED, **known)


def entry(*references: str, **fields: Any) -> Entry:
    given: dict[str, Any] = {
        "level": Level.TRANSACTION, "direction": Direction.CREDIT, "account": ACCOUNT, "currency": "EUR", "amount": 4_861,
        "reference": "B1", "booked_on": DAY, "payment_references": frozenset(references), **fields,
    }  # fmt: skip
    return Entry(key=entry_key(sorted(given.items(), key=str)), **given)


def test_sk_12_a_credit_that_names_one_registered_reference_is_booked_for_its_scheme() -> None:
    verdict = book().judge(entry(ONE, UNREGISTERED))
    assert (verdict.outcome, verdict.effect, verdict.receipt) == (Outcome.MATCHED, Effect.RECEIPT, EXPECTED[ONE])


@pytest.mark.parametrize(
    ("one", "note"),
    [
        (entry(), "noSuchPayment"),
        (entry(UNREGISTERED), "unknownReference"),
        (entry(ONE, TWO), "severalReferences"),
        (entry(ONE, direction=Direction.DEBIT), "referenceDebited"),
        (entry(ONE, is_reversal=True), "reversal"),
        (entry(ONE, is_return=True), "noSuchPayment"),
        (entry(ONE, currency="USD"), "otherCurrency"),
        (entry(ONE, booked=False), "notBooked"),
        (entry(ONE, account="NL91ABNA0417164300"), "otherAccount"),
        (entry(ONE, account=None), "otherAccount"),
        (entry(ONE, amount=0), "noAmount"),
    ],
)
def test_anything_else_is_unknown_and_says_why(one: Entry, note: str) -> None:
    verdict = book().judge(one)
    assert (verdict.outcome, verdict.effect, verdict.note) == (Outcome.UNKNOWN, None, note)


def test_without_an_account_of_our_own_nothing_comes_in() -> None:
    assert Book([], [], expected=EXPECTED).judge(entry(ONE, account=None)).note == "otherAccount"


def test_a_return_of_our_own_payment_that_also_names_a_reference_stays_a_return() -> None:
    batch = BatchFacts(UUID(int=9), UUID(int=9).hex, ACCOUNT, "sent", 1, 4_861)
    line = LineFacts(LINE, batch.id, LINE.hex, 4_861, "sent", False)
    known = Book([batch], [line], own_account=ACCOUNT, expected=EXPECTED)
    verdict = known.judge(entry(ONE, end_to_end_id=LINE.hex, is_return=True))
    assert (verdict.effect, verdict.line_id, verdict.receipt) == (Effect.RETURN_LINE, LINE, None)


def test_an_entry_read_twice_is_booked_once() -> None:
    known = book()
    assert [known.judge(entry(ONE)).outcome for _ in range(2)] == [Outcome.MATCHED, Outcome.REPEATED]
    assert book(handled_keys={entry(ONE).key}).judge(entry(ONE)).outcome is Outcome.REPEATED


def test_the_same_booking_on_another_statement_is_repeated_and_the_next_instalment_is_not() -> None:
    known = book(booked_receipts={Booked(ACCOUNT, "B1", 4_861, DAY, ONE)})
    others = [
        entry(ONE, statement="S2"),
        entry(ONE, statement="S2", booked_on=date(2026, 11, 1)),
        entry(ONE, statement="S2", amount=4_862),
        entry(TWO, statement="S2"),
        entry(ONE, statement="S2", reference=None),
    ]
    assert [known.judge(one).outcome.value for one in others] == ["repeated", *["matched"] * 4]


CAMT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId></GrpHdr>
<Stmt><Id>S1</Id><Acct><Id><IBAN>NL66BNGH0123456789</IBAN></Id></Acct><Ntry><Amt Ccy="EUR">{amount}</Amt>
<CdtDbtInd>{side}</CdtDbtInd>{more}<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-10-01</Dt></BookgDt><AcctSvcrRef>B1</AcctSvcrRef>
<NtryDtls><Btch><NbOfTxs>{count}</NbOfTxs></Btch>{details}</NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>"""


def detail(amount: str, remittance: str, refs: str = "<EndToEndId>NOTPROVIDED</EndToEndId>") -> str:
    return f'<TxDtls><Refs>{refs}</Refs><Amt Ccy="EUR">{amount}</Amt><RmtInf>{remittance}</RmtInf></TxDtls>'


def structured(reference: str) -> str:
    return f"<Strd><CdtrRefInf><Ref>{reference}</Ref></CdtrRefInf></Strd>"


def read(amount: str, *details: str, side: str = "CRDT", more: str = "") -> tuple[Entry, ...]:
    written = CAMT.format(amount=amount, side=side, more=more, count=len(details), details="".join(details))
    return read_message(written.encode()).entries


def test_a_reference_is_read_from_its_own_field_and_from_free_text() -> None:
    own, free = structured("RF18 5390 0754 7034"), "<Ustrd>rf18 5390 0754</Ustrd><Ustrd>7034 dank</Ustrd>"
    for remittance in (own, free, own + free, structured("12345") + free):
        (one,) = read("48.61", detail("48.61", remittance))
        assert (one.level, one.amount, one.payment_references) == (Level.TRANSACTION, 4_861, {ONE})
        assert "dank" not in repr(one)


def test_payments_that_came_in_as_one_booking_are_taken_apart_also_where_one_names_nothing() -> None:
    entries = read("98.61", detail("48.61", structured(ONE)), detail("30.00", structured(ONE)), detail("20.00", ""))
    assert [(one.amount, sorted(one.payment_references)) for one in entries] == [
        (4_861, [ONE]),
        (3_000, [ONE]),
        (2_000, []),
    ]
    assert len({one.key for one in entries}) == 3
    verdicts = book().judge_all(entries)
    assert [(one.outcome.value, one.note) for one in verdicts] == [
        ("matched", None),
        ("matched", None),
        ("unknown", "noSuchPayment"),
    ]


def test_a_batch_of_ours_that_pays_under_a_reference_is_still_known_by_its_own_name() -> None:
    names = "<MsgId>aa</MsgId><PmtInfId>aa-1</PmtInfId>"
    (one,) = read("48.61", detail("48.61", structured(ONE), names), side="DBIT")
    assert (one.level, one.message_id, one.payment_references) == (Level.BATCH, "aa", frozenset())


def test_a_reversal_says_so() -> None:
    assert read("48.61", detail("48.61", structured(ONE)), more="<RvslInd>true</RvslInd>")[0].is_reversal


def test_the_stand_in_bank_writes_what_came_in_as_it_was_typed_and_twice_the_same() -> None:
    receipts = [
        Receipt(ONE, 4_861, DAY),
        Receipt(ONE, 4_861, DAY),
        Receipt(TWO, 5_000, date(2026, 9, 30), unstructured=True),
    ]
    written = statement_of_receipts(ACCOUNT, DAY, receipts)
    assert written == statement_of_receipts(ACCOUNT, DAY, receipts)
    assert b"rf18 5390 0754 70y" in written
    entries = read_message(written).entries
    assert [(one.amount, one.booked_on, one.account) for one in entries] == [
        (4_861, DAY, ACCOUNT),
        (4_861, DAY, ACCOUNT),
        (5_000, date(2026, 9, 30), ACCOUNT),
    ]
    # The words after the last one make, by chance, another reference with a right check sum: nobody registered it.
    assert [sorted(one.payment_references) for one in entries] == [[ONE], [ONE], [TWO, f"{TWO}METDANK"]]
    assert book().judge(entries[2]).receipt == EXPECTED[TWO]
    assert len({one.reference for one in entries}) == 3
