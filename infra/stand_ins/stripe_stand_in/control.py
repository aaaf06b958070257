"""What only a stand-in can do: let a debit arrive, fail or bounce, and say when and in which order events are sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from stripe_stand_in import payments
from stripe_stand_in.payments import Till
from stripe_stand_in.refusals import no_such
from stripe_stand_in.requests import Counter
from stripe_stand_in.store import Object


class Failure(BaseModel):
    """Why the bank refuses a debit."""

    reason: str = "insufficient_funds"


class Bounce(BaseModel):
    """Why a debit is taken back, and whether that is still in dispute."""

    reason: str = "debit_not_authorized"
    leaveOpen: bool = False  # noqa: N815 - the house's JSON is in camelCase


def control_routes(counter: Counter) -> APIRouter:
    """Give the routes under /_stand-in; whoever calls them shows the same secret key."""
    router = APIRouter(prefix="/_stand-in", dependencies=[Depends(counter.check_caller)])

    async def change(act: Callable[[Till], Object]) -> Object:
        def whole() -> Object:
            with counter.store.change() as made:
                return act(counter.till(made))

        answer = await run_in_threadpool(whole)
        counter.sender.wake()
        return answer

    @router.post("/payment_intents/{intent_id}/settle")
    async def settle(intent_id: str) -> Object:
        return await change(lambda till: payments.settle(till, intent_id))

    @router.post("/payment_intents/{intent_id}/fail")
    async def fail(intent_id: str, failure: Failure) -> Object:
        return await change(lambda till: payments.fail(till, intent_id, failure.reason))

    @router.post("/charges/{charge_id}/bounce")
    async def bounce(charge_id: str, how: Bounce) -> Object:
        return await change(lambda till: payments.bounce(till, charge_id, how.reason, leave_open=how.leaveOpen))

    @router.post("/charges/{charge_id}/win")
    async def win(charge_id: str) -> Object:
        return await change(lambda till: payments.win(till, charge_id))

    @router.post("/charges/{charge_id}/lose")
    async def lose(charge_id: str) -> Object:
        return await change(lambda till: payments.lose(till, charge_id))

    @router.post("/refunds/{refund_id}/settle")
    async def settle_refund(refund_id: str) -> Object:
        return await change(lambda till: payments.settle_refund(till, refund_id))

    @router.post("/refunds/{refund_id}/fail")
    async def fail_refund(refund_id: str) -> Object:
        return await change(lambda till: payments.fail_refund(till, refund_id))

    @router.get("/events")
    def events() -> dict[str, Any]:
        with counter.store.change() as made:
            sent = made.deliveries()
            found = [event | {"deliveries": sent.get(event["id"], [])} for event in made.all("event")]
        # In the order in which they came about.
        return {"items": found[::-1]}

    @router.post("/events/{event_id}/resend")
    async def resend(event_id: str) -> dict[str, Any]:
        sent = await counter.sender.resend(event_id)
        if not sent:
            raise no_such("event", event_id)
        return {"deliveries": sent}

    @router.post("/deliveries/{act}")
    async def deliveries(act: Literal["hold", "release"]) -> dict[str, bool]:
        def set_held() -> None:
            with counter.store.change() as made:
                made.hold(act == "hold")

        await run_in_threadpool(set_held)
        counter.sender.wake()
        return {"held": act == "hold"}

    return router
