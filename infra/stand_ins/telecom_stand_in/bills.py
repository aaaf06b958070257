"""The monthly bill: a line for each call, faults planted in it, and the list of what is wrong. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from telecom_stand_in.store import ALLOWED, SENT, Call

HEADER = ("callId", "participantNumber", "startedAt", "seconds", "amount")
NOBODY = "999999999"
"""A participant that no municipality of ours has."""
TOO_MUCH = 7
_PER_CENT = 6_000
"""Seconds times a tariff in 1/10,000 euro a minute that make one cent."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill, its amount in cents."""

    call_id: str
    participant_number: str
    started_at: datetime
    seconds: int
    amount: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that is not to be paid: its row (the header is row 1), why, and how much it asks too much."""

    row: int
    call_id: str
    code: str
    amount: int


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's bill, and which of its lines are wrong."""

    lines: tuple[Line, ...]
    faults: tuple[Fault, ...]

    @property
    def owed(self) -> int:
        """What is left when the wrong lines are taken out."""
        wrong = {fault.row for fault in self.faults}
        return sum(line.amount for row, line in enumerate(self.lines, start=2) if row not in wrong)

    def as_csv(self) -> str:
        page = io.StringIO()
        writer = csv.writer(page, delimiter=";", lineterminator="\n")
        writer.writerow(HEADER)
        for line in self.lines:
            began = line.started_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            writer.writerow((line.call_id, line.participant_number, began, line.seconds, line.amount))
        return page.getvalue()


def price(seconds: int, tariff: int) -> int:
    """Give what a call costs with us: half-up cents of seconds times the tariff per minute.

    >>> price(90, 2300)
    35
    """
    return (2 * seconds * tariff + _PER_CENT) // (2 * _PER_CENT)


def bill(calls: Sequence[Call], tariff: int, planted: int, month: str) -> Bill:
    """Bill the calls of a month, with so many faults of each kind planted in it, as far as there are good lines for them.

    Wrong by themselves are calls that were made though the municipality said no, and calls whose records did not go out.
    """
    written = [
        (Line(call.call_id, call.participant_number, call.started_at, call.seconds, price(call.seconds, tariff)), call)
        for call in sorted(calls, key=lambda call: (call.started_at, call.call_id))
    ]
    lines: list[Line] = []
    wrong: list[tuple[str, int] | None] = []
    for line, call in written:
        lines.append(line)
        wrong.append(_wrong_by_itself(line, call))
    good = iter([at for at, fault in enumerate(wrong) if fault is None])

    for turn, at in enumerate(_some(good, planted)):
        off = TOO_MUCH if turn % 2 == 0 or lines[at].amount == 0 else -1
        lines[at] = replace(lines[at], amount=lines[at].amount + off)
        wrong[at] = ("priceDiffers", off)
    for at in _some(good, planted):
        lines[at] = replace(lines[at], participant_number=NOBODY)
        wrong[at] = ("notRegistered", lines[at].amount)
    for at in _some(good, planted):
        lines.append(lines[at])
        wrong.append(("billedTwice", lines[at].amount))
    for number in range(planted if written else 0):
        like = written[number % len(written)][0]
        made_up = replace(like, call_id=f"made-up-{month}-{number + 1}", amount=price(60, tariff), seconds=60)
        lines.append(made_up)
        wrong.append(("notInOurRecords", made_up.amount))
    faults = [
        Fault(row, line.call_id, *fault)
        for row, (line, fault) in enumerate(zip(lines, wrong, strict=True), start=2)
        if fault is not None
    ]
    return Bill(tuple(lines), tuple(faults))


def _wrong_by_itself(line: Line, call: Call) -> tuple[str, int] | None:
    if call.record != SENT:
        return "notInOurRecords", line.amount
    if call.verdict in ("notRegistered", "numberNotApproved"):
        return call.verdict, line.amount
    # Made though nothing was allowed: the municipality counts no second of it.
    return None if call.verdict == ALLOWED or not line.amount else ("priceDiffers", line.amount)


def _some(good: Iterator[int], count: int) -> list[int]:
    return [at for _, at in zip(range(count), good)]  # noqa: B905 - as many as there are
