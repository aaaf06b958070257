"""A batch as a SEPA credit transfer file: pain.001.001.09 (ISO 20022, EPC132-08), one debtor, one execution day.

Streams: 100,000 payments take one payment's memory. Deterministic: nothing in the file comes from a clock or
from chance, so the same batch gives the same bytes each time. No BSN and no address is ever written.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any, BinaryIO

from lxml import etree

from wallet.payouts.channels import ControlTotalWrong, Order, Payment
from wallet.payouts.channels.sepa_text import (
    IDENTIFICATION_LENGTH,
    REMITTANCE_LENGTH,
    sepa_name,
    sepa_text,
)

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
CURRENCY = "EUR"
MAX_AMOUNT = 99_999_999_999
"""999,999,999.99 euros: the most that one SEPA credit transfer can carry."""


class SepaChannel:
    """Writes pain.001.001.09."""

    name = "sepa"

    def write(self, order: Order, payments: Iterable[Payment], target: BinaryIO) -> None:
        """Write the file to `target`; raises `ControlTotalWrong` after writing when counts or sums differ."""
        count = total = 0
        with etree.xmlfile(target, encoding="utf-8") as file:
            file.write_declaration()
            with file.element(f"{{{NAMESPACE}}}Document", nsmap={None: NAMESPACE}), _element(file, "CstmrCdtTrfInitn"):
                file.write(_group_header(order))
                with _element(file, "PmtInf"):
                    for part in _payment_header(order):
                        file.write(part)
                    for payment in payments:
                        count += 1
                        total += payment.amount
                        # A line each, so that people and their tools can look into a large file.
                        file.write("\n")
                        file.write(_transaction(order, payment))
                    file.write("\n")
        if (count, total) != (order.payments, order.total):
            raise ControlTotalWrong(
                f"Batch {order.message_id} says {order.payments} payments of {order.total} cents,"
                f" its lines are {count} of {total} cents."
            )


def payment_information_id(message_id: str) -> str:
    """Give the id of the one payment group in a message: the bank's statement may name either."""
    return f"{message_id}-1"


def amount_text(cents: int) -> str:
    """Write cents as ISO 20022 does: `1234.50`."""
    return f"{cents // 100}.{cents % 100:02d}"


def _element(file: Any, name: str) -> Any:
    return file.element(f"{{{NAMESPACE}}}{name}")


# What is written whole below has no namespace of its own: written inside the Document it stands in the Document's
# default namespace, and lxml does not repeat that namespace on every payment (a fifth of the file).
def _node(name: str, *children: etree._Element | str) -> etree._Element:
    node = etree.Element(name)
    for child in children:
        if isinstance(child, str):
            node.text = child
        else:
            node.append(child)
    return node


def _group_header(order: Order) -> etree._Element:
    created = order.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _node(
        "GrpHdr",
        _node("MsgId", _identification(order.message_id)),
        _node("CreDtTm", created),
        _node("NbOfTxs", str(order.payments)),
        _node("CtrlSum", amount_text(order.total)),
        _node("InitgPty", _node("Nm", sepa_name(order.debtor_name))),
    )


def _payment_header(order: Order) -> list[etree._Element]:
    account = _node("DbtrAcct", _node("Id", _node("IBAN", order.debtor_iban)), _node("Ccy", CURRENCY))
    # No BIC: it follows from the IBAN, and the schema wants an agent all the same.
    agent = _node("DbtrAgt", _node("FinInstnId", _node("Othr", _node("Id", "NOTPROVIDED"))))
    return [
        _node("PmtInfId", _identification(payment_information_id(order.message_id))),
        _node("PmtMtd", "TRF"),
        _node("BtchBookg", "true"),
        _node("NbOfTxs", str(order.payments)),
        _node("CtrlSum", amount_text(order.total)),
        _node("PmtTpInf", _node("SvcLvl", _node("Cd", "SEPA"))),
        _node("ReqdExctnDt", _node("Dt", order.execute_on.isoformat())),
        _node("Dbtr", _node("Nm", sepa_name(order.debtor_name))),
        account,
        agent,
        _node("ChrgBr", "SLEV"),
    ]


def _transaction(order: Order, payment: Payment) -> etree._Element:
    if not 0 < payment.amount <= MAX_AMOUNT:
        raise ControlTotalWrong(f"Payment {payment.end_to_end_id} has an amount that no SEPA transfer can carry.")
    amount = _node("InstdAmt", amount_text(payment.amount))
    amount.set("Ccy", CURRENCY)
    return _node(
        "CdtTrfTxInf",
        _node("PmtId", _node("EndToEndId", _identification(payment.end_to_end_id))),
        _node("Amt", amount),
        _node("Cdtr", _node("Nm", sepa_name(payment.creditor_name))),
        _node("CdtrAcct", _node("Id", _node("IBAN", payment.creditor_iban))),
        _node("Purp", _node("Cd", order.purpose)),
        _node("RmtInf", _remittance(payment)),
    )


def _remittance(payment: Payment) -> etree._Element:
    if payment.creditor_reference is None:
        return _node("Ustrd", sepa_text(payment.remittance, REMITTANCE_LENGTH))
    kind = _node("Tp", _node("CdOrPrtry", _node("Cd", "SCOR")), _node("Issr", "ISO"))
    return _node("Strd", _node("CdtrRefInf", kind, _node("Ref", _identification(payment.creditor_reference))))


def _identification(text: str) -> str:
    if text != sepa_text(text, IDENTIFICATION_LENGTH) or not text:
        raise ValueError(f"{text!r} cannot be an identification in a SEPA message.")
    return text
