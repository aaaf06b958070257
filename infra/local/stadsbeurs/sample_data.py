"""The sample municipality as it lies in files: its people, its hours files, and the figures that must come out."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from foundation.periods import Quarter

SAMPLE = Path(__file__).with_name("sample_municipality")


@dataclass(frozen=True)
class SampleOrganisation:
    """An organisation that reports hours; `code` also names its files."""

    code: str
    name: str
    rsin: str
    status: str
    recognised_from: str
    recognised_until: str | None
    pays_allowance: bool

    def as_json(self) -> dict[str, Any]:
        """The body that registers it."""
        return {
            "name": self.name,
            "rsin": self.rsin,
            "status": self.status,
            "recognisedFrom": self.recognised_from,
            "recognisedUntil": self.recognised_until,
            "paysAllowance": self.pays_allowance,
        }


@dataclass(frozen=True)
class SampleParticipant:
    """Somebody who takes part; `number` is the municipality's own."""

    number: str
    display_name: str
    birth_date: str
    iban: str
    regeling: str
    enrolled_on: str
    receives_bijstand: bool

    def as_holder(self) -> dict[str, Any]:
        """The body that registers the person in the wallet."""
        return {"displayName": self.display_name, "birthDate": self.birth_date, "iban": self.iban}

    def as_enrolment(self, holder_id: str) -> dict[str, Any]:
        """The body that enrols the person."""
        return {
            "holderId": holder_id,
            "number": self.number,
            "regeling": self.regeling,
            "enrolledOn": self.enrolled_on,
            "receivesBijstand": self.receives_bijstand,
        }


@dataclass(frozen=True)
class HoursFile:
    """One file as an organisation sends it: any separator, any encoding, any faults."""

    organisation: str
    quarter: Quarter
    content: bytes


@dataclass(frozen=True)
class Sample:
    """The sample municipality below `folder`."""

    folder: Path = SAMPLE

    @cached_property
    def organisations(self) -> list[SampleOrganisation]:
        return [
            SampleOrganisation(
                row["code"],
                row["name"],
                row["rsin"],
                row["status"],
                row["recognisedFrom"],
                row["recognisedUntil"] or None,
                row["paysAllowance"] == "ja",
            )
            for row in self._rows("organisations.csv")
        ]

    @cached_property
    def participants(self) -> list[SampleParticipant]:
        return [
            SampleParticipant(
                row["number"],
                row["displayName"],
                row["birthDate"],
                row["iban"],
                row["regeling"],
                row["enrolledOn"],
                row["receivesBijstand"] == "ja",
            )
            for row in self._rows("participants.csv")
        ]

    @cached_property
    def quarters(self) -> list[Quarter]:
        """The quarters with hours, in the order in which they are closed."""
        return sorted(Quarter.parse(folder.name) for folder in (self.folder / "hours").iterdir())

    def files(self, quarter: Quarter) -> list[HoursFile]:
        """The hours files of a quarter in the order of their names, which is the order to hand them in."""
        found = sorted((self.folder / "hours" / str(quarter)).glob("*.csv"))
        return [HoursFile(path.stem, quarter, path.read_bytes()) for path in found]

    @cached_property
    def expected(self) -> Mapping[str, Any]:
        """The figures that must come out, worked out apart from this software."""
        content = json.loads((self.folder / "expected.json").read_text(encoding="utf-8"))
        assert isinstance(content, dict)
        return content

    def _rows(self, name: str) -> Iterator[dict[str, str]]:
        with (self.folder / name).open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file, delimiter=";")
