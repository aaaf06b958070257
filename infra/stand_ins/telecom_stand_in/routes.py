"""What the stand-in does when it is asked: make a call, send records, write a bill."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, Field

from foundation.clock import AMSTERDAM, business_date, now
from foundation.identifiers import new_id
from foundation.periods import Month
from foundation.refusals import BadRequest
from foundation.schemas import ApiModel, ApiOut
from telecom_stand_in.bills import Bill, bill
from telecom_stand_in.municipality import Municipality
from telecom_stand_in.store import ALLOWED, NEVER, SENT, WAITING, Call, Store

Count = Annotated[int, Field(ge=0, le=100_000)]
Faults = Annotated[int, Query(ge=0, le=1_000, description="How many faults of each kind are planted.")]


class CallIn(ApiModel):
    """A call that somebody wants to make. `anyway` makes it also when the municipality says no."""

    participant_number: Annotated[str, Field(min_length=1, max_length=64)]
    called_number: Annotated[str, Field(min_length=1, max_length=64)]
    seconds: Annotated[int, Field(ge=0, le=86_400)]
    started_at: AwareDatetime | None = None
    anyway: bool = False


class CallOut(ApiOut):
    """What became of it: whether it was made, and how long it lasted."""

    call_id: str
    allowed: bool
    max_seconds: int
    reason: str | None
    made: bool
    seconds: int


class MadeOut(ApiOut):
    """A call that was made, without whom it was to."""

    call_id: str
    participant_number: str
    started_at: datetime
    seconds: int
    verdict: str
    record: str


class RecordsIn(ApiModel):
    """How many of the records that wait stay for a later batch, go out twice, and never go out."""

    late: Count = 0
    twice: Count = 0
    never: Count = 0


class RecordsOut(ApiOut):
    """What went out, by call id; no batch where nothing did."""

    batch_id: str | None
    sent: list[str]
    twice: list[str]
    late: list[str]
    never: list[str]


def telecom_routes(store: Store, municipality: Municipality, tariff: int) -> APIRouter:
    """Give the routes of the stand-in."""
    router = APIRouter()

    @router.post("/calls", status_code=201)
    def post_call(body: CallIn) -> CallOut:
        """Ask whether a call may be made, and make it for as long as it may last."""
        call_id = f"call-{new_id()}"
        answer = municipality.authorise(call_id, body.participant_number, body.called_number)
        allowed, longest = bool(answer["allowed"]), int(answer["maxSeconds"])
        made = allowed or body.anyway
        seconds = min(body.seconds, longest) if allowed else body.seconds if made else 0
        verdict = ALLOWED if allowed else str(answer["reason"])
        if made:
            began = body.started_at or _now()
            store.add(Call(call_id, body.participant_number, body.called_number, began, seconds, verdict))
        return CallOut(
            call_id=call_id,
            allowed=allowed,
            max_seconds=longest,
            reason=answer.get("reason"),
            made=made,
            seconds=seconds,
        )

    @router.get("/calls")
    def get_calls() -> dict[str, list[MadeOut]]:
        return {"items": [MadeOut.model_validate(call) for call in store.calls()]}

    @router.post("/record-batches", status_code=201)
    def post_records(body: RecordsIn) -> RecordsOut:
        """Send the records that wait; those of the calls made first are never sent, then late, then twice."""
        waiting = store.calls(WAITING)
        never, rest = waiting[: body.never], waiting[body.never :]
        late, going = rest[: body.late], rest[body.late :]
        twice = going[: body.twice]
        batch = municipality.tell([*going, *twice]) if going else None
        store.mark(never, NEVER)
        store.mark(going, SENT)
        return RecordsOut(batch_id=batch, sent=_ids(going), twice=_ids(twice), late=_ids(late), never=_ids(never))

    @router.get("/record-batches/{batch_id}")
    def get_records(batch_id: str) -> dict[str, Any]:
        """Pass on what the municipality says of a batch."""
        return municipality.batch(batch_id)

    @router.get("/invoices/{month}", response_class=Response)
    def get_invoice(month: str, faults: Faults = 0) -> Response:
        """Write the bill of a month as CSV."""
        return Response(_bill(month, faults).as_csv(), media_type="text/csv")

    @router.get("/invoices/{month}/faults")
    def get_faults(month: str, faults: Faults = 0) -> dict[str, Any]:
        """Tell which lines of that very bill are wrong and how, and what is owed for the others."""
        made = _bill(month, faults)
        wrong = [
            {"row": fault.row, "callId": fault.call_id, "code": fault.code, "amount": fault.amount}
            for fault in made.faults
        ]
        return {"month": month, "lines": len(made.lines), "owed": made.owed, "faults": wrong}

    def _bill(month: str, faults: int) -> Bill:
        try:
            asked = Month.parse(month)
        except ValueError as error:
            raise BadRequest("Schrijf een maand als 2026-10.", pointer="month") from error
        calls = [call for call in store.calls() if Month.of(call.started_at.astimezone(AMSTERDAM).date()) == asked]
        return bill(calls, tariff, faults, month)

    return router


def _ids(calls: Sequence[Call]) -> list[str]:
    return [call.call_id for call in calls]


def _now() -> datetime:
    """Give this moment of the clock on the business date, on which the municipality says who takes part."""
    moment = now().astimezone(AMSTERDAM)
    return datetime.combine(business_date(), moment.time(), AMSTERDAM).astimezone(UTC).replace(microsecond=0)
