"""A town that collects through Stripe: the stand-in over HTTP, what it tells, and the door at which that arrives."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from sociaal_krediet.app import make_api
from sociaal_krediet.collecting import Collector
from sociaal_krediet.collecting.stripe_api import StripeApi
from tests.integration.gateway.running import Running
from tests.integration.sociaal_krediet.lending_town import NAME, Town
from tests.support.stripe import KEY, SECRETS, Heard, Listener, StandIn

EVENTS = f"/api/{NAME}/v1/stripe-events"
PAID, REFUSED = "NL69TEST0000000001", "NL42TEST0000000002"


class Till:
    """A town, its Stripe, and the API at a real address; what Stripe tells waits here until `deliver`."""

    def __init__(self, town_with: Callable[[Collector], Town], file: Path) -> None:
        self.listener = Listener()
        self.stripe = StandIn(file, self.listener.url)
        self.collector = StripeApi(KEY, self.stripe.url)
        self.town = town_with(self.collector)
        self.door = Running(self.town.api)
        self.http = httpx.Client(base_url=self.door.url)
        self.delivered = 0

    def close(self) -> None:
        self.http.close()
        self.door.stop()
        self.town.close()
        self.stripe.stop()
        self.listener.close()

    def post(self, raw: bytes, signature: str) -> httpx.Response:
        """Bring one message to the door, as Stripe does."""
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json; charset=utf-8"}
        return self.http.post(EVENTS, content=raw, headers=headers)

    def waiting(self) -> list[Heard]:
        """Give what Stripe told and nobody delivered, once all of it was heard; from then on it counts as delivered."""
        told = self.listener.wait_for(len(self.stripe.events()))
        self.delivered, waiting = len(told), told[self.delivered :]
        return waiting

    def deliver(self) -> None:
        """Let everything that Stripe told arrive, and have the workers do all that follows, until it is quiet."""
        while waiting := self.waiting():
            for one in waiting:
                answer = self.post(one.raw, one.signature)
                assert answer.status_code == 200, answer.text
            self.town.settle()

    def control(self, path: str, **body: Any) -> None:
        """Let something happen at Stripe that only a stand-in can do, and all that follows."""
        self.stripe.control(path, **body)
        self.deliver()

    def mandate(self, loan: str, iban: str = PAID) -> None:
        """Have the borrower allow debits."""
        answer = self.town.helper.post(f"/loans/{loan}/mandates")
        assert answer.status_code == 201, answer.text
        done = self.stripe.on_page(answer.json()["url"], act="pay", method="sepa_debit", iban=iban)
        assert done.status_code == 303, done.text
        self.deliver()

    def page(self, loan: str, amount: int) -> str:
        """Open a page to pay an amount with iDEAL; gives its address."""
        answer = self.town.helper.post(f"/loans/{loan}/payments", json={"amount": amount})
        assert answer.status_code == 201, answer.text
        url: str = answer.json()["url"]
        return url

    def pay(self, page: str) -> None:
        assert self.stripe.on_page(page, act="pay", method="ideal").status_code == 303

    def on(self, day: str) -> None:
        """Make it another day; the workers do what is due then, and Stripe tells of it."""
        self.town.on(day)
        self.deliver()

    def payments(self, loan: str) -> list[tuple[str, int, str]]:
        """Give what each payment of a loan is about, of how much, and where it stands, oldest first."""
        items = self.town.get(f"/loans/{loan}/payments")["items"]
        return [(one["about"], one["amount"], one["state"]) for one in reversed(items)]

    def about(self, kind: str) -> list[dict[str, Any]]:
        """Give the objects of the events of a kind, oldest first."""
        return [one["data"]["object"] for one in self.stripe.events() if one["type"] == kind]

    def last_intent(self) -> dict[str, Any]:
        return self.about("payment_intent.created")[-1]

    def last_charge(self) -> str:
        """Give the charge that came in last."""
        found: str = self.about("charge.succeeded")[-1]["id"]
        return found

    def settle_debit(self) -> None:
        """The last debit is paid."""
        self.control(f"/payment_intents/{self.last_intent()['id']}/settle")

    def at_stripe(self) -> int:
        """Give what Stripe says it keeps for us."""
        available = self.stripe.sdk().v1.balance.retrieve().available
        return sum(one.amount for one in available)

    def assert_agrees(self) -> None:
        """The loans, the ledger and Stripe say the same of every cent."""
        self.town.assert_agrees()
        balances = self.town.balances()
        assert -balances.get("bank:stripe", 0) == self.at_stripe()
        assert "clearing" not in balances

    def tasks(self) -> list[str]:
        """Give the kinds of work that wait for finance."""
        return [one["kind"] for one in self.town.get("/tasks", self.town.finance)["items"]]

    def door_that_is_live(self) -> Running:
        """Give another door, as production has it: only real payments count there."""
        verifier = self.town.callers.verifier(NAME)
        return Running(make_api(self.town.database, verifier, webhook_secrets=list(SECRETS), live=True))


def signature(raw: bytes, secrets: Sequence[str] = SECRETS, at: float | None = None) -> str:
    """Sign a message as Stripe does."""
    moment = int(time.time() if at is None else at)
    parts = [hmac.new(secret.encode(), b"%d.%s" % (moment, raw), hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={moment}", *(f"v1={part}" for part in parts)])


def event(name: str, kind: str, about: dict[str, Any], created: int | None = None) -> bytes:
    """Write an event down as Stripe sends it."""
    moment = int(time.time()) if created is None else created
    content = {"id": name, "object": "event", "type": kind, "created": moment, "livemode": False}
    return json.dumps(content | {"data": {"object": {"created": moment, **about}}}).encode()


def intent(name: str, payment: str, amount: int, **more: Any) -> dict[str, Any]:
    """Describe a payment intent that carries our own payment."""
    about = {"id": name, "object": "payment_intent", "amount": amount, "amount_received": amount, "currency": "eur"}
    return {**about, "metadata": {"payment": payment}, **more}


def dispute(name: str, payment_intent: str, amount: int, status: str, created: int) -> dict[str, Any]:
    """Describe a dispute of a payment intent."""
    about = {"id": name, "object": "dispute", "amount": amount, "currency": "eur", "status": status}
    return {**about, "payment_intent": payment_intent, "created": created, "reason": "insufficient_funds"}
