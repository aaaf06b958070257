"""Making exports: cut at a block, written piece by piece on one snapshot, and described by a manifest."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version

from sqlmodel import Session

from foundation.clock import business_date, now
from foundation.database import Database
from wallet.audit.exports import queries, tables, xaf
from wallet.audit.exports.queries import AssetTotals, Cut
from wallet.audit.exports.refusals import (
    ExportNotFound,
    OnlyEuros,
    PeriodReversed,
    PeriodTooLong,
    TooManyExports,
    UnknownAsset,
)
from wallet.audit.exports.tables import Piece
from wallet.audit.exports.xaf import Municipality
from wallet.audit.queries import block, last_block
from wallet.ledger.refusals import BlockNotThere

MOST_AT_ONCE = 3
"""Of one process: each holds a connection of its pool and a snapshot for as long as its reader takes."""

_PLACES = threading.BoundedSemaphore(MOST_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file: what it is called and sent as, and what writes it."""

    name: str
    media_type: str
    write: Callable[[Session, Cut, Municipality], Iterator[Piece]]


FORMATS = {
    one.name: one
    for one in (
        Format(
            "csv",
            "text/csv; charset=utf-8; header=present",
            lambda db, cut, _: tables.csv_pieces(queries.rows(db, cut)),
        ),
        Format("jsonl", "application/jsonl", lambda db, cut, _: tables.json_pieces(queries.rows(db, cut))),
        Format("xaf", "application/xml", xaf.xaf_pieces),
    )
}


def format_named(name: str) -> Format:
    """Give a kind of file; raises `ExportNotFound`."""
    found = FORMATS.get(name)
    if found is None:
        raise ExportNotFound(", ".join(FORMATS))
    return found


def cut_of(
    db: Session, kind: Format, first: date | None, last: date | None, asset: str | None, as_of_block: int | None
) -> Cut:
    """Fix what an export covers, so that it is the same whenever it is asked again.

    Left out: the first value date in the books, today, every asset (an auditfile has euros only) and the newest block;
    block 0 is the books before the first seal.
    Raises `BlockNotThere`, `UnknownAsset`, `OnlyEuros`, `PeriodReversed`, `PeriodTooLong`.
    """
    sealed = last_block(db) if as_of_block is None else block(db, as_of_block)
    if sealed is None and as_of_block:
        raise BlockNotThere(as_of_block)
    if asset is not None and not queries.asset_exists(db, asset):
        raise UnknownAsset(asset)
    number = sealed.number if sealed else 0
    until = last or business_date()
    since = first or min(queries.earliest_value_date(db, number) or until, until)
    if since > until:
        raise PeriodReversed(since, until)
    if kind.name == "xaf":
        if asset not in (None, xaf.EUR):
            raise OnlyEuros
        asset = xaf.EUR
    cut = Cut(since, until, asset, number, sealed.header if sealed else None, sealed.sealed_at if sealed else None)
    if kind.name == "xaf" and xaf.months(cut) > xaf.MOST_MONTHS:
        raise PeriodTooLong(xaf.MOST_MONTHS)
    return cut


def write(database: Database, kind: Format, cut: Cut, municipality: Municipality) -> Generator[bytes]:
    """Write an export piece by piece. Raises `TooManyExports` at the first piece."""
    with _place(), database.reading() as db:
        queries.be_patient(db)
        for piece in kind.write(db, cut, municipality):
            yield piece.content


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export holds, to check a file against; `made_at` and `application_version` are of the manifest alone."""

    kind: str
    cut: Cut
    rows: int
    size: int
    sha256: str
    totals: list[AssetTotals]
    made_at: datetime
    application_version: str


class ExportDisagreesError(Exception):
    """An export held other rows than its own totals count: never given out."""


def describe(database: Database, kind: Format, cut: Cut, municipality: Municipality) -> Generator[Manifest | None]:
    """Write an export to nobody and give its manifest, last; None for each piece until then.

    Raises `TooManyExports` at the first piece.
    """
    digest = hashlib.sha256()
    size = rows = 0
    with _place(), database.reading() as db:
        queries.be_patient(db)
        for piece in kind.write(db, cut, municipality):
            digest.update(piece.content)
            size += len(piece.content)
            rows += piece.rows
            yield None
        totals = queries.totals(db, cut)
        if rows != sum(one.rows for one in totals):
            raise ExportDisagreesError(f"{rows} rows were written, {totals} are there")
    yield Manifest(kind.name, cut, rows, size, digest.hexdigest(), totals, now(), version("stadsbeurs"))


@contextmanager
def _place() -> Iterator[None]:
    if not _PLACES.acquire(blocking=False):
        raise TooManyExports
    try:
        yield
    finally:
        _PLACES.release()
