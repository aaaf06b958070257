"""The stand-in of Stripe held against localstripe, which others made, for the parts that both have.

localstripe runs as a process of its own. It takes a debit as received at once, and knows no idempotency key.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from sociaal_krediet.collecting.events import read_event
from tests.support.stripe import KEY, Listener, StandIn, sdk_at, wait_until

SECRET = "whsec_old"
IBAN = "DE89370400440532013000"
# Its own command listens on every address and keeps its state in a fixed file.
PROGRAM = (
    "import sys; from aiohttp import web; from localstripe import resources, server;"
    "resources.Store.dump_to_disk = lambda self: None;"
    "web.run_app(server.app, host='127.0.0.1', port=int(sys.argv[1]), print=None)"
)


@dataclass(frozen=True)
class Peer:
    """One of the two, and how it names the ways to pay that a payment allows."""

    sdk: stripe.StripeClient
    listener: Listener
    allowed: str
    settle: Any


@pytest.fixture(scope="module", params=["stand-in", "localstripe"])
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    listener = Listener()
    if request.param == "stand-in":
        yield from _stand_in(tmp_path_factory.mktemp("stripe") / "stripe.sqlite", listener)
    else:
        yield from _localstripe(listener)
    listener.close()


def _stand_in(file: Path, listener: Listener) -> Iterator[Peer]:
    made = StandIn(file, listener.url)
    yield Peer(
        made.sdk(),
        listener,
        "allowed_payment_method_types",
        lambda intent: made.control(f"/payment_intents/{intent}/settle"),
    )
    made.stop()


def _localstripe(listener: Listener) -> Iterator[Peer]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(port)], stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(url), 30)
        hook = {"url": listener.url, "secret": SECRET}
        httpx.post(f"{url}/_config/webhooks/house", json=hook).raise_for_status()
        yield Peer(sdk_at(url), listener, "payment_method_types", lambda _: None)
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v1/balance", auth=(KEY, "")).status_code == 200
    except httpx.TransportError:
        return False


def test_customers_are_made_found_and_paged_alike(peer: Peer) -> None:
    made = [peer.sdk.v1.customers.create({"metadata": {"n": str(n)}}) for n in range(4)]
    assert {(one.object, one.livemode, one.id[:4]) for one in made} == {("customer", False, "cus_")}
    assert peer.sdk.v1.customers.retrieve(made[2].id).to_dict()["metadata"] == {"n": "2"}
    ids = {one.id for one in peer.sdk.v1.customers.list({"limit": 2}).auto_paging_iter()}
    assert {one.id for one in made} <= ids
    with pytest.raises(stripe.InvalidRequestError) as refused:
        peer.sdk.v1.customers.retrieve("cus_none")
    assert refused.value.http_status == 404


def test_a_debit_is_received_refunded_and_told_alike(peer: Peer) -> None:
    sdk = peer.sdk
    customer = sdk.v1.customers.create({})
    method = sdk.v1.payment_methods.create({"type": "sepa_debit", "sepa_debit": {"iban": IBAN}})
    sdk.v1.payment_methods.attach(method.id, {"customer": customer.id})
    shown = sdk.v1.payment_methods.retrieve(method.id).to_dict()["sepa_debit"]
    assert {name: shown[name] for name in ("bank_code", "country", "last4")} == {
        "bank_code": "37040044",
        "country": "DE",
        "last4": "3000",
    }
    params: Any = {
        "amount": 4861,
        "currency": "eur",
        "customer": customer.id,
        "payment_method": method.id,
        "confirm": True,
        "metadata": {"payment": "p-1"},
        peer.allowed: ["sepa_debit"],
    }
    intent = sdk.v1.payment_intents.create(params)
    assert (intent.object, intent.amount, intent.currency) == ("payment_intent", 4861, "eur")
    peer.settle(intent.id)
    paid = sdk.v1.payment_intents.retrieve(intent.id)
    assert (paid.status, paid.customer, paid.payment_method) == ("succeeded", customer.id, method.id)
    charge = sdk.v1.charges.retrieve(getattr(paid.latest_charge, "id", None) or str(paid.latest_charge))
    assert (charge.status, charge.amount, charge.paid, charge.payment_intent) == ("succeeded", 4861, True, intent.id)
    refund = sdk.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})
    assert (refund.object, refund.amount, refund.charge, refund.payment_intent) == (
        "refund",
        1000,
        charge.id,
        intent.id,
    )
    assert sdk.v1.charges.retrieve(charge.id).amount_refunded == 1000

    def told() -> list[Any]:
        read = (read_event(one.raw, one.signature, [SECRET]) for one in peer.listener.heard)
        return [one for one in read if one.type == "payment_intent.succeeded"]

    # A signature that others made is verified, and their event read, as Stripe's own.
    wait_until(lambda: bool(told()))
    [event] = told()
    assert (event.payment_intent, event.customer, event.payment_method) == (intent.id, customer.id, method.id)
    assert (event.amount, event.currency, event.status, event.payment) == (4861, "eur", "succeeded", "p-1")
