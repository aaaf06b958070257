"""Call records: rated as they come in, and the dialled number forgotten with the row that it stood in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import Session

from belkosten.actions import settling
from belkosten.models import FileImport
from belkosten.parameters import call_policy_on
from belkosten.postings import call_of
from belkosten.queries import calls, numbers
from belkosten.queries.calls import AskedBefore, NewCall
from belkosten.rules.numbers import Approval, approved_on
from belkosten.rules.rating import (
    CallContent,
    CallRecord,
    KnownRecord,
    MalformedRecord,
    RatedCall,
    RatingContext,
    judge_record,
    parse_record,
)
from belkosten.rules.spans import Span
from foundation import clock
from foundation.file_work import ChunkResult
from foundation.row_files import Columns, RawRow

COLUMNS = Columns(
    ("callId", "participantNumber", "calledNumber", "startedAt", "seconds"),
    "gesprekken",
    numbers=frozenset({"seconds"}),
)


def take_in(db: Session, file: FileImport, chunk: Sequence[RawRow]) -> ChunkResult:
    """Judge a chunk of records in their order, write down the calls and have them settled."""
    parsed = _with_known_people(db, [parse_record(raw) for raw in chunk])
    readable = [one for one in parsed if isinstance(one, CallRecord)]
    call_ids = {one.call_id for one in readable}
    judge = _ChunkJudge(
        taken=calls.taken(db, file.sender, call_ids),
        asked=calls.asked_before(db, file.sender, call_ids),
        spans=calls.belapp_spans(db, {one.content.participant_number for one in readable}),
        approvals=numbers.approvals(db, {one.number for one in readable}),
        today=clock.business_date(),
        real_today=clock.now().astimezone(clock.AMSTERDAM).date(),
    )
    result = ChunkResult()
    accepted = [(record, rated) for record, rated in judge.judge(parsed, result)]
    result.accepted = len(accepted)
    messages = _have_settled(db, file.sender, accepted, judge)
    new = [
        NewCall(
            call_of(file.sender, record.call_id),
            record.call_id,
            record.content,
            record.called_on,
            rated,
            messages.get(record.call_id),
        )
        for record, rated in accepted
    ]
    calls.insert(db, file.sender, new, file.id, judge.today)
    return result


def _with_known_people(
    db: Session, records: Sequence[CallRecord | MalformedRecord]
) -> list[CallRecord | MalformedRecord]:
    written = {one.content.participant_number for one in records if isinstance(one, CallRecord)}
    known = calls.known_participants(db, written)
    return [
        one if isinstance(one, MalformedRecord) or one.content.participant_number in known else one.by_nobody()
        for one in records
    ]


@dataclass(slots=True)
class _ChunkJudge:
    """Judges records one after the other, each seeing those before it."""

    taken: dict[str, CallContent]
    asked: Mapping[str, AskedBefore]
    spans: Mapping[str, list[Span]]
    approvals: Mapping[str, list[Approval]]
    today: date
    real_today: date

    def judge(
        self, records: Sequence[CallRecord | MalformedRecord], result: ChunkResult
    ) -> list[tuple[CallRecord, RatedCall]]:
        accepted = []
        for record in records:
            verdict = judge_record(record, self._context(record))
            if isinstance(verdict, RatedCall):
                assert isinstance(record, CallRecord)
                self.taken[record.call_id] = record.content
                accepted.append((record, verdict))
            elif isinstance(verdict, KnownRecord):
                result.outcomes.append((record.row, "known", None, None))
            else:
                result.outcomes.append((record.row, "refused", verdict.code.value, verdict.message))
        return accepted

    def _context(self, record: CallRecord | MalformedRecord) -> RatingContext:
        if isinstance(record, MalformedRecord):
            return RatingContext(None, None, False, None, None, self.today, self.real_today)
        day = record.called_on
        asked = self.asked.get(record.call_id)
        registered = any(span.includes(day) for span in self.spans.get(record.content.participant_number, ()))
        line = approved_on(day, self.approvals.get(record.number, ()))
        is_rated = registered and line is not None
        return RatingContext(
            self.taken.get(record.call_id),
            asked.asked if asked else None,
            registered,
            line,
            call_policy_on(day).tariff if is_rated else None,
            self.today,
            self.real_today,
        )

    def hold_of(self, record: CallRecord) -> str | None:
        """Give the hold that was made for a call before its record came."""
        asked = self.asked.get(record.call_id)
        return asked.hold_id if asked else None


def _have_settled(
    db: Session, provider: str, accepted: Sequence[tuple[CallRecord, RatedCall]], judge: _ChunkJudge
) -> Mapping[str, UUID]:
    """Have the calls that cost something, or for which something is held, settled; gives the message of each."""
    by_day: dict[date, list[tuple[CallRecord, str | None]]] = defaultdict(list)
    for record, rated in accepted:
        hold_id = judge.hold_of(record)
        if rated.cost or hold_id is not None:
            # What is ahead of the business date is booked on it: the books know no later day.
            by_day[min(record.called_on, judge.today)].append((record, hold_id))
    messages: dict[str, UUID] = {}
    for day, of_day in sorted(by_day.items()):
        for first in range(0, len(of_day), settling.CHUNK):
            together = of_day[first : first + settling.CHUNK]
            holds = {call_of(provider, record.call_id): hold_id for record, hold_id in together}
            message_id = settling.send(db, holds, day)
            messages |= {record.call_id: message_id for record, _ in together}
    return messages
