"""JSON in and out of the burgerbudget; amounts in cents, hours as decimal strings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool, StringConstraints, field_validator, model_validator
from stdnum.nl import bsn

from burgerbudget.models import Closing, Decision, Hour, Organisation, Participant, ParticipantQuarter
from burgerbudget.parameters import PARAMETERS, policy_on
from burgerbudget.queries.notices import NoticeRow
from burgerbudget.rules.notices import words_of
from burgerbudget.rules.reasons import reasons
from foundation.hours import Hours, hours_text
from foundation.money import Cents
from foundation.objections import object_until
from foundation.periods import Quarter
from foundation.schemas import ApiModel, ApiOut, Day, Line, LongLine

ParticipantNumber = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]


def _as_written(value: Any) -> Any:
    """Take a number as the text that it would be written as; the rules read the text."""
    if isinstance(value, bool):
        raise ValueError("geef een getal of tekst")  # noqa: TRY004 (pydantic reports this one)
    if value is None:
        return ""
    return repr(value) if isinstance(value, int | float) else value


AsWritten = Annotated[str, BeforeValidator(_as_written), Field(max_length=1000)]


class OrganisationIn(ApiModel):
    """An organisation that will report hours (BB-2)."""

    name: Line
    rsin: Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$")]
    status: Literal["anbi", "sbbi"]
    recognised_from: Day
    recognised_until: Day | None = None
    pays_allowance: StrictBool

    @field_validator("rsin")
    @classmethod
    def _checks_out(cls, rsin: str) -> str:
        # An RSIN has the check digit of a BSN.
        if not bsn.is_valid(rsin):
            raise ValueError("is geen RSIN: het controlecijfer klopt niet")
        return rsin

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> OrganisationIn:
        if self.recognised_until is not None and self.recognised_until < self.recognised_from:
            raise ValueError("recognisedUntil ligt voor recognisedFrom")
        return self


class OrganisationOut(ApiOut):
    id: str
    name: str
    rsin: str
    status: str
    recognised_from: date
    recognised_until: date | None
    pays_allowance: bool

    @classmethod
    def of(cls, row: Organisation) -> OrganisationOut:
        return cls(**{**row.model_dump(), "id": str(row.id)})


class ParticipantIn(ApiModel):
    """An enrolment (BB-1)."""

    holder_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F-]{36}$")]
    number: ParticipantNumber | None = None
    regeling: Literal["burgerbudget", "burgerbaan"]
    enrolled_on: Day
    receives_bijstand: StrictBool


class EnrolledOut(ApiOut):
    number: str
    start_quarter: str
    status: str

    @classmethod
    def of(cls, row: Participant) -> EnrolledOut:
        return cls(number=row.number, start_quarter=row.start_quarter, status=row.status)


class QuarterOut(ApiOut):
    """One quarter of a participant."""

    quarter: str
    hours: str
    used: int
    topped_up: int
    judgement: str

    @classmethod
    def of(cls, row: ParticipantQuarter) -> QuarterOut:
        return cls(
            quarter=row.quarter,
            hours=hours_text(row.hours),
            used=row.used,
            topped_up=row.topped_up,
            judgement=row.judgement,
        )


class ParticipantOut(ApiOut):
    number: str
    holder_id: str
    regeling: str
    enrolled_on: date
    start_quarter: str
    status: str
    insufficient_quarters: int
    quarters: list[QuarterOut]

    @classmethod
    def of(cls, row: Participant, quarters: list[ParticipantQuarter]) -> ParticipantOut:
        return cls(
            number=row.number,
            holder_id=row.holder_id,
            regeling=row.regeling,
            enrolled_on=row.enrolled_on,
            start_quarter=row.start_quarter,
            status=row.status,
            insufficient_quarters=row.insufficient_quarters,
            quarters=[QuarterOut.of(quarter) for quarter in quarters],
        )


class RestartIn(ApiModel):
    """A restart needs nothing but the participant's number."""


class HourIn(ApiModel):
    """One hour row; its values are read and judged by the rules of a file's rows, where a missing one is empty."""

    external_id: AsWritten = ""
    participant_number: AsWritten = ""
    worked_on: AsWritten = ""
    hours: AsWritten = ""
    activity: AsWritten = ""


class HourOut(ApiOut):
    """One accepted hour row, or the correction of one."""

    id: str
    external_id: str
    participant_number: str
    worked_on: date
    hours: str
    activity: str
    organisation: str | None = None
    import_id: str | None = None
    corrects: str | None = None
    reason: str | None = None
    received_at: datetime

    @classmethod
    def of(cls, row: Hour | Any, organisation: str | None = None) -> HourOut:
        return cls(
            id=str(row.id),
            external_id=row.external_id,
            participant_number=row.participant_number,
            worked_on=row.worked_on,
            hours=hours_text(row.hours),
            activity=row.activity,
            organisation=organisation,
            import_id=None if row.import_id is None else str(row.import_id),
            corrects=None if row.corrects_id is None else str(row.corrects_id),
            reason=row.reason,
            received_at=row.received_at,
        )


class CorrectionIn(ApiModel):
    hours: AsWritten
    reason: LongLine


class ProblemOut(ApiOut):
    code: str
    message: str


class QuarterStateOut(ApiOut):
    """Where the close of a quarter stands; `problem` says why it waits and for what."""

    quarter: str
    state: Literal["open", "closing", "closed"]
    phase: str | None = None
    participants: int = 0
    sufficient: int = 0
    insufficient: int = 0
    stopped: int = 0
    topped_up: int = 0
    problem: ProblemOut | None = None

    @classmethod
    def of(cls, quarter: str, row: Closing | None) -> QuarterStateOut:
        if row is None:
            return cls(quarter=quarter, state="open")
        return cls(
            quarter=quarter,
            state="closed" if row.phase == "closed" else "closing",
            phase=row.phase,
            participants=row.participants,
            sufficient=row.sufficient,
            insufficient=row.insufficient,
            stopped=row.stopped,
            topped_up=row.topped_up,
            problem=None if row.problem_code is None else ProblemOut(code=row.problem_code, message=row.problem or ""),
        )


class NoticeOut(ApiOut):
    """What tells a participant of one decision; each has one notice at most, so the notice has the decision's id."""

    id: str
    kind: str
    subject: str
    text: str
    decision_id: str
    made_on: date
    object_until: date
    read_at: datetime | None

    @classmethod
    def of(cls, row: NoticeRow, objection_address: str) -> NoticeOut:
        number = str(row.decision_id)
        words = words_of(row.decision, number, row.object_until, objection_address)
        return cls(
            id=number,
            kind=row.decision.kind,
            subject=words.subject,
            text=words.text,
            decision_id=number,
            made_on=row.made_on,
            object_until=row.object_until,
            read_at=row.read_at,
        )


class DecisionOut(ApiOut):
    """One decision: what it gave, and what it was based on."""

    id: str
    kind: str
    participant_number: str
    quarter: str
    amount: int
    hours: str
    wage: int | None
    budget_before: int
    source_kind: str | None
    source_id: str | None
    grant_key: str | None
    decided_on: date
    reasons: str
    object_until: date

    @classmethod
    def of(cls, row: Decision) -> DecisionOut:
        quarter = Quarter.parse(row.quarter)
        return cls(
            reasons=reasons(
                row.kind,
                quarter,
                Cents(row.amount),
                Hours(row.hours),
                None if row.wage is None else Cents(row.wage),
                Cents(row.budget_before),
                policy_on(quarter.start),
            ),
            object_until=object_until(row.decided_on, PARAMETERS.objection_weeks.on(row.decided_on)),
            id=str(row.id),
            kind=row.kind,
            participant_number=row.participant_number,
            quarter=row.quarter,
            amount=row.amount,
            hours=hours_text(row.hours),
            wage=row.wage,
            budget_before=row.budget_before,
            source_kind=row.source_kind,
            source_id=None if row.source_id is None else str(row.source_id),
            grant_key=row.grant_key,
            decided_on=row.decided_on,
        )
