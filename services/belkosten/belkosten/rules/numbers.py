"""Telephone numbers as people write them and as they are compared, and the list of those that may be called.

A number that is not on the list is never repeated, not even in the text that refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from belkosten.rules.spans import Span
from foundation.row_files import RawRow

FORM = "Schrijf een telefoonnummer internationaal, met + en het landnummer: +31 78 123 45 67."
ORGANISATION_LIMIT = 140

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")
_BETWEEN = re.compile(r"[\s\u00a0().\-/\u2010-\u2013]")
_WRITTEN_LIMIT = 40
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DUTCH_DAY = re.compile(r"([0-9]{2})-([0-9]{2})-([0-9]{4})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Category(StrEnum):
    """What kind of organisation a number belongs to."""

    HULPVERLENING = "hulpverlening"
    OVERHEID = "overheid"
    WONINGCORPORATIE = "woningcorporatie"
    INCASSO = "incasso"
    ZORG = "zorg"
    KREDIETBANK = "kredietbank"
    TELECOM = "telecom"
    ENERGIE = "energie"


def e164(written: str) -> str | None:
    """Give a number in the one form in which numbers are compared; None for what is no international number.

    Spaces, dots, dashes, slashes and brackets may stand between the digits, `00` may stand for the `+`, and the `(0)`
    that is left out from abroad is left out.

    >>> e164("0031 (0)78-123 45 67"), e164("078 123 45 67")
    ('+31781234567', None)
    """
    if len(written) > _WRITTEN_LIMIT:
        return None
    # Without a country number in front, a zero between brackets is part of the number.
    text = written.strip()
    if text.startswith(("+", "00")):
        text = _TRUNK_ZERO.sub("", text, count=1)
    text = _BETWEEN.sub("", text)
    if text.startswith("00"):
        text = "+" + text[2:]
    return text if text.isascii() and _E164.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Listing:
    """A number on the list, from a day until a day (included), with whose it is."""

    number: str
    organisation: str
    category: Category
    span: Span


@dataclass(frozen=True, slots=True)
class ListingRow:
    """A row of a file of numbers."""

    row: int
    listing: Listing


@dataclass(frozen=True, slots=True)
class MalformedListing:
    """A row of a file of numbers that cannot be read, and why."""

    row: int
    problem: str


@dataclass(frozen=True, slots=True)
class Added:
    """A number that comes on the list."""

    listing: Listing


@dataclass(frozen=True, slots=True)
class KnownListing:
    """A number that is on the list exactly so."""


@dataclass(frozen=True, slots=True)
class ListingRefused:
    """A number that does not come on the list; `code` is the contract's."""

    code: str
    message: str


def judge_listing(listing: Listing, there: Sequence[Listing]) -> Added | KnownListing | ListingRefused:
    """Say whether a number may come on the list, where the same number stands `there` already.

    A number belongs to one organisation at one time; the very same line again is known.
    """
    if listing in there:
        return KnownListing()
    overlapping = [one for one in there if one.number == listing.number and one.span.overlaps(listing.span)]
    if overlapping:
        return ListingRefused(
            "numberThere",
            f"Dit nummer staat in die tijd al op de lijst, bij {overlapping[0].organisation}. Beëindig het daar eerst.",
        )
    return Added(listing)


def parse_listing(raw: RawRow) -> ListingRow | MalformedListing:
    """Read a row of a file of numbers; dates as 2026-10-01 or 01-10-2026, all cells trimmed, `until` may be empty."""
    number_text, organisation, category, from_text, until_text = [cell.strip() for cell in raw.cells]
    number, first, last = e164(number_text), _day(from_text), _day(until_text)
    problem = raw.problem
    if problem is None and number is None:
        problem = f"number is geen internationaal nummer. {FORM}"
    if problem is None and not (0 < len(organisation) <= ORGANISATION_LIMIT and not _CONTROL.search(organisation)):
        problem = f"organisation is leeg, langer dan {ORGANISATION_LIMIT} tekens, of bevat stuurtekens."
    if problem is None and category not in set(Category):
        problem = f"category is geen van: {', '.join(Category)}."
    if problem is None and first is None:
        problem = "from is geen datum; schrijf bijvoorbeeld 2026-10-01."
    if problem is None and until_text and last is None:
        problem = "until is geen datum; schrijf bijvoorbeeld 2026-12-31, of laat het leeg."
    if problem is None and first is not None and last is not None and last < first:
        problem = "until ligt voor from."
    if problem is not None:
        return MalformedListing(raw.row, problem)
    assert number is not None and first is not None
    return ListingRow(raw.row, Listing(number, organisation, Category(category), Span(first, last)))


def _day(text: str) -> date | None:
    if not _DAY.fullmatch(text):
        dutch = _DUTCH_DAY.fullmatch(text)
        if dutch is None:
            return None
        text = f"{dutch[3]}-{dutch[2]}-{dutch[1]}"
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Approval:
    """The time for which a number is on the list, under the id of its line."""

    id: UUID
    span: Span


def approved_on(day: date, approvals: Sequence[Approval]) -> UUID | None:
    """Give the line of the list under which a number may be called on a day."""
    return next((one.id for one in approvals if one.span.includes(day)), None)
