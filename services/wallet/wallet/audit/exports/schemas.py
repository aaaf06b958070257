"""What describes an export."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from foundation.schemas import ApiOut
from wallet.audit.exports.actions import Manifest


class ExportTotalsOut(ApiOut):
    """What the entries in one asset debit and credit, both as amounts of 0 and up."""

    rows: int
    debit: int
    credit: int


class ManifestOut(ApiOut):
    """The same for the same period, asset and block for ever, but for `created_at` and `application_version`.

    `rows` counts entries, not the header of a CSV file; `bytes` and `sha256` are of the whole file.
    """

    format: str
    from_: date = Field(alias="from")
    to: date
    asset: str | None
    as_of_block: int
    as_of_header: str | None
    sealed_at: datetime | None
    rows: int
    bytes: int
    sha256: str
    totals: dict[str, ExportTotalsOut]
    created_at: datetime
    application_version: str

    @classmethod
    def of(cls, manifest: Manifest) -> ManifestOut:
        cut = manifest.cut
        return cls(
            format=manifest.kind,
            from_=cut.first,
            to=cut.last,
            asset=cut.asset,
            as_of_block=cut.block,
            as_of_header=cut.header.hex() if cut.header else None,
            sealed_at=cut.sealed_at,
            rows=manifest.rows,
            bytes=manifest.size,
            sha256=manifest.sha256,
            totals={
                one.asset: ExportTotalsOut(rows=one.rows, debit=one.debit, credit=one.credit) for one in manifest.totals
            },
            created_at=manifest.made_at,
            application_version=manifest.application_version,
        )
