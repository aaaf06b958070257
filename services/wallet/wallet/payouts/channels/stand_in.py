"""The stand-in bank: reads a pain.001 as a bank would and writes the pain.002 and the camt.053 that follow.

What others pay to the municipality stands on its statements too, as they are told to have paid it. Chosen by
`STADSBEURS_BANK=stand-in`, on a local installation only. It knows the file and nothing of our tables, so a fault in the
file shows up here as it would at a real bank. Same question, same bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lxml import etree
from stdnum import iso11649

from wallet.payouts.bank_messages import MalformedMessage
from wallet.payouts.bank_messages.xml import cents_at, checked, count_at, message_element, parts, text_at
from wallet.payouts.channels.sepa import amount_text

STATEMENT_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
STATUS_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"
MAX_FILE_BYTES = 256 * 1024 * 1024
"""More than the largest batch makes (100,000 payments are 35 MB)."""
OPENING_BALANCE = 100_000_000_00
"""Cents on the municipality's account before the statement."""


@dataclass(frozen=True, slots=True)
class Received:
    """A pain.001 as the bank read it; payments by end-to-end id in cents."""

    message_id: str
    payment_information_id: str
    debtor_iban: str
    execute_on: date
    payments: Mapping[str, int]


def receive(file: bytes) -> Received:
    """Read a pain.001 and check its control totals, as a bank does; raises `MalformedMessage`."""
    raw = checked(file, MAX_FILE_BYTES)
    if message_element(raw) != "CstmrCdtTrfInitn":
        raise MalformedMessage("De bank verwacht een pain.001.", "unknownMessage")
    message_id = payment_id = iban = execute_on = None
    payments: dict[str, int] = {}
    control: list[tuple[int | None, int | None]] = []
    for part in parts(raw, "GrpHdr", "CdtTrfTxInf", "PmtInf"):
        match etree.QName(part).localname:
            case "GrpHdr":
                message_id = text_at(part, "MsgId")
                control.append((count_at(part, "NbOfTxs"), cents_at(part, "CtrlSum")))
            case "CdtTrfTxInf":
                end_to_end_id, amount = text_at(part, "PmtId/EndToEndId"), cents_at(part, "Amt/InstdAmt")
                if end_to_end_id is None or amount is None or end_to_end_id in payments:
                    raise MalformedMessage("Een betaling zonder of met een herhaalde EndToEndId, of zonder bedrag.")
                payments[end_to_end_id] = amount
            case "PmtInf":
                payment_id = text_at(part, "PmtInfId")
                iban = text_at(part, "DbtrAcct/Id/IBAN")
                execute_on = text_at(part, "ReqdExctnDt/Dt") or text_at(part, "ReqdExctnDt")
                control.append((count_at(part, "NbOfTxs"), cents_at(part, "CtrlSum")))
    if message_id is None or payment_id is None or iban is None or execute_on is None:
        raise MalformedMessage("De bank mist MsgId, PmtInfId, rekening of uitvoerdatum.")
    if any(pair != (len(payments), sum(payments.values())) for pair in control):
        raise MalformedMessage("De controletotalen van het bestand kloppen niet.", "wrongTotals")
    return Received(message_id, payment_id, iban, date.fromisoformat(execute_on), payments)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What somebody paid to the municipality under a creditor reference, in cents; as free text where `unstructured`."""

    reference: str
    amount: int
    booked_on: date
    unstructured: bool = False


def statement(
    file: bytes, returns: Mapping[str, str], rejects: Mapping[str, str], receipts: Sequence[Receipt] = ()
) -> bytes:
    """Write the statement of the execution day (camt.053.001.08): one debit for the batch, a credit per return.

    `returns` and `rejects` map end-to-end ids to reason codes; rejected payments were never debited. Then a credit for
    each receipt.
    """
    received = receive(file)
    _check_known(received, {*returns, *rejects})
    paid = {key: amount for key, amount in received.payments.items() if key not in rejects}
    debit = sum(paid.values())
    credit = sum(paid[key] for key in returns if key in paid) + sum(one.amount for one in receipts)
    entries = [_debit_entry(received, paid, debit)] if paid else []
    entries += [_return_entry(received, key, paid[key], reason) for key, reason in returns.items() if key in paid]
    entries += _receipt_entries(received.debtor_iban, receipts)
    # Another set of returns is another statement; the debit keeps its reference, so it is seen to be the same one.
    named = (*_flat(returns), *_flat(rejects), *map(str, receipts))
    identification = _digest("statement", received.message_id, *named)
    return _statement(identification, received.debtor_iban, received.execute_on, entries, debit, credit)


def statement_of_receipts(account: str, day: date, receipts: Sequence[Receipt]) -> bytes:
    """Write the statement of a day on which nothing was paid out and this came in (camt.053.001.08)."""
    identification = _digest("statement", account, day.isoformat(), *map(str, receipts))
    credit = sum(one.amount for one in receipts)
    return _statement(identification, account, day, list(_receipt_entries(account, receipts)), 0, credit)


def _statement(
    identification: str, account: str, day: date, entries: list[etree._Element], debit: int, credit: int
) -> bytes:
    summary = _node(
        "TxsSummry",
        _node("TtlNtries", _node("NbOfNtries", str(len(entries))), _node("Sum", amount_text(debit + credit))),
    )
    body = _node(
        "Stmt",
        _node("Id", identification),
        _node("CreDtTm", _evening(day)),
        _node("Acct", _node("Id", _node("IBAN", account)), _node("Ccy", "EUR")),
        _balance("OPBD", OPENING_BALANCE, day),
        _balance("CLBD", OPENING_BALANCE - debit + credit, day),
        summary,
        *entries,
    )
    return _document(STATEMENT_NAMESPACE, _node("BkToCstmrStmt", _group_header(identification, day), body))


def status_report(file: bytes, rejects: Mapping[str, str]) -> bytes:
    """Write the pain.002.001.10 on a file: accepted, partly accepted with a line per rejection, or all rejected."""
    received = receive(file)
    _check_known(received, set(rejects))
    status = "ACCP" if not rejects else "RJCT" if len(rejects) == len(received.payments) else "PART"
    identification = _digest("status", received.message_id, *_flat(rejects))
    transactions = [
        _node(
            "TxInfAndSts",
            _node("OrgnlEndToEndId", key),
            _node("TxSts", "RJCT"),
            _node("StsRsnInf", _node("Rsn", _node("Cd", reason))),
        )
        for key, reason in rejects.items()
    ]
    report = _node(
        "CstmrPmtStsRpt",
        _node("GrpHdr", _node("MsgId", identification), _node("CreDtTm", _evening(received.execute_on))),
        _node(
            "OrgnlGrpInfAndSts",
            _node("OrgnlMsgId", received.message_id),
            _node("OrgnlMsgNmId", "pain.001.001.09"),
            _node("OrgnlNbOfTxs", str(len(received.payments))),
            _node("GrpSts", status),
        ),
        *(
            [_node("OrgnlPmtInfAndSts", _node("OrgnlPmtInfId", received.payment_information_id), *transactions)]
            if transactions
            else []
        ),
    )
    return _document(STATUS_NAMESPACE, report)


def _check_known(received: Received, end_to_end_ids: set[str]) -> None:
    unknown = end_to_end_ids - received.payments.keys()
    if unknown:
        raise MalformedMessage(f"De bank kent {len(unknown)} van de genoemde betalingen niet.", "unknownPayment")


def _debit_entry(received: Received, paid: Mapping[str, int], amount: int) -> etree._Element:
    return _entry(
        received.execute_on,
        _digest("debit", received.message_id),
        amount,
        "DBIT",
        ("ICDT", "ESCT"),
        _node(
            "NtryDtls",
            _node(
                "Btch",
                _node("MsgId", received.message_id),
                _node("PmtInfId", received.payment_information_id),
                _node("NbOfTxs", str(len(paid))),
                _money("TtlAmt", amount),
                _node("CdtDbtInd", "DBIT"),
            ),
        ),
    )


def _return_entry(received: Received, end_to_end_id: str, amount: int, reason: str) -> etree._Element:
    return _entry(
        received.execute_on,
        _digest("return", received.message_id, end_to_end_id),
        amount,
        "CRDT",
        ("ICDT", "RRTN"),
        _node(
            "NtryDtls",
            _node(
                "TxDtls",
                _node(
                    "Refs",
                    _node("MsgId", received.message_id),
                    _node("PmtInfId", received.payment_information_id),
                    _node("EndToEndId", end_to_end_id),
                ),
                _money("Amt", amount),
                _node("CdtDbtInd", "CRDT"),
                _node("RtrInf", _node("Rsn", _node("Cd", reason))),
            ),
        ),
    )


def _receipt_entries(account: str, receipts: Sequence[Receipt]) -> Iterator[etree._Element]:
    # The same amount under the same reference twice on one day is two bookings; asked for again, the same two.
    seen: Counter[Receipt] = Counter()
    for one in receipts:
        seen[one] += 1
        yield _entry(
            one.booked_on,
            _digest("receipt", account, str(one), str(seen[one])),
            one.amount,
            "CRDT",
            ("RCDT", "ESCT"),
            _node(
                "NtryDtls",
                _node(
                    "TxDtls",
                    _node("Refs", _node("EndToEndId", "NOTPROVIDED")),
                    _money("Amt", one.amount),
                    _node("CdtDbtInd", "CRDT"),
                    _node("RmtInf", _remittance(one)),
                ),
            ),
        )


def _remittance(receipt: Receipt) -> etree._Element:
    if receipt.unstructured:
        return _node("Ustrd", f"Aflossing {iso11649.format(receipt.reference).lower()} met dank")
    return _node(
        "Strd",
        _node(
            "CdtrRefInf",
            _node("Tp", _node("CdOrPrtry", _node("Cd", "SCOR"))),
            _node("Ref", receipt.reference),
        ),
    )


def _entry(
    booked_on: date, reference: str, amount: int, indicator: str, family: tuple[str, str], details: etree._Element
) -> etree._Element:
    day = booked_on.isoformat()
    domain = _node("Domn", _node("Cd", "PMNT"), _node("Fmly", _node("Cd", family[0]), _node("SubFmlyCd", family[1])))
    return _node(
        "Ntry",
        _node("NtryRef", reference),
        _money("Amt", amount),
        _node("CdtDbtInd", indicator),
        _node("Sts", _node("Cd", "BOOK")),
        _node("BookgDt", _node("Dt", day)),
        _node("ValDt", _node("Dt", day)),
        _node("AcctSvcrRef", reference),
        _node("BkTxCd", domain),
        details,
    )


def _balance(code: str, amount: int, day: date) -> etree._Element:
    return _node(
        "Bal",
        _node("Tp", _node("CdOrPrtry", _node("Cd", code))),
        _money("Amt", abs(amount)),
        _node("CdtDbtInd", "CRDT" if amount >= 0 else "DBIT"),
        _node("Dt", _node("Dt", day.isoformat())),
    )


def _group_header(identification: str, day: date) -> etree._Element:
    return _node("GrpHdr", _node("MsgId", identification), _node("CreDtTm", _evening(day)))


def _evening(day: date) -> str:
    return f"{day.isoformat()}T21:00:00Z"


def _flat(reasons: Mapping[str, str]) -> list[str]:
    return [f"{key}={reason}" for key, reason in sorted(reasons.items())]


def _digest(*parts_: str) -> str:
    return hashlib.sha256("\x1f".join(parts_).encode()).hexdigest()[:32].upper()


def _money(name: str, amount: int) -> etree._Element:
    node = _node(name, amount_text(amount))
    node.set("Ccy", "EUR")
    return node


def _node(name: str, *children: etree._Element | str) -> etree._Element:
    node = etree.Element(name)
    for child in children:
        if isinstance(child, str):
            node.text = child
        else:
            node.append(child)
    return node


def _document(namespace: str, content: etree._Element) -> bytes:
    # Written whole in no namespace and then moved into one: the tree is small next to the file it answers.
    for element in content.iter():
        element.tag = f"{{{namespace}}}{element.tag}"
    document = etree.Element(f"{{{namespace}}}Document", nsmap={None: namespace})  # type: ignore[dict-item]
    document.append(content)
    etree.cleanup_namespaces(document)
    return etree.tostring(document, xml_declaration=True, encoding="utf-8", pretty_print=True)
