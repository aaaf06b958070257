"""Reads any message that a bank may send us, told apart by what is in it."""

from __future__ import annotations

from wallet.payouts.bank_messages import MalformedMessage, Message
from wallet.payouts.bank_messages.statements import read_statement
from wallet.payouts.bank_messages.status_reports import read_status_report
from wallet.payouts.bank_messages.xml import checked, message_element

_READERS = {"CstmrPmtStsRpt": read_status_report, "BkToCstmrStmt": read_statement}


def read_message(raw: bytes) -> Message:
    """Read a pain.002 or camt.053 of any version; raises `MalformedMessage`, quoting nothing of what it holds."""
    raw = checked(raw)
    reader = _READERS.get(message_element(raw))
    if reader is None:
        raise MalformedMessage("Alleen pain.002 en camt.053 worden gelezen.", "unknownMessage")
    return reader(raw)
