"""Messages of the bank: what is read from them, and what is refused before anything looks at it (PO-5)."""

from __future__ import annotations

from datetime import date

import pytest

from wallet.payouts.bank_messages import MAX_MESSAGE_BYTES, Direction, Kind, Level, MalformedMessage
from wallet.payouts.bank_messages.reader import read_message
from wallet.payouts.bank_messages.reasons import reason_text
from wallet.payouts.bank_messages.xml import cents

OLD = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
NEW = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
DEBIT = """<Ntry><NtryRef>1</NtryRef><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>{booked}</Sts>
<BookgDt><Dt>2026-10-01</Dt></BookgDt><AcctSvcrRef>REF1</AcctSvcrRef><NtryDtls><Btch><MsgId>aa</MsgId>
<PmtInfId>aa-1</PmtInfId><NbOfTxs>3</NbOfTxs></Btch></NtryDtls></Ntry>"""
RETURN = """<Ntry><NtryRef>2</NtryRef><Amt Ccy="EUR">599.64</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>{booked}</Sts>
<BookgDt><DtTm>2026-10-02T08:00:00+02:00</DtTm></BookgDt><AcctSvcrRef>REF2</AcctSvcrRef><NtryDtls><TxDtls><Refs>
<EndToEndId>e1</EndToEndId></Refs><RtrInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>P. Jansen</AddtlInf></RtrInf></TxDtls>
</NtryDtls></Ntry>"""


def camt(*entries: str, namespace: str = NEW, before: str = "", more: str = "") -> bytes:
    booked = "BOOK" if namespace == OLD else "<Cd>BOOK</Cd>"
    body = "".join(entry.replace("{booked}", booked).replace("{amount}", "1599.69") for entry in entries)
    return (
        f"<?xml version='1.0' encoding='UTF-8'?>{before}<Document xmlns='{namespace}'><BkToCstmrStmt><GrpHdr>"
        f"<MsgId>M1</MsgId></GrpHdr><Stmt><Id>S1</Id><Acct><Id><IBAN>NL66BNGH0123456789</IBAN></Id></Acct>{more}{body}</Stmt>"
        "</BkToCstmrStmt></Document>"
    ).encode()


@pytest.mark.parametrize("namespace", [OLD, NEW, "urn:bank:of:its:own"])
def test_a_statement_is_read_in_every_version(namespace: str) -> None:
    message = read_message(camt(RETURN, DEBIT, namespace=namespace))
    debit, credit = message.entries
    assert (message.kind, message.identification) == (Kind.STATEMENT, "M1")
    assert (debit.level, debit.direction, debit.amount, debit.currency) == (
        Level.BATCH,
        Direction.DEBIT,
        159_969,
        "EUR",
    )
    assert (debit.message_id, debit.payment_information_id, debit.transactions) == ("aa", "aa-1", 3)
    assert (debit.booked, debit.booked_on, debit.reference) == (True, date(2026, 10, 1), "REF1")
    assert (debit.account, debit.statement) == ("NL66BNGH0123456789", "S1")
    assert (credit.level, credit.direction, credit.amount) == (Level.TRANSACTION, Direction.CREDIT, 59_964)
    assert (credit.end_to_end_id, credit.reason, credit.is_return) == ("e1", "AC04", True)
    assert credit.booked_on == date(2026, 10, 2)


def test_free_text_of_the_bank_is_not_carried_along() -> None:
    assert "Jansen" not in repr(read_message(camt(RETURN)))


def test_the_same_entry_has_the_same_key_and_another_has_another() -> None:
    keys = {entry.key for entry in read_message(camt(DEBIT, RETURN)).entries}
    assert len(keys) == 2
    assert keys == {entry.key for entry in read_message(camt(RETURN, DEBIT)).entries}


def test_two_bookings_that_look_alike_in_one_statement_are_two() -> None:
    first, second = read_message(camt(DEBIT, DEBIT)).entries
    assert first.key != second.key


def test_a_booking_of_several_payments_that_are_all_named_becomes_an_entry_for_each() -> None:
    details = "".join(
        f"<TxDtls><Refs><EndToEndId>{name}</EndToEndId></Refs>{amount}</TxDtls>"
        for name, amount in (
            ("e1", '<Amt Ccy="EUR">1000.00</Amt>'),
            ("e2", '<AmtDtls><TxAmt><Amt Ccy="EUR">599.69</Amt></TxAmt></AmtDtls>'),
        )
    )
    entry = DEBIT.replace("</NtryDtls>", details + "</NtryDtls>")
    entries = read_message(camt(entry)).entries
    assert [(one.level, one.end_to_end_id, one.amount) for one in entries] == [
        (Level.TRANSACTION, "e1", 100_000),
        (Level.TRANSACTION, "e2", 59_969),
    ]
    assert len({one.key for one in entries}) == 2


def test_named_payments_that_do_not_add_up_to_their_booking_leave_it_whole() -> None:
    detail = '<TxDtls><Refs><EndToEndId>e1</EndToEndId></Refs><Amt Ccy="EUR">1.00</Amt></TxDtls>' * 2
    (entry,) = read_message(camt(DEBIT.replace("</NtryDtls>", detail + "</NtryDtls>"))).entries
    assert (entry.level, entry.amount) == (Level.BATCH, 159_969)


def test_what_is_not_booked_says_so() -> None:
    pending = DEBIT.replace("<Sts>{booked}</Sts>", "<Sts><Cd>PDNG</Cd></Sts>")
    assert not read_message(camt(pending)).entries[0].booked


SUMMARY = "<TxsSummry><TtlNtries><NbOfNtries>{count}</NbOfNtries><Sum>{sum}</Sum></TtlNtries></TxsSummry>"
BALANCE = """<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt>
<CdtDbtInd>{sign}</CdtDbtInd></Bal>"""


def balances(opening: str, closing: str, sign: str = "CRDT") -> str:
    return BALANCE.format(code="OPBD", amount=opening, sign="CRDT") + BALANCE.format(
        code="CLBD", amount=closing, sign=sign
    )


def test_a_statement_whose_totals_and_balances_fit_is_read() -> None:
    # 1,599.69 and 599.64 are 2,199.33 together; 1,000.00 - 1,599.69 + 599.64 = -0.05
    more = balances("1000.00", "0.05", "DBIT") + SUMMARY.format(count=2, sum="2199.33")
    # The new versions have Bal and TxsSummry before Ntry; the order does not matter to us.
    assert len(read_message(camt(DEBIT, RETURN, more=more)).entries) == 2


@pytest.mark.parametrize(
    "more",
    [
        SUMMARY.format(count=3, sum="2199.33"),
        SUMMARY.format(count=2, sum="2199.34"),
        balances("1000.00", "0.04", "DBIT"),
        balances("1000.00", "0.05", "CRDT"),
    ],
)
def test_a_statement_that_contradicts_itself_is_refused_whole(more: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        read_message(camt(DEBIT, RETURN, more=more))
    assert refused.value.code == "wrongTotals"


PAIN = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}"><CstmrPmtStsRpt><GrpHdr>
<MsgId>P1</MsgId></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>aa</OrgnlMsgId><OrgnlNbOfTxs>3</OrgnlNbOfTxs>{group}</OrgnlGrpInfAndSts>{below}
</CstmrPmtStsRpt></Document>"""
REJECTED = """<TxInfAndSts><OrgnlEndToEndId>e{n}</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC01</Cd></Rsn>
</StsRsnInf></TxInfAndSts>"""


def pain(group: str = "", *transactions: str, payment: str = "", version: str = "10") -> bytes:
    below = ""
    if transactions or payment:
        told = payment + "".join(transactions)
        below = f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>aa-1</OrgnlPmtInfId>{told}</OrgnlPmtInfAndSts>"
    status = f"<GrpSts>{group}</GrpSts>" if group else ""
    return PAIN.format(version=version, group=status, below=below).encode()


@pytest.mark.parametrize("version", ["03", "10", "12"])
def test_a_partly_rejected_file_names_each_rejected_payment_once(version: str) -> None:
    message = read_message(pain("PART", REJECTED.format(n=1), REJECTED.format(n=2), version=version))
    assert message.kind is Kind.STATUS_REPORT
    assert [(one.level, one.end_to_end_id, one.status, one.reason, one.message_id) for one in message.entries] == [
        (Level.TRANSACTION, "e1", "RJCT", "AC01", "aa"),
        (Level.TRANSACTION, "e2", "RJCT", "AC01", "aa"),
    ]


def test_an_accepted_file_is_one_entry() -> None:
    (entry,) = read_message(pain("ACCP")).entries
    assert (entry.level, entry.status, entry.message_id) == (Level.GROUP, "ACCP", "aa")


def test_a_wholly_rejected_file_says_more_than_the_payments_it_names() -> None:
    entries = read_message(pain("RJCT", REJECTED.format(n=1))).entries
    assert [entry.level for entry in entries] == [Level.TRANSACTION, Level.GROUP]


def test_a_rejected_file_that_names_all_its_payments_says_no_more() -> None:
    entries = read_message(pain("RJCT", *(REJECTED.format(n=n) for n in (1, 2, 3)))).entries
    assert [entry.level for entry in entries] == [Level.TRANSACTION] * 3


def test_the_status_of_a_payment_group_is_read() -> None:
    (entry,) = read_message(pain(payment="<PmtInfSts>RJCT</PmtInfSts>")).entries
    assert (entry.level, entry.status, entry.payment_information_id) == (Level.BATCH, "RJCT", "aa-1")


BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed"),
        (b"not xml", "malformed"),
        (b"<Document><BkToCstmrStmt>", "malformed"),
        (b"<html><body/></html>", "unknownMessage"),
        (b"<Document xmlns='urn:x:camt.054.001.08'><BkToCstmrDbtCdtNtfctn/></Document>", "unknownMessage"),
        (b"<Document><BkToCstmrStmt/></Document>", "malformed"),
        (camt(DEBIT.replace("{amount}", "1.234")), "malformed"),
        (camt(DEBIT.replace("{amount}", "-1.00")), "malformed"),
        (camt(DEBIT.replace("{amount}", "NaN")), "malformed"),
        (camt(DEBIT.replace("{amount}", "1E5")), "malformed"),
        (camt(DEBIT.replace("DBIT", "BOTH")), "malformed"),
        (camt(DEBIT.replace("2026-10-01", "2026-13-01")), "malformed"),
        (camt(DEBIT.replace("<NbOfTxs>3", "<NbOfTxs>three")), "malformed"),
        (pain(), "malformed"),
        (pain("", REJECTED.replace("<TxSts>RJCT</TxSts>", "").format(n=1)), "malformed"),
        (camt(before="<!DOCTYPE Document [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"), "doctypeRefused"),
        (camt(before=f"<!DOCTYPE Document [<!ENTITY l0 'ha'>{BOMB}]>"), "doctypeRefused"),
        (camt(before="<!DOCTYPE Document SYSTEM 'http://127.0.0.1:1/x.dtd'>"), "doctypeRefused"),
        (camt(DEBIT).decode().encode("utf-16"), "notUtf8"),
        (camt(DEBIT).replace(b"UTF-8", b"ISO-8859-1"), "notUtf8"),
        (camt(DEBIT).replace(b"REF1", b"\xff\xfe"), "notUtf8"),
        (b"<Document><BkToCstmrStmt>" + b"<a>" * 100_000, "malformed"),
        (b" " * (MAX_MESSAGE_BYTES + 1), "tooLarge"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_message_of_a_bank_is_refused_with_its_code(raw: bytes, code: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        read_message(raw)
    assert refused.value.code == code


def test_a_refusal_never_quotes_what_the_message_holds() -> None:
    with pytest.raises(MalformedMessage) as refused:
        read_message(camt(RETURN.replace("599.64", "NL91ABNA0417164300")))
    assert "NL91" not in str(refused.value)


def test_amounts_are_read_to_the_cent() -> None:
    assert [cents(text) for text in ("1", "1.5", "1.50", "0.05", "1234567.890")] == [100, 150, 150, 5, 123456789]


def test_reason_codes_are_put_in_words() -> None:
    assert reason_text("AC04") == "Rekening is opgeheven"
    assert reason_text("XX99") == "Reden van de bank: XX99"
    assert reason_text(None) is None
