"""The list of numbers that may be called: one by one and in files, dated, one organisation for a number at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlmodel import Session

from belkosten.models import ApprovedNumber, FileImport
from belkosten.queries import numbers
from belkosten.refusals import NumberRefused, UnknownNumber
from belkosten.rules.numbers import (
    Added,
    Category,
    KnownListing,
    Listing,
    ListingRow,
    MalformedListing,
    judge_listing,
    parse_listing,
)
from belkosten.rules.spans import Span
from foundation.clock import business_date
from foundation.file_work import ChunkResult
from foundation.row_files import Columns, RawRow

COLUMNS = Columns(("number", "organisation", "category", "from", "until"), "nummers", optional_last=1)


def approve(db: Session, listing: Listing, actor: str) -> ApprovedNumber:
    """Put a number on the list. Raises `NumberRefused` where it is on it in that time."""
    numbers.lock(db, [listing.number])
    verdict = judge_listing(listing, numbers.listings(db, [listing.number]).get(listing.number, ()))
    if isinstance(verdict, KnownListing):
        raise NumberRefused("Dit nummer staat al zo op de lijst.", code="numberThere", pointer="/number")
    if not isinstance(verdict, Added):
        raise NumberRefused(verdict.message, code=verdict.code, pointer="/number")
    [line_id] = numbers.insert(db, [listing], actor)
    made = numbers.find(db, line_id)
    assert made is not None
    return made


def end(db: Session, line_id: UUID | None, until: date) -> ApprovedNumber:
    """Say until when (included) a number may be called: from yesterday on, since calls of before are rated.

    Raises `UnknownNumber` and `NumberRefused`.
    """
    line = numbers.find(db, line_id)
    if line is None:
        raise UnknownNumber
    earliest = business_date() - timedelta(days=1)
    if until < line.valid_from:
        raise NumberRefused(
            f"Dit nummer staat vanaf {line.valid_from} op de lijst; dat kan niet eerder eindigen.",
            code="untilBeforeFrom",
            pointer="/until",
        )
    if until < earliest:
        raise NumberRefused(
            f"Een nummer kan niet verder terug eindigen dan gisteren, {earliest}.", code="untilPast", pointer="/until"
        )
    numbers.lock(db, [line.number])
    itself = Span(line.valid_from, line.valid_until)
    others = [one for one in numbers.listings(db, [line.number])[line.number] if one.span != itself]
    changed = Listing(line.number, line.organisation, Category(line.category), Span(line.valid_from, until))
    verdict = judge_listing(changed, others)
    if not isinstance(verdict, Added):
        raise NumberRefused("Daarna is dit nummer van een ander.", code="numberThere", pointer="/until")
    line.valid_until = until
    db.flush()
    return line


def take_in(db: Session, file: FileImport, chunk: Sequence[RawRow]) -> ChunkResult:
    """Judge a chunk of a file of numbers in its order, and put on the list what comes on it."""
    parsed = [parse_listing(raw) for raw in chunk]
    sought = {one.listing.number for one in parsed if isinstance(one, ListingRow)}
    numbers.lock(db, sought)
    there = numbers.listings(db, sought)
    result, added = ChunkResult(), []
    for one in parsed:
        if isinstance(one, MalformedListing):
            result.outcomes.append((one.row, "refused", "malformed", one.problem))
            continue
        verdict = judge_listing(one.listing, there[one.listing.number])
        if isinstance(verdict, Added):
            there[one.listing.number].append(one.listing)
            added.append(one.listing)
        elif isinstance(verdict, KnownListing):
            result.outcomes.append((one.row, "known", None, None))
        else:
            result.outcomes.append((one.row, "refused", verdict.code, verdict.message))
    numbers.insert(db, added, file.received_by)
    result.accepted = len(added)
    return result
