"""The auditfile: the euro ledger as XML Auditfile Financieel 4.0, what a Dutch auditor's program reads.

Each kind of journal is a journal of the file, each journal of ours a transaction, each entry a line. The general
ledger has one account for all purses of a kind; whose purse it was stands in the line as an opaque id. The totals come
first, so they are added up in the database before the lines are read, on the same snapshot.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from lxml import etree
from sqlmodel import Session

from foundation.clock import AMSTERDAM
from wallet.audit.exports import queries
from wallet.audit.exports.queries import Cut, LedgerAccount, Row
from wallet.audit.exports.tables import Piece

NAMESPACE = "http://www.odb.belastingdienst.nl/Belastingdienst/BCPP/1.1/structures/XmlauditfileXAF_4.0"
EUR = "EUR"
MOST_MONTHS = 999
"""A period's number has three digits."""

_SOFTWARE = "Stadsbeurs"
# Of the file, not of the program: a new release must not give the same cut other bytes.
_FORMAT_VERSION = "1"
_ID_LENGTH = 35
_DIGEST_LENGTH = 10
_ELEMENTS_AT_ONCE = 500
_UUID_OWNER = re.compile(r"holder:([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DESCRIPTIONS = {
    "purse": "Potje {} van alle pashouders",
    "fund": "Fonds {}",
    "bank": "Bankrekening {}",
    "payable": "Te betalen",
    "loan": "Leningen",
    "lent": "Uitgeleend {}",
    "clearing": "Ontvangen en nog te verwerken {}",
}


@dataclass(frozen=True, slots=True)
class Municipality:
    """Whose books they are, and the number under which the tax authority knows it."""

    name: str
    rsin: str


def months(cut: Cut) -> int:
    """Count the calendar months that a cut touches."""
    return _month(cut, cut.last)


def xaf_pieces(db: Session, cut: Cut, municipality: Municipality) -> Iterator[Piece]:
    """Write the euro entries of a cut as an auditfile."""
    buffer = io.BytesIO()
    with etree.xmlfile(buffer, encoding="UTF-8") as file:
        file.write_declaration()
        with file.element("auditfile", nsmap={None: NAMESPACE}):
            # Below the root names carry no prefix and so belong to its namespace, as the schema asks.
            file.write(_header(cut))
            with file.element("company"):
                yield from _company(db, file, buffer, cut, municipality)
    yield Piece(buffer.getvalue(), 0)


def _header(cut: Cut) -> Any:
    years = f"{cut.first.year:04d}" + (f"-{cut.last.year:04d}" if cut.last.year != cut.first.year else "")
    # The day of the seal, not of the download: the same cut gives the same bytes.
    made = cut.sealed_at.astimezone(AMSTERDAM).date() if cut.sealed_at else cut.last
    return _element(
        "header",
        ("fiscalYear", years),
        ("startDate", cut.first.isoformat()),
        ("endDate", cut.last.isoformat()),
        ("curCode", EUR),
        ("dateCreated", made.isoformat()),
        ("softwareDesc", _SOFTWARE),
        ("softwareVersion", _FORMAT_VERSION),
    )


def _company(db: Session, file: Any, buffer: io.BytesIO, cut: Cut, municipality: Municipality) -> Iterator[Piece]:
    about = (
        ("companyName", municipality.name[:255]),
        ("taxRegistrationCountry", "NL"),
        ("taxRegIdent", municipality.rsin),
    )
    for name, value in about:
        file.write(_leaf(name, value))
    with file.element("customersSuppliers"):
        for number, relation in enumerate(queries.relations(db, cut), start=1):
            file.write(_element("customerSupplier", ("custSupID", relation_id(relation))))
            if number % _ELEMENTS_AT_ONCE == 0:
                yield from _written(file, buffer, 0)
    accounts = queries.ledger_accounts(db, cut)
    if accounts:
        with file.element("generalLedger"):
            for account in accounts:
                file.write(_ledger_account(account))
    with file.element("periods"):
        for number in range(1, months(cut) + 1):
            file.write(_period(cut, number))
    _write_opening_balance(file, accounts)
    totals = next(iter(queries.totals(db, cut)), None)
    with file.element("transactions"):
        counts = (totals.rows, totals.debit, totals.credit) if totals else (0, 0, 0)
        _write_counts(file, *counts)
        for kind in queries.kinds(db, cut):
            with file.element("journal"):
                file.write(_leaf("jrnID", short(kind)))
                file.write(_leaf("desc", kind))
                file.write(_leaf("jrnTp", "M"))
                yield from _transactions(db, file, buffer, cut, kind)
    yield from _written(file, buffer, 0)


def _transactions(db: Session, file: Any, buffer: io.BytesIO, cut: Cut, kind: str) -> Iterator[Piece]:
    """Write the journals of one kind, line by line: one may have 20,000."""
    rows = queries.rows_of_kind(db, cut, kind)
    row = next(rows, None)
    lines = 0
    while row is not None:
        journal_id, value_date, actor, decision, reason = row[:5]
        with file.element("transaction"):
            file.write(_leaf("nr", str(journal_id)))
            file.write(_leaf("desc", reason or kind))
            file.write(_leaf("periodNumber", str(_month(cut, value_date))))
            file.write(_leaf("trDt", value_date.isoformat()))
            if decision:
                file.write(_leaf("Source", decision[:999]))
            file.write(_leaf("User", actor[:999]))
            while row is not None and row[0] == journal_id:
                file.write(_line(row))
                lines += 1
                if lines == _ELEMENTS_AT_ONCE:
                    yield from _written(file, buffer, lines)
                    lines = 0
                row = next(rows, None)
    yield from _written(file, buffer, lines)


def _line(row: Row) -> Any:
    journal_id, value_date, _, _, _, line, ledger_account, relation, amount, reference, grant_key, explanation = row
    fields = [
        ("nr", str(line)),
        ("accID", short(ledger_account)),
        ("docRef", (reference or f"{journal_id}-{line}")[:255]),
        ("effDate", value_date.isoformat()),
        ("desc", explanation),
        ("amnt", _euros(amount)),
        ("amntTp", _side(amount)),
        ("custSupID", relation and relation_id(relation)),
        ("invRef", grant_key and grant_key[:255]),
    ]
    return _element("trLine", *((name, value) for name, value in fields if value))


def _ledger_account(account: LedgerAccount) -> Any:
    kind, _, name = account.name.partition(":")
    description = _DESCRIPTIONS.get(kind, account.name).format(name)
    return _element("ledgerAccount", ("accID", short(account.name)), ("accDesc", description[:255]), ("accTp", "B"))


def _period(cut: Cut, number: int) -> Any:
    year, month = divmod(cut.first.year * 12 + cut.first.month - 1 + number - 1, 12)
    starts = date(year, month + 1, 1)
    # The 28th and four days is always in the next month.
    following = starts.replace(day=28) + timedelta(days=4)
    ends = following - timedelta(days=following.day)
    return _element(
        "period",
        ("periodNumber", str(number)),
        ("startDatePeriod", max(starts, cut.first).isoformat()),
        ("endDatePeriod", min(ends, cut.last).isoformat()),
    )


def _write_opening_balance(file: Any, accounts: Sequence[LedgerAccount]) -> None:
    open_accounts = [account for account in accounts if account.opening]
    with file.element("openingBalance"):
        debit = -sum(account.opening for account in open_accounts if account.opening < 0)
        credit = sum(account.opening for account in open_accounts if account.opening > 0)
        _write_counts(file, len(open_accounts), debit, credit)
        for number, account in enumerate(open_accounts, start=1):
            amount = (("amnt", _euros(account.opening)), ("amntTp", _side(account.opening)))
            file.write(_element("obLine", ("nr", str(number)), ("accID", short(account.name)), *amount))


def _write_counts(file: Any, lines: int, debit: int, credit: int) -> None:
    for name, value in (("linesCount", str(lines)), ("totalDebit", _euros(debit)), ("totalCredit", _euros(credit))):
        file.write(_leaf(name, value))


def short(name: str) -> str:
    """Make a name fit the 35 characters of an id; one that is too long ends in a part of its own hash."""
    if len(name) <= _ID_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{name[: _ID_LENGTH - 1 - _DIGEST_LENGTH]}-{digest}"


def relation_id(owner: str) -> str:
    """Give the id of an owner: a holder's own without its hyphens, as 36 characters are one too many."""
    matched = _UUID_OWNER.fullmatch(owner)
    return "".join(matched.groups()) if matched else short(owner)


def _month(cut: Cut, day: date) -> int:
    return (day.year - cut.first.year) * 12 + day.month - cut.first.month + 1


def _euros(cents: int) -> str:
    return f"{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _side(amount: int) -> str:
    return "C" if amount > 0 else "D"


def _leaf(name: str, value: str) -> Any:
    made = etree.Element(name)
    _set_text(made, value)
    return made


def _element(name: str, *children: tuple[str, str]) -> Any:
    made = etree.Element(name)
    for child, value in children:
        _set_text(etree.SubElement(made, child), value)
    return made


def _set_text(element: Any, value: str) -> None:
    try:
        element.text = value
    except ValueError:
        # A control character that PostgreSQL keeps and XML cannot.
        element.text = _NOT_IN_XML.sub("\ufffd", value)


def _written(file: Any, buffer: io.BytesIO, rows: int) -> Iterator[Piece]:
    """Give what was written since the last time, and make room."""
    file.flush()
    content = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    if content or rows:
        yield Piece(content, rows)
