"""The rules, run in memory over the whole sample municipality, give every figure of `expected.json`."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from burgerbudget import rules
from burgerbudget.hour_fields import parse_row
from burgerbudget.hours_files import COLUMNS
from burgerbudget.parameters import PARAMETERS, policy_on
from foundation.hours import Hours, hours_text
from foundation.money import ZERO, Cents
from foundation.periods import Quarter
from foundation.row_files import FileInspection, read_rows

SAMPLE = Path(__file__).parents[3] / "infra/local/stadsbeurs/sample_municipality"
CLOSED_ON = {Quarter(2026, 2): date(2026, 7, 1), Quarter(2026, 3): date(2026, 10, 1)}


@dataclass
class Purses:
    """One participant: participation, both purses, hours and highest mark per quarter, judgements."""

    participation: rules.Participation
    budget: Cents = ZERO
    vrij: Cents = ZERO
    started: bool = False
    insufficient: int = 0
    hours: dict[Quarter, Hours] = field(default_factory=lambda: defaultdict(lambda: Hours(0)))
    marks: dict[Quarter, Hours] = field(default_factory=lambda: defaultdict(lambda: Hours(0)))
    used: dict[Quarter, int] = field(default_factory=lambda: defaultdict(int))
    topped_up: dict[Quarter, int] = field(default_factory=lambda: defaultdict(int))
    judged: dict[Quarter, str] = field(default_factory=dict)


class Municipality:
    """The whole scheme in memory, driven by the rules alone."""

    def __init__(self) -> None:
        self.participants: dict[str, Purses] = {}
        self.organisations: dict[str, rules.Recognition] = {}
        self.taken: dict[tuple[str, str], rules.HourContent] = {}
        self.day_totals: dict[tuple[str, date], int] = defaultdict(int)
        self.last_closed: Quarter | None = None
        self.credited = 0
        self.files: dict[str, Any] = {}
        for row in table("participants.csv"):
            enrolled_on = date.fromisoformat(row["enrolledOn"])
            start = rules.start_quarter(enrolled_on, PARAMETERS.start_window.on(enrolled_on))
            self.participants[row["number"]] = Purses(rules.Participation(row["number"], start))
        for row in table("organisations.csv"):
            until = row["recognisedUntil"]
            self.organisations[row["code"]] = rules.Recognition(
                recognised_from=date.fromisoformat(row["recognisedFrom"]),
                recognised_until=date.fromisoformat(until) if until else None,
                pays_allowance=row["paysAllowance"] == "ja",
            )

    def new_day(self, today: date) -> None:
        for participant in self.participants.values():
            start = participant.participation.start
            if rules.start_is_due(start, today, participant.started):
                participant.started = True
                amount = policy_on(start.start).ceiling
                participant.budget = amount
                self.credited += amount

    def import_file(self, organisation: str, content: bytes, today: date) -> dict[str, Any]:
        counts: Counter[str] = Counter()
        touched: list[tuple[Purses, Quarter]] = []
        for raw in rows_of(content):
            row = parse_row(raw)
            number = row.participant_number if isinstance(row, rules.HourRow) else ""
            participant = self.participants.get(number)
            worked_on = row.worked_on if isinstance(row, rules.HourRow) else date.min
            verdict = rules.judge_hour(
                row,
                rules.HourContext(
                    organisation=self.organisations[organisation],
                    participant=participant.participation if participant else None,
                    taken=self.taken.get((organisation, row.external_id)),
                    day_total=Hours(self.day_totals[number, worked_on]),
                    today=today,
                    day_limit=PARAMETERS.day_limit.on(today),
                ),
            )
            if isinstance(verdict, rules.Refused):
                counts[verdict.code] += 1
            elif isinstance(verdict, rules.Known):
                counts["known"] += 1
            else:
                assert isinstance(row, rules.HourRow) and participant is not None
                counts["accepted"] += 1
                content_of_row = rules.HourContent(number, worked_on, verdict.hours, row.activity)
                self.taken[organisation, row.external_id] = content_of_row
                self.day_totals[number, worked_on] += verdict.hours
                participant.hours[verdict.quarter] = Hours(participant.hours[verdict.quarter] + verdict.hours)
                touched.append((participant, verdict.quarter))
        for participant, quarter in touched:
            assert rules.use_is_due(participant.participation, quarter, self.last_closed)
            mark, total = participant.marks[quarter], participant.hours[quarter]
            used = rules.use(mark, total, policy_on(quarter.start).wage, participant.budget)
            participant.marks[quarter] = used.new_mark
            participant.budget = Cents(participant.budget - used.moved)
            participant.vrij = Cents(participant.vrij + used.moved)
            participant.used[quarter] += used.moved
        accepted, known = counts.pop("accepted", 0), counts.pop("known", 0)
        return {"accepted": accepted, "known": known, "refused": dict(counts)}

    def close(self, quarter: Quarter) -> dict[str, int]:
        policy = policy_on(quarter.end)
        closing = {"participants": 0, "sufficient": 0, "insufficient": 0, "toppedUp": 0}
        for participant in self.participants.values():
            if not participant.participation.takes_part_in(quarter):
                continue
            judgement = rules.judge_quarter(participant.hours[quarter], participant.budget, policy)
            standing = rules.after_judgement(participant.insufficient, judgement, policy)
            assert not standing.stops, "nobody can stop within two quarters"
            participant.insufficient = standing.insufficient_quarters
            outcome = "sufficient" if isinstance(judgement, rules.Sufficient) else "insufficient"
            participant.judged[quarter] = outcome
            closing["participants"] += 1
            closing[outcome] += 1
            if isinstance(judgement, rules.Sufficient):
                participant.budget = Cents(participant.budget + judgement.top_up)
                participant.topped_up[quarter] = judgement.top_up
                closing["toppedUp"] += judgement.top_up
                self.credited += judgement.top_up
        self.last_closed = quarter
        return closing


def table(name: str) -> list[dict[str, str]]:
    with (SAMPLE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def rows_of(content: bytes) -> Iterator[Any]:
    inspection = FileInspection(COLUMNS)
    inspection.feed(content)
    return read_rows([content], inspection.finish(), COLUMNS)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((SAMPLE / "expected.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def outcome() -> dict[str, Any]:
    """Both quarters, worked through in the order that the sample's README gives."""
    municipality = Municipality()
    quarters: dict[str, Any] = {}
    for quarter, today in CLOSED_ON.items():
        municipality.new_day(today)
        files = {}
        for path in sorted((SAMPLE / "hours" / str(quarter)).iterdir()):
            files[path.stem] = municipality.import_file(path.stem, path.read_bytes(), today)
        quarters[str(quarter)] = {"files": files, "closing": municipality.close(quarter)}
    people = municipality.participants
    return {
        "quarters": quarters,
        "participants": {number: _shown(participant) for number, participant in people.items()},
        "totals": {
            "creditedToBudgets": municipality.credited,
            "vrij": sum(participant.vrij for participant in people.values()),
            "budget": sum(participant.budget for participant in people.values()),
        },
    }


def _shown(participant: Purses) -> dict[str, Any]:
    return {
        "budget": participant.budget,
        "vrij": participant.vrij,
        "insufficientQuarters": participant.insufficient,
        "status": "stopped" if participant.participation.stopped else "active",
        "startQuarter": str(participant.participation.start),
        "quarters": {
            str(quarter): {
                "hours": hours_text(participant.hours[quarter]),
                "used": participant.used[quarter],
                "toppedUp": participant.topped_up[quarter],
                "judgement": judgement,
            }
            for quarter, judgement in participant.judged.items()
        },
    }


@pytest.mark.parametrize("quarter", ["2026-Q2", "2026-Q3"])
def test_each_file_is_accepted_known_and_refused_as_expected(
    outcome: dict[str, Any], expected: dict[str, Any], quarter: str
) -> None:
    assert len(expected["quarters"][quarter]["files"]) == 24
    assert outcome["quarters"][quarter]["files"] == expected["quarters"][quarter]["files"]


@pytest.mark.parametrize("quarter", ["2026-Q2", "2026-Q3"])
def test_each_closing_gives_the_expected_figures(
    outcome: dict[str, Any], expected: dict[str, Any], quarter: str
) -> None:
    assert outcome["quarters"][quarter]["closing"] == expected["quarters"][quarter]["closing"]


def test_each_participant_ends_with_the_expected_purses_counter_and_quarters(
    outcome: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert len(expected["participants"]) == 400
    assert outcome["participants"] == expected["participants"]


def test_the_totals_are_as_expected_and_nothing_is_lost(outcome: dict[str, Any], expected: dict[str, Any]) -> None:
    assert outcome["totals"] == expected["totals"]
    totals = outcome["totals"]
    assert totals["vrij"] + totals["budget"] == totals["creditedToBudgets"] == 65_902_578
