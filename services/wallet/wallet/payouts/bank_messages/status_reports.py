"""pain.002: what the bank says of a file before money moves (status, rejection, verification of payee)."""

from __future__ import annotations

from lxml import etree

from wallet.payouts.bank_messages import Direction, Entry, Kind, Level, MalformedMessage, Message, entry_key
from wallet.payouts.bank_messages.xml import all_at, cents_at, code_at, count_at, parts, text_at

REJECTED = "RJCT"


def read_status_report(raw: bytes) -> Message:
    """Read a pain.002 of any version; raises `MalformedMessage`.

    Transactions come first, then payment groups, then the whole file: a reason of its own is better than the
    group's. A group's entry is given only where it says more than its transactions do.
    """
    identification: str | None = None
    original: str | None = None
    group: Entry | None = None
    counted: int | None = None
    batches: list[Entry] = []
    transactions: list[Entry] = []
    for part in parts(raw, "GrpHdr", "OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts"):
        match etree.QName(part).localname:
            case "GrpHdr":
                identification = text_at(part, "MsgId")
            case "OrgnlGrpInfAndSts":
                original = text_at(part, "OrgnlMsgId")
                counted = count_at(part, "OrgnlNbOfTxs")
                group = _entry(part, Level.GROUP, "GrpSts", identification, original, None)
            case "OrgnlPmtInfAndSts":
                payment_id = text_at(part, "OrgnlPmtInfId")
                below = [
                    _transaction(transaction, identification, original, payment_id)
                    for transaction in all_at(part, "TxInfAndSts")
                ]
                transactions += below
                batch = _entry(part, Level.BATCH, "PmtInfSts", identification, original, payment_id)
                if batch is not None and _says_more(batch, len(below), count_at(part, "OrgnlNbOfTxs")):
                    batches.append(batch)
    if identification is None:
        raise MalformedMessage("Het statusbericht heeft geen MsgId.")
    entries = transactions + batches
    below_all = len(transactions) + (counted or 1) * bool(batches)
    if group is not None and _says_more(group, below_all, counted):
        entries.append(group)
    if not entries:
        raise MalformedMessage("Het statusbericht noemt geen enkele status.")
    return Message(Kind.STATUS_REPORT, identification, tuple(entries))


def _says_more(entry: Entry, told_below: int, counted: int | None) -> bool:
    if told_below == 0:
        return True
    return entry.status == REJECTED and counted is not None and told_below < counted


def _transaction(
    part: etree._Element, identification: str | None, original: str | None, payment_id: str | None
) -> Entry:
    entry = _entry(part, Level.TRANSACTION, "TxSts", identification, original, payment_id)
    if entry is None:
        raise MalformedMessage("Een betaling in het statusbericht heeft geen status.")
    return entry


def _entry(
    part: etree._Element,
    level: Level,
    status_name: str,
    identification: str | None,
    original: str | None,
    payment_id: str | None,
) -> Entry | None:
    status = text_at(part, status_name)
    if status is None:
        return None
    end_to_end_id = text_at(part, "OrgnlEndToEndId")
    reason = code_at(part, "StsRsnInf/Rsn")
    return Entry(
        level=level,
        direction=Direction.NONE,
        key=entry_key(Kind.STATUS_REPORT, identification, original, payment_id, end_to_end_id, level, status, reason),
        message_id=original,
        payment_information_id=payment_id,
        end_to_end_id=end_to_end_id,
        amount=cents_at(part, "OrgnlTxRef/Amt/InstdAmt"),
        status=status[:4],
        reason=reason,
        statement=identification,
    )
