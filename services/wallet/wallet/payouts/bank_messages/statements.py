"""camt.053: what was booked on the municipality's account (.02 and .08 are both in use with Dutch banks)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from lxml import etree

from wallet.payouts.bank_messages import Direction, Entry, Kind, Level, MalformedMessage, Message, entry_key
from wallet.payouts.bank_messages.xml import all_at, at, cents_at, code_at, count_at, date_at, parts, text_at
from wallet.payouts.references import clean_reference, references_in

BOOKED = "BOOK"
RETURN_FAMILY = "RRTN"
NOT_PROVIDED = "NOTPROVIDED"


@dataclass(slots=True)
class _Sums:
    """What one statement's entries add up to, to hold against what the statement says of itself."""

    entries: int = 0
    amount: int = 0
    booked_net: int = 0
    seen: Counter[bytes] = field(default_factory=Counter)


def read_statement(raw: bytes) -> Message:
    """Read a camt.053; raises `MalformedMessage`, with code `wrongTotals` where it contradicts itself.

    Debits come before credits: a bank may list a return above the payment that it returns.
    """
    identification: str | None = None
    entries: list[Entry] = []
    sums = _Sums()
    statements = 0
    for part in parts(raw, "GrpHdr", "Ntry", "Stmt"):
        match etree.QName(part).localname:
            case "GrpHdr":
                identification = text_at(part, "MsgId")
            case "Ntry":
                entries += _entries(part, sums)
            case "Stmt":
                _check_totals(part, sums)
                sums = _Sums()
                statements += 1
    if identification is None or not statements:
        raise MalformedMessage("Het afschrift heeft geen MsgId of geen Stmt.")
    entries.sort(key=lambda entry: entry.direction is Direction.CREDIT)
    return Message(Kind.STATEMENT, identification, tuple(entries))


def _entries(part: etree._Element, sums: _Sums) -> list[Entry]:
    statement = part.getparent()
    amount, currency = _amount(part)
    if amount is None:
        raise MalformedMessage("Een boeking op het afschrift heeft geen bedrag.")
    indicator = text_at(part, "CdtDbtInd")
    if indicator not in ("CRDT", "DBIT"):
        raise MalformedMessage("Een boeking op het afschrift zegt niet of zij bij of af is.")
    direction = Direction.CREDIT if indicator == "CRDT" else Direction.DEBIT
    status = text_at(part, "Sts/Cd") or text_at(part, "Sts")
    booked = status == BOOKED
    sums.entries += 1
    sums.amount += amount
    if booked:
        sums.booked_net += amount if direction is Direction.CREDIT else -amount

    whole = Entry(
        level=Level.BATCH,
        direction=direction,
        key=b"",
        amount=amount,
        currency=currency,
        status=status[:4] if status else None,
        booked=booked,
        booked_on=date_at(part, "BookgDt"),
        account=text_at(statement, "Acct/Id/IBAN"),
        statement=text_at(statement, "Id"),
        reference=text_at(part, "AcctSvcrRef") or text_at(part, "NtryRef"),
        is_return=text_at(part, "BkTxCd/Domn/Fmly/SubFmlyCd") == RETURN_FAMILY,
        is_reversal=text_at(part, "RvslInd") in ("true", "1"),
    )
    return [_keyed(entry, part, position, sums) for position, entry in enumerate(_split(part, whole))]


def _split(part: etree._Element, whole: Entry) -> list[Entry]:
    """Give an entry per payment where the bank names them all, otherwise the entry as one."""
    details = all_at(part, "NtryDtls/TxDtls")
    singles = [_transaction(detail, whole, alone=len(details) == 1) for detail in details]
    if singles and (all(single.end_to_end_id for single in singles) or any(_came_in(single) for single in singles)):
        if sum(single.amount or 0 for single in singles) == whole.amount:
            return singles
        if len(singles) == 1:
            return [replace(singles[0], amount=whole.amount)]
    batch = at(part, "NtryDtls/Btch")
    return [
        replace(
            whole,
            message_id=text_at(batch, "MsgId") or (singles[0].message_id if len(singles) == 1 else None),
            payment_information_id=text_at(batch, "PmtInfId")
            or (singles[0].payment_information_id if len(singles) == 1 else None),
            transactions=count_at(batch, "NbOfTxs"),
            reason=singles[0].reason if len(singles) == 1 else None,
        )
    ]


def _came_in(single: Entry) -> bool:
    # One payer who names nothing leaves the others in the same booking their own.
    return single.direction is Direction.CREDIT and not single.is_return and bool(single.payment_references)


def _transaction(detail: etree._Element, whole: Entry, alone: bool) -> Entry:
    amount, currency = _amount(detail)
    if amount is None:
        inner = at(detail, "AmtDtls/TxAmt")
        amount, currency = _amount(inner) if inner is not None else (None, None)
    if amount is None and alone:
        amount, currency = whole.amount, whole.currency
    end_to_end_id = text_at(detail, "Refs/EndToEndId")
    returned = at(detail, "RtrInf") is not None
    return replace(
        whole,
        level=Level.TRANSACTION,
        amount=amount,
        currency=currency or whole.currency,
        message_id=text_at(detail, "Refs/MsgId"),
        payment_information_id=text_at(detail, "Refs/PmtInfId"),
        end_to_end_id=None if end_to_end_id == NOT_PROVIDED else end_to_end_id,
        reason=code_at(detail, "RtrInf/Rsn"),
        is_return=whole.is_return or returned,
        reference=text_at(detail, "Refs/AcctSvcrRef") or whole.reference,
        payment_references=_payment_references(detail),
    )


def _payment_references(detail: etree._Element) -> frozenset[str]:
    """Give the references that were sent along in their own field or can be read in the free text, which is not kept."""
    own = (clean_reference(text_at(one, "CdtrRefInf/Ref") or "") for one in all_at(detail, "RmtInf/Strd"))
    free = references_in(one.text or "" for one in all_at(detail, "RmtInf/Ustrd"))
    return free | {reference for reference in own if reference is not None}


def _keyed(entry: Entry, part: etree._Element, position: int, sums: _Sums) -> Entry:
    key = entry_key(
        Kind.STATEMENT,
        entry.account,
        entry.statement,
        text_at(part, "NtryRef"),
        entry.reference,
        entry.direction,
        entry.amount,
        entry.booked_on,
        entry.status,
        entry.end_to_end_id,
        position,
    )
    # Two bookings that look the same in every field are two bookings: the second gets a key of its own.
    sums.seen[key] += 1
    return replace(entry, key=key if sums.seen[key] == 1 else entry_key(key.hex(), sums.seen[key]))


def _amount(part: etree._Element) -> tuple[int | None, str | None]:
    found = at(part, "Amt")
    if found is None:
        return None, None
    currency = found.get("Ccy")
    return cents_at(part, "Amt"), str(currency)[:3] if currency else None


def _check_totals(statement: etree._Element, sums: _Sums) -> None:
    for path, mine in (("TxsSummry/TtlNtries/NbOfNtries", sums.entries), ("TxsSummry/TtlNtries/Sum", sums.amount)):
        said = count_at(statement, path) if path.endswith("NbOfNtries") else cents_at(statement, path)
        if said is not None and said != mine:
            raise MalformedMessage(
                f"Het afschrift noemt {said} bij {path}, maar zijn boekingen geven {mine}.", "wrongTotals"
            )
    balances = {
        code_at(balance, "Tp/CdOrPrtry"): (cents_at(balance, "Amt") or 0)
        * (1 if text_at(balance, "CdtDbtInd") == "CRDT" else -1)
        for balance in all_at(statement, "Bal")
    }
    opening = balances.get("OPBD", balances.get("PRCD"))
    closing = balances.get("CLBD")
    # A statement in pages has its own balances per page with other codes (ITBD); only a whole one can be added up.
    paged = text_at(statement, "StmtPgntn/LastPgInd") == "false" or text_at(statement, "StmtPgntn/PgNb") not in (
        None,
        "1",
    )
    if opening is not None and closing is not None and not paged and opening + sums.booked_net != closing:
        raise MalformedMessage(
            f"Het beginsaldo ({opening} cent) en de boekingen ({sums.booked_net} cent) geven niet het eindsaldo"
            f" ({closing} cent) van het afschrift.",
            "wrongTotals",
        )
